"""Composed functions: textbook values and gradients, to any order, and stable where the textbook overflows.

Each function has its textbook formula beside it, overflow and all. Run on mpmath numbers, of
unbounded exponent, that is the reference for values; run on Duals, for gradients.
"""

from __future__ import annotations

import linecache
import math
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from scalargrad import Value, functional, grad, hessian, lift, nn, no_grad
from scalargrad.engine.graph import topological_order
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.functional import (
    BoundedScores,
    binary_cross_entropy,
    cross_entropy,
    elu,
    gelu,
    hinge,
    leaky_relu,
    log_softmax,
    logsumexp,
    mean,
    one_hot,
    silu,
    softmax,
    square_error,
    take,
    total,
)
from tests.oracle import Dual, dual_functions, precise

TOLERANCE = 1e-14
inf, nan = math.inf, math.nan
TARGETS = (0.25, -1.5, 3.0, 0.0)
LABELS = (1, -1, -1, 1)
ANSWERS = (1, 0, 0.25, 1.0)
WEIGHTS = (0.5, 0.25, 0.25, 0.0)
DISTRIBUTION = "the probabilities in cross_entropy must be at least 0 and have the sum 1, for one example;"

Textbook = Callable[[Mapping[str, Any], Sequence[Any]], list[Any]]


class Composed(NamedTuple):
    """A function of a list to a list, and its textbook formula in the functions of any kind of number."""

    function: Callable[[Sequence[Any]], list[Any]]
    textbook: Textbook


def distribution(count: int) -> list[float]:
    """Probabilities of so many classes, of which the last takes what the others leave."""
    return [*WEIGHTS[: count - 1], 1 - sum(WEIGHTS[: count - 1])]


def textbook_answer(f: Mapping[str, Any], x: Any, target: float) -> Any:
    """The cross-entropy of a yes with the odds exp(x)."""
    return target * f["log1p"](f["exp"](-x)) + (1 - target) * f["log1p"](f["exp"](x))


def textbook_softmax(f: Mapping[str, Any], xs: Sequence[Any]) -> list[Any]:
    total = sum(f["exp"](x) for x in xs)
    return [f["exp"](x) / total for x in xs]


COMPOSED = {
    "softmax": Composed(softmax, textbook_softmax),
    "log_softmax": Composed(log_softmax, lambda f, xs: [f["log"](p) for p in textbook_softmax(f, xs)]),
    "logsumexp": Composed(lambda xs: [logsumexp(xs)], lambda f, xs: [f["log"](sum(f["exp"](x) for x in xs))]),
    "total": Composed(lambda xs: [total(xs)], lambda f, xs: [sum(xs)]),
    "mean": Composed(lambda xs: [mean(xs)], lambda f, xs: [sum(xs) / len(xs)]),
    "square_error": Composed(
        lambda xs: [square_error(xs, TARGETS[: len(xs)])],
        lambda f, xs: [sum((x - target) * (x - target) for x, target in zip(xs, TARGETS, strict=False))],
    ),
    "hinge": Composed(
        lambda xs: [hinge(xs, LABELS[: len(xs)])],
        lambda f, xs: [sum(f["maximum"](0.0, 1 - label * x) for x, label in zip(xs, LABELS, strict=False))],
    ),
    "cross_entropy": Composed(
        lambda xs: [cross_entropy(xs, len(xs) - 1)], lambda f, xs: [-f["log"](textbook_softmax(f, xs)[-1])]
    ),
    "cross_entropy of a distribution": Composed(
        lambda xs: [cross_entropy(xs, distribution(len(xs)))],
        lambda f, xs: [
            -sum(f["log"](p) * w for p, w in zip(textbook_softmax(f, xs), distribution(len(xs)), strict=True))
        ],
    ),
    "binary_cross_entropy": Composed(
        lambda xs: [binary_cross_entropy(xs, ANSWERS[: len(xs)])],
        lambda f, xs: [sum(textbook_answer(f, x, target) for x, target in zip(xs, ANSWERS, strict=False))],
    ),
    "leaky_relu": Composed(
        lambda xs: [leaky_relu(x, 0.125) for x in xs], lambda f, xs: [f["maximum"](x, x * 0.125) for x in xs]
    ),
    "gelu": Composed(
        lambda xs: [gelu(x) for x in xs],
        lambda f, xs: [x * f["erfc"](-x / f["sqrt"](2.0)) / 2 for x in xs],
    ),
    "elu": Composed(
        lambda xs: [elu(x, 0.5) for x in xs],
        lambda f, xs: [f["maximum"](x, 0.0) + 0.5 * f["expm1"](f["minimum"](x, 0.0)) for x in xs],
    ),
    "silu": Composed(lambda xs: [silu(x) for x in xs], lambda f, xs: [x * f["sigmoid"](x) for x in xs]),
}
every_function = pytest.mark.parametrize("name", COMPOSED)

