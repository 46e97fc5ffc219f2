"""The laws of the steps: they are the sweep, term by term, forwards and backwards."""

from __future__ import annotations

import copy
import io
import math
import operator
import pickle
import tracemalloc
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, NonFinite, Steps, Value, draw, prompt, steps, trap
from scalargrad.terminal import visible
from tests.engine.test_graph import FUNCTIONS
from tests.oracle import Program, programs, run

seeds = st.floats()


def recorded(program: Program) -> list[Value]:
    """A program's nodes, the result last."""
    return run(program, [Value(x) for x in program.leaves], FUNCTIONS)


def same(x: float, y: float) -> bool:
    """Equal to the last bit and to the sign of 0; two nans are the same."""
    return x.hex() == y.hex()


# ---------------------------------------------------------------- they are the sweep


@given(programs(), seeds)
def test_each_step_adds_up(program: Program, seed: float) -> None:
    """Every step's total after it is that before it plus local × upstream, to the bit."""
    for step in steps(recorded(program)[-1], seed):
        assert same(step.after, step.before + step.local * step.upstream)
        assert same(step.product, step.local * step.upstream)
        assert step.result.args[step.position] is step.operand
        assert same(step.local, step.result.local_gradients[step.position])


@given(programs(), seeds)
def test_the_last_totals_are_the_gradients(program: Program, seed: float) -> None:
    """Where all steps have been made, each total is what `backward` brings, to the bit."""
    nodes = recorded(program)
    walk = steps(nodes[-1], seed).last()
    nodes[-1].backward(seed)
    for node in walk.order:
        total = walk.total(node)
        if node.__class__ is not Constant:
            assert total is not None
            assert same(total, node.grad)


def test_a_wrong_local_gradient_is_seen() -> None:
    """Negative control: steps with a total off by its last bit are not those of `backward`."""
    x = Value(0.1)
    y = x * x * x
    walk = steps(y).last()
    y.backward()
    total = walk.total(x)
    assert total is not None
    assert same(total, x.grad)
    assert not same(math.nextafter(total, 1.0), x.grad)


MOVES = ["next", "back", "next_node", "back_node", "first", "last"]


@given(programs(), st.lists(st.sampled_from(MOVES) | st.integers(0, 10_000)))
def test_any_walk_ends_where_as_many_nexts_end(program: Program, moves: list[str | int]) -> None:
    """Where one stands, and every total there, depends only on the number of steps made."""
    walk, straight = (steps(recorded(program)[-1]) for _ in range(2))
    for move in moves:
        if isinstance(move, str):
            getattr(walk, move)()
        else:
            walk.to(move % (len(walk) + 1))
    for _ in range(walk.position):
        straight.next()
    assert straight.position == walk.position
    assert list(map(repr, walk.totals().values())) == list(map(repr, straight.totals().values()))


@given(programs(), st.data())
def test_totals_are_those_of_the_steps_made(program: Program, data: st.DataObject) -> None:
    """At any place each total is the `after` of the last step into the node, the seed, or none yet."""
    walk = steps(recorded(program)[-1], 0.5)
    walk.to(data.draw(st.integers(0, len(walk))))
    wanted = {walk.roots[0]: 0.5} | {step.operand: step.after for step in walk[: walk.position]}
    assert {node: repr(total) for node, total in walk.totals().items()} == {n: repr(x) for n, x in wanted.items()}
    assert {node for node in walk.order if walk.total(node) is None} == set(walk.order) - wanted.keys()


@given(programs())
def test_there_and_back_is_the_same_way(program: Program) -> None:
    """`back` gives the steps of `next` in reverse, and each ends in None."""
    walk = steps(recorded(program)[-1])
    there, back = list(iter(walk.next, None)), list(iter(walk.back, None))
    assert list(map(repr, there)) == list(map(repr, walk))
    assert list(map(repr, back)) == list(map(repr, reversed(there)))
    assert walk.position == 0


# ---------------------------------------------------------------- nodes and places


