"""The text: what a person would write in jax.numpy, and no longer for more neurons or examples."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from scalargrad import Value, cross_entropy, lift, nn, take, total
from scalargrad.engine import primitives as p
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting.arrays.program import Array, ArrayProgram, Piece, Places
from scalargrad.lifting.names import Names
from scalargrad.lifting.source import Wanted, compiled
from scalargrad.lifting.specialised import Specialised
from scalargrad.lifting.to_jax import spelling
from scalargrad.lifting.to_jax.joining import Joining
from scalargrad.lifting.to_jax.reading import Reading
from scalargrad.lifting.to_jax.slices import flipped, picked
from scalargrad.lifting.to_jax.writer import write
from tests.lifting.nets import Net, all_nets
from tests.lifting.shapes import all_shapes

TEXT = '''"""value_and_grad of loss: 65 parameters."""

import jax.numpy as jnp


def value_and_grad(theta, x, y):
    B = x.shape[0]
    share = 1 / B

    # layer 1: 2 → 16
    W1 = theta[0:48].reshape(16, 3)[:, :2]
    b1 = theta[2:48:3]
    z1 = x @ W1.T + b1
    h1 = jnp.tanh(z1)
    h1_ones = jnp.concatenate([h1, jnp.ones((B, 1), theta.dtype)], axis=-1)

    # layer 2: 16 → 1
    W2 = theta[48:]
    z2 = h1_ones @ W2
    subtract = z2 - y
    value = share * (subtract @ subtract)

    # backward through layer 2
    dz2 = 2.0 * share * subtract
    dW2 = dz2 @ h1_ones
    dh1 = dz2[:, None] * theta[48:64]

    # backward through layer 1
    dz1 = dh1 * (1.0 - h1 * h1)
    db1 = jnp.sum(dz1, axis=0)
    dW1 = dz1.T @ x

    gradient = jnp.concatenate([jnp.concatenate([dW1, db1.reshape(16, 1)], axis=-1).ravel(), dW2])
    return value, gradient
'''


def source(loss: Any, parameters: list[Value], *batch: Any) -> str:
    program = lift(loss, parameters, target="jax", check=False)
    program(*batch)
    return program.source


def test_a_network_is_written_as_by_hand() -> None:
    """The program of two layers, word for word."""
    model = nn.MLP(2, [16, 1], activation="tanh", rng=0)

    def loss(x: Any, y: Any) -> Any:
        return (model(x) - y) ** 2

    assert source(loss, model.parameters(), [[1.0, 2.0]], [1.0]) == TEXT


def looking_up() -> list[Net]:
    """Look-ups in one table for all, in one for each example, and along axes of both."""
    w = [[Value(0.1 * (i + j)) for j in range(3)] for i in range(4)]

    def loss(x: Any, words: Any) -> Any:
        rows = [take(w, word) for word in words]
        own = [[number * factor for number in x] for factor in (1.0, 2.0)]
        return sum(sum(row) for row in rows) * take(own[0], words[0]) * rows[1][0] + total(take(w, words[1])).tanh()

    return [Net("looking up", loss, [v for row in w for v in row], ([[0.5] * 3], [[1, 2]]), lambda *given: given)]


KINDS = ("forward", "value_and_grad", "hvp", "jacobian", "input_gradients")


@pytest.mark.parametrize("net", [*all_nets(), *all_shapes(), *looking_up()], ids=str)
def test_no_line_is_without_use(net: Net) -> None:
    """Whatever is computed is read, in each function of every network."""
    program: Any = lift(net.loss, net.parameters, target="jax")
    shapes = tuple([np.shape(column)[1:] for column in net.batch])
    lifted = Specialised(net.loss, net.parameters, shapes, program._target, has_aux=False)
    for kind in KINDS:
        text = lifted.runner(kind).source.text
        names = Counter(re.findall(r"[^\W\d]\w*", text))
        assigned = re.findall(r"^    (\w+) = ", text, re.MULTILINE)
        assert [name for name in assigned if names[name] < 2] == []


def test_the_length_does_not_depend_on_sizes() -> None:
    """A wider network has as many lines."""
    lengths = set()
    for width in (3, 7, 12):
        model = nn.MLP(width, [width + 2, width + 1, 3], activation="sigmoid", rng=0)
        text = source(lambda x, i, m=model: cross_entropy(m(x), i), model.parameters(), [[0.5] * width], [1])
        lengths.add(len(text.splitlines()))
    assert len(lengths) == 1


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("batched", [False, True])
def test_pieces_come_together(seed: int, batched: bool) -> None:
    """Pieces beside each other, as columns, with gaps, in other orders and on top of each other are numpy's sums."""
    rng = np.random.default_rng(seed)
    program, size = ArrayProgram(), 24
    tables = {
        "contiguous": np.arange(24).reshape(4, 6),
        "columns": np.arange(24).reshape(4, 6)[:, :4],
        "last column": np.arange(24).reshape(4, 6)[:, 5],
        "middle column": np.arange(24).reshape(4, 6)[:, 4],
        "turned": np.arange(12).reshape(3, 4).T.copy(),
        "single": np.array([7]),
        "uneven": np.array([3, 4, 9]),
        "meeting": np.array([5, 5, 6]),
        "rows": np.arange(8, 20),
        "pairs": np.arange(24).reshape(6, 4)[:, 1:3],
        "half": np.arange(24).reshape(4, 6)[:2, 4:],
        "falling": np.arange(24).reshape(4, 6)[::-1, ::-2],
        "above": np.arange(16).reshape(4, 4).T.copy(),
    }
    pieces, expected = [], np.zeros((2, size) if batched else size)
    reading, namespace = Reading(Names([], {}, []), "float64"), {"jnp": jnp, "B": 2, "theta": np.zeros(1)}
    for name in rng.choice(list(tables), size=4):
        index = tables[name]
        axes = tuple(program.axis(extent) for extent in index.shape)
        numbers: Any = rng.normal(size=((2,) if batched else ()) + index.shape)
        if rng.random() < 0.3:
            number = float(rng.choice([1.0, 0.5]))
            pieces.append(Piece(number, axes, Places(index)))
            numbers = np.full(numbers.shape, number)
        else:
            leaf = program.leaf(f"given{len(pieces)}", axes, batched)
            reading.expressions[leaf] = leaf.name
            namespace[leaf.name] = jnp.asarray(numbers)
            pieces.append(Piece(leaf, axes, Places(index)))
        place: Any = (..., index)
        np.add.at(expected, place, numbers)
    if seed == 0:
        pieces = pieces[:0]
        expected = np.zeros_like(expected)
    text = Joining(reading, batched).joined(pieces, size)
    own = eval(text, {**namespace, **reading.namespace})  # noqa: S307  # an expression that the package writes
    assert np.max(np.abs(np.asarray(own) - expected)) < 1e-12


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize(
    ("index", "text"),
    [
        (7, "x[{}1, 1]"),
        (np.arange(24).reshape(4, 6), "x"),
        (np.arange(24).reshape(2, 12), "x.reshape({b}2, 12)"),
        (np.arange(24).reshape(4, 6)[1:3, 2:], "x[{}1:3, 2:]"),
        (np.arange(24).reshape(4, 6)[::2, 3], "x[{}::2, 3]"),
        (np.arange(24).reshape(4, 6)[1:].T, "x[{}1:].{t}"),
        (np.arange(12).reshape(3, 4), "x.reshape({b}24)[{}0:12].reshape({b}3, 4)"),
        (np.arange(24).reshape(2, 3, 4)[:, 1], "x.reshape({b}2, 12)[{}:, 4:8]"),
        (np.array([5, 2, 3]), "x.reshape({b}24)[{}places]"),
        (np.add.outer(np.array([0, 2, 3]), np.array([0, 1, 5])), "x.reshape({b}24)[{}places]"),
        (np.array([23, 11]), "x[{}::-2, 5]"),
        (np.arange(24).reshape(4, 6)[::-1, 2:], "x[{}::-1, 2:]"),
        (np.arange(24).reshape(4, 6)[2::-1, 3:1:-1], "x[{}2::-1, 3:1:-1]"),
        (np.array([[0, 1], [0, 1]]), "x.reshape({b}24)[{}places]"),
    ],
)
def test_places_are_slices_where_they_can_be(index: Any, text: str, batched: bool) -> None:
    """What is picked is written as slices, a shape or a transposition; only where none reach it with a table."""
    numbers = np.arange(100.0, 148.0).reshape(2, 4, 6) if batched else np.arange(100.0, 124.0).reshape(4, 6)
    tables: dict[str, Any] = {}

    def bound(places: Any) -> str:
        tables["places"] = places
        return "places"

    own = picked("x", (4, 6), batched, index, bound)
    wanted = text.replace("{}", ":, " if batched else "").replace("{b}", "B, " if batched else "")
    assert own == wanted.replace("{t}", "transpose(0, 2, 1)" if batched else "T")
    expected = numbers.reshape(*(numbers.shape[:1] if batched else ()), 24)[..., index]
    assert np.array_equal(eval(own, {"x": numbers, "B": 2, **tables}), expected)  # noqa: S307  # what the package writes


