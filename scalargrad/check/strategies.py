"""Strategies for Hypothesis: numbers, points, expressions, networks and training sets to try a law on.

    from hypothesis import given
    from scalargrad.check import gradcheck, strategies

    @given(strategies.expressions())
    def test_gradients_are_right(f):
        gradcheck(f, *f.point).raise_if_wrong()

An expression is built from its point: each operation is applied where its declaration says that it is
smooth. An operand outside of the domain, or close to a kink or a pole, is moved by a constant. So no
example is thrown away, and an operation of your own is used like the built-in ones. When a test fails,
Hypothesis makes the expression as small as it can, and prints it as Python.
"""

from __future__ import annotations

import itertools
import keyword
import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from unicodedata import normalize

from ..extras import how_to_install

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(f"strategies need Hypothesis: {how_to_install('check')}") from error

from ..engine import primitives as p
from ..engine.declaration import Interval, Primitive
from ..engine.floats import integer
from ..engine.value import Value
from ..expressions.recorded import Expression
from ..nn import MLP

__all__ = ["expressions", "networks", "numbers", "points", "training_sets", "values"]

MARGIN = 1 / 16  # the least distance from a kink, a pole or an end of the domain
LARGE = 1000.0  # the largest value and slope of an operation within an expression; its inverse the smallest slope

Point = tuple[float, ...]

# ---------------------------------------------------------------- numbers


def values(low: float = -4.0, high: float = 4.0) -> st.SearchStrategy[Value]:
    """Draw Values between two bounds, with few digits.

    >>> from hypothesis import find
    >>> find(values(), lambda x: x > 1)
    Value(data=2.0)

    Raises:
        ValueError: when the bounds are not finite and in order.
    """
    return st.builds(Value, numbers(low, high))


def numbers(low: float = -4.0, high: float = 4.0) -> st.SearchStrategy[float]:
    """Draw floats between two bounds: integers, and some with a precision of about a thousandth of the range.

    >>> from hypothesis import find
    >>> find(numbers(0.0, 1.0), lambda x: 0 < x < 1)
    0.5

    Raises:
        ValueError: when the bounds are not finite and in order.
    """
    if not -math.inf < low <= high < math.inf:
        raise ValueError(f"numbers need two finite bounds, the lower one first, got {low} and {high}")
    digits = 3 - math.floor(math.log10(high - low)) if high > low else 16
    decimal = st.floats(low, high).map(lambda x: min(max(round(x, digits), low), high) + 0.0)
    first, last = math.ceil(low), math.floor(high)
    return st.integers(first, last).map(float) | decimal if first <= last else decimal


# ---------------------------------------------------------------- points


def points(primitive: Primitive, *, near_kinks: bool = False) -> st.SearchStrategy[Point]:
    """Draw points of a primitive's declared domain, away from its kinks and poles.

    With `near_kinks` each point is exactly at a kink.

    >>> from hypothesis import find
    >>> find(points(p.log), lambda point: True)
    (1.0,)
    >>> find(points(p.maximum, near_kinks=True), lambda point: point[0] > 0)
    (1.0, 1.0)

    Raises:
        TypeError: for anything but a primitive.
        ValueError: for an empty domain, or points near the kinks of a primitive that declares none.
    """
    _checked_primitives([primitive])
    for low, high in primitive.domain:
        if low >= high:
            raise ValueError(f"the domain of {primitive.name} is empty: no number is between {low} and {high}")
    inside = st.tuples(*map(_inside, primitive.domain))
    if not near_kinks:
        apart = inside.map(lambda point: _moved_apart(primitive, point))
        return apart.filter(lambda point: not misplaced(primitive, point, 0.0, MARGIN / 2))
    if not primitive.kinks:
        raise ValueError(f"{primitive.name} declares no kinks for points to be near")
    at_kinks = st.tuples(inside, st.sampled_from(primitive.kinks)).map(
        lambda drawn: _replaced(drawn[0], drawn[1].operand, drawn[1].nearest(*drawn[0]))
    )
    return at_kinks.filter(lambda point: not misplaced(primitive, point, 0.0, 0.0))