@given(programs())
def test_steps_of_a_node_go_together(program: Program) -> None:
    """`next_node` goes result by result through all steps, `back_node` the same way back."""
    walk = steps(recorded(program)[-1])
    groups = list(walk.by_node())
    assert [list(map(repr, iter(walk.next_node, ()))) for _ in range(1)] == [list(map(repr, groups))]
    assert list(map(repr, iter(walk.back_node, ()))) == list(map(repr, reversed(groups)))
    assert [step.index for group in groups for step in group] == list(range(len(walk)))
    assert [len({step.result for step in group}) for group in groups] == [1] * len(groups)
    results = [group[0].result for group in groups]
    assert len(set(results)) == len(results)


def test_a_half_made_node_is_finished_first() -> None:
    """From between the steps of one result, the node's moves go to its ends."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    walk = steps((a * b) * (a + b)).to(3)
    assert [step.index for step in walk.next_node()] == [3]
    assert [step.index for step in walk.to(3).back_node()] == [2]


@given(programs())
def test_a_node_is_found_by_its_name(program: Program) -> None:
    """`to` and `into` take a node or its name: the last step made is the first into the node."""
    walk = steps(recorded(program)[-1])
    for node, name in walk.names.items():
        if isinstance(node, Constant):
            continue
        into = walk.into(name)
        assert [step.index for step in walk if step.operand is node] == [step.index for step in into]
        position = into[0].index + 1 if into else 0
        assert walk.to(name).position == walk.to(node).position == position


def test_a_label_finds_its_node_too() -> None:
    """What does not print, or is not the first with its label, is found by the label or by the name shown."""
    nodes = [Value(1.0, label=label) for label in ("a\nb", "a", "a")]
    walk = steps(nodes[0] * nodes[1] * nodes[2])
    assert [walk.node(name) for name in ("a\nb", "a\\nb", "a", "a#2")] == [nodes[0], *nodes]


def test_a_sequence_like_any_other() -> None:
    """Steps are indexed, sliced and counted as a list is."""
    a = Value(2.0, label="a")
    walk = steps(a * a + a)
    assert repr(walk[-1]) == repr(walk[len(walk) - 1])
    assert repr(walk[1:]) == "\n".join(map(repr, list(walk)[1:]))
    assert repr(walk[5:]) == "no steps"
    assert walk[1] in walk
    assert walk.index(walk[2]) == 2


@pytest.mark.parametrize("index", ["a", 1.0, None])
def test_an_index_is_a_number(index: Any) -> None:
    """Anything else is an error at once."""
    with pytest.raises(TypeError, match="steps are indexed by numbers and slices, got"):
        steps(Value(3.0) * 2)[index]


def test_a_leaf_has_no_steps() -> None:
    """A value that was computed from nothing has its seed and no step."""
    walk = steps(Value(3.0, label="x"), 2.0)
    assert len(walk) == 0
    assert walk.next() is walk.back() is None
    assert walk.to("x").total("x") == 2.0
    assert repr(walk) == "steps of x = 3.0: it was computed from nothing\ntotals: x 2.0"


def test_constants_take_no_gradient() -> None:
    """A constant has no total, and no place to go to."""
    two = Constant(2.0)
    walk = steps(Value(3.0) * two)
    assert walk.total(two) is None
    assert walk.into(two) == ()
    assert two not in walk.totals(len(walk))
    with pytest.raises(LookupError, match="2 is a constant: no step leads to it"):
        walk.to(two)


@pytest.mark.parametrize("place", [True, 1.5, None, [1]])
def test_a_place_is_a_number_or_a_node(place: Any) -> None:
    """Anything else is an error at once."""
    walk = steps(Value(3.0) * 2)
    with pytest.raises(TypeError, match="a place among the steps is a number of steps, a name or a Value, got"):
        walk.to(place)


@pytest.mark.parametrize("position", [-1, 3, 10**30])
def test_there_are_only_so_many_places(position: int) -> None:
    """A place beyond the ends is an error that says how many steps there are, and the cursor stays."""
    walk = steps(Value(3.0, label="x") * Value(2.0)).to(1)
    for move in (walk.to, walk.totals):
        with pytest.raises(IndexError, match=f"{position} steps cannot be made: f has 2"):
            move(position)
    assert walk.position == 1
    with pytest.raises(IndexError, match="there is no step 2: f has 2, counted from 0"):
        walk[2]


def test_an_unknown_name_is_said_beside_the_known() -> None:
    """The error names what was given and what exists, the names that somebody gave first."""
    a, b = Value(2.0, label="a"), Value(-3.0)
    walk = steps(a * b + 1, names={"b": b})
    with pytest.raises(LookupError, match=r"nothing in f is called 'c': there are a, b, v1, f$"):
        walk.to("c")
    with pytest.raises(LookupError, match=r"Value\(data=7.0\) took no part in f"):
        walk.total(Value(7.0))
    many = steps(reduce(operator.mul, [Value(1.0, label=f"x{i}") for i in range(20)]))
    with pytest.raises(LookupError, match=r"there are x0, x1, .*, x11 and 27 more$"):
        steps(many.roots[0], watch=["x99"])


@pytest.mark.parametrize("wanted", [3, None, ["x"]])
def test_a_node_is_given_by_name_or_itself(wanted: Any) -> None:
    """Anything else is an error at once, wherever a node is expected."""
    walk = steps(Value(3.0) * 2)
    for ask in (walk.node, walk.total, walk.into, lambda node: steps(walk.roots[0], watch=[node])):
        with pytest.raises(TypeError, match="a node is given by its name or as a Value, got"):
            ask(wanted)


def test_errors_stay_short() -> None:
    """However long the labels, an error is a line that can be read."""
    walk = steps(Value(3.0, label="x" * 10_000) * Value(2.0, label="y" * 10_000))
    walk.roots[0].label = "z" * 10_000
    for ask in (lambda: walk.to("q"), lambda: walk.to(9), lambda: walk[9]):
        with pytest.raises(LookupError) as caught:
            ask()
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("given_value", [3.0, None, "a", {Value(1.0)}, [Value(1.0), 2.0]])
def test_steps_are_those_of_a_value(given_value: Any) -> None:
    """Anything else is an error at once, and so are a seed and names of another type."""
    with pytest.raises(TypeError, match=r"expected a .*, got"):
        steps(given_value)
    with pytest.raises(TypeError, match="gradient"):
        steps(Value(1.0), "1")  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(TypeError, match="names must be a mapping"):
        steps(Value(1.0), names=[])  # type: ignore[arg-type]  # the mistake itself


# ---------------------------------------------------------------- bits


def test_negative_zeros_are_kept() -> None:
    """A total of -0.0 stays one: 0.0 + -0.0 is 0.0, and so says the last step."""
    x = Value(0.0, label="x")
    walk = steps(x * -0.0)
    (step,) = walk
    assert math.copysign(1.0, step.product) == -1.0
    assert math.copysign(1.0, step.after) == 1.0


@given(programs())
def test_no_gradient_is_touched(program: Program) -> None:
    """Neither recording the steps nor walking, showing or drawing them changes any `.grad`."""
    nodes = recorded(program)
    nodes[len(nodes) // 2].backward()
    before = [(node.swept, repr(node.grad)) for node in nodes]
    walk = steps(nodes[-1]).last()
    assert repr(walk)
    assert draw(walk).source
    walk.first()
    assert [(node.swept, repr(node.grad)) for node in nodes] == before


def test_a_step_reads_as_one_line() -> None:
    """It shows the chain rule, the numbers, and the total before and after."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    d = a * b
    d.label = "d"
    loss = d + a
    loss.label = "L"
    assert str(steps(loss)[2]) == "dL/da += dL/dd · ∂d/∂a = 1.0 × -3.0 = -3.0   (1.0 → -2.0)"
    assert steps(loss)[2].as_dict() == {
        "index": 2,
        "result": "d",
        "operand": "a",
        "operation": "multiply",
        "formula": "b",
        "local": -3.0,
        "upstream": 1.0,
        "product": -3.0,
        "before": 1.0,
        "after": -2.0,
    }


