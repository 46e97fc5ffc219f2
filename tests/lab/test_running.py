"""A program runs in the lab as in Python; then the lab says what to show of it, or where it failed."""

from __future__ import annotations

import sys

import pytest
from scalargrad_lab.running import run

from scalargrad import Steps, Value, ledger, tree

NEURON = """\
from scalargrad import Value, ledger, tree
x1, x2 = Value(2.0), Value(0.0)
w1, w2 = Value(-3.0), Value(1.0)
b = Value(6.8813735870195432)
n = x1 * w1 + x2 * w2 + b
o = n.tanh()
o.backward()
"""


def test_values_tree_ledger_and_names_are_those_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints what Python prints, and views find the names of its variables, as at a prompt."""
    outcome = run(NEURON + "print(tree(o))\nprint(ledger(o))\nx1.grad")
    printed = capsys.readouterr().out
    names: dict[str, object] = {}
    exec(NEURON, names)  # noqa: S102  # the program above
    o, x1 = names["o"], names["x1"]
    assert isinstance(o, Value)
    assert isinstance(x1, Value)
    assert printed == f"{tree(o, names=names)}\n{ledger(o, names=names)}\n{x1.grad!r}\n"
    assert outcome.mistake is None


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("a = Value(2.0)\nb = a * a\nc = b + a\nb", "b"),
        ("a = Value(2.0)\nb = a * a\nb.backward()\nc = b + a\nprint(c.data)", "b"),
        ("a = Value(2.0)\nb = a * a\nc = b + a\na.data", "c"),
        ("a = Value(2.0)\nb = a * a\na * 3\na", "b"),
        ("a = Value(2.0)\nb = a * a\nc = a + 1\n[b, c]", ["b", "c"]),
        ("a = Value(2.0)\nb = a * a\nsteps(b).to(1)", "b"),
        ("a = Value(2.0)", None),
        ("1 + 1", None),
        ("", None),
    ],
)
def test_what_is_shown(code: str, shown: str | list[str] | None) -> None:
    """The last line if it is a graph, else what backward was called on, else the last result that has a name."""
    outcome = run(f"from scalargrad import Value, steps\n{code}")
    wanted = [outcome.names[name] for name in shown] if isinstance(shown, list) else outcome.names.get(shown or "")
    came = outcome.shown.roots[0] if isinstance(outcome.shown, Steps) else outcome.shown
    assert outcome.mistake is None
    assert came == wanted if isinstance(wanted, list) else came is wanted


def test_a_drawing_on_the_last_line_is_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """As in a notebook, and instead of its repr."""
    outcome = run("from scalargrad import Value, draw\ndraw(Value(2.0) * 3)")
    assert [picture[:4] for picture in outcome.pictures] == ["<svg"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("code", "message", "line", "column"),
    [
        ("x = Value(1.0)\ny = x // 2", "TypeError: // is not defined for Values", 3, 4),
        ("def f(x):\n    return x + 'a'\n\nf(Value(1.0))", "TypeError: ", 3, 11),
        ("x = (1,\ny = 2", "SyntaxError: ", 2, 4),
        ("import nothing_of_the_name", "ModuleNotFoundError: No module", 2, 0),
        ("raise SystemExit('enough')", "SystemExit: enough", 2, None),
        ("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError: ", 3, 11),
    ],
)
def test_a_mistake_has_its_line_and_place(code: str, message: str, line: int, column: int | None) -> None:
    """The line is of the learner's own code, however deep in the library the error arose."""
    mistake = run(f"from scalargrad import Value\n{code}").mistake
    assert mistake is not None
    assert mistake.message.startswith(message)
    assert mistake.line == line
    assert column is None or mistake.column == column
    assert "scalargrad/engine" not in mistake.trace
    assert mistake.trace.count("lab.py") <= 12


def test_after_a_mistake_there_is_the_picture_of_what_was_begun() -> None:
    """All results that had been recorded, those without a name and those in functions too, and none twice."""
    outcome = run(
        "from scalargrad import Value\n"
        "a = Value(2.0)\nb = a * a\nc = b + a\n"
        "def f(x):\n    inner = x * 3\n    other = x - 1\n    return other / 'a'\n"
        "f(c)"
    )
    assert outcome.mistake is not None
    assert isinstance(outcome.shown, list)
    assert sorted(value.data for value in outcome.shown) == [5.0, 18.0]
    nothing = run("from scalargrad import Value\na = Value(2.0)\n1 / 0")
    assert nothing.shown is None


def test_the_results_that_have_names_can_be_chosen() -> None:
    """Leaves, private names and other objects are left out."""
    outcome = run("from scalargrad import Value\na = Value(2.0)\nb = a * a\n_c = b + a\nn = 3\nd = -b")
    assert list(outcome.graphs) == ["b", "d"]


def test_the_main_module_is_the_program_only_while_it_runs() -> None:
    """`__name__` is `__main__` in it, each run starts with nothing, and afterwards all is as before."""
    before, prompt = sys.modules["__main__"], getattr(sys, "ps1", None)
    run("x = 1")
    outcome = run("assert __name__ == '__main__'\nassert 'x' not in globals()")
    assert outcome.mistake is None
    assert sys.modules["__main__"] is before
    assert getattr(sys, "ps1", None) == prompt


DRAW_DOT = """
from graphviz import Digraph
from scalargrad import Value

def trace(root):
    nodes, edges = set(), set()
    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)
    build(root)
    return nodes, edges

def draw_dot(root):
    dot = Digraph(format="svg", graph_attr={"rankdir": "LR"})
    nodes, edges = trace(root)
    for n in nodes:
        dot.node(name=str(id(n)), label="{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad), shape="record")
        if n._op:
            dot.node(name=str(id(n)) + n._op, label=n._op)
            dot.edge(str(id(n)) + n._op, str(id(n)))
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot

a, b = Value(2.0), Value(-3.0)
c = a * b
c.backward()
draw_dot(c)
"""


def test_micrograds_draw_dot_draws() -> None:
    """A graph of the package graphviz on the last line is a picture, beside the walk; a broken one is none."""
    outcome = run(DRAW_DOT)
    assert outcome.mistake is None
    (picture,) = outcome.pictures
    assert "6.0000" in picture
    assert outcome.shown is outcome.names["c"]
    assert run("from graphviz import Source\nSource('digraph {')").pictures == []
