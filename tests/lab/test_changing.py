"""A number that is changed by hand gives what a run with it gives; a result that is held, what a leaf gives."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalargrad_lab.answering import Session
from scalargrad_lab.changing import Held, literals
from scalargrad_lab.lines import recording
from scalargrad_lab.running import run

from scalargrad import Value, steps
from scalargrad.engine.graph import topological_order

PROGRAM = """\
from scalargrad import Value, relu, stop_gradient, hypot, maximum
a, b, c = Value({a!r}), Value({b!r}), Value({c!r})
d = relu(a * b + c) / (b ** 2 + 1.5)
e = maximum(d, a) - hypot(b, c) * stop_gradient(d)
f = (e.tanh() + d * d).exp()
"""
FLOATS = st.floats(-3.0, 3.0)


def pass_of(root: Value) -> list[tuple[float, ...]]:
    return [(step.upstream, step.local, step.product, step.before, step.after) for step in steps(root)]


def same(one: object, other: object) -> bool:
    return repr(one) == repr(other)  # bit for bit, and nan is nan


@given(before=st.tuples(FLOATS, FLOATS, FLOATS), after=st.tuples(FLOATS, FLOATS, FLOATS))
def test_changed_leaves_give_what_the_program_gives_with_these_numbers(
    before: tuple[float, ...], after: tuple[float, ...]
) -> None:
    """Values, local gradients and the whole backward pass are those of a run with the changed numbers, to the bit."""
    names: list[dict[str, Value]] = []
    for numbers in (before, after):
        names.append({})
        exec(PROGRAM.format(**dict(zip("abc", numbers, strict=True))), names[-1])  # noqa: S102  # the program above
    order = list(topological_order(names[0]["f"]))
    held = Held(order)
    for name, number in zip("abc", after, strict=True):
        held.at(names[0][name], number)
    wanted = list(topological_order(names[1]["f"]))
    assert same([node.data for node in order], [node.data for node in wanted])
    assert same(pass_of(names[0]["f"]), pass_of(names[1]["f"]))


@given(number=FLOATS)
def test_a_result_that_is_held_is_as_a_leaf(number: float) -> None:
    """What follows from it is what follows from a leaf with that number, and it hands on nothing."""
    names: dict[str, Value] = {}
    exec(PROGRAM.format(a=0.5, b=-1.5, c=2.0), names)  # noqa: S102  # the program above
    order = list(topological_order(names["f"]))
    held = Held(order)
    held.at(names["d"], number)
    with_leaf = {**names, "d": Value(number)}
    exec("\n".join(PROGRAM.splitlines()[3:]), with_leaf)  # noqa: S102  # the rest of the program above
    assert same(names["f"].data, with_leaf["f"].data)
    walk, other = steps(names["f"]).last(), steps(with_leaf["f"]).last()
    assert same(walk.total(names["d"]), other.total(with_leaf["d"]))
    assert names["d"].local_gradients == (0.0, 0.0)


def test_what_is_freed_is_as_before() -> None:
    """Once every node has its own number again, the graph is what it was, to the bit, in any order."""
    names: dict[str, Value] = {}
    exec(PROGRAM.format(a=0.5, b=-1.5, c=2.0), names)  # noqa: S102  # the program above
    order = list(topological_order(names["f"]))
    before = [(node.data, node.local_gradients) for node in order]
    held = Held(order)
    for node, number in ((names["d"], 7.0), (names["a"], math.inf), (names["d"], 0.0), (names["e"], -1.0)):
        held.at(node, number)
    assert [(node.data, node.local_gradients) for node in order] != before
    for node in (names["e"], names["d"], names["b"], names["a"]):
        held.free(node)
    assert [(node.data, node.local_gradients) for node in order] == before
    assert held.before == {}


def test_a_wrong_slope_is_noticed() -> None:
    """Negative control: with one local gradient left as it was, the pass is not that of the program."""
    names: dict[str, Value] = {}
    exec(PROGRAM.format(a=0.5, b=-1.5, c=2.0), names)  # noqa: S102  # the program above
    right = pass_of(names["f"])
    names["e"]._dx = 1.001
    assert not same(pass_of(names["f"]), right)


@pytest.mark.parametrize(
    ("code", "changeable"),
    [
        ("a = Value(2.0)\nb = Value(-3.5, label='w')\nc = a * b", ["2.0", "-3.5"]),
        ("a, b = Value(2), Value(2)\nc = a * b", ["2", "2"]),
        ("x = [Value(1.5), Value(-1)]\nc = x[0] * x[1]", ["1.5", "-1"]),
        ("x = Value(1.0)\nc = (x - 3) ** 2", ["1.0", "3", "2"]),
        ("x = Value(1.0)\nc = (x - 2) ** 2", ["1.0", None, None]),  # which of the two is not sure
        ("x = [Value(1.0) for _ in range(2)]\nc = x[0] * x[1]", [None, None]),
        ("x = Value(1.0)\nx.data = 4.0\nc = x * x", [None]),
        ("é = 'ä'; x = Value(-.5e1)\nc = x * x", ["-.5e1"]),
        ("x = Value(4.0 / 2)\nc = x * x", [None]),
        ("n = 2.0\nx = Value(n)\nc = x * x", [None]),
    ],
)
def test_where_the_code_has_a_number(code: str, changeable: list[str | None]) -> None:
    """A place is given where the number of a leaf is written there, and no other node has it from there."""
    names: dict[str, object] = {"Value": Value}
    with recording("lab.py"):
        exec(compile(code, "lab.py", "exec"), names)  # noqa: S102  # the programs above
    c = names["c"]
    assert isinstance(c, Value)
    walk = steps(c, names=names)
    lines = code.splitlines()
    places = literals(code, walk.order, walk.names)
    written = [place and lines[place[0] - 1][place[1] : place[2]] for place in places]
    leaves = [place for node, place in zip(walk.order, written, strict=True) if node.op is None]
    assert sorted(map(str, leaves)) == sorted(map(str, changeable))
    assert all(place is None for node, place in zip(walk.order, places, strict=True) if node.op is not None)


def test_the_session_answers_with_all_numbers_of_the_changed_walk() -> None:
    """What changes in the page is what a new walk through the same graph would show."""
    session = Session()
    came = session.run("from scalargrad import Value\na = Value(2.0)\nb = a * a\nc = b + a\n")
    assert came["walk"]["values"] == [2.0, 4.0, 6.0]
    changed = session.change(0, -1.0)
    assert changed["values"] == [-1.0, 1.0, 0.0]
    assert changed["held"] == [0]
    assert changed["nodes"][0] == ("−1.0", "-1.0")
    assert [row[4] for row in changed["backward"]] == [("1.0", "1.0"), ("1.0", "1.0"), ("0.0", "0.0"), ("−1.0", "-1.0")]
    again = session.again()
    assert again["values"] == changed["values"]
    assert again["literals"] == [None, None, None]
    assert session.change(0, "NaN")["values"] == ["NaN"] * 3
    assert session.change(0, None)["values"] == [2.0, 4.0, 6.0]
    assert session.again()["literals"] == came["walk"]["literals"] == [(2, 10, 13), None, None]


def test_modules_and_seeds_stay() -> None:
    """The walk through changed numbers starts from the seeds of the steps that were shown, and keeps its names."""
    outcome = run("from scalargrad import Value, nn, steps\nn = nn.Neuron(2, rng=0)\ny = n([1.0, 2.0])\nsteps(y, 3.0)")
    assert outcome.mistake is None
    session = Session()
    session.outcome, session.code = outcome, ""
    walk = session._show(outcome.shown)
    assert walk is not None
    changed = session.change(walk["names"].index("bias"), 0.25)
    assert changed["backward"][0][1] == ("3.0", "3.0")
