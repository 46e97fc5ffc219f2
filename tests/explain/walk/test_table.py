"""The laws of the table of steps: it shows where the cursor stands, as text and as HTML; no label becomes markup."""

from __future__ import annotations

import pickle
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Constant, Value, steps
from scalargrad.terminal import cells
from tests.engine.test_graph import FUNCTIONS
from tests.explain.test_text import LABELS
from tests.oracle import Program, programs, run


def test_the_reason_fits_a_terminal() -> None:
    """Where the line is too long, names lose their middle; then how the result was computed is left out."""
    a, b = Value(2.0, label="the first of two"), Value(-3.0, label="the second of two")
    step = steps(a * b)[0]
    whole = "f = (the first of two) * (the second of two), so ∂f/∂(the first of two) = the second of two"
    assert step.reason == step.reason_line() == step.reason_line(cells(whole)) == whole
    short = "f = (the fi…f two) * (the se…f two), so ∂f/∂(the fi…f two) = the se…f two"
    assert step.reason_line(cells(short)) == short
    assert step.reason_line(20) == "∂f/∂(t…o) = t…o"
    for width in range(1, cells(whole)):
        assert cells(step.reason_line(width)) <= width


def test_it_reads_well() -> None:
    """Around the step made last stand those before and after it, its reason, and the totals so far."""
    a, b, c, f = (Value(x, label=name) for x, name in ((2.0, "a"), (-3.0, "b"), (10.0, "c"), (-2.0, "f")))
    e = a * b
    d = e + c
    loss = d * f
    walk = steps(loss, names={"L": loss, "d": d, "e": e}).to("f")
    assert repr(walk) == "\n".join(
        [
            "steps of L = -8.0: 2 of 6 made",
            "   1  dL/dd += dL/dL · ∂L/∂d = 1.0 × -2.0 = -2.0   (0.0 → -2.0)",
            "→  2  dL/df += dL/dL · ∂L/∂f = 1.0 × 4.0 = 4.0   (0.0 → 4.0)",
            "      L = d * f, so ∂L/∂f = d",
            "   3  dL/de += dL/dd · ∂d/∂e = -2.0 × 1.0 = -2.0   (0.0 → -2.0)",
            "   4  dL/dc += dL/dd · ∂d/∂c = -2.0 × 1.0 = -2.0   (0.0 → -2.0)",
            "   5  dL/da += dL/de · ∂e/∂a = -2.0 × -3.0 = 6.0   (0.0 → 6.0)",
            "   6  dL/db += dL/de · ∂e/∂b = -2.0 × 2.0 = -4.0   (0.0 → -4.0)",
            "totals: L 1.0   f 4.0   d -2.0   c –   e –   b –   a –",
        ]
    )


@given(programs(max_instructions=30), st.data())
def test_the_step_made_last_is_always_in_view(program: Program, data: st.DataObject) -> None:
    """Wherever the cursor stands there is one arrow, at the step made last, and none at the start."""
    walk = steps(run(program, [Value(x) for x in program.leaves], FUNCTIONS)[-1])
    walk.to(data.draw(st.integers(0, len(walk))))
    arrows = [line for line in repr(walk).splitlines() if line.startswith("→")]
    assert len(arrows) == (walk.position > 0)
    assert all(line.endswith(f"  {walk[walk.position - 1]}") for line in arrows)


def test_watched_totals_stay_in_view() -> None:
    """In a large graph the totals are those of the steps in view, after the watched ones; the rest is counted."""
    v = x = Value(0.5, label="x")
    for _ in range(100):
        v = -v
    walk = steps(v).to(50)
    assert repr(walk).splitlines()[-1].endswith("and 94 more")
    assert "x –" not in repr(walk)
    both: tuple[list[Value | str], ...] = (["x", v], [x, "f"])
    for watch in both:
        watched = repr(steps(v, watch=watch).to(50)).splitlines()[-1]
        assert sorted(watched.split("   ")[:2]) == sorted(["totals: x –", "f 1.0"])
        assert "   v53 -1.0   " in watched