a_few = settings(max_examples=settings().max_examples // 4)


def rows(largest: int) -> st.SearchStrategy[list[float]]:
    """Lists of odd multiples of 1/64: differences are exact, and no kink, at multiples of 1/8, is hit."""
    return st.lists(
        st.integers(-32 * largest, 32 * largest - 1).map(lambda i: (2 * i + 1) / 64), min_size=1, max_size=4
    )


extreme = st.lists(st.sampled_from((1000.0, -1000.0, 970.5, 0.5)) | rows(1000).map(max), min_size=1, max_size=3)


def reference(name: str, xs: Sequence[float], *indices: int) -> list[float]:
    """The textbook's values, or their derivatives in these positions, at 50 digits."""
    textbook = COMPOSED[name].textbook
    with mpmath.workdps(50):
        point = tuple(map(mpf, xs))
        if not indices:
            return list(map(float, textbook(precise, point)))
        orders = tuple(indices.count(i) for i in range(len(xs)))
        outputs = range(len(textbook(precise, point)))
        return [float(mpmath.diff(lambda *at, k=k: textbook(precise, at)[k], point, orders)) for k in outputs]


def close(computed: float, expected: float, scale: float) -> bool:
    return abs(computed - expected) <= TOLERANCE * scale


# ---------------------------------------------------------------- against the textbook


@every_function
def test_values_are_the_textbooks(name: str) -> None:
    """Values are those of the textbook's formula in unbounded arithmetic, for inputs of ±1000 as for ±10.

    The error allowed is that of a rounding of the inputs; of 1 where the textbook takes the logarithm
    of a probability; and of underflow.
    """
    of_one = 1.0 if name.startswith(("log_softmax", "cross_entropy")) else 0.0

    @a_few
    @given(rows(10) | extreme)
    def check(xs: list[float]) -> None:
        changes = [reference(name, xs, j) for j in range(len(xs))]
        for k, (computed, expected) in enumerate(zip(COMPOSED[name].function(xs), reference(name, xs), strict=True)):
            scale = abs(expected) + sum(abs(x * change[k]) for x, change in zip(xs, changes, strict=True))
            assert close(computed, expected, scale + of_one + 1e-300)

    check()


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@every_function
def test_gradients_are_those_of_dual_numbers(name: str) -> None:
    """Each output's gradient is that of the textbook's formula on dual numbers, by `grad` and by `backward`."""

    @given(rows(10))
    def check(xs: list[float]) -> None:
        for j in range(len(xs)):
            duals = COMPOSED[name].textbook(dual_functions, [Dual(x, float(i == j)) for i, x in enumerate(xs)])
            for k, expected in enumerate(duals):
                values = [Value(x) for x in xs]
                output = COMPOSED[name].function(values)[k]
                output.backward()
                assert close(values[j].grad, expected.derivative, expected.magnitude)
                assert close(grad(output, values[j]).data, expected.derivative, expected.magnitude)

    check()


@every_function
def test_gradients_hold_at_a_thousand(name: str) -> None:
    """For inputs of ±1000 gradients are finite, and those of the textbook in unbounded arithmetic."""

    @a_few
    @given(extreme)
    def check(xs: list[float]) -> None:
        values = [Value(x) for x in xs]
        computed = [grad(output, values) for output in COMPOSED[name].function(values)]
        for j in range(len(xs)):
            for gradients, expected in zip(computed, reference(name, xs, j), strict=True):
                assert math.isfinite(gradients[j].data)
                assert close(gradients[j].data, expected, 1 + abs(expected))

    check()


@every_function
def test_second_derivatives(name: str) -> None:
    """Each output's Hessian is that of the textbook in unbounded arithmetic."""

    @a_few
    @given(rows(4).map(lambda xs: xs[:2]))
    def check(xs: list[float]) -> None:
        values = [Value(x) for x in xs]
        computed = [hessian(output, values) for output in COMPOSED[name].function(values)]
        for i in range(len(xs)):
            for j in range(i + 1):
                for matrix, expected in zip(computed, reference(name, xs, i, j), strict=True):
                    assert close(matrix[i][j].data, expected, 1 + abs(expected))

    check()


@every_function
def test_numbers_and_values_agree(name: str) -> None:
    """On plain numbers the result is a float, to the bit that of the same call on Values."""

    @given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=4))
    def check(xs: list[float]) -> None:
        plain = COMPOSED[name].function(xs)
        assert all(type(x) is float for x in plain)
        assert [x.hex() for x in plain] == [x.data.hex() for x in COMPOSED[name].function([Value(x) for x in xs])]

    check()


@every_function
@pytest.mark.parametrize("wrong", [lambda x: 1.001 * x, lambda x: -x, lambda x: 0.0 * x])
def test_comparisons_catch_wrong_values_and_gradients(name: str, wrong: Callable[[Any], Any]) -> None:
    """A function that is off by 0.1%, of the other sign, or zero is seen by both references."""
    xs = [1.25, -0.75]
    values = [Value(x) for x in xs]
    output = wrong(COMPOSED[name].function(values)[0])
    dual = COMPOSED[name].textbook(dual_functions, [Dual(xs[0], 1.0), Dual(xs[1])])[0]
    assert not close(output.data, reference(name, xs)[0], abs(output.data) + 1)
    if dual.derivative:  # the hinge of 1.25 is flat
        assert not close(grad(output, values[0]).data, dual.derivative, dual.magnitude)


# ---------------------------------------------------------------- laws


@given(rows(20), st.integers(-1000, 1000))
def test_softmax_is_invariant_under_shifts(xs: list[float], shift: int) -> None:
    """What is added to all scores changes no probability, nor its logarithm, nor a loss, by a single bit."""
    moved = [x + shift for x in xs]
    assert softmax(moved) == softmax(xs)
    assert log_softmax(moved) == log_softmax(xs)
    assert cross_entropy(moved, 0) == cross_entropy(xs, 0)


@given(rows(1000))
def test_softmax_is_a_distribution(xs: list[float]) -> None:
    """Probabilities are in the order of the scores, from 0 to 1, and sum to 1; their logarithms are log_softmax."""
    probabilities = softmax(xs)
    assert abs(math.fsum(probabilities) - 1) <= 1e-15
    assert all(0 <= p <= 1 for p in probabilities)
    assert [p for _, p in sorted(zip(xs, probabilities, strict=True))] == sorted(probabilities)
    for p, logarithm in zip(probabilities, log_softmax(xs), strict=True):
        assert p < 1e-300 or close(logarithm, math.log(p), 1 + abs(logarithm))


@given(rows(1000), st.data())
def test_gradient_of_cross_entropy_is_softmax_minus_target(xs: list[float], data: st.DataObject) -> None:
    """∂ cross_entropy / ∂ score is what the softmax says too much, for a class as for a distribution."""
    target = data.draw(st.integers(0, len(xs) - 1))
    scores = [Value(x) for x in xs]
    one_hot = [float(i == target) for i in range(len(xs))]
    spellings: list[Any] = [target, np.int64(target), one_hot]
    for loss in [cross_entropy(scores, spelling) for spelling in spellings]:
        for computed, p, expected in zip(grad(loss, scores), softmax(xs), one_hot, strict=True):
            assert close(computed.data, p - expected, 1)


@given(rows(1000))
def test_gradient_of_logsumexp_is_softmax(xs: list[float]) -> None:
    """∂ logsumexp / ∂ x is the softmax, and logsumexp lies between the maximum and log n above it."""
    values = [Value(x) for x in xs]
    total = logsumexp(values)
    assert max(xs) <= total.data <= max(xs) + math.log(len(xs)) + 1e-12
    assert all(close(g.data, p, p) for g, p in zip(grad(total, values), softmax(xs), strict=True))


@given(st.floats(-30, 30))
def test_gelu_of_x_and_of_minus_x_differ_by_x(x: float) -> None:
    """Φ(x) and Φ(-x) sum to 1, so x Φ(x) + x Φ(-x) = x."""
    assert close(gelu(x) - gelu(-x), x, abs(x) + sys.float_info.min)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=4))
def test_hinge_is_zero_beyond_the_margin_alone(xs: list[float]) -> None:
    """A score on the right side by 1 or more costs nothing and gets no gradient; any other does."""
    scores = [Value(x) for x in xs]
    losses = [hinge(score, 1) for score in scores]
    for x, score, loss in zip(xs, scores, losses, strict=True):
        assert (loss.data == 0) == (x >= 1)
        assert grad(loss, score).data == (0.0 if x >= 1 else -1.0)
    assert close(hinge(scores, [1] * len(xs)).data, math.fsum(loss.data for loss in losses), 400)


def test_derivative_of_leaky_relu_at_its_kink() -> None:
    """At 0 the derivative is the slope."""
    for zero in (0.0, -0.0):
        x = Value(zero)
        assert grad(leaky_relu(x, 0.125), x).data == 0.125
        assert grad(leaky_relu(x), x).data == 0.01
        assert grad(leaky_relu(x, Value(0.125)), x).data == 0.125


