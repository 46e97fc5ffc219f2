"""Functions composed of primitives: sums and means, softmax and what belongs to it, losses.

Each takes Values and plain numbers alike: with a Value among them the result is a Value, otherwise a float. Each
holds for inputs of ±1000 as for ±1. A score of -inf says that something is impossible: it takes no part, and has
the probability 0 and the gradient 0.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import chain
from math import fsum, sqrt
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, TypeVar, overload

from .engine import modes
from .engine.declaration import registered
from .engine.derivatives import hessian as hessian
from .engine.derivatives import hvp as hvp
from .engine.derivatives import jacobian as jacobian
from .engine.derivatives import jvp as jvp
from .engine.floats import counted, held_by, number, place, refuse_set
from .engine.foreign import absent
from .engine.notes import Mark, leave
from .engine.primitives import (
    _gated,
    _held_finite,
    _weighted,
    add,
    divide,
    erfc,
    exp,
    expm1,
    greater,
    log,
    maximum,
    multiply,
    power,
    relu,
    sigmoid,
    softplus,
)
from .engine.value import Constant, Value

Number = Value | float
Floats = float | Iterable[float]  # one or several
Values = Value | Iterable[Value]
Numbers = Number | Iterable[Number]
Entry = TypeVar("Entry")
Index = SupportsIndex | float

# Of functions that are given `Any`, as a network returns, editors take the first form: so that of Values stands there.
# An array of numpy is such a case, whatever it holds: its iterator gives `Any`, also where it holds Values.

# ---------------------------------------------------------------- of one number


@overload
def leaky_relu(x: float, slope: float = 0.01) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def leaky_relu(x: Number, slope: Number = 0.01) -> Value: ...
def leaky_relu(x: Number, slope: Number = 0.01) -> Any:
    """Return x where it is positive, and slope × x elsewhere; the derivative at 0 is the slope.

    With the slope 0, where -inf × 0 would be nan, it is relu. A slope that is a Value can be learned: that is the
    parametric relu of He et al., arXiv:1502.01852, and `nn.PReLU` is a module that has one.

    Args:
        x: a Value or a number.
        slope: that below 0.

    >>> leaky_relu(4.0, 0.5), leaky_relu(-4.0, 0.5)
    (4.0, -2.0)

    Raises:
        TypeError: for anything but a number.
    """
    x, slope = _one(x, "leaky_relu"), _one(slope, "leaky_relu")
    if isinstance(slope, Value):
        return relu(x) + _weighted(slope, _weighted(1 - greater(x, 0.0), x))
    if slope == 0:
        return relu(x)
    return x * (slope + (1 - slope) * greater(x, 0.0))


@overload
def elu(x: float, alpha: float = 1.0) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def elu(x: Number, alpha: Number = 1.0) -> Value: ...
def elu(x: Number, alpha: Number = 1.0) -> Any:
    """Return x where it is positive, and alpha × (exp(x) - 1) elsewhere; the derivative at 0 is alpha.

    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    arXiv:1511.07289.

    Args:
        x: a Value or a number.
        alpha: how far below 0 it can come.

    >>> elu(2.0), round(elu(-1.0), 6), elu(-1000.0, 0.5)
    (2.0, -0.632121, -0.5)

    Raises:
        TypeError: for anything but a number.
    """
    x, alpha = _one(x, "elu"), _one(alpha, "elu")
    return relu(x) + alpha * expm1(_weighted(1 - greater(x, 0.0), x))


@overload
def silu(x: float) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def silu(x: Number) -> Value: ...
def silu(x: Number) -> Any:
    """Return x × sigmoid(x) of a Value or a number. It is also called swish.

    Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415.

    >>> round(silu(1.0), 6)
    0.731059

    Raises:
        TypeError: for anything but a number.
    """
    x = _one(x, "silu")
    return _gated(x, sigmoid(x))


@overload
def gelu(x: float) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def gelu(x: Number) -> Value: ...
def gelu(x: Number) -> Any:
    """Return x Φ(x) of a Value or a number, where Φ is the distribution function of the standard normal.

    Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415, in the exact form.

    >>> round(gelu(1.0), 6)
    0.841345

    Raises:
        TypeError: for anything but a number.
    """
    x = _one(x, "gelu")
    return _gated(0.5 * x, erfc(-x / sqrt(2)))


# ---------------------------------------------------------------- of several numbers


@overload
def total(values: Iterable[Value]) -> Value: ...
@overload
def total(values: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def total(values: Iterable[Number]) -> Value: ...
def total(values: Iterable[Number]) -> Any:
    """Return the sum of at least one Value or number. Unlike `sum` it starts from the first of them, and not from 0.

    >>> rows = [([0.0, 1.0], 1.0), ([1.0, 1.0], 0.0)]
    >>> weights = [Value(0.5), Value(-0.5)]
    >>> loss = total(square_error(total(w * x for w, x in zip(weights, row)), y) for row, y in rows)
    >>> loss.backward()
    >>> loss.data, [w.grad for w in weights]
    (2.25, [0.0, -3.0])

    Raises:
        ValueError: for no values.
        TypeError: for anything but several numbers.
    """
    terms = _several(values, "total")
    return terms[0] if len(terms) == 1 else _marked("total", [_sum(terms)], terms)[0]


@overload
def mean(values: Iterable[Value]) -> Value: ...
@overload
def mean(values: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def mean(values: Iterable[Number]) -> Value: ...
def mean(values: Iterable[Number]) -> Any:
    """Return the arithmetic mean of at least one Value or number.

    >>> mean([1.0, 2.0, 6.0])
    3.0

    Raises:
        ValueError: for no values.
        TypeError: for anything but several numbers.
    """
    terms = _several(values, "mean")
    return _marked("mean", [_sum(terms) / len(terms)], terms)[0]


@overload
def logsumexp(values: Iterable[Value]) -> Value: ...
@overload
def logsumexp(values: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def logsumexp(values: Iterable[Number]) -> Value: ...
def logsumexp(values: Iterable[Number]) -> Any:
    """Return log Σ exp(x) of several x, with the largest taken out of the sum so that nothing overflows.

    It is inf if an x is, and -inf if all are, as in torch and scipy. Its gradient is the softmax, which is nan there
    for the x that are the largest.

    >>> logsumexp([1000.0, 0.0])
    1000.0
    >>> from math import inf
    >>> logsumexp([1.0, inf]), logsumexp([-inf, -inf])
    (inf, -inf)

    Raises:
        ValueError: for no values.
    """
    terms = _several(values, "logsumexp")
    largest = _largest(terms)
    return _marked("logsumexp", [largest + log(_sum([exp(x - largest) for x in terms]))], terms)[0]


@overload
def softmax(values: Iterable[Value]) -> list[Value]: ...
@overload
def softmax(values: Iterable[float]) -> list[float]: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def softmax(values: Iterable[Number]) -> list[Value]: ...
def softmax(values: Iterable[Number]) -> Any:
    """Return exp(x) / Σ exp(x) for each of several x, in a list: positive numbers that sum to 1.

    The largest x is subtracted from each, so that nothing overflows. The result does not depend on it, so no gradient
    flows through it: in pictures it goes through a `stop_gradient`.

    For an x of inf it is nan, inf / inf, and 0 for the others; where all are -inf it is nan, 0 / 0.

    >>> softmax([0.0, 1000.0])
    [0.0, 1.0]
    >>> from math import inf
    >>> softmax([0.0, -inf])
    [1.0, 0.0]

    Raises:
        ValueError: for no values.
    """
    terms = _several(values, "softmax")
    largest = _largest(terms)
    exponentials = [exp(x - largest) for x in terms]
    denominator = _sum(exponentials)
    return _together(_marked("softmax", [divide(exponential, denominator) for exponential in exponentials], terms))


@overload
def log_softmax(values: Iterable[Value]) -> list[Value]: ...
@overload
def log_softmax(values: Iterable[float]) -> list[float]: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def log_softmax(values: Iterable[Number]) -> list[Value]: ...
def log_softmax(values: Iterable[Number]) -> Any:
    """Return log softmax(x) for each of several x, in a list; exact also where the softmax underflows to 0.

    It is nan where the softmax is nan.

    >>> log_softmax([0.0, 1000.0])
    [-1000.0, 0.0]
    >>> from math import inf
    >>> log_softmax([0.0, -inf])
    [0.0, -inf]

    Raises:
        ValueError: for no values.
    """
    terms = _several(values, "log_softmax")
    largest = _largest(terms)
    shifted = [x - largest for x in terms]
    normaliser = log(_sum([exp(x) for x in shifted]))
    return _together(_marked("log_softmax", [x - normaliser for x in shifted], terms))


# ---------------------------------------------------------------- lists


def flatten(values: Iterable[Any]) -> list[Any]:
    """Return the Values or numbers in lists of lists, to any depth, one after another in one list.

    So a `nn.Layer` can read the channels, rows and columns that a `nn.Convolution` returns.

    >>> flatten([[[1.0, 2.0], [3.0, 4.0]], [[5.0]]])
    [1.0, 2.0, 3.0, 4.0, 5.0]

    Raises:
        TypeError: for a single number, a set, or an entry that is neither a number nor a list.
    """
    refuse_set(values, "what flatten takes")
    if isinstance(values, Value | str) or not isinstance(values, Iterable):
        raise TypeError(f"flatten takes lists of lists of numbers, got {values!r}")
    flat: list[Any] = []
    for entry in map(held_by, values):
        is_one = isinstance(entry, Value | str) or not isinstance(entry, Iterable)
        flat += [_one(entry, "flatten")] if is_one else flatten(entry)
    return _together(flat)


# ---------------------------------------------------------------- look-ups


@overload
def take(table: Sequence[Value], index: Index) -> Value: ...
@overload
def take(table: Sequence[Entry], index: Index) -> Entry: ...
def take(table: Sequence[Any], index: Index) -> Any:
    """Return an entry of a list, as table[index] does; in a lifted function the index may be an input.

    So a row of an embedding, the score of a class or a parameter of a group can be looked up by the integers of an
    example. In a lifted function all rows of a table must have one length.

    Args:
        table: a list of Values or numbers; or a list of lists, whose rows are then given as lists.
        index: the place of the entry, counted from 0: an integer, or a float without a fraction, as in an array of
            floats; a bool counts as 0 or 1.

    >>> weights = [Value(2.0), Value(3.0)]
    >>> take(weights, 1).data
    3.0
    >>> take([[0.5, 1.0], [1.5, 2.0]], 0)
    [0.5, 1.0]

    Raises:
        TypeError: for a table that is not a list, or an index that is not a number.
        ValueError: for an index that is not an integer, negative, or not less than the length of the table.
    """
    if isinstance(table, str) or not (isinstance(table, Sequence) or hasattr(table, "__array__")):
        raise TypeError(f"the table of take must be a list, got {table!r}")
    if not len(table):
        raise ValueError("the table of take has no entries")
    return _taken(table, index, "the index of take")


def one_hot(index: Index, size: int) -> list[float]:
    """Return a list of numbers that are 0, but 1 at a place: an integer as a vector, for a linear layer.

    Args:
        index: the place of the 1, counted from 0, as in `take`; in a lifted function it may be an input.
        size: how many numbers there are.

    >>> one_hot(2, 4)
    [0.0, 0.0, 1.0, 0.0]

    Raises:
        TypeError: for an index that is not a number, or a size that is not an integer.
        ValueError: for an index that is not an integer, negative, or not less than the size.
    """
    if isinstance(size, bool) or not hasattr(size, "__index__"):
        raise TypeError(f"the size in one_hot must be an integer, got {size!r}")
    if operator.index(size) < 1:
        raise ValueError(f"the size in one_hot must be at least 1, got {size}")
    trace = modes.tracing()
    if trace is not None and isinstance(index, Value) and trace.is_index(index, operator.index(size)):
        return [greater(0.5, abs(index - i)) for i in range(size)]  # type: ignore[misc]  # traced, as the index is
    at = _place(index, operator.index(size), "the index of one_hot")
    return [float(i == at) for i in range(size)]


def _taken(table: Sequence[Any], index: Any, what: str) -> Any:
    """An entry of a table; in a run without numbers it is recorded that the entry is looked up."""
    trace = modes.tracing()
    entry = trace.looked_up(table, index) if trace is not None and isinstance(index, Value) else None
    return table[_place(index, len(table), what)] if entry is None else entry


def _place(index: Any, size: int, what: str) -> int:
    """An index as an int; see `floats.place`."""
    if isinstance(index, Value):
        wanted = f"{what} must be an integer from 0 to {size - 1}, got {index!r}"
        raise TypeError(f"{wanted}; a Value is not one: give the plain integer")
    return place(index, size, what)


# ---------------------------------------------------------------- losses


@overload
def square_error(outputs: Values, targets: Numbers) -> Value: ...
@overload
def square_error(outputs: Floats, targets: Floats) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def square_error(outputs: Numbers, targets: Numbers) -> Value: ...
def square_error(outputs: Numbers, targets: Numbers) -> Any:
    """Return Σ (output - target)², of one output or of several.

    Args:
        outputs: a Value or a number, or several.
        targets: a number for each output.

    >>> square_error([1.0, 2.0], [0.0, 4.0])
    5.0

    Raises:
        ValueError: when there are not as many targets as outputs, or none.
    """
    pairs = _pairs(outputs, targets, "square_error")
    error = _sum([(output - target) ** 2 for output, target in pairs])
    return _marked("square_error", [error], chain.from_iterable(pairs))[0]


@overload
def hinge(scores: Values, labels: Numbers) -> Value: ...
@overload
def hinge(scores: Floats, labels: Floats) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def hinge(scores: Numbers, labels: Numbers) -> Value: ...
def hinge(scores: Numbers, labels: Numbers) -> Any:
    """Return Σ max(0, 1 - label × score), of one score or of several.

    Args:
        scores: a Value or a number, or several.
        labels: 1 or -1 for each score.

    In a lifted program the labels that are inputs are not checked, beyond those that its first call compares.

    >>> hinge(0.25, 1), hinge(0.25, -1)
    (0.75, 1.25)

    Raises:
        ValueError: for a label that is neither 1 nor -1, or not as many labels as scores.
    """
    pairs = _pairs(scores, labels, "hinge")
    for _, label in pairs:
        if not (isinstance(label, Value) and modes.tracing()) and float(label) not in (1.0, -1.0):
            raise ValueError(f"a label of hinge must be 1 or -1, got {label!r}")
    loss = _sum([relu(1 - label * score) for score, label in pairs])
    return _marked("hinge", [loss], chain.from_iterable(pairs))[0]


@overload
def binary_cross_entropy(scores: Values, targets: Numbers) -> Value: ...
@overload
def binary_cross_entropy(scores: Floats, targets: Floats) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def binary_cross_entropy(scores: Numbers, targets: Numbers) -> Value: ...
def binary_cross_entropy(scores: Numbers, targets: Numbers) -> Any:
    """Return -Σ (t log p + (1 - t) log(1 - p)) where p = sigmoid(score), of one score or of several.

    Args:
        scores: a Value or a number, or several.
        targets: for each score 1 for yes or 0 for no; or the probability of yes.

    The scores are any numbers, not probabilities: the sigmoid is a part of it. They come from a linear layer; scores
    whose range is bounded are a `BoundedScores` warning, as in `cross_entropy`. A loss with one score s is
    cross_entropy([0, s], [1 - t, t]).

    What has the probability 0 costs nothing, whatever the score. In a lifted program the targets that are inputs are
    not checked, beyond those that its first call compares.

    >>> round(binary_cross_entropy(0.0, 1), 6), binary_cross_entropy(-1000.0, 1), binary_cross_entropy(1000.0, 1)
    (0.693147, 1000.0, 0.0)

    Raises:
        ValueError: for a target that is not from 0 to 1, or not as many targets as scores.
    """
    pairs = _pairs(scores, targets, "binary_cross_entropy")
    _warn_of_bounds([score for score, _ in pairs], "binary_cross_entropy", "sigmoid")
    terms = []
    for score, target in pairs:
        if not (isinstance(target, Value) and modes.tracing()) and not 0 <= float(target) <= 1:
            raise ValueError(f"a target of binary_cross_entropy must be from 0 to 1, got {target!r}")
        if isinstance(target, Value) or 0 < target < 1:
            terms.append(_weighted(target, softplus(-score)) + _weighted(1 - target, softplus(score)))
        else:
            terms.append(softplus(-score if target else score))
    return _marked("binary_cross_entropy", [_sum(terms)], chain.from_iterable(pairs))[0]


@overload
def cross_entropy(scores: Iterable[Value], target: Index | Iterable[Number]) -> Value: ...
@overload
def cross_entropy(scores: Iterable[float], target: Index | Iterable[float]) -> float: ...  # type: ignore[overload-overlap]  # floats alone: a float
@overload
def cross_entropy(scores: Iterable[Number], target: Index | Iterable[Number]) -> Value: ...
def cross_entropy(scores: Iterable[Number], target: Index | Iterable[Number]) -> Any:
    """Return -Σ p log softmax(scores), the negative log likelihood of a class or of a distribution over classes.

    Args:
        scores: a Value or a number for each class.
        target: the class, counted from 0; or p, a probability for each class. In a lifted function the class may be
            an input, as the labels of the examples are.

    The scores are any numbers, not probabilities: the softmax is a part of it. They come from a linear layer.
    Where each is the result of an operation whose range is bounded, such as sigmoid or tanh, or of a softmax, also of
    one that is written by hand, no class can become certain and the loss cannot reach 0: that is a `BoundedScores`
    warning. What is computed from such results, as 30 * tanh(x) or by a Dropout, is not warned of: its bounds may be
    wide enough.

    A class of probability 0 costs nothing, whatever its score: 0 log 0 is 0. A class that is possible and has the
    score -inf costs inf.

    >>> cross_entropy([0.0, 1000.0], 0)
    1000.0
    >>> right, wrong = cross_entropy([0.0, 1000.0], 1), cross_entropy(softmax([0.0, 1000.0]), 1)
    >>> abs(right), round(wrong, 6)  # with the softmax taken twice, a right answer costs this at least
    (0.0, 0.313262)
    >>> round(cross_entropy([1.0, 1.0], [0.25, 0.75]), 6)
    0.693147
    >>> from math import inf
    >>> round(cross_entropy([1.0, 1.0, -inf], [0.25, 0.75, 0.0]), 6), cross_entropy([0.0, -inf], [0.5, 0.5])
    (0.693147, inf)

    Raises:
        TypeError: for a class that is not a number.
        ValueError: for a class that is not an integer or out of range, not one probability for each score, or plain
            numbers that are not a distribution: one is negative, or their sum is not 1 within 1e-6.
    """
    terms = _several(scores, "cross_entropy")
    if len(terms) > 1:  # a single class is certain
        _warn_of_bounds(terms, "cross_entropy", "softmax")
    target = held_by(target)
    if isinstance(target, Iterable):
        pairs = _pairs(log_softmax(terms), target, "cross_entropy")
        _refuse_no_distribution([p for _, p in pairs])
        entropy = -_sum([p * x if isinstance(p, float) and p != 0 else _weighted(p, x) for x, p in pairs])
        return _marked("cross_entropy", [entropy], [*terms, *(p for _, p in pairs)])[0]
    return _marked("cross_entropy", [-_taken(log_softmax(terms), target, "the class in cross_entropy")], terms)[0]


def _refuse_no_distribution(probabilities: list[Any]) -> None:
    """Raise an error for plain numbers that are no distribution; what takes part in operations is not checked."""
    if not all(isinstance(p, float) for p in probabilities):
        return
    if min(probabilities) < 0 or not abs(fsum(probabilities) - 1) <= 1e-6:  # `not` is for nan
        shown = ", ".join(f"{p:.6g}" for p in probabilities[:8]) + (", ..." if len(probabilities) > 8 else "")
        raise ValueError(
            "the probabilities in cross_entropy must be at least 0 and have the sum 1, for one example; "
            f"got [{shown}]; a class may be given as its number"
        )


class BoundedScores(UserWarning):
    """The scores of a cross-entropy stay within bounds, so that no class can become certain."""


def _warn_of_bounds(scores: Sequence[Any], loss: str, part: str) -> None:
    """Warn of scores that all stay within bounds, apart from constants."""
    names: set[str] = set()
    terms_of: dict[Any, set[Any]] = {}
    for score in scores:
        if isinstance(score, float | Constant):
            continue
        name = _bound_of(score, terms_of)
        if name is None:
            return
        names.add(name)
    if names:
        modes.warn_caller(
            f"the scores of {loss} are results of {' and '.join(sorted(names))} and so stay within bounds: no "
            "class can become certain, and the loss cannot reach 0. Take the scores from a linear layer, "
            f"activation=None; the {part} is a part of {loss}",
            BoundedScores,
        )


def _bound_of(score: Any, terms_of: dict[Any, set[Any]]) -> str | None:
    """Return the name of what keeps a score within bounds, or None: a bounded operation, or a share.

    A share is one of several positive terms divided by the sum of all of them, so it is from 0 to 1, no matter who
    wrote the formula. The terms are exponentials, as in a softmax, and constants, as the 1 in a sigmoid.
    """
    primitive, _ = _operation_of(score)
    if primitive is not None and primitive.bounded:
        return str(primitive.name)
    numerator, denominator = _quotient(score) or (None, None)
    if denominator is None:
        return None
    if denominator not in terms_of:
        terms_of[denominator] = _positive_terms(denominator)
    terms = terms_of[denominator]
    if _formula(numerator) not in terms:
        return None
    return "sigmoid" if any(isinstance(term, float) for term in terms) else "softmax"


def _operation_of(node: Any) -> tuple[Any, tuple[Any, ...]]:
    """The operation that made a Value, eager or traced, and its operands."""
    trace = modes.tracing()
    if trace is not None:
        return trace.operation_of(node)
    return (node.op, node.args) if isinstance(node, Value) else (None, ())


def _constant(node: Any) -> float | None:
    if isinstance(node, Constant):
        return node._data
    return node if isinstance(node, float) else None


def _quotient(node: Any) -> tuple[Any, Any] | None:
    """The numerator and the denominator of a / b, b ** -1 or a * (1 / b); None for any other operation."""
    primitive, operands = _operation_of(node)
    if primitive is multiply:
        for numerator, factor in (operands, operands[::-1]):
            inverse = _divided(factor)
            if inverse is not None and _constant(inverse[0]) == 1:
                return numerator, inverse[1]
    return _divided(node)


def _divided(node: Any) -> tuple[Any, Any] | None:
    primitive, operands = _operation_of(node)
    if primitive is divide:
        return operands[0], operands[1]
    if primitive is power and _constant(operands[1]) == -1:
        return 1.0, operands[0]
    return None


def _positive_terms(node: Any) -> set[Any]:
    """The terms of a sum of exponentials and positive constants, as formulas; none if it has any other term."""
    terms, pending = set(), [node]
    while pending:
        term = pending.pop()
        primitive, operands = _operation_of(term)
        constant = _constant(term)
        if primitive is add:
            pending += operands
        elif primitive is exp or (constant is not None and constant > 0):
            terms.add(_formula(term))
        elif constant != 0:  # as `sum` starts from it
            return set()
    return terms


def _formula(node: Any, depth: int = 4) -> Any:
    """What a node computes, the same for nodes that apply the same last few operations to the same nodes."""
    constant = _constant(node)
    primitive, operands = _operation_of(node)
    if constant is not None or primitive is None or not depth:
        return node if constant is None else constant
    return primitive, *[_formula(operand, depth - 1) for operand in operands]


# ---------------------------------------------------------------- operands and results

FOREIGN = {  # what other libraries call functions, and what to write instead
    "mse_loss": "square_error(outputs, targets), divided by the number of outputs",
    "nll_loss": "cross_entropy(scores, target), which has the log_softmax in it",
    "binary_cross_entropy_with_logits": "binary_cross_entropy(scores, targets), which has the sigmoid in it",
    "prelu": "leaky_relu(x, slope), where the slope may be a Value",
    "swish": "silu(x)",
    "hinge_loss": "hinge(scores, labels)",
    "embedding": "take(table, index), where the table is a list of lists; or a scalargrad.nn.Embedding",
    "conv2d": "a scalargrad.nn.Convolution(n_channels, n_filters, kernel)",
    "max_pool2d": "a scalargrad.nn.MaxPool(size)",
    "avg_pool2d": "a scalargrad.nn.AveragePool(size)",
    "layer_norm": "a scalargrad.nn.LayerNorm(n_inputs)",
    "rms_norm": "a scalargrad.nn.RMSNorm(n_inputs)",
    "gather": "take(table, index), which is of one example",
    "hinge_embedding_loss": "hinge(scores, labels)",
    "linear": "a scalargrad.nn.Layer(n_inputs, n_outputs, activation=None)",
}


class Outputs(list[Value]):
    """Several Values that were computed together: a list, which says what to do where one Value is needed."""

    if not TYPE_CHECKING:  # pragma: no branch  # an editor marks what a list does not have

        def __getattr__(self, name: str) -> object:
            if name.startswith("__") or not hasattr(Value, name):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise AttributeError(f"{counted(len(self), 'Value')} in a list have no {name}: {_ONE}")

        def _no_number(self, *_other: object) -> NoReturn:
            raise TypeError(f"{counted(len(self), 'Value')} in a list are not a number in arithmetic: {_ONE}")

        __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = _no_number
        __mul__ = __rmul__ = __imul__ = _no_number  # a list would be repeated

        def __add__(self, other: object) -> list[Any]:
            return super().__add__(other) if isinstance(other, list) else self._no_number()

        def __radd__(self, other: object) -> list[Any]:
            return [*other, *self] if isinstance(other, list) else self._no_number()


_ONE = "take one of them, as in outputs[0], or make one Value of them, by a loss or by total(outputs)"


def _several(values: Any, function: str) -> list[Any]:
    """The operands of a function of several numbers."""
    refuse_set(values, f"the operands of {function}")
    try:
        given = iter(values)
    except TypeError:
        raise TypeError(f"{function} takes several numbers, in a list, got {values!r}") from None
    terms = [_one(value, function) for value in given]
    if not terms:
        raise ValueError(f"{function} needs at least one value, got none")
    return terms


def _pairs(outputs: Any, targets: Any, function: str) -> list[tuple[Any, Any]]:
    """The outputs, each with its target."""
    left, right = _one_or_several(outputs, function), _one_or_several(targets, function)
    if len(left) != len(right) or not left:
        raise ValueError(
            f"{function} needs one target for each output, got {counted(len(left), 'output')} and "
            f"{counted(len(right), 'target')}"
        )
    return list(zip(left, right, strict=True))


def _one_or_several(given: Any, function: str) -> list[Any]:
    given = held_by(given)
    refuse_set(given, f"the operands of {function}")
    return [_one(x, function) for x in (given if isinstance(given, Iterable) else [given])]


def _one(given: Any, function: str) -> Any:
    """A Value, or whatever takes part in operations, as it is; a plain number as a float."""
    return given if hasattr(given, "apply_primitive") else number(given, f"an operand of {function}")


def _marked(name: str, results: list[Any], inputs: Iterable[Any]) -> list[Any]:
    """The results, with a mark on those that are Values, for pictures to show the function as a box."""
    values = [result for result in results if isinstance(result, Value)]
    if values:
        leave(values, Mark(name, None, [given for given in inputs if isinstance(given, Value)]))
    return results


def _together(results: list[Any]) -> list[Any]:
    return Outputs(results) if any(isinstance(result, Value) for result in results) else results


def _sum(terms: Sequence[Any]) -> Any:
    is_plain = all(issubclass(kind, Value | float) for kind in set(map(type, terms)))
    return reduce(operator.add if is_plain else add, terms)  # the same, but + is faster than the primitive


def _largest(terms: Sequence[Any]) -> Any:
    """The maximum as a constant: the results do not depend on what is taken out, which must be finite."""
    return _held_finite(reduce(maximum, terms))


# ---------------------------------------------------------------- where else they are known by name

OF_ONE_NUMBER = (leaky_relu, elu, gelu, silu)  # activations of a neuron; functions of a typed expression
OF_A_LAYER = (softmax, log_softmax)  # activations of a whole layer
OF_A_PAIR = (square_error, hinge, binary_cross_entropy)  # functions of a typed expression


if not TYPE_CHECKING:  # pragma: no branch  # an editor marks the names that are not here, which this would hide from it

    def __getattr__(name: str) -> object:
        own = [known for known, held in globals().items() if getattr(held, "__module__", None) == __name__]
        operations = {primitive.name: f"scalargrad.{primitive.name}" for primitive in registered()}
        raise absent(__name__, name, own, operations | FOREIGN)