def _inside(interval: Interval) -> st.SearchStrategy[float]:
    """Floats of an open interval; integers for an operand without a derivative."""
    low, high = interval
    if math.isnan(low):
        return st.integers(0, 3).map(float)
    if low == -math.inf and high == math.inf:
        return numbers(-8.0, 8.0)
    margin = MARGIN * min(1.0, high - low)
    distances = numbers(margin, min(8.0, high - low - margin)) | st.sampled_from([margin / 10, margin / 100])
    above = distances.map(lambda distance: low + distance)
    below = distances.map(lambda distance: high - distance)
    return below if low == -math.inf else above if high == math.inf else above | below


def _moved_apart(primitive: Primitive, point: Point) -> Point:
    """The point, with the operands that are close to a kink or a pole moved away from it."""
    for operand, nearest in primitive.kinks + primitive.poles:
        offset = point[operand] - nearest(*point)
        if abs(offset) < MARGIN:
            distance = math.copysign(MARGIN, offset) if offset else 0.5
            point = _replaced(point, operand, point[operand] - offset + distance)
    return point


def _replaced(point: Point, operand: int, x: float) -> Point:
    return (*point[:operand], x, *point[operand + 1 :])


def misplaced(primitive: Primitive, point: Point, from_ends: float, from_breaks: float) -> dict[int, float]:
    """Return the operands out of place, by position: nan outside of the domain, or the break that one is close to."""
    places = {}
    for i, (x, (low, high)) in enumerate(zip(point, primitive.domain, strict=True)):
        distance = from_ends * min(1.0, high - low)
        if not (x == math.floor(x) >= 0 if math.isnan(low) else low + distance < x < high - distance):
            places[i] = math.nan
    if not places:
        for operand, nearest in primitive.kinks + primitive.poles:
            if abs(point[operand] - nearest(*point)) < from_breaks:
                places[operand] = nearest(*point)
    return places


def differentiable(primitive: Primitive) -> list[int]:
    """Return the positions of the operands that have a derivative; the order of a polygamma function has none."""
    return [i for i, (low, _) in enumerate(primitive.domain) if not math.isnan(low)]


# ---------------------------------------------------------------- expressions