@pytest.mark.parametrize(
    ("made", "formulas"),
    [
        (lambda x: x.tanh(), ["1 - y * y"]),
        (lambda x: x**-2, ["(-2) * x ** ((-2) - 1)"]),
        (lambda x: x / 4, ["1 / 4"]),
        (lambda x: -3 * x, ["-3"]),
        (lambda x: x + x, ["1", "1"]),
        (lambda x: scalargrad.maximum(x, x), ["0.5 * (1 + (x > x) - (x > x))"] * 2),
    ],
)
def test_formulas_speak_of_the_nodes(made: Any, formulas: list[str]) -> None:
    """The local gradient is written in the names of the nodes, numbers in parentheses where negative."""
    y = made(Value(2.0, label="x"))
    y.label = "y"
    assert [step.formula for step in steps(y)] == formulas


def test_the_prompt_walks_the_same_cursor() -> None:
    """`prompt` moves the steps it was opened on."""
    x = Value(3.0, label="x")
    walk, shown = steps(x * x), io.StringIO()
    prompt(walk, io.StringIO("step\n"), shown)
    assert walk.position == 1
    assert str(walk[0]) in shown.getvalue()


def test_what_trap_would_stop_at_is_shown() -> None:
    """Inside `trap` the steps are the same, so that one can look at what it stops at."""
    root = Value(0.0, label="x").sqrt()
    with trap():
        with pytest.raises(NonFinite):
            root.backward()
        assert [step.after for step in steps(root)] == [math.inf]


