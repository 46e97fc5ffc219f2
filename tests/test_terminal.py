"""The laws of text for a terminal: columns are cells, what is cut shows it, colours add nothing."""

from __future__ import annotations

import copy
import html
import io
import os
import pickle
import re
import sys
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import terminal
from scalargrad.terminal import Text, aligned, cells, cut, fitted, html_lines, html_table, padded, table, width_of

letters = st.text(st.sampled_from("aé重ｗ損x̂́…⃝ ") | st.characters(codec="utf-8"), max_size=20)


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


# ---------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("loss", 4), ("损失", 4), ("ｗ", 2), ("x̂", 1), ("a⃝", 1), ("é", 1), ("∂L", 2), ("→", 1)]
)
def test_characters_take_cells(text: str, count: int) -> None:
    """Wide characters take two cells, marks that combine take none, all others one."""
    assert cells(text) == count


def test_characters_are_not_cells() -> None:
    """Negative control: the number of characters would be wrong in both directions."""
    assert len("损失") < cells("损失")
    assert len("x̂") > cells("x̂")


@given(letters, st.integers(1, 30))
def test_a_text_that_does_not_fit_shows_it(text: str, room: int) -> None:
    """A fitted text is itself, or its two ends around … in no more cells than there are."""
    short = fitted(text, room)
    if cells(text) <= room:
        assert short == text
    else:
        assert room - 3 <= cells(short) <= room
        left, right = max(
            ((short[:i], short[i + 1 :]) for i, sign in enumerate(short) if sign == "…"),
            key=lambda ends: text.startswith(ends[0]) and text.endswith(ends[1]),
        )
        assert text.startswith(left)
        assert text.endswith(right)


@given(letters, st.integers(1, 30))
def test_a_cut_text_shows_it(text: str, room: int) -> None:
    """A cut text is itself, or its start and … in no more cells than there are."""
    short = cut(text, room)
    if cells(text) <= room:
        assert short == text
    else:
        assert room - 1 <= cells(short) <= room
        assert short.endswith("…")
        assert text.startswith(short[:-1])


@given(letters, st.integers(0, 30), st.booleans())
def test_padding_fills_up(text: str, room: int, right: bool) -> None:
    """A padded text takes all the cells that there are, and loses nothing."""
    filled = padded(text, room, right)
    assert cells(filled) == max(room, cells(text))
    assert filled.strip(" ") == text.strip(" ")


@given(st.lists(st.floats().map(repr) | st.sampled_from(["–", "1235", "1.2e+08"]), max_size=8))
def test_points_stand_one_below_the_other(numbers: list[str]) -> None:
    """All aligned numbers have the same width and their points in the same place."""
    padded_numbers = aligned(numbers)
    assert [text.strip(" ") for text in padded_numbers] == numbers
    assert len({len(text) for text in padded_numbers}) <= 1
    assert len({text.index(".") for text in padded_numbers if "." in text}) <= 1


def test_a_table_without_rows_is_its_headings() -> None:
    """The headings stand there whether or not anything stands below them."""
    assert Text(table(["a", "b"], [], [" | "], numbers={1}, shrinking=[0], width=3)) == "a | b"


def test_columns_shrink_one_after_another() -> None:
    """The first of the shrinking columns gives way first, and none below its heading and a few cells."""
    row = [("a" * 20, ""), ("b" * 20, "")]
    for width, widths in [(None, [20, 20]), (42, [20, 20]), (40, [20, 18]), (30, [16, 12]), (1, [12, 12])]:
        text = Text(table(["a", "b"], [row], ["  "], numbers=(), shrinking=[1, 0], width=width))
        assert [len(cell) for cell in text.splitlines()[1].split()] == widths


words = st.text("ab<&\"'>/损", max_size=6)


@given(st.lists(st.lists(words, min_size=3, max_size=3), max_size=4), st.booleans())
def test_a_table_holds_its_cells(rows: list[list[str]], has_headings: bool) -> None:
    """Every line has its cells in columns two blanks apart, and no line ends in blanks."""
    headings = ["one", "two", "three"] if has_headings else []
    lines = str(Text(table(headings, rows))).split("\n")
    shown = [headings, *rows] if has_headings else rows
    assert [line.replace(" ", "") for line in lines if shown] == ["".join(row) for row in shown]
    assert all(line == line.rstrip() for line in lines)
    starts = [2 + max(cells(row[0]) for row in shown)] if shown else []
    for line, row in zip(lines, shown, strict=False):
        if row[1]:
            assert cells(line[: line.rindex(row[1], len(row[0]))]) >= starts[0]