def expressions(
    variables: int | Sequence[str] = 3, primitives: Sequence[Primitive] | None = None, depth: int = 4
) -> st.SearchStrategy[Expression]:
    """Draw expressions with shared results, smooth at their point: see `Expression`.

    >>> from hypothesis import find
    >>> find(expressions(), lambda f: True)
    Expression(lambda x: x + x, 0.0)
    >>> find(expressions("ab", [p.log]), lambda f: True)
    Expression(lambda a, b: log(b + 2), 0.0, 0.0)

    Args:
        variables: the largest number of variables, or their names.
        primitives: the operations to choose from; by default every public one that has slopes.
        depth: the largest number of operations in a chain, without the constants added to stay in a domain.

    Raises:
        TypeError: for anything but primitives.
        ValueError: for no variables, primitives or depth, for names that Python does not allow or that come
            twice, and for a primitive that is not smooth anywhere.
    """
    names = () if isinstance(variables, int) else _checked_names(variables)
    most = len(names) if names else integer(variables, "the number of variables", low=1)  # type: ignore[arg-type]  # an int
    longest = integer(depth, "the depth", low=1)
    chosen = default() if primitives is None else _checked_primitives(primitives)
    for primitive in chosen:
        _home(primitive)
    several = [primitive for primitive in chosen if primitive.arity > 1]
    kind = st.sampled_from(chosen + several * (len(chosen) // max(1, len(several))))
    widest = max(primitive.arity for primitive in chosen)
    point = st.lists(numbers(), min_size=len(names) or 1, max_size=most)
    choices = st.lists(st.tuples(kind, *[_OPERAND] * widest), min_size=1, max_size=3 * longest)
    return st.tuples(point, choices).map(lambda drawn: _expression(drawn[0], drawn[1], names, longest))


# Hypothesis deletes up to five choices at a time, so an operation is better drawn in few. Those that come
# first in a list are the simplest; those that come again are drawn more often.
_PLACES = (0, 1, 2, 3, 4, 5)
_CONSTANTS = (1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 0.0, 0.5, 1.5, -0.5, -1.5, 2.5, 0.1, -0.1, 0.3, -0.7, 3.9)
_OPERAND = st.sampled_from((*_PLACES, *_CONSTANTS, *_PLACES * 4, *_PLACES[:3] * 4))


def _expression(point: list[float], choices: Sequence[Any], names: Sequence[str], depth: int) -> Expression:
    """Apply one operation after another; an integer operand counts back from the latest result."""
    inputs = [Value(x) for x in point]
    depths = dict.fromkeys(inputs, 0)
    for primitive, *drawn in choices:
        usable = [node for node, length in depths.items() if length < depth]
        operands = [usable[-1 - k % len(usable)] if isinstance(k, int) else k for k in drawn[: primitive.arity]]
        live = differentiable(primitive)
        operands = [x if i in live else float(drawn[i]) for i, x in enumerate(operands)]
        if not any(isinstance(operands[i], Value) for i in live):
            operands[live[0]] = usable[-1]
        taken = [operand for operand in operands if isinstance(operand, Value)]
        depths[_applied(primitive, operands)] = 1 + max(depths[operand] for operand in taken)
    result = max(reversed(depths), key=lambda node: depths[node])  # the deepest, and the latest of these
    return Expression.recorded(result, inputs, names)


def _applied(primitive: Primitive, operands: Sequence[Any]) -> Value:
    """Apply the operation where it is smooth: to the operands as they are, or moved if they are out of place."""
    home = _home(primitive)
    close = misplaced(primitive, tuple(map(float, operands)), MARGIN, MARGIN)
    beside = {i: home[i] if math.isnan(place) else place + 1.0 for i, place in close.items()}
    everywhere = dict(enumerate(home))
    trials = (_moved(operands, *trial) for trial in itertools.product((beside, everywhere), (0, 1, None)))
    tame = (trial for trial in trials if _tame(primitive, tuple(map(float, trial)), MARGIN))
    return Value.apply_primitive(primitive, tuple(next(tame, _moved(operands, everywhere, None))))


def _moved(operands: Sequence[Any], places: dict[int, float], digits: int | None) -> list[Any]:
    """The operands, some moved to these places: Values by a constant with so many digits, numbers by replacing them."""
    moved = list(operands)
    for i, place in places.items():
        if not isinstance(moved[i], Value):
            moved[i] = place
            continue
        offset = place - moved[i].data
        if digits is not None:
            offset = round(offset, digits)
        if offset:
            moved[i] = moved[i] + offset if offset > 0 else moved[i] - -offset
    return moved


def _tame(primitive: Primitive, point: Point, margin: float) -> bool:
    """Whether the operation is smooth around the point, with a value and slopes that differences can measure."""
    if misplaced(primitive, point, margin, margin):
        return False
    slopes = [abs(slope) for slope in _slopes(primitive, point)]
    if any(0 < slope < 1 / LARGE for slope in slopes):
        return False
    return all(x <= LARGE for x in (abs(primitive.value(*point)), *slopes))  # false for a nan


def _slopes(primitive: Primitive, point: Point) -> list[float]:
    out = primitive.value(*point)
    return [float(primitive.partials[i](out, *point)) for i in differentiable(primitive)]


@lru_cache(maxsize=256)
def _home(primitive: Primitive) -> Point:
    """A point where the primitive is tame, with few digits and room on all sides."""
    if differentiable(primitive):
        for point in itertools.islice(itertools.product(*map(_places, primitive.domain)), 10_000):
            if _tame(primitive, point, 2 * MARGIN):
                return point
    raise ValueError(f"{primitive.name} is not smooth at any of the points tried: is its declared domain right?")


def _places(interval: Interval) -> list[float]:
    low, high = interval
    if math.isnan(low):
        return [0.0, 1.0, 2.0]
    if high - low < math.inf:
        return [low + share * (high - low) for share in (0.5, 0.25, 0.75, 0.375, 0.625)]
    anchor, direction = (low, 1.0) if low > -math.inf else (high, -1.0) if high < math.inf else (0.0, 1.0)
    return [anchor + direction * step for step in (2.0, 1.0, 0.5, 3.0, 1.5, 0.25)]


# ---------------------------------------------------------------- networks and what they are trained on


def networks(
    inputs: int | None = None, outputs: int | None = None, activations: Sequence[str] = ("tanh", "sigmoid", "softplus")
) -> st.SearchStrategy[MLP]:
    """Draw small networks, with up to two hidden layers and weights with one digit after the point.

    They have the given numbers of inputs and outputs, or 1 to 3 of them.

    >>> from hypothesis import find
    >>> find(networks(inputs=2), lambda model: len(model.layers) > 1)
    MLP(2, [1, 1], activation='tanh', output=None)

    Raises:
        ValueError: for less than one input or output, or no activations.
    """
    n_inputs, n_outputs = (_count(given, what) for given, what in ((inputs, "inputs"), (outputs, "outputs")))
    if not activations:
        raise ValueError("networks need at least one activation to choose from, got none")
    hidden = st.lists(st.integers(1, 4), max_size=2)
    sizes = st.tuples(hidden, n_outputs).map(lambda drawn: [*drawn[0], drawn[1]])
    return st.builds(_Network, n_inputs, sizes, st.sampled_from(activations), st.integers(0, 999))


class _Network(MLP):
    """A network that Hypothesis prints as the call that makes it, with the same weights."""

    def __init__(self, n_inputs: int, sizes: Sequence[int], activation: str, seed: int) -> None:
        super().__init__(n_inputs, sizes, activation, rng=seed, initial=tenths)
        self.seed = seed

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(f"{repr(self)[:-1]}, rng={self.seed}, initial=tenths)")


def tenths(rng: random.Random, n_inputs: int) -> float:  # noqa: ARG001  # what `initial` of a network is called with
    """Return a random weight from -2 to 2 with one digit after the point, for `initial=` of a network.

    >>> MLP(2, [1], rng=0, initial=tenths).layers[0].neurons[0].w
    [Value(data=...), Value(data=...)]
    """
    return rng.randint(-20, 20) / 10


def training_sets(
    inputs: int = 2, outputs: int = 1, classes: int | None = None, max_size: int = 4
) -> st.SearchStrategy[list[tuple[list[float], Any]]]:
    """Draw lists of pairs, of a row of inputs and its target; no row comes twice.

    The target is a number, a list of several outputs or, if `classes` is given, a class counted from 0.

    >>> from hypothesis import find
    >>> find(training_sets(classes=3), lambda pairs: len(pairs) > 1)
    [([0.0, 0.0], 0), ([0.0, 1.0], 0)]

    Raises:
        ValueError: for less than one input, output, class or pair.
    """
    for given, what in ((inputs, "inputs"), (outputs, "outputs"), (1 if classes is None else classes, "classes")):
        integer(given, f"the number of {what}", low=1)
    row = st.lists(numbers(), min_size=inputs, max_size=inputs)
    target: st.SearchStrategy[Any] = st.lists(numbers(), min_size=outputs, max_size=outputs)
    if classes is not None:
        target = st.integers(0, classes - 1)
    elif outputs == 1:
        target = numbers()
    most = integer(max_size, "the largest number of pairs", low=1)
    return st.lists(st.tuples(row, target), min_size=1, max_size=most, unique_by=lambda pair: tuple(pair[0]))


# ---------------------------------------------------------------- arguments


def _count(given: int | None, what: str) -> st.SearchStrategy[int]:
    return st.integers(1, 3) if given is None else st.just(integer(given, f"the number of {what}", low=1))


def _checked_names(given: Sequence[str]) -> tuple[str, ...]:
    names = tuple(normalize("NFKC", name) if isinstance(name, str) else name for name in given)  # as Python reads them
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"a variable needs a name that can be written in Python, got {name!r}")
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"variables need one name each, got {given!r}")
    return names


def _checked_primitives(given: Sequence[Primitive]) -> list[Primitive]:
    for primitive in given:
        if not isinstance(primitive, Primitive):
            raise TypeError(f"expected a primitive, got {primitive!r} of type {type(primitive).__name__}")
    if not given:
        raise ValueError("expressions need at least one primitive to choose from, got none")
    return list(given)


@lru_cache(maxsize=1)
def default() -> list[Primitive]:
    """Return every public primitive whose operands all have derivatives, which are not 0 everywhere."""
    public = [op for name, op in vars(p).items() if isinstance(op, Primitive) and not name.startswith("_")]
    return [op for op in public if len(differentiable(op)) == op.arity and any(_slopes(op, _home(op)))]
