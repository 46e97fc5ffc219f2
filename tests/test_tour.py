"""The chapters of the tour have one form. That their code and directives run, their notebooks show."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scalargrad.exercises import exercises

TOUR = Path(__file__).parents[1] / "docs" / "tour"
CHAPTERS = sorted(TOUR.glob("[0-9]*.md"))
MOVES = ["Predict", "Run", "Step", "Change", "Make"]
WORDS = 600  # of text: three minutes of reading, which leaves seven for everything else
FOLDED = '<details markdown="1"><summary>Answer</summary>'
DIRECTIVE = re.compile(r"^<!-- (?P<kind>[a-z]+): (?P<content>.*) -->$", re.MULTILINE)
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """A page without its code blocks and directives."""
    return DIRECTIVE.sub("", BLOCK.sub("", text))


def moves(text: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    _, *parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def faults(name: str, text: str) -> Iterator[str]:
    """What is wrong with the form of a chapter."""
    number, title = int(name[:2]), re.match(r"# (\d+)\. [^\n]+\n\n(.+?)\n\n", text, re.DOTALL)
    if title is None or int(title[1]) != number:
        yield f"the title is not # {number}. and a topic"
    elif not title[2].endswith("?"):
        yield "the first paragraph does not end in a question"
    if re.findall(r"^## (.*)$", text, re.MULTILINE) != MOVES:
        yield f"the headings are not {MOVES}"
        return
    parts = moves(text)
    for move in ("Predict", "Change"):
        if parts[move].count(FOLDED) != 1 or "</details>" not in parts[move].split(FOLDED)[1]:
            yield f"{move} has no folded answer"
        elif "?" not in parts[move].split(FOLDED)[0]:
            yield f"{move} asks nothing"
    if "```pycon\n" not in parts["Run"]:
        yield "Run has no code"
    if not re.search(r"^<!-- page: .*, at=\d+ -->$", parts["Step"], re.MULTILINE):
        yield "Step has no page at a step"
    if not re.search(r"^<!-- exercise: ", parts["Make"], re.MULTILINE):
        yield "Make has no exercise"
    yield from faults_of_content(number, text)


def faults_of_content(number: int, text: str) -> Iterator[str]:
    """Exercises that are not of a chapter, too many words, and numbers that come from no code."""
    chapters = {exercise.name: exercise.chapter for exercise in exercises()}
    for directive in DIRECTIVE.finditer(text):
        name = directive["content"]
        if directive["kind"] == "exercise" and chapters.get(name) != number:
            yield f"exercise {name} is of chapter {chapters[name]}" if name in chapters else f"no exercise {name}"
    if len(prose(text).split()) > WORDS:
        yield f"it has more than {WORDS} words"
    code = "\n".join(BLOCK.findall(text))
    for decimal in re.findall(r"\d+\.\d+", re.sub(r"\]\([^)]*\)", "", prose(text))):
        if not re.search(rf"(?<![\d.]){re.escape(decimal)}", code):
            yield f"{decimal} is in no code block"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_has_its_form(chapter: Path) -> None:
    """A chapter opens with a question, then has its five moves in order, each with what belongs to it."""
    assert list(faults(chapter.name, chapter.read_text(encoding="utf-8"))) == []


def test_the_list_has_every_chapter() -> None:
    """The first page of the tour lists all chapters in order, by their titles; each leads to the next."""
    text = (TOUR / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \| \[(.*)\]\((\d.*\.md)\)", text, re.MULTILINE)
    titles = [chapter.read_text(encoding="utf-8").splitlines()[0] for chapter in CHAPTERS]
    assert [f"# {number}. {title}" for number, title, _ in listed] == titles
    assert [name for _, _, name in listed] == [chapter.name for chapter in CHAPTERS]
    for chapter, after in itertools.pairwise(CHAPTERS):
        assert f"({after.name})" in moves(chapter.read_text(encoding="utf-8"))["Make"]


def test_every_exercise_stands_in_its_chapter() -> None:
    """No exercise of a chapter is missing in it."""
    texts = {int(chapter.name[:2]): chapter.read_text(encoding="utf-8") for chapter in CHAPTERS}
    names = [exercise.name for exercise in exercises() if exercise.chapter in texts]
    assert [name for name in names if not any(f"<!-- exercise: {name} -->" in text for text in texts.values())] == []


GOOD = (TOUR / "01_function_set.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("# 1.", "# 2.", "the title is not # 1. and a topic"),
        ("find it?\n", "find it.\n", "the first paragraph does not end in a question"),
        ("## Step", "## Stop", f"the headings are not {MOVES}"),
        ("## Change", "## Run", f"the headings are not {MOVES}"),
        (FOLDED, "The answer:", "Predict has no folded answer"),
        (GOOD[GOOD.index("## Predict") : GOOD.index(FOLDED)], "## Predict\n\nThink.\n\n", "Predict asks nothing"),
        ("<!-- page: y, at=6 -->", "<!-- page: y -->", "Step has no page at a step"),
        ("<!-- exercise: neuron -->", "", "Make has no exercise"),
        ("exercise: neuron", "exercise: nothing", "no exercise nothing"),
        ("exercise: neuron", "exercise: softmax", "exercise softmax is of chapter 3"),
        ("## Run\n", f"## Run\n{'and so on ' * WORDS}", f"it has more than {WORDS} words"),
        ("## Run\n", "## Run\nIt is 0.9821.", "0.9821 is in no code block"),
    ],
)
def test_a_fault_of_form_is_seen(before: str, after: str, fault: str) -> None:
    """Negative control: a chapter without one of the things that belong to it is refused, and only for that."""
    assert GOOD.count(before)
    assert list(faults("01_function_set.md", GOOD.replace(before, after, 1))) == [fault]