def test_derivative_of_elu_at_0() -> None:
    """At 0 the derivative is alpha, 1 unless it is given, and so is the second derivative from there on down."""
    for zero in (0.0, -0.0):
        x, alpha = Value(zero), Value(0.5)
        assert [grad(elu(x), x).data, grad(elu(x, 0.5), x).data, grad(elu(x, alpha), x).data] == [1.0, 0.5, 0.5]
        assert grad(elu(x, alpha), alpha).data == 0.0
    assert elu(-1.5) == math.expm1(-1.5)


@pytest.mark.parametrize("at", [-inf, -1000.0, -1.5, -0.0, 0.0, 1.5, 1000.0, inf])
@pytest.mark.parametrize("slope", [0.25, 1.0, 0.0, -2.0])
def test_a_slope_that_is_learned(at: float, slope: float) -> None:
    """With a Value for its slope leaky_relu is what it is with a number; the slope's gradient is x below 0, else 0."""
    for target in ("numpy", "python"):
        x, learned = Value(at), Value(slope)
        root = leaky_relu(x, learned)
        root.backward()
        expected = leaky_relu(x, slope)
        assert (root.data, x.grad) == (expected.data, grad(expected, x).data)
        assert learned.grad == min(at, 0.0)
        value, gradient = lift(lambda x=x, s=learned: leaky_relu(x, s), [x, learned], target=target).value_and_grad()
        assert (value, list(gradient)) == (root.data, [x.grad, learned.grad])


@given(rows(1000), st.data())
def test_binary_cross_entropy_is_that_of_two_classes(xs: list[float], data: st.DataObject) -> None:
    """It is the cross-entropy of the scores 0 and x; its slope is what the sigmoid says too much."""
    targets = data.draw(st.lists(st.floats(0, 1), min_size=len(xs), max_size=len(xs)))
    scores, classes = [Value(x) for x in xs], [[0.0, x] for x in xs]
    loss = binary_cross_entropy(scores, targets)
    of_classes = [cross_entropy(pair, [1 - t, t]) for pair, t in zip(classes, targets, strict=True)]
    assert close(loss.data, math.fsum(of_classes), len(xs) + loss.data)
    for slope, x, target in zip(grad(loss, scores), xs, targets, strict=True):
        assert close(slope.data, 1 / (1 + math.exp(-x)) - target if x > -700 else -target, 1)


@pytest.mark.parametrize("x", [1000.0, 740.0, 60.0, 36.0])
def test_a_right_answer_costs_what_is_left(x: float) -> None:
    """A right answer that is almost certain costs exp(-x), and not what rounding leaves of a difference."""
    for score, target in ((Value(x), 1), (Value(-x), 0), (Value(x), Value(1.0)), (Value(-x), Value(0.0))):
        loss = binary_cross_entropy(score, target)
        left = math.exp(-x)
        assert loss.data == pytest.approx(left, rel=1e-15)
        assert abs(grad(loss, score).data) == pytest.approx(left, rel=1e-15)


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
def test_scores_that_are_out_of_the_question(function: Callable[[Sequence[Value]], Any]) -> None:
    """A score of -inf takes no part, and gets the gradient 0."""
    xs = [Value(1.0), Value(-math.inf), Value(2.0)]
    without = [Value(1.0), Value(2.0)]
    computed, expected = function(xs), function(without)
    first = computed[0] if isinstance(computed, list) else computed
    assert first.data == (expected[0] if isinstance(expected, list) else expected).data
    assert grad(first, xs[1]).data == 0.0


INFINITE = [  # scores; logsumexp, softmax and log_softmax of them
    ([-inf, -inf], -inf, [nan, nan], [nan, nan]),
    ([inf, 1.0], inf, [nan, 0.0], [nan, -inf]),
    ([inf, inf, -inf], inf, [nan, nan, 0.0], [nan, nan, -inf]),
    ([1.0, -inf], 1.0, [1.0, 0.0], [0.0, -inf]),
    ([1.0, 1.0, -inf], 1.0 + math.log(2), [0.5, 0.5, 0.0], [-math.log(2), -math.log(2), -inf]),
    ([nan, 1.0], nan, [nan, nan], [nan, nan]),
]
ENTROPIES = [  # scores, probabilities; cross_entropy and its gradient in the scores
    (
        [1.0, 2.0, -inf],
        [0.5, 0.5, 0.0],
        math.log1p(math.e) - 0.5,
        [1 / (1 + math.e) - 0.5, 0.5 - 1 / (1 + math.e), 0.0],
    ),
    ([1.0, 1.0, -inf], [0.5, 0.0, 0.5], inf, [0.0, 0.5, -0.5]),
    ([0.0, -inf], [1.0, 0.0], 0.0, [0.0, 0.0]),
    ([nan, 0.0], [1.0, 0.0], nan, [nan, nan]),
]


def alike(computed: Any, expected: Any) -> bool:
    return bool(np.allclose(computed, expected, rtol=1e-14, atol=1e-15, equal_nan=True))


def by_every_way(function: Callable[..., Any], *rows: list[float]) -> Iterator[tuple[float, list[float]]]:
    """The value and gradient of a function of rows in the numbers of the first: eager and lifted, on both targets."""
    values = [Value(x) for x in rows[0]]
    root = function(values, *rows[1:])
    root.backward()
    yield root.data, [value.grad for value in values]
    yield root.data, [slope.data for slope in grad(root, values)]
    for target in ("numpy", "python"):
        for batch in ([rows[1:]], [rows[1:]] * 3) if len(rows) > 1 else ([()],):
            lifted: Any = lift(lambda *given: function(values, *given), values, target=target)
            value, gradient = lifted.value_and_grad(*map(list, zip(*batch, strict=True)))
            yield float(value), list(gradient)
            if batch[0]:
                assert alike(lifted(*map(list, zip(*batch, strict=True))), [root.data] * len(batch))


@pytest.mark.parametrize(("scores", "total", "shares", "logarithms"), INFINITE)
def test_infinite_scores(scores: list[float], total: float, shares: list[float], logarithms: list[float]) -> None:
    """Where scores are infinite each function has its limit, nan where there is none, eager and lifted."""
    assert alike(logsumexp(scores), total)
    assert alike(softmax(scores), shares)
    assert alike(log_softmax(scores), logarithms)
    for value, gradient in by_every_way(logsumexp, scores):
        assert alike(value, total)
        assert alike(gradient, shares)
    for i, share in enumerate(shares):
        for value, _ in by_every_way(lambda values, i=i: softmax(values)[i], scores):
            assert alike(value, share)
        for value, _ in by_every_way(lambda values, i=i: log_softmax(values)[i], scores):
            assert alike(value, logarithms[i])


@pytest.mark.parametrize(("scores", "probabilities", "entropy", "slopes"), ENTROPIES)
def test_classes_that_are_out_of_the_question(
    scores: list[float], probabilities: list[float], entropy: float, slopes: list[float]
) -> None:
    """0 log 0 is 0: what cannot be costs nothing where it need not be, and inf where it should; eager and lifted."""
    assert alike(cross_entropy(scores, probabilities), entropy)
    for value, gradient in by_every_way(lambda values: cross_entropy(values, probabilities), scores):
        assert alike(value, entropy)
        assert alike(gradient, slopes)
    for value, gradient in by_every_way(cross_entropy, scores, probabilities):
        assert alike(value, entropy)
        assert alike(gradient, slopes)