def test_a_row_with_too_few_cells_spans_the_rest() -> None:
    """What stands across the columns takes no part in their widths."""
    rows = [["a", "1.0"], ["a long sentence across both"], ["b", "-2.5"]]
    assert (
        str(Text(table(["", "value"], rows, numbers={1})))
        == "   value\na    1.0\na long sentence across both\nb   -2.5"
    )
    assert '<td colspan="2" ' in html_table(["", "value"], rows)


class Cells(HTMLParser):
    """The rows of a table in HTML, and the elements met."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.met: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.met.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.rows[-1][-1] += data


@given(st.lists(st.lists(words, min_size=2, max_size=2), max_size=4))
def test_a_table_in_html_holds_the_same(rows: list[list[str]]) -> None:
    """Each cell comes out as it went in, and none becomes an element."""
    cells_of = Cells(html_table(["<b>", "&amp;"], rows, numbers={1}))
    assert cells_of.rows == [["<b>", "&amp;"], *rows]
    assert cells_of.met <= {"table", "thead", "tbody", "tr", "th", "td"}


@given(words)
def test_lines_in_html_hold_the_same(text: str) -> None:
    """Lines come out as they went in, in an element that keeps blanks and breaks no line."""
    read = html_lines(text)
    assert re.fullmatch(r'<pre style="[^"]*white-space:pre;[^"]*">([^<>]*)</pre>', read)
    assert html.unescape(read[read.index(">") + 1 : -len("</pre>")]) == text
    assert Text([(text, "bold")])._repr_html_() == read


# ---------------------------------------------------------------- colours

COLOURED = Text([("loss", "bold"), (" = ", ""), ("-2.0", terminal.CYAN)])


@pytest.fixture
def coloured_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def test_a_terminal_gets_colours(coloured_terminal: Terminal) -> None:
    """Where the file is a terminal, the parts have their styles."""
    assert COLOURED.coloured(coloured_terminal) == "\x1b[1mloss\x1b[0m = \x1b[36m-2.0\x1b[0m"


def test_what_is_shown_is_what_is_written(coloured_terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repr has colours on a terminal; the string itself never has any."""
    monkeypatch.setattr(sys, "stdout", coloured_terminal)
    assert repr(COLOURED) == COLOURED.coloured(coloured_terminal)
    assert str(COLOURED) == COLOURED == "loss = -2.0"


@pytest.mark.parametrize("markup", ["[red]a[/red]", ":smile:", "\\[", "http://a.b", "[link=x]y"])
def test_no_name_becomes_a_colour(coloured_terminal: Terminal, markup: str) -> None:
    """What rich would read as markup is shown as it is."""
    assert Text([(markup, "")]).coloured(coloured_terminal) == markup


@pytest.mark.parametrize("line", ["a" * 500, "损" * 300])
def test_no_line_is_broken(coloured_terminal: Terminal, line: str) -> None:
    """A line longer than the terminal is left to the terminal."""
    assert Text([(line, "")]).coloured(coloured_terminal) == line


@pytest.mark.parametrize(("variable", "setting"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_they_are_not_wanted(
    coloured_terminal: Terminal, monkeypatch: pytest.MonkeyPatch, variable: str, setting: str
) -> None:
    """NO_COLOR and a dumb terminal are respected."""
    monkeypatch.setenv(variable, setting)
    assert COLOURED.coloured(coloured_terminal) == "loss = -2.0"


def test_no_colours_in_a_file() -> None:
    """What is no terminal gets the text alone, and so does no file at all."""
    assert COLOURED.coloured(io.StringIO()) == "loss = -2.0"
    assert COLOURED.coloured(None) == "loss = -2.0"


def test_colours_need_no_rich(coloured_terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rich is not installed the colours are the same."""
    shown = COLOURED.coloured(coloured_terminal)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert COLOURED.coloured(coloured_terminal) == shown


def test_rich_prints_it_in_its_colours(coloured_terminal: Terminal) -> None:
    """Rich's own print knows the styles."""
    from rich.console import Console

    Console(file=coloured_terminal, force_terminal=True).print(COLOURED)
    assert "\x1b[36m-2.0" in coloured_terminal.getvalue()


def test_copies_keep_the_styles() -> None:
    """A copied or pickled text is the same text in the same colours."""
    for again in (copy.copy(COLOURED), copy.deepcopy(COLOURED), pickle.loads(pickle.dumps(COLOURED))):
        assert (again, again.parts) == (COLOURED, COLOURED.parts)


def test_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal has as many cells as it says; anything else has no end."""
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((50, 20)))
    assert width_of(Terminal()) == 50
    assert width_of(io.StringIO()) is None
    assert width_of(None) is None
    closed = Terminal()
    closed.close()
    assert width_of(closed) is None


def test_the_alphabet_has_what_it_should() -> None:
    """Negative control: the letters of these laws are wide, narrow and combining ones."""
    assert {unicodedata.category(sign) for sign in "重x̂⃝"} == {"Lo", "Ll", "Mn", "Me"}
