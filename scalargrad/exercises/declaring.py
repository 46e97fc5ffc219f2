"""What an exercise is, and the table of all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from textwrap import dedent, fill, indent
from typing import Any

from ..terminal import Text, html_table, table
from .running import SECONDS, Refused, read
from .verdict import Verdict, wrong

WIDTH = 88  # of a text in a terminal
NO_BREAK = "\N{NO-BREAK SPACE}"
Judging = Callable[[Any], Verdict]


@dataclass(frozen=True, eq=False, repr=False)
class Exercise:
    """An exercise with its judge. It shows itself, with the code to start from.

    >>> from scalargrad import exercise
    >>> exercise("rule-of-tanh").judge(lambda out, x: 1 - out**2)
    Right.
    ...

    Attributes:
        name: what it is called.
        chapter: of the tour.
        title: what it is about, on one line.
        text: what to do, in Markdown.
        start: the code to start from, with `...` to fill in.
        answer: the name in that code which is judged.
    """

    name: str
    chapter: int
    title: str
    text: str
    start: str
    answer: str
    _judging: Judging

    def judge(self, answer: Any) -> Verdict:
        """Return whether an answer is right and, if not, what is wrong with it.

        The answer's own code runs in this process. An error in it becomes a sentence of the verdict, and so does
        Ctrl-C. Other exceptions do not come from it.

        Args:
            answer: what the starting code calls by the name `answer`: mostly a function, for some exercises numbers
                or a class.

        >>> exercise("choose-a-rate").judge(1.1)
        Not right yet: rate too high.
        ...
        """
        return self._judged(lambda: answer)

    def judge_code(self, source: str, *, filename: str = "<answer>", seconds: float = SECONDS) -> Verdict:
        """Run source code, and judge what it calls by the name of the answer.

        Args:
            source: the starting code, filled in.
            filename: what tracebacks call it.
            seconds: how long its loops may take.

        >>> exercise("choose-a-rate").judge_code("rate = 0.5")
        Right.
        ...
        """
        return self._judged(lambda: read(source, self.answer, filename, seconds))

    def _judged(self, answer: Callable[[], Any]) -> Verdict:
        try:
            return self._judging(answer())
        except Refused as refused:
            return wrong(refused.sentence, misconception=refused.misconception)

    @property
    def _command(self) -> str:
        return f"scalargrad exercise {self.name} FILE.py"

    def __str__(self) -> str:
        how = f'exercise("{self.name}").judge({self.answer})'
        text = "\n\n".join(map(_filled, self.text.split("\n\n")))
        start = indent(self.start, "    ")
        terminal = f"\nin a terminal: {self._command}" if self.name in _built_in else ""
        return f"{self.name}: {self.title}\n\n{text}\n\n{start}\nTo have it judged: {how}{terminal}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from html import escape

        how = (
            f'To have it judged: `from scalargrad import exercise`, then `exercise("{self.name}").judge({self.answer})`'
        )
        if self.name in _built_in:
            how += f". In a terminal: `{self._command}`"
        start = f"<pre>{escape(self.start.rstrip())}</pre>"
        return f"<p><strong>{escape(self.title)}</strong></p>{_html(self.text)}{start}{_html(how)}"


def _filled(block: str) -> str:
    """A paragraph in lines for a terminal, with no break within `code`; a block of code as it is."""
    if block.startswith("    "):
        return block
    kept = re.sub("`[^`]+`", lambda code: " ".join(code[0].split()).replace(" ", NO_BREAK), block)
    return fill(kept, WIDTH).replace(NO_BREAK, " ")


def _html(text: str) -> str:
    """A text as HTML: paragraphs with `code` in them, and blocks of code, which are indented."""
    from html import escape

    fragments = []
    for block in text.split("\n\n"):
        if block.startswith("    "):
            fragments.append(f"<pre>{escape(dedent(block))}</pre>")
        else:
            marked = re.sub("`([^`]+)`", r"<code>\1</code>", escape(block))
            fragments.append(f"<p>{marked}</p>")
    return "".join(fragments)


class Exercises(tuple[Exercise, ...]):
    """Exercises in order; they print as a table, with a line for each."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(Text(table(*self._table())))

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    def _table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        return ("chapter", "exercise", ""), [(str(one.chapter), one.name, one.title) for one in self]


_declared: dict[str, Exercise] = {}
_built_in: set[str] = set()


def close_built_ins() -> None:
    """Reserve the names of the exercises declared so far."""
    _built_in.update(_declared)


def declare(
    name: str, *, chapter: int, title: str, text: str, start: str, answer: str
) -> Callable[[Judging], Exercise]:
    """Declare an exercise: decorate its judge, a function that takes an answer and returns a verdict.

    You may declare a name of your own again: the new exercise replaces the old one.

    >>> from scalargrad.exercises import right, wrong
    >>> @declare("half", chapter=99, title="Half of it", text="Halve `x`.", start="half = lambda x: ...", answer="half")
    ... def half(answer):
    ...     return right() if answer(3) == 1.5 else wrong(f"Half of 3 is not {answer(3)}.")
    >>> half.judge(lambda x: x // 2)
    Not right yet.
    Half of 3 is not 1.

    Args:
        name: what it is called.
        chapter: of the tour; the list of exercises is in this order.
        title: what it is about, on one line.
        text: what to do, in Markdown: paragraphs, `code`, and indented blocks of code.
        start: the code to start from, with `...` to fill in.
        answer: the name in that code which is judged.

    Returns:
        A decorator that returns the exercise.

    Raises:
        ValueError: for the name of a built-in exercise.
    """

    def declared(judging: Judging) -> Exercise:
        if name in _built_in:
            raise ValueError(f"{name} is an exercise of scalargrad: choose another name")
        shown = dedent(text).strip(), dedent(start).strip() + "\n"
        _declared[name] = Exercise(name, chapter, title, *shown, answer, judging)
        return _declared[name]

    return declared


def exercise(name: str) -> Exercise:
    """Return an exercise by its name; `exercises()` lists them.

    >>> exercise("rule-of-tanh").title
    'The rule of tanh'

    Raises:
        ValueError: if there is none of this name.
    """
    if name not in _declared:
        near = get_close_matches(str(name), _declared, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(one.name for one in exercises())}"
        raise ValueError(f"there is no exercise {name!r}: {hint}")
    return _declared[name]


def exercises() -> Exercises:
    """Return all exercises, in the order of the tour's chapters.

    >>> exercises()
    chapter  exercise...
    1        neuron...A sigmoid neuron
    ...
    """
    return Exercises(sorted(_declared.values(), key=lambda one: one.chapter))