def test_an_operand_that_is_there_twice_is_told_which() -> None:
    """In x * x each step is for one of the operands, and says for which; elsewhere there is nothing to say."""
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    assert [step.because for step in steps(x * x)] == ["∂f/∂x = x (as operand 1)", "∂f/∂x = x (as operand 2)"]
    assert [step.because for step in steps(x * y)] == ["∂f/∂x = y", "∂f/∂y = x"]


def test_a_constant_gets_no_step() -> None:
    """What a result hands to a constant is not a step, and changes no other."""
    x = Value(3.0, label="x")
    walk = steps(x * 2 + 1)
    assert [step.operand.label for step in walk] == [None, "x"]
    assert walk.last().total("x") == 2.0


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda step: pickle.loads(pickle.dumps(step))])
def test_a_copied_step_says_the_same(again: Callable[[Any], Any]) -> None:
    """A step takes what it says along, without the steps it is one of."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    for step in steps(a * b + a):
        copied = again(step)
        assert (repr(copied), copied.reason, copied.as_dict()) == (repr(step), step.reason, step.as_dict())


def test_steps_are_frozen() -> None:
    """A step is data: nothing of it can be set."""
    (step,) = steps(-Value(3.0))
    with pytest.raises(FrozenInstanceError):
        step.after = 0.0  # type: ignore[misc]  # the mistake itself


@pytest.mark.parametrize("label", ["x1*w1", "a\nb", "y" * 10_000, "{0}", "\ud800"])
def test_a_long_or_odd_name_is_still_one_line(label: str) -> None:
    """A step prints on one line of bearable length; as data it has the whole name."""
    x = Value(2.0, label=label)
    (step,) = steps(x.tanh())
    assert str(step).isprintable()
    assert step.reason.isprintable()
    assert len(str(step)) < 300
    assert step.as_dict()["operand"] == visible(label)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda walk: pickle.loads(pickle.dumps(walk))])
def test_a_copy_stands_where_the_original_does(again: Callable[[Steps], Steps]) -> None:
    """A copied or pickled cursor shows the same, and moves alone."""
    a, b = Value(2.0, label="a"), Value(-3.0)
    c = a * b
    walk = steps(c * c + a, 0.5, names={"b": b, "c": c, "unused": Value(1.0)}, watch=[c, "b"]).to(3)
    copied = again(walk)
    assert repr(copied) == repr(walk)
    assert list(map(repr, copied)) == list(map(repr, walk))
    assert copied.next() is not None
    assert copied.position == 4
    assert walk.position == 3


# ---------------------------------------------------------------- several values


def several(program: Program, data: st.DataObject) -> tuple[list[Value], list[float]]:
    """Some nodes of a program, some more than once, with a gradient for each."""
    nodes = recorded(program)
    roots = data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=4))
    return roots, data.draw(st.lists(st.floats(-4.0, 4.0), min_size=len(roots), max_size=len(roots)))


@given(programs(), st.data())
def test_several_values_are_a_vector_times_the_jacobian(program: Program, data: st.DataObject) -> None:
    """The last totals are the sum of what each value's own pass brings, times its gradient."""
    roots, gradients = several(program, data)
    walk = steps(roots, gradients=gradients).last()
    for node in walk.order:
        if node.__class__ is Constant:
            continue
        passes = [steps(root, gradient).last() for root, gradient in zip(roots, gradients, strict=True)]
        parts = [part for one in passes if node in one.order and (part := one.total(node)) is not None]
        total = walk.total(node)
        assert total is not None
        scale = sum(map(abs, parts))
        if math.isfinite(scale):
            assert total == pytest.approx(math.fsum(parts), abs=1e-9 * max(scale, 1e-300), rel=1e-9)