@pytest.mark.parametrize("text", ["x", "x[::-1]", "f(x)[::-1]", "x * y[::-1]", "x[:, ::-1]"])
def test_what_is_flipped_twice_is_as_it_was(text: str) -> None:
    """An expression that is flipped shows its rows from the last to the first, whatever it ends in."""
    given = {"x": jnp.arange(6.0).reshape(3, 2), "y": jnp.ones((3, 2)) * jnp.arange(3.0)[:, None], "f": jnp.cos}
    before, once = (eval(one, given) for one in (text, flipped(text, [0], False)))  # noqa: S307  # texts of the test
    twice = eval(flipped(flipped(text, [0], False), [0], False), given)  # noqa: S307  # texts of the test
    assert np.array_equal(once, before[::-1])
    assert np.array_equal(twice, before)


def test_a_program_made_by_hand() -> None:
    """The number of examples, a look-up in rows, and a result that lies along no example are written, too."""
    program = ArrayProgram()
    axis, across = program.axis(3), program.axis(2)
    table = program.view(program.leaf("theta", (axis,)), np.array([[0, 1], [1, 2], [2, 0]]), (axis, across))
    index = program.view(program.leaf("x", (axis,), True), 1, ())
    taken = program.gather(table, index, axis)
    row = program.gather(
        table, program.view(program.leaf("x", (axis,), True), np.array([0, 1]), (program.axis(2),)), across
    )
    assert isinstance(taken, Array)
    assert isinstance(row, Array)
    root = program.apply(p.add, [program.leaf("count"), program.fold(p.add, taken, taken.axes)])
    total = program.apply(p.add, [root, program.fold(p.add, row, row.axes)])
    wanted = Wanted("total", ["x"], [total], None, {"theta": 3}, Names([total], {}, ["x"]), "A program.", [(3,)])
    function = compiled(write(wanted), "total")
    theta, x = np.array([0.5, 1.5, 4.0]), np.array([[1.0, 0.0, 9.0], [0.0, 1.0, 9.0]])
    rows = np.array([[0.5, 1.5], [1.5, 4.0], [4.0, 0.5]])
    expected = [2 + rows[int(one[1])].sum() + rows[:, [int(one[0]), int(one[1])]].sum() for one in x]
    assert function(jnp.asarray(theta), jnp.asarray(x)).tolist() == expected