def test_the_slope_in_a_probability_of_0() -> None:
    """The slope of the cross entropy in a probability is -log softmax, also where that is 0, or infinite."""
    probabilities = [Value(0.5), Value(0.5), Value(0.0)]
    for scores in ([1.0, 2.0, 0.5], [1.0, 2.0, -inf]):
        slopes = grad(cross_entropy(scores, probabilities), probabilities)
        assert [slope.data for slope in slopes] == [-x for x in log_softmax(scores)]


def test_what_infinite_scores_break_is_seen() -> None:
    """Negative control: the formulas as they stand in a book, and 0 × log 0 as IEEE has it, are nan there."""
    largest = Value(-inf)
    assert math.isnan((largest + (Value(-inf) - largest).exp().log()).data)
    assert math.isnan((Value(0.0) * log_softmax([1.0, -inf])[1]).data)
    assert not alike([nan, 1.0], [0.0, 1.0])
    assert not alike([inf], [-inf])


@pytest.mark.parametrize(
    ("function", "below", "above"),  # value, first and second derivative at -inf and inf
    [
        (leaky_relu, (-inf, 0.01, 0.0), (inf, 1.0, 0.0)),
        (lambda x: leaky_relu(x, 0.0), (0.0, 0.0, 0.0), (inf, 1.0, 0.0)),
        (lambda x: leaky_relu(x, 0), (0.0, 0.0, 0.0), (inf, 1.0, 0.0)),
        (gelu, (0.0, 0.0, 0.0), (inf, 1.0, 0.0)),
        (silu, (0.0, 0.0, 0.0), (inf, 1.0, 0.0)),
        (elu, (-1.0, 0.0, 0.0), (inf, 1.0, 0.0)),
        (lambda x: binary_cross_entropy(x, 1), (inf, -1.0, 0.0), (0.0, 0.0, 0.0)),
        (lambda x: binary_cross_entropy(x, 0), (0.0, 0.0, 0.0), (inf, 1.0, 0.0)),
        (lambda x: binary_cross_entropy(x, 0.25), (inf, -0.25, 0.0), (inf, 0.75, 0.0)),
        (lambda x: logsumexp([x, 0.0]), (0.0, 0.0, 0.0), None),
        (lambda x: mean([x, 0.0]), (-inf, 0.5, 0.0), (inf, 0.5, 0.0)),
        (lambda x: square_error(x, 0.0), (inf, -inf, 2.0), (inf, inf, 2.0)),
        (lambda x: hinge(x, 1), (inf, -1.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_functions_at_infinity(function: Callable[[Any], Any], below: Any, above: Any) -> None:
    """At -inf and inf the value and both derivatives are the limits, eager and lifted."""
    for at, expected in ((-inf, below), (inf, above)):
        if expected is not None:
            x = Value(at)
            first = grad(function(x), x)
            assert (first.data, grad(first, x).data) == expected[1:]
            assert type(function(at)) is float
            for value, (slope,) in by_every_way(lambda values: function(values[0]), [at]):
                assert (value, slope) == expected[:2]
            for target in ("numpy", "python"):
                assert list(lift(lambda x=x: function(x), [x], target=target).hvp([1.0])) == [expected[2]]


def test_a_distribution_may_be_rounded_or_computed() -> None:
    """A sum that is off by less than 1e-6 is rounding; probabilities that are Values, or traced, are not checked."""
    scores = [0.5, 1.0, 2.0]
    thirds = np.full(3, 1 / 3, dtype=np.float32)
    assert cross_entropy(scores, thirds) == pytest.approx(cross_entropy(scores, [1 / 3, 1 / 3, 1 / 3]), rel=1e-6)
    assert cross_entropy(scores, [0.5, 0.5 - 9e-7, 0.0]) == pytest.approx(cross_entropy(scores, [0.5, 0.5, 0.0]), 1e-5)
    free = cross_entropy(scores, [Value(2.0), 0.0, 0.0])
    assert free.data == pytest.approx(2 * cross_entropy(scores, 0))
    w = Value(1.0)
    program = lift(lambda x, t: cross_entropy([w * one for one in x], list(t)), [w], check=False)
    assert float(program([scores], [[2.0, 0.0, 0.0]])[0]) == pytest.approx(free.data)


@pytest.mark.parametrize("kind", [tuple, iter, np.array], ids=["tuple", "iterator", "array"])
def test_any_iterable_will_do(kind: Callable[[list[float]], Any]) -> None:
    """Scores and targets may be lists, tuples, iterators and arrays alike."""
    xs, targets = [1.0, 2.5], [0.25, 0.75]
    assert softmax(kind(xs)) == softmax(xs)
    assert log_softmax(kind(xs)) == log_softmax(xs)
    assert (logsumexp(kind(xs)), mean(kind(xs))) == (logsumexp(xs), mean(xs))
    assert square_error(kind(xs), kind(targets)) == square_error(xs, targets)
    assert hinge(kind(xs), kind([1, -1])) == hinge(xs, [1, -1])
    if kind is not iter:
        assert cross_entropy(kind(xs), kind(targets)) == cross_entropy(xs, targets)


# ---------------------------------------------------------------- losses of lifted functions

LOSSES: dict[str, tuple[Callable[..., Any], list[list[float]]]] = {  # and targets for three examples
    "square_error": (square_error, [[0.5, -1.0], [2.0, 0.0], [0.0, 1.0]]),
    "hinge": (hinge, [[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]),
    "cross_entropy": (cross_entropy, [[0.25, 0.75], [1.0, 0.0], [0.0, 1.0]]),
    "binary_cross_entropy": (binary_cross_entropy, [[0.25, 0.75], [1.0, 0.0], [0.0, 1.0]]),
    "total": (lambda outputs, weights: total(o * w for o, w in zip(outputs, weights, strict=True)), [[1.0, 2.0]] * 3),
    "mean": (lambda outputs, weights: mean([*outputs, *weights]), [[1.0, 2.0]] * 3),
    "logsumexp": (lambda outputs, weights: logsumexp([*outputs, *weights]), [[1.0, 2.0]] * 3),
}
INPUTS = [[1.0, 2.0], [-1.0, 0.5], [0.0, -2.0]]


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_can_be_lifted(name: str, target: str) -> None:
    """A loss of outputs and targets, both different in each example, is lifted: its values and gradient are eager's."""
    loss, targets = LOSSES[name]
    model = nn.MLP(2, [3, 2], "tanh", rng=0)
    program: Any = lift(lambda x, y: loss(model.outputs(x), y), model.parameters(), target=target)
    losses = [loss(model.outputs(x), y) for x, y in zip(INPUTS, targets, strict=True)]
    assert list(program(INPUTS, targets)) == pytest.approx([value.data for value in losses], rel=1e-12)
    value, gradient = program.value_and_grad(INPUTS, targets)
    average = mean(losses)
    average.backward()
    assert value == pytest.approx(average.data, rel=1e-12)
    assert list(gradient) == pytest.approx([parameter.grad for parameter in model.parameters()], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("loss", "labels"), [(hinge, [1, -1, 1]), (binary_cross_entropy, [1, 0, 0])])
def test_labels_of_single_scores_are_data(loss: Callable[..., Any], labels: list[int]) -> None:
    """The label of one score is an input of the lifted program, an integer for each example: it is not frozen."""
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    program = lift(lambda x, y: loss(model.output(x), y), model.parameters())
    for ys in (labels, labels[::-1]):
        expected = [loss(model.output(x), y).data for x, y in zip(INPUTS, ys, strict=True)]
        assert list(program(INPUTS, ys)) == pytest.approx(expected, rel=1e-12)


def test_a_class_is_an_input_of_a_lifted_cross_entropy() -> None:
    """The class of each example is an input of the lifted program, which computes what a distribution gives."""
    model = nn.MLP(2, [3, 2], "tanh", rng=0)
    program = lift(lambda x, y: cross_entropy(model(x), y), model.parameters())
    for classes in ([1, 0, 1], [0, 0, 1]):  # nothing is frozen
        expected = [cross_entropy(model(x), y).data for x, y in zip(INPUTS, classes, strict=True)]
        assert list(program(INPUTS, classes)) == pytest.approx(expected, rel=1e-12)
        distributions = [one_hot(y, 2) for y in classes]
        assert list(program(INPUTS, distributions)) == pytest.approx(expected, rel=1e-12)
        gradient, of_distributions = (program.value_and_grad(INPUTS, given)[1] for given in (classes, distributions))
        assert list(gradient) == pytest.approx(list(of_distributions), rel=1e-12, abs=1e-15)


def test_a_lifted_binary_cross_entropy_meets_a_wrong_target() -> None:
    """Targets of 1 and -1 are refused when the program is called for the first time."""
    w = Value(0.5)
    program: Any = lift(lambda x, y: binary_cross_entropy(w * x, y), [w])
    with pytest.raises(ValueError, match=r"a target of binary_cross_entropy must be from 0 to 1, got Value\(data=-1"):
        program([1.0, 2.0], [1.0, -1.0])


def test_a_lifted_hinge_meets_a_wrong_label() -> None:
    """Labels of 0 and 1 are refused when the program is called for the first time, though it cannot look at them."""
    w = Value(0.5)
    program: Any = lift(lambda x, y: hinge(w * x, y), [w])
    with pytest.raises(ValueError, match=r"a label of hinge must be 1 or -1, got Value\(data=0\.0\)"):
        program([1.0, 2.0], [0.0, 1.0])


# ---------------------------------------------------------------- scores that stay within bounds

Scores = Callable[[Sequence[Any]], Sequence[Any]]


def written_out(xs: Sequence[Any]) -> list[Any]:
    """A softmax as a student writes it."""
    exponentials = [x.exp() for x in xs]
    denominator = sum(exponentials)
    return [e / denominator for e in exponentials]


def in_another_order(xs: Sequence[Any]) -> list[Any]:
    exponentials = [x.exp() for x in xs]
    denominator = exponentials[0] + (exponentials[1] + exponentials[2])
    return [e / denominator for e in exponentials]


def over_a_long_sum(xs: Sequence[Any]) -> list[Any]:
    exponentials = [x.exp() for x in xs]
    denominator = total(exponentials * 3)
    return [e / denominator for e in exponentials]


def shifted(xs: Sequence[Any]) -> list[Any]:
    """A softmax that computes all anew for each score."""
    return [((a - xs[0]) / 2).exp() / sum(((b - xs[0]) / 2).exp() for b in xs) for a in xs]


def by_hand(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


BOUNDED: dict[str, Scores] = {
    **{
        primitive.name: lambda xs, primitive=primitive: [primitive(x) for x in xs]  # type: ignore[misc]
        for primitive in BUILT_IN
        if primitive.bounded and primitive.arity == 1
    },
    "two of them": lambda xs: [xs[0].tanh(), xs[1].sigmoid(), xs[2].sin()],
    "and a constant": lambda xs: [0.0, xs[0].tanh()],
    "a layer": nn.Layer(3, 2, "sigmoid", rng=0),
    "a network": nn.MLP(3, [4, 2], "relu", "tanh", rng=0),
}
SOFTMAX: dict[str, Scores] = {
    "softmax": softmax,
    "a softmax layer": nn.Layer(3, 3, "softmax", rng=0),
    "written out": written_out,
    "in another order": in_another_order,
    "in a long sum": over_a_long_sum,
    "each with its sum": lambda xs: [a.exp() / sum(b.exp() for b in xs) for a in xs],
    "shifted": shifted,
    "times the inverse": lambda xs: [e * (1 / total([x.exp() for x in xs])) for e in [x.exp() for x in xs]],
    "the inverse times": lambda xs: [total([x.exp() for x in xs]) ** -1 * e for e in [x.exp() for x in xs]],
    "not divided by 0": lambda xs: [e / (total([x.exp() for x in xs]) + 1e-9) for e in [x.exp() for x in xs]],
    "a sigmoid by hand": lambda xs: [by_hand(x) for x in xs],
    "the odds over 1 and the odds": lambda xs: [x.exp() / (x.exp() + 1) for x in xs],
    "a sigmoid by a power": lambda xs: [(1 + (-x).exp()) ** -1 for x in xs],
    "one of each": lambda xs: [xs[0].tanh(), by_hand(xs[1]), softmax(xs)[2]],
}
HEALTHY: dict[str, Scores] = {
    "leaves": lambda xs: xs,
    "linear": lambda xs: [2 * x + 1 for x in xs],
    "a network": nn.MLP(3, [4, 3], "tanh", rng=0),
    "a residual": lambda xs: [x + x.tanh() for x in xs],
    "a bound that is learned": lambda xs: [xs[0] * x.tanh() for x in xs],
    "a wide bound": lambda xs: [30 * (x / 30).tanh() for x in xs],
    "one without a bound": lambda xs: [xs[0].tanh(), xs[1].sigmoid(), xs[2]],
    "relu": lambda xs: [x.relu() for x in xs],
    "attention": lambda xs: [total(p * x for p, x in zip(softmax(xs), xs, strict=True)), xs[0]],
    "the logarithm of a softmax": log_softmax,
    "an exponential over another sum": lambda xs: [x.exp() / (xs[0].exp() + xs[1].exp()) for x in xs],
    "a number over its sum": lambda xs: [x / total(xs) for x in xs],
    "an exponential over a product": lambda xs: [x.exp() / (xs[0].exp() * xs[1].exp() * xs[2].exp()) for x in xs],
    "a single class": lambda xs: softmax(xs[:1]),
    "a single sigmoid": lambda xs: [xs[0].sigmoid()],
    "a softmax that is scaled": lambda xs: [30 * p for p in softmax(xs)],
    "an exponential over a difference": lambda xs: [x.exp() / (total([x.exp() for x in xs]) - 1) for x in xs],
    "an exponential over a sum with a negative number": lambda xs: [e / (e + 1 + -2) for e in [x.exp() for x in xs]],
    "an exponential over a sum with a leaf": lambda xs: [e / (e + xs[0]) for e in [x.exp() for x in xs]],
    "an exponential over other formulas": lambda xs: [(a * 2).exp() / sum((b * 3).exp() for b in xs) for a in xs],
    "another number over the sum": lambda xs: [-2 / (1 + (-x).exp()) for x in xs],
    "a power": lambda xs: [(1 + (-x).exp()) ** -0.5 * 30 for x in xs],
    "two over twice": lambda xs: [x.exp() * (2 / total([x.exp() for x in xs])) for x in xs],
    "temperature": lambda xs: [x / 2.0 for x in xs],
    "a quotient and a constant": lambda xs: [0.0, xs[0].exp() / xs[1].exp()],
    "a quotient and a leaf": lambda xs: [xs[0].exp() / xs[0].exp(), xs[1]],
}


def warnings_of(scores: Scores, xs: Sequence[Any]) -> list[warnings.WarningMessage]:
    """The warnings of a cross-entropy of such scores."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_entropy(scores(xs), 0)
    return caught


def lifted_warnings_of(scores: Scores) -> list[warnings.WarningMessage]:
    """The warnings of the first call of a lifted cross-entropy."""
    w = Value(1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lift(lambda xs: cross_entropy(scores([w * x for x in xs]), 0), [w], check=False)([[0.5, -0.25, 1.0]])
    return caught


@pytest.mark.parametrize("scores", (BOUNDED | SOFTMAX).values(), ids=BOUNDED | SOFTMAX)
def test_scores_within_bounds_are_warned_of_at_the_users_line(scores: Scores) -> None:
    """A cross-entropy of sigmoids, or of a softmax, can never reach 0: that is a warning, eager and while tracing."""
    eager = warnings_of(scores, [Value(0.5), Value(-0.25), Value(1.0)])
    for caught, function in ((eager, warnings_of), (lifted_warnings_of(scores), lifted_warnings_of)):
        assert {warning.category for warning in caught} == {BoundedScores}
        assert {warning.filename for warning in caught} == {__file__}
        line = linecache.getline(__file__, caught[0].lineno)
        assert "cross_entropy(scores(" in line
        assert function.__code__.co_firstlineno < caught[0].lineno
    assert str(eager[0].message).startswith("the scores of cross_entropy are results of ")


def test_code_without_a_name_is_warned() -> None:
    """Code that is executed in an empty namespace gets the warning, too."""
    code = "from scalargrad import Value, cross_entropy, softmax\ncross_entropy(softmax([Value(1.0), Value(2.0)]), 0)"
    with pytest.warns(BoundedScores, match="softmax"):
        exec(code, {})  # noqa: S102  # as a notebook or a course's own runner does


def test_a_binary_cross_entropy_of_a_sigmoid_is_warned_of() -> None:
    """The sigmoid is a part of binary_cross_entropy: its result for a score is a warning that says so."""
    model = nn.MLP(2, [3, 1], "tanh", output="sigmoid", rng=0)
    program: Any = lift(lambda x, y: binary_cross_entropy(model(x), y), model.parameters())
    message = r"the scores of binary_cross_entropy are results of sigmoid .*; the sigmoid is a part of binary_cross_ent"
    with pytest.warns(BoundedScores, match=message):
        binary_cross_entropy(model([1.0, 2.0]), 1)
    with pytest.warns(BoundedScores, match=message):
        program([[1.0, 2.0]], [1.0])
    binary_cross_entropy(nn.MLP(2, [3, 1], "tanh", rng=0)([1.0, 2.0]), 1)  # no warning, which would be an error


@pytest.mark.parametrize("how", SOFTMAX)
def test_a_binary_cross_entropy_of_a_softmax_is_warned_of(how: str) -> None:
    """So is that of a softmax, and of a sigmoid that is written by hand, eager and while tracing."""
    w = Value(1.0)
    message = (
        "the scores of binary_cross_entropy are results of (softmax|sigmoid|sigmoid and softmax|.* and tanh) and so"
    )
    with pytest.warns(BoundedScores, match=message):
        binary_cross_entropy(SOFTMAX[how]([Value(0.5), Value(-0.25), Value(1.0)]), [1, 0, 0])
    program: Any = lift(lambda xs: binary_cross_entropy(SOFTMAX[how]([w * x for x in xs]), [1, 0, 0]), [w], check=False)
    with pytest.warns(BoundedScores, match=message):
        program([[0.5, -0.25, 1.0]])


@pytest.mark.parametrize("scores", HEALTHY.values(), ids=HEALTHY)
def test_healthy_scores_are_not_warned_of(scores: Scores) -> None:
    """No warning for scores that can grow, whatever squashes come before them."""
    assert warnings_of(scores, [Value(0.5), Value(-0.25), Value(1.0)]) == []
    assert lifted_warnings_of(scores) == []


@given(st.lists(st.sampled_from(["relu", "tanh", "sigmoid", "softmax", None]), max_size=3), st.booleans(), st.data())
def test_no_network_with_a_linear_head_is_warned_of(hidden: list[Any], residual: bool, data: st.DataObject) -> None:
    """Whatever the hidden layers are, with residual connections or without, a linear last layer is never warned of."""
    width = data.draw(st.integers(2, 3))
    layers = [nn.Layer(width, width, activation, rng=i) for i, activation in enumerate(hidden)]
    head = nn.Layer(width, width, None, rng=9)
    row: list[Any] = [Value(x) for x in data.draw(st.lists(st.floats(-2, 2), min_size=width, max_size=width))]
    for layer in layers:
        outputs = layer.outputs(row)
        row = [x + y for x, y in zip(row, outputs, strict=True)] if residual else outputs
    assert warnings_of(head.outputs, row) == []


def test_what_is_not_recorded_is_not_warned_of() -> None:
    """Without recording, and for plain numbers, nothing tells where scores come from."""
    with no_grad():
        assert warnings_of(BOUNDED["tanh"], [Value(0.5), Value(1.0)]) == []
    assert warnings_of(softmax, [0.5, 1.0]) == []


# ---------------------------------------------------------------- several outputs, and names of other libraries


def test_a_list_of_outputs_says_what_it_cannot_do() -> None:
    """`backward` and the like of a list of Values say to take one of them, or to make one Value of them."""
    outputs: Any = softmax([Value(1.0), Value(2.0)])
    for name in ("backward", "data", "grad", "exp"):
        with pytest.raises(AttributeError, match=rf"2 Values in a list have no {name}: take one .*total\(outputs\)"):
            getattr(outputs, name)
    with pytest.raises(AttributeError, match="'Outputs' object has no attribute 'shape'"):
        outputs.shape  # noqa: B018  # reading it is the test
    assert not hasattr(outputs, "__array__")
    calculations: list[Callable[[], object]] = [
        *(lambda: outputs - 1.0, lambda: 1.0 - outputs, lambda: outputs / 2, lambda: 2 / outputs, lambda: outputs**2),
        *(lambda: 2**outputs, lambda: -outputs, lambda: abs(outputs), lambda: 2 * outputs, lambda: outputs * 0.5),
        *(lambda: outputs + 1, lambda: 1 + outputs, lambda: outputs - outputs, lambda: sum([outputs])),
    ]
    for calculation in calculations:
        with pytest.raises(TypeError, match=r"2 Values in a list are not a number in arithmetic: take one .*"):
            calculation()
    assert outputs + [outputs[0]] == [*outputs, outputs[0]]  # noqa: RUF005  # adding lists is the test
    assert [1.0, *outputs] == [1.0] + outputs  # noqa: RUF005
    again = pickle.loads(pickle.dumps(outputs))
    assert [value.data for value in again] == [value.data for value in outputs]
    assert repr(outputs[:1]) == repr(list(outputs)[:1])
    assert type(softmax([1.0])) is list


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mse_loss", r"has no mse_loss: write square_error\(outputs, targets\)"),
        ("binary_cross_entropy_with_logits", r"has no .*: write binary_cross_entropy\(scores, targets\), which has"),
        ("prelu", r"has no prelu: write leaky_relu\(x, slope\)"),
        ("linear", "has no linear: write a scalargrad.nn.Layer"),
        ("tanh", "has no tanh: write scalargrad.tanh"),
        ("softmux", r"^module 'scalargrad.functional' has no attribute 'softmux': did you mean softmax\?$"),
        ("tokenizer", "^module 'scalargrad.functional' has no attribute 'tokenizer'$"),
    ],
)
def test_names_of_other_libraries(name: str, message: str) -> None:
    """A function that is called otherwise here is named in the error."""
    with pytest.raises(AttributeError, match=message):
        getattr(functional, name)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6))
def test_total_is_the_sum_without_its_zero(xs: list[float]) -> None:
    """`total` adds from first to last, as `sum` does, and its graph has no 0 in it; of one Value it is that Value."""
    values = [Value(x) for x in xs]
    result = total(values)
    assert result.data == total(xs) == sum(xs[1:], xs[0])
    assert len(topological_order(result)) == 2 * len(xs) - 1
    assert total(values[:1]) is values[0]
    assert [slope.data for slope in grad(result, values)] == [1.0] * len(xs)


# ---------------------------------------------------------------- bad input


SEVERAL = [total, mean, logsumexp, softmax, log_softmax]
ORDER = "must have an order, which a set does not have: make it a list"
NONE = "needs at least one value, got none"
LIST = "takes several numbers, in a list, got"
EACH = "needs one target for each output, got"


@pytest.mark.parametrize(
    ("function", "arguments", "error", "message"),
    [
        (mean, ([],), ValueError, f"mean {NONE}"),
        *((function, (3.0,), TypeError, f"{function.__name__} {LIST} 3.0") for function in SEVERAL),
        (softmax, (Value(1.0),), TypeError, f"softmax {LIST} Value(data=1.0)"),
        (
            cross_entropy,
            (Value(1.0), 0),
            TypeError,
            f"cross_entropy {LIST} Value(data=1.0)",
        ),
        (gelu, ([1.0, 2.0],), TypeError, "an operand of gelu must be a real number, got [1.0, 2.0] of type list"),
        (leaky_relu, ("1",), TypeError, "an operand of leaky_relu must be a real number, got '1' of type str"),
        (leaky_relu, (1.0, [2.0]), TypeError, "an operand of leaky_relu must be a real number, got [2.0] of type list"),
        (total, ([],), ValueError, f"total {NONE}"),
        (softmax, ([],), ValueError, f"softmax {NONE}"),
        (log_softmax, ([],), ValueError, f"log_softmax {NONE}"),
        (logsumexp, ([],), ValueError, f"logsumexp {NONE}"),
        (cross_entropy, ([], 0), ValueError, f"cross_entropy {NONE}"),
        (square_error, ([], []), ValueError, f"square_error {EACH} 0 outputs and 0 targets"),
        (square_error, ([1.0], [1.0, 2.0]), ValueError, f"square_error {EACH} 1 output and 2 targets"),
        (square_error, (1.0, [1.0, 2.0]), ValueError, f"square_error {EACH} 1 output and 2 targets"),
        (hinge, ([1.0, 2.0], [1]), ValueError, f"hinge {EACH} 2 outputs and 1 target"),
        (hinge, (0.5, 0), ValueError, "a label of hinge must be 1 or -1, got 0"),
        (hinge, ([0.5, 1.0], [1, 2]), ValueError, "a label of hinge must be 1 or -1, got 2"),
        (
            binary_cross_entropy,
            (0.5, -1),
            ValueError,
            "a target of binary_cross_entropy must be from 0 to 1, got -1",
        ),
        (binary_cross_entropy, (0.5, 1.5), ValueError, "a target of binary_cross_entropy must be from 0 to 1, got 1.5"),
        (binary_cross_entropy, (0.5, nan), ValueError, "a target of binary_cross_entropy must be from 0 to 1, got nan"),
        (binary_cross_entropy, ([0.5], [1, 0]), ValueError, f"binary_cross_entropy {EACH} 1 output and 2 targets"),
        (elu, ("1",), TypeError, "an operand of elu must be a real number, got '1' of type str"),
        (elu, (1.0, None), TypeError, "an operand of elu must be a real number, got None of type NoneType"),
        (silu, ([1.0],), TypeError, "an operand of silu must be a real number, got [1.0] of type list"),
        (hinge, (0.5, math.nan), ValueError, "a label of hinge must be 1 or -1, got nan"),
        (
            cross_entropy,
            ([1.0, 2.0], 2),
            ValueError,
            "the class in cross_entropy must be an integer from 0 to 1, got 2",
        ),
        (
            cross_entropy,
            ([1.0, 2.0], -1),
            ValueError,
            "the class in cross_entropy must be an integer from 0 to 1, got -1",
        ),
        (cross_entropy, ([1.0], [0.5, 0.5]), ValueError, f"cross_entropy {EACH} 1 output and 2 targets"),
        (
            cross_entropy,
            ([1.0, 2.0, 3.0], [0, 1, 1]),
            ValueError,
            f"{DISTRIBUTION} got [0, 1, 1]; a class may be given",
        ),
        (cross_entropy, ([1.0, 2.0], [-0.5, 1.5]), ValueError, f"{DISTRIBUTION} got [-0.5, 1.5]"),
        (cross_entropy, ([Value(1.0), 2.0], [0.5, 0.5 + 2e-6]), ValueError, f"{DISTRIBUTION} got [0.5, 0.500002]"),
        (cross_entropy, ([1.0, 2.0], [math.nan, 1.0]), ValueError, f"{DISTRIBUTION} got [nan, 1]"),
        (cross_entropy, ([1.0, 2.0], [math.inf, 0.0]), ValueError, f"{DISTRIBUTION} got [inf, 0]"),
        (cross_entropy, ([1.0] * 9, [1] * 9), ValueError, f"{DISTRIBUTION} got [{'1, ' * 8}...]"),
        (
            cross_entropy,
            ([1.0], True),
            ValueError,
            "the class in cross_entropy must be an integer from 0 to 0, got True",
        ),
        (cross_entropy, ([1.0], 0.5), ValueError, "the class in cross_entropy must be an integer from 0 to 0, got 0.5"),
        (
            cross_entropy,
            ([1.0], None),
            TypeError,
            "the class in cross_entropy must be an integer from 0 to 0, got None",
        ),
        (softmax, (["1"],), TypeError, "an operand of softmax must be a real number, got '1' of type str"),
        (logsumexp, ([1.0, None],), TypeError, "an operand of logsumexp must be a real number, got None"),
        (mean, ([1j],), TypeError, "an operand of mean must be a real number, got 1j of type complex"),
        *((function, ({0.5, 1.5},), TypeError, f"the operands of {function.__name__} {ORDER}") for function in SEVERAL),
        (square_error, ({1.0, 2.0}, [1.0, 2.0]), TypeError, f"the operands of square_error {ORDER}"),
        (square_error, ([1.0, 2.0], frozenset([1.0, 2.0])), TypeError, f"the operands of square_error {ORDER}"),
        (hinge, ([1.0, 2.0], {1, -1}), TypeError, f"the operands of hinge {ORDER}"),
        (cross_entropy, ({1.0, 2.0}, 0), TypeError, f"the operands of cross_entropy {ORDER}"),
        (cross_entropy, ([1.0, 2.0], {0.25, 0.75}), TypeError, f"the operands of cross_entropy {ORDER}"),
        (square_error, (1j, 0), TypeError, "an operand of square_error must be a real number, got 1j of type complex"),
    ],
)
def test_bad_input(function: Any, arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    """What is no real number, or does not fit, is an error that shows it."""
    with pytest.raises(error) as raised:
        function(*arguments)
    assert str(raised.value).startswith(message)


def test_integers_give_floats() -> None:
    """The result for plain numbers is a float, for integers too."""
    for result in (
        square_error(3, 1),
        mean([4]),
        mean([True, False]),
        square_error(True, False),
        hinge(-3, 1),
        gelu(1),
        leaky_relu(1),
        elu(1),
        silu(1),
        binary_cross_entropy(2, 1),
        binary_cross_entropy(True, False),
        logsumexp([3]),
        *softmax([3]),
    ):
        assert type(result) is float


# ---------------------------------------------------------------- look-ups


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=5), st.data())
def test_take_is_the_entry_itself(xs: list[float], data: st.DataObject) -> None:
    """The entry of a list of Values, of numbers or of lists is that very object, for any kind of whole number."""
    index = data.draw(st.integers(0, len(xs) - 1))
    values = [Value(x) for x in xs]
    rows = [[value, 1.0] for value in values]
    spellings: list[Any] = [index, np.int64(index), float(index), np.float32(index)]
    for spelled in [*spellings, *([bool(index)] if index < 2 else [])]:
        assert take(values, spelled) is values[index]
        assert take(rows, spelled) is rows[index]
        assert take(xs, spelled) == xs[index]
        assert one_hot(spelled, len(xs)) == [float(i == index) for i in range(len(xs))]
    table: Any = np.array(xs)
    assert take(table, index) == xs[index]


def test_only_the_entry_that_is_taken_has_a_gradient() -> None:
    """Twice the same entry adds up, and the others get nothing."""
    values = [Value(1.0), Value(2.0), Value(3.0)]
    (take(values, 1) * take(values, 1) + take(values, 2)).backward()
    assert [value.grad for value in values] == [0.0, 4.0, 1.0]


@pytest.mark.parametrize(
    ("ask", "kind", "message"),
    [
        (lambda: take([1.0, 2.0], 2), ValueError, "the index of take must be an integer from 0 to 1, got 2"),
        (lambda: take([1.0, 2.0], -1), ValueError, "the index of take must be an integer from 0 to 1, got -1"),
        (lambda: take([1.0, 2.0], 0.5), ValueError, "the index of take must be an integer from 0 to 1, got 0.5"),
        (lambda: take([1.0, 2.0], math.nan), ValueError, "the index of take must be an integer from 0 to 1, got nan"),
        (lambda: take([1.0, 2.0], math.inf), ValueError, "the index of take must be an integer from 0 to 1, got inf"),
        (lambda: take([1.0, 2.0], np.float64(-0.5)), ValueError, "must be an integer from 0 to 1, got -0.5"),
        (
            lambda: take([1.0, 2.0], Value(1.0)),  # type: ignore[call-overload]
            TypeError,
            r"must be an integer from 0 to 1, got Value\(data=1.0\); a Value is not one: give the plain integer",
        ),
        (lambda: take([], 0), ValueError, "the table of take has no entries"),
        (lambda: take("ab", 0), TypeError, "the table of take must be a list, got 'ab'"),
        (lambda: take({1.0, 2.0}, 0), TypeError, "the table of take must be a list, got {1.0, 2.0}"),  # type: ignore[call-overload]
        (lambda: one_hot(3, 3), ValueError, "the index of one_hot must be an integer from 0 to 2, got 3"),
        (lambda: one_hot(0, 0), ValueError, "the size in one_hot must be at least 1, got 0"),
        (lambda: one_hot(0, 2.0), TypeError, "the size in one_hot must be an integer, got 2.0"),  # type: ignore[arg-type]
        (lambda: one_hot(1.5, 2), ValueError, "the index of one_hot must be an integer from 0 to 1, got 1.5"),
    ],
)
def test_what_is_no_place_is_refused(ask: Callable[[], object], kind: type[Exception], message: str) -> None:
    """A place is an integer from 0 to less than the size."""
    with pytest.raises(kind, match=message):
        ask()


# ---------------------------------------------------------------- lists of lists


def test_flatten_keeps_values_and_their_order() -> None:
    """Lists, tuples, arrays and generators in one another become one list of the same Values and numbers, in order."""
    x, y = Value(1.0), Value(2.0)
    assert functional.flatten([[x, [y]], (3, np.array([[4.0], [5.0]])), (z for z in [6.0]), np.array(7.0)]) == [
        *(x, y),
        *(3.0, 4.0, 5.0, 6.0, 7.0),
    ]
    assert functional.flatten([]) == []
    flat: Any = functional.flatten([[x], [y]])
    assert [value is one for value, one in zip(flat, (x, y), strict=True)] == [True, True]
    with pytest.raises(AttributeError, match="2 Values in a list have no backward"):
        flat.backward()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (2.0, r"flatten takes lists of lists of numbers, got 2\.0"),
        (Value(2.0), "flatten takes lists of lists of numbers, got Value"),
        ("ab", "flatten takes lists of lists of numbers, got 'ab'"),
        ([["ab"]], "an operand of flatten must be a real number, got 'ab'"),
        ([{1.0}], "what flatten takes must have an order, which a set does not have"),
    ],
)
def test_what_flatten_does_not_take(given: Any, message: str) -> None:
    """A single number, text and sets are refused, at any depth."""
    with pytest.raises(TypeError, match=message):
        functional.flatten(given)