class Elements(HTMLParser):
    """The elements and the text of a fragment."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: set[str] = set()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.met.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(fragment: str) -> Elements:
    elements = Elements()
    elements.feed(fragment)
    elements.close()
    assert elements.open == []
    return elements


@pytest.mark.parametrize("label", [*LABELS, "<img src=x onerror=alert(1)>", "&lt;b&gt;", "<!--"])
def test_no_label_becomes_an_element(label: str) -> None:
    """The fragment has the same elements for every label, and the label as text."""
    plain, odd = (steps(Value(2.0, label=name).tanh()).last()._repr_html_() for name in ("x", label))
    assert read(odd).met == read(plain).met == {"div", "p", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert len(read(odd).said) == len(read(plain).said)
    odd.encode("utf-8")


def test_an_element_would_be_seen() -> None:
    """Negative control: a label that is not escaped is an element more."""
    assert "img" in read("<p><td><img src=x></td></p>".replace("<img src=x>", "<img src=x></img>")).met


@given(programs(max_instructions=30), st.data())
def test_a_notebook_is_told_what_a_terminal_is(program: Program, data: st.DataObject) -> None:
    """The HTML says what the text says, in the same order."""
    walk = steps(run(program, [Value(x) for x in program.leaves], FUNCTIONS)[-1])
    walk.to(data.draw(st.integers(0, len(walk))))
    heading, *lines, totals = repr(walk).splitlines()
    said = [text for text in read(walk._repr_html_()).said if text.strip()]
    assert said[0] == heading
    rows = [text for text in said if " += " in text or ", so " in text or text.startswith("… ")]
    assert [line.lstrip("→ 0123456789") for line in lines] == [row.lstrip("→ 0123456789") for row in rows]
    for total in totals.removeprefix("totals: ").split("   "):
        assert all(word in said or total.startswith("and ") for word in total.rsplit(" ", 1))


def test_it_has_no_drawing_and_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps show themselves as a table; what draws is not even imported."""
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert "svg" not in read(steps(Value(3.0) * 2)._repr_html_()).met


def test_a_constant_alone_has_a_table() -> None:
    """Where nothing can have a total, none is shown."""
    walk = steps(Constant(2.0))
    assert repr(walk) == "steps of 2 = 2.0: it was computed from nothing\ntotals: "
    assert read(walk._repr_html_()).said == ["steps of 2 = 2.0: it was computed from nothing", "totals"]


def test_ipython_shows_the_lines_of_a_repr() -> None:
    """IPython prints a cursor, a step, several steps and texts as their repr, not as sequences."""
    from IPython.core.formatters import PlainTextFormatter

    from scalargrad import ledger, tree

    x = Value(3.0, label="x")
    walk = steps(x * x)
    shown = PlainTextFormatter()
    for line in (walk, walk[0], walk[:], tree(x * x), ledger(x * x)):
        assert shown(line) == repr(line)


# ---------------------------------------------------------------- what is left out, and how it fits


def test_steps_that_are_not_in_view_are_counted() -> None:
    """The table says how many steps there are before and after those it shows."""
    walk = steps(sum((Value(float(i)) for i in range(20)), Value(0.0)))
    walk.to(20)
    lines = repr(walk).splitlines()
    before, after = (int(line.split()[1]) for line in lines if line.lstrip().startswith("…"))
    assert before + after + sum(" += " in line for line in lines) == len(walk) == 40
    assert "… 1 step after" in repr(steps(Value(1.0) * sum(Value(1.0) for _ in range(3))).to(3))


@given(program=programs(), width=st.integers(90, 140))
def test_a_terminal_is_wide_enough(program: Program, width: int) -> None:
    """No line of the table is wider than the terminal, whatever the names."""
    nodes = run(program, [Value(x) for x in program.leaves], FUNCTIONS)
    for i, node in enumerate(nodes[:3]):
        node.label = f"a rather long name, the {i}th of them"
    walk = steps(nodes[-1])
    walk.to(len(walk) // 2)
    shortened = walk._table().text(width)
    assert max(map(cells, shortened.splitlines())) <= width
    assert shortened.count(" += ") == walk._table().text().count(" += ")


def test_numbers_have_as_many_digits_as_were_requested() -> None:
    """Four by default, in lines and totals alike; with digits=None all, which the attributes always have."""
    x = Value(1 / 3, label="x")
    y = x.tanh()
    walk = steps(y).last()
    assert str(walk[0]) == "df/dx += df/df · ∂f/∂x = 1.0 × 0.8966 = 0.8966   (0.0 → 0.8966)"
    assert repr(walk).endswith("totals: f 1.0   x 0.8966")
    assert repr(walk).startswith("steps of f = 0.3215: ")
    assert walk[0].local == y.local_gradients[0]
    full = steps(y, digits=None).last()
    assert repr(y.local_gradients[0]) in str(full[0])
    assert repr(full).endswith(f"x {y.local_gradients[0]!r}")
    assert repr(pickle.loads(pickle.dumps(full))) == repr(full)
    with pytest.raises(ValueError, match="digits must be"):
        steps(y, digits=0)


def test_a_line_that_cannot_fit_is_whole() -> None:
    """In too narrow a terminal a step is as short as it can be, with all its numbers."""
    x = Value(1 / 3, label="a long name")
    (step,) = steps(x.tanh())
    assert step.line(10) == "df/d(a…e) += 1.0 × 0.8966 = 0.8966   (0.0 → 0.8966)"