def test_a_lost_seed_would_be_seen() -> None:
    """Negative control: with one gradient other than it is, the totals are others."""
    x = Value(3.0)
    roots = [x * x, x + 1]
    assert steps(roots, gradients=[1.0, 10.0]).last().total(x) == 16.0
    assert steps(roots).last().total(x) == 7.0
    assert steps(roots, 2.0).last().total(x) == 14.0


def test_a_value_that_another_was_computed_from_keeps_its_seed() -> None:
    """A root in the midst of the graph starts with its gradient, and adds up what it is handed."""
    x = Value(3.0, label="x")
    v = x * x
    w = v * 2
    walk = steps((w, v), gradients=[1.0, 10.0])
    (step,) = walk.into(v)
    assert (step.before, step.after) == (10.0, 12.0)
    assert walk.total(v) == 10.0
    assert walk.seeds == {w: 1.0, v: 10.0}


def test_a_value_given_twice_counts_twice() -> None:
    """The same value twice is one root, with both gradients."""
    x = Value(3.0)
    v = x * x
    walk = steps([v, v], gradients=[1.0, -0.5])
    assert walk.roots == (v,)
    assert walk.last().total(x) == 3.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gradients": [1.0]}, ValueError, "expected one gradient for each of 2 Values, got 1"),
        ({"gradients": 1.0}, TypeError, "gradients must be a list of numbers, got 1.0"),
        ({"gradients": [1.0, "2"]}, TypeError, "a gradient"),
        ({"gradients": [1.0, 2.0], "gradient": 2.0}, TypeError, "or gradients, not both"),
        ({"watch": "ab"}, TypeError, "watch takes a list of nodes or names, got 'ab'"),
    ],
)
def test_settings_of_several_values_are_checked(options: Any, error: type[Exception], message: str) -> None:
    """What does not fit the values is an error at once."""
    with pytest.raises(error, match=message):
        steps([Value(1.0) * 2, Value(2.0) * 3], **options)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda walk: pickle.loads(pickle.dumps(walk))])
def test_a_copy_of_several_values_shares_what_they_share(again: Callable[[Steps], Steps]) -> None:
    """What several values have in common is one node in a copy too."""
    shared = Value(2.0, label="x") * 3
    walk = steps([shared + 1, shared + 2], gradients=[1.0, 10.0], watch=["x"]).to(2)
    copied = again(walk)
    assert repr(copied) == repr(walk)
    assert repr(copied.last()) == repr(walk.last())


# ---------------------------------------------------------------- their views


@pytest.mark.parametrize("view", ["tree", "ledger", "draw", "page", "prompt"])
def test_a_view_is_a_function(view: str) -> None:
    """Steps have no methods for their views; the error gives the function to call."""
    walk = steps(Value(3.0) * 2)
    assert callable(getattr(scalargrad, view))
    with pytest.raises(AttributeError, match=rf"Steps has no attribute {view}: call {view}\(walk\)"):
        getattr(walk, view)
    with pytest.raises(AttributeError, match=r"Steps has no attribute drawing$"):
        walk.drawing  # type: ignore[attr-defined]  # noqa: B018  # the mistake itself


# ---------------------------------------------------------------- size


def test_a_long_chain_costs_no_recursion_and_little_room() -> None:
    """A chain far beyond the recursion limit is recorded, walked and shown; a step takes less than a node."""
    x = Value(0.5, label="x")
    v = x
    for _ in range(20_000):
        v = -v
    tracemalloc.start()
    walk = steps(v)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / len(walk) < 400
    assert walk.to("x").position == len(walk) == 20_000
    assert walk.last().total("x") == 1.0
    assert len(repr(walk).splitlines()) < 12
    assert len(walk._repr_html_()) < 5_000
