"""Functions composed of primitives: softmax and its kin, losses, and what else networks are made of.

Each accepts Values and plain numbers alike, and holds for inputs of ±1000 as for ±1. A score of -inf is one
that is out of the question: it takes no part, and has the probability 0 and the gradient 0.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import chain
from math import sqrt
from typing import Any, SupportsIndex

from .engine.derivatives import hessian as hessian
from .engine.derivatives import hvp as hvp
from .engine.derivatives import jacobian as jacobian
from .engine.derivatives import jvp as jvp
from .engine.floats import held_by, number, refuse_set
from .engine.notes import Mark, leave
from .engine.primitives import _gated, _held_finite, _weighted, add, divide, erfc, exp, greater, log, maximum, relu
from .engine.value import Value

Number = Value | float

# ---------------------------------------------------------------- of one number


def leaky_relu(x: Number, slope: float = 0.01) -> Any:
    """Return x where it is positive, and slope × x elsewhere; the derivative at 0 is the slope.

    With the slope 0, where -inf × 0 would be nan, it is relu.

    >>> leaky_relu(4.0, 0.5), leaky_relu(-4.0, 0.5)
    (4.0, -2.0)
    """
    if not isinstance(slope, Value) and slope == 0:
        return relu(x)
    return x * (slope + (1 - slope) * greater(x, 0.0))


def gelu(x: Number) -> Any:
    """Return x Φ(x), where Φ is the distribution function of the standard normal.

    Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415, in the exact form.

    >>> round(gelu(1.0), 6)
    0.841345
    """
    return _gated(0.5 * x, erfc(-x / sqrt(2)))


# ---------------------------------------------------------------- of several numbers


def mean(values: Iterable[Number]) -> Any:
    """Return the arithmetic mean.

    >>> mean([1.0, 2.0, 6.0])
    3.0

    Raises:
        ValueError: for no values.
    """
    terms = _several(values, "mean")
    return _marked("mean", [_sum(terms) / len(terms)], terms)[0]


def logsumexp(values: Iterable[Number]) -> Any:
    """Return log Σ exp(x), with the largest x taken out of the sum so that nothing overflows.

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


def softmax(values: Iterable[Number]) -> list[Any]:
    """Return exp(x) / Σ exp(x) for each x: positive numbers that sum to 1.

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
    total = _sum(exponentials)
    return _marked("softmax", [divide(exponential, total) for exponential in exponentials], terms)


def log_softmax(values: Iterable[Number]) -> list[Any]:
    """Return log softmax(x) for each x, exact also where the softmax underflows; nan where the softmax is.

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
    return _marked("log_softmax", [x - normaliser for x in shifted], terms)


# ---------------------------------------------------------------- losses


def square_error(outputs: Number | Iterable[Number], targets: Number | Iterable[Number]) -> Any:
    """Return Σ (output - target)², of one output or of several.

    >>> square_error([1.0, 2.0], [0.0, 4.0])
    5.0

    Raises:
        ValueError: when there are not as many targets as outputs, or none.
    """
    pairs = _pairs(outputs, targets, "square_error")
    error = _sum([(output - target) ** 2 for output, target in pairs])
    return _marked("square_error", [error], chain.from_iterable(pairs))[0]


def hinge(scores: Number | Iterable[Number], labels: Number | Iterable[Number]) -> Any:
    """Return Σ max(0, 1 - label × score), of one score or of several; labels are 1 or -1.

    >>> hinge(0.25, 1), hinge(0.25, -1)
    (0.75, 1.25)

    Raises:
        ValueError: for a label that is neither 1 nor -1, or not as many labels as scores.
    """
    pairs = _pairs(scores, labels, "hinge")
    for _, label in pairs:
        if float(label) not in (1.0, -1.0):
            raise ValueError(f"a label of hinge must be 1 or -1, got {label!r}")
    loss = _sum([relu(1 - label * score) for score, label in pairs])
    return _marked("hinge", [loss], chain.from_iterable(pairs))[0]


