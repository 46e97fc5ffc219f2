"""The pages of the documentation lead to one another, and the README is short and has the commands that CI runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))


def without_code(text: str) -> str:
    """A page without its fenced blocks, in which a # is a comment and brackets are Python."""
    return re.sub(r"^(`{3,4}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links, as on GitHub: lower case, hyphens for blanks, no punctuation."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    """The links of a page within the project that lead to no file, or to no heading in it."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if "://" in link:
            continue
        exists = target.exists()
        headings = anchors(target.read_text(encoding="utf-8") if path else text) if exists and anchor else {anchor}
        if not exists or anchor not in headings:
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link in the documentation leads to a file of the project, and to a heading in it if it names one."""
    assert dead_links(page, page.read_text(encoding="utf-8")) == []


def test_a_dead_link_is_seen() -> None:
    """Negative control: a missing file, a missing heading, here or elsewhere, are dead links; a living one is none."""
    text = "# A heading, here\n[a](no.md) [b](#nowhere) [c](docs/glossary.md#nowhere) [d](#a-heading-here) [e](LICENSE)"
    assert dead_links(ROOT / "README.md", text) == ["no.md", "#nowhere", "docs/glossary.md#nowhere"]


def test_every_page_is_linked() -> None:
    """Links lead from the README to every page of the documentation, over others or at once."""
    reached, pending = set(), [ROOT / "README.md"]
    while pending:
        page = pending.pop()
        if page not in reached:
            reached.add(page)
            links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
            pending += [path for link in links if (path := (page.parent / link).resolve()).exists()]
    assert set(PAGES) - reached == set()


def test_the_readme_is_short() -> None:
    """The README has at most 150 lines; the rest is in docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("job", ["pytest", "scalargrad explain"])
def test_ci_finds_the_commands(job: str) -> None:
    """The line that `.ci/run` takes out of the README is the only one for its job, and valid for the shell."""
    lines = re.findall(rf"^python3 -m venv .*{job}.*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 1
    assert subprocess.run(["bash", "-n", "-c", lines[0]], check=False).returncode == 0  # noqa: S607  # as CI calls it