def test_a_result_may_be_a_number() -> None:
    """The same for all examples, and as the mean."""
    names = Names([], {}, ["x"])
    for gradient, shape in ((None, (4,)), (0.0, ())):
        wanted = Wanted("total", ["x"], [3.0], gradient, {"theta": 3}, names, "A program.", [()])
        returned = compiled(write(wanted), "total")(jnp.zeros(3), jnp.zeros(4))
        assert (returned if gradient is None else returned[0]).tolist() == np.full(shape, 3.0).tolist()


def test_spellings_in_jax() -> None:
    """A spelling has the names of JAX, an integer where JAX takes no other number, and a function where it has one."""
    spelling.expression.cache_clear()
    assert "special.polygamma(jnp.asarray(1.0, int), x)" in spelling.spelled(p.polygamma, ["1.0", "x"], "float64")
    assert spelling.spelled(p.sigmoid, ["x + 1"], "float64") == "special.expit(x + 1)"
    assert "3.4028" in spelling.spelled(p.lgamma, ["x"], "float32")


def test_what_has_the_precision_of_the_program() -> None:
    """An operation on numbers of the program has it, and a call of the engine; a comparison does not."""
    called = next(own for own in BUILT_IN if own.array is None)
    assert spelling.is_exact(p.tanh, "float32", (True,))
    assert spelling.is_exact(p.add, "float32", (True, False))
    assert spelling.is_exact(called, "float32", (False,) * called.arity)
    assert not spelling.is_exact(p.add, "float32", (False, False))
    assert not spelling.is_exact(p.greater, "float32", (True, True))


def test_only_the_last_shape_counts() -> None:
    """What has a shape already gets another in its place; of a sum, the shape of the last term is not that of all."""
    assert spelling.reshaped("x.reshape(B, 24)", [4, 6], batched=True) == "x.reshape(B, 4, 6)"
    assert spelling.reshaped("y + x.reshape(B, 24)", [4, 6], batched=True) == "(y + x.reshape(B, 24)).reshape(B, 4, 6)"


def test_what_others_hang_on_shared_nodes_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has one node for "is read here", on which IPython hangs the program that it shows: nothing follows it."""

    class Heavy:
        def __deepcopy__(self, memo: Any) -> Any:
            raise AssertionError

    name = ast.parse("x", mode="eval").body
    assert isinstance(name, ast.Name)
    monkeypatch.setattr(name.ctx, "parent", Heavy(), raising=False)
    spelling.expression.cache_clear()
    assert spelling.spelled(p.tanh, ["x + 1"], "float64") == "jnp.tanh(x + 1)"


def test_folds_of_several_kinds() -> None:
    """Sums, products, maxima and minima are folded by functions of jax.numpy; what it cannot fold, is not."""
    folded = {primitive: spelling.fold(primitive) for primitive in (p.add, p.multiply, p.maximum, p.minimum)}
    assert list(folded.values()) == ["jnp.sum", "jnp.prod", "jnp.max", "jnp.min"]
    assert all(map(spelling.can_fold, folded))
    assert not any(map(spelling.can_fold, (p.hypot, p.tanh, p.divide)))