def cross_entropy(scores: Iterable[Number], target: SupportsIndex | Iterable[Number]) -> Any:
    """Return -Σ p log softmax(scores), where p is a class, counted from 0, or a distribution over them.

    The scores are any numbers, not probabilities: the softmax is part of it. Given what softmax has
    returned, it takes the softmax twice; no answer is then sure, and training stalls without an error.

    A class of probability 0 costs nothing, whatever its score: 0 log 0 is 0. A possible one whose score is
    -inf costs inf.

    >>> cross_entropy([0.0, 1000.0], 0)
    1000.0
    >>> right, wrong = cross_entropy([0.0, 1000.0], 1), cross_entropy(softmax([0.0, 1000.0]), 1)
    >>> abs(right), round(wrong, 6)  # the answer is right, and never costs less than this the wrong way
    (0.0, 0.313262)
    >>> round(cross_entropy([1.0, 1.0], [0.25, 0.75]), 6)
    0.693147
    >>> from math import inf
    >>> round(cross_entropy([1.0, 1.0, -inf], [0.25, 0.75, 0.0]), 6), cross_entropy([0.0, -inf], [0.5, 0.5])
    (0.693147, inf)

    Raises:
        TypeError: for a class that is not an integer.
        ValueError: for a class out of range, or not one probability for each score.
    """
    terms = _several(scores, "cross_entropy")
    target = held_by(target)
    if isinstance(target, Iterable):
        pairs = _pairs(log_softmax(terms), target, "cross_entropy")
        entropy = -_sum([p * x if isinstance(p, float) and p != 0 else _weighted(p, x) for x, p in pairs])
        return _marked("cross_entropy", [entropy], [*terms, *(p for _, p in pairs)])[0]
    if isinstance(target, bool) or not hasattr(target, "__index__"):
        raise TypeError(f"the class in cross_entropy must be an integer, got {target!r}")
    index = operator.index(target)
    if not 0 <= index < len(terms):
        raise ValueError(f"the class in cross_entropy must be from 0 to {len(terms) - 1}, got {index}")
    return _marked("cross_entropy", [-log_softmax(terms)[index]], terms)[0]


def _several(values: Iterable[Number], function: str) -> list[Any]:
    refuse_set(values, f"the operands of {function}")
    terms = [_term(value, function) for value in values]
    if not terms:
        raise ValueError(f"{function} needs at least one value, got none")
    return terms


def _pairs(
    outputs: Number | Iterable[Number], targets: Number | Iterable[Number], function: str
) -> list[tuple[Any, Any]]:
    outputs, targets = held_by(outputs), held_by(targets)
    for given in (outputs, targets):
        refuse_set(given, f"the operands of {function}")
    left = [_term(x, function) for x in (outputs if isinstance(outputs, Iterable) else [outputs])]
    right = [_term(x, function) for x in (targets if isinstance(targets, Iterable) else [targets])]
    if len(left) != len(right) or not left:
        raise ValueError(
            f"{function} needs one target for each output, got {len(left)} outputs and {len(right)} targets"
        )
    return list(zip(left, right, strict=True))


def _term(given: Any, function: str) -> Any:
    """A Value, or whatever takes part in operations, as it is; a plain number as a float."""
    return given if hasattr(given, "apply_primitive") else number(given, f"an operand of {function}")


def _marked(name: str, results: list[Any], inputs: Iterable[Any]) -> list[Any]:
    """The results, with a mark on those that are Values, for pictures to show the function as a box."""
    values = [result for result in results if isinstance(result, Value)]
    if values:
        leave(values, Mark(name, None, [given for given in inputs if isinstance(given, Value)]))
    return results


def _sum(terms: Sequence[Any]) -> Any:
    return reduce(add, terms)


def _largest(terms: Sequence[Any]) -> Any:
    """The maximum as a constant: the results do not depend on what is taken out, which must be finite."""
    return _held_finite(reduce(maximum, terms))


# ---------------------------------------------------------------- where else they are known by name

OF_ONE_NUMBER = (leaky_relu, gelu)  # activations of a neuron; functions of a typed expression
OF_A_LAYER = (softmax, log_softmax)  # activations of a whole layer
OF_A_PAIR = (square_error, hinge)  # functions of a typed expression
