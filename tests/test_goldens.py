"""What the best courses show for backpropagation, with the numbers they print.

Each test is one row of the courses' examples: the expression, then the value and the gradients.
`printed` compares a number with the digits that are printed there, to half a unit of the last.
"""

from __future__ import annotations

import math
import random
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from scalargrad import Value, exp, grad, maximum, sigmoid, softmax, square_error, tanh, total
from scalargrad.nn import (
    LSTM,
    MLP,
    Convolution,
    Dropout,
    Layer,
    Masked,
    MaxPool,
    Neuron,
    Recurrent,
    Residual,
    Sequential,
)
from scalargrad.optim import Adagrad, GradientDescent, MinimizeResult, minimize, restarts


def printed(number: Value | float, digits: str) -> bool:
    """Whether a number, rounded to as many digits as are printed, is what is printed."""
    exponent = Decimal(digits).as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(Decimal(float(number)) - Decimal(digits)) <= Decimal(5).scaleb(exponent - 1)


def gradients(*values: Value) -> list[float]:
    return [value.grad for value in values]


def test_printed_sees_the_last_digit() -> None:
    """A number that would be printed otherwise in the last digit is not what is printed."""
    assert printed(0.0605, "0.0605")
    assert printed(0.06046, "0.0605")
    assert not printed(0.06044, "0.0605")
    assert not printed(4.53e-5, "4.54e-5")
    assert not printed(-0.1966, "0.1966")


def test_01_circuit() -> None:
    """CS231n's first circuit, (x + y) z: the chain rule through two gates."""
    x, y, z = Value(-2), Value(5), Value(-4)
    q = x + y
    f = q * z
    f.backward()
    assert (q.data, f.data) == (3, -12)
    assert gradients(x, y, z) == [-4, -4, 3]


def neuron_inputs() -> list[Value]:
    return [Value(number) for number in (2, -1, -3, -2, -3)]  # w0, x0, w1, x1, w2


NEURON_GRADIENTS = ["-0.1966", "0.3932", "-0.3932", "-0.5898", "0.1966"]


def test_02_sigmoid_neuron_of_gates() -> None:
    """CS231n's sigmoid neuron, with the sigmoid built from multiplication, exponential, addition and division."""
    w0, x0, w1, x1, w2 = inputs = neuron_inputs()
    z = w0 * x0 + w1 * x1 + w2
    y = 1 / (1 + exp(-z))
    y.backward()
    assert z.data == 1
    assert printed(y, "0.7310585786")
    assert all(map(printed, gradients(*inputs), NEURON_GRADIENTS))


def test_03_sigmoid_as_one_gate() -> None:
    """The same neuron with the sigmoid as one gate: identical gradients."""
    w0, x0, w1, x1, w2 = inputs = neuron_inputs()
    y = sigmoid(w0 * x0 + w1 * x1 + w2)
    y.backward()
    assert printed(y, "0.7310585786")
    assert all(map(printed, gradients(*inputs), NEURON_GRADIENTS))


def test_04_patterns_in_the_backward_flow() -> None:
    """CS231n's three patterns, 2 (xy + max(z, w)): add distributes, max routes, multiply swaps."""
    x, y, z, w = Value(3), Value(-4), Value(2), Value(-1)
    f = 2 * (x * y + maximum(z, w))
    f.backward()
    assert f.data == -20
    assert gradients(x, y, z, w) == [-8, 6, 2, 0]


def test_05_gradients_add_at_forks() -> None:
    """CS231n's staged computation, (x + σ(y)) / (σ(x) + (x + y)²): gradients add where a variable forks."""
    x, y = Value(3), Value(-4)
    f = (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)
    f.backward()
    assert printed(f, "1.545645")
    assert printed(x.grad, "2.059570")
    assert printed(y.grad, "1.592233")


def test_06_product_and_sum() -> None:
    """Karpathy's first graph, L = (ab + c) f."""
    a, b, c, f = Value(2), Value(-3), Value(10), Value(-2)
    loss = (a * b + c) * f
    loss.backward()
    assert loss.data == -8
    assert gradients(a, b, c, f) == [6, -4, -2, 4]


def test_07_tanh_neuron() -> None:
    """Karpathy's neuron, tanh(x1 w1 + x2 w2 + b): inner nodes have gradients too."""
    x1, x2, w1, w2, b = Value(2), Value(0), Value(-3), Value(1), Value(6.8813735870195432)
    n = x1 * w1 + x2 * w2 + b
    o = tanh(n)
    o.backward()
    assert printed(o, "0.7071")
    assert all(map(printed, gradients(x1, w1, x2, w2, n), ["-1.5", "1.0", "0.5", "0.0", "0.5"]))


def test_08_variable_used_twice() -> None:
    """A variable used twice, (ab)(a + b) and a + a: its gradients add instead of replacing one another."""
    a, b = Value(-2), Value(3)
    f = (a * b) * (a + b)
    f.backward()
    assert f.data == -6
    assert gradients(a, b) == [-3, -8]

    a = Value(3)
    (a + a).backward()
    assert a.grad == 2


def test_09_why_topological_order() -> None:
    """Why topological order, b = a + a and c = b + b: a node hands its gradient on only when it is complete."""
    a = Value(1)
    b = a + a
    c = b + b
    c.backward()
    assert (c.data, a.grad) == (4, 4)


def test_10_backward_twice() -> None:
    """Backward twice, b = aa and c = b + b: the second adds the same again, unless a has been zeroed."""
    a = Value(3)
    b = a * a
    c = b + b
    c.backward()
    assert a.grad == 12
    c.backward()
    assert a.grad == 24
    a.zero_grad()
    c.backward()
    assert a.grad == 12


def test_11_micrograd_readme() -> None:
    """The expression in micrograd's README, with every operator it has."""
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert printed(g, "24.7041")
    assert printed(a.grad, "138.8338")
    assert printed(b.grad, "645.5773")


def test_12_sum_over_paths() -> None:
    """Olah's graph, (a + b)(b + 1): the derivative is the sum over all paths."""
    a, b = Value(2), Value(1)
    e = (a + b) * (b + 1)
    e.backward()
    assert e.data == 6
    assert gradients(a, b) == [2, 5]


def test_13_fan_out() -> None:
    """Fan-out, ab + ac: the gradient of a is that of one use plus that of the other."""
    a, b, c = Value(2), Value(3), Value(4)
    f = a * b + a * c
    f.backward()
    assert f.data == 14
    assert a.grad == 3 + 4


def test_14_saturation() -> None:
    """Far from 0 the sigmoid and tanh are flat, and hand on next to nothing."""
    slopes = [grad(sigmoid(x), x) for x in map(Value, (0, 4, 10))]
    assert all(map(printed, slopes, [".25", ".017663", "4.54e-5"]))
    x = Value(4)
    assert printed(grad(tanh(x), x), ".001341")


@pytest.mark.parametrize(("rate", "end"), [(0.05, "3.487"), (0.2, ".0605"), (1.1, "61.9")])
def test_15_learning_rate(rate: float, end: str) -> None:
    """Ten steps of gradient descent on x² from 10: slow, good, and past the minimum further each time."""
    x = Value(10)
    optimizer = GradientDescent([x], rate)
    for _ in range(10):
        optimizer.zero_grad()
        (x**2).backward()
        optimizer.step()
    assert printed(x, end)


LOWEST, HIGHEST, FREQUENCY = -9.5, 12.6, 1.0


def many_minima(rng: random.Random) -> MinimizeResult:
    x = Value(rng.uniform(LOWEST, HIGHEST))
    return minimize(lambda: x * (FREQUENCY * x).cos(), [x], rate=0.05, tolerance=1e-9)


def test_16_restarts_find_the_best_minimum() -> None:
    """The function x cos(cx) has many local minima: single runs end in several of them, restarts in the lowest."""
    points = [LOWEST + i * (HIGHEST - LOWEST) / 100_000 for i in range(100_001)]
    heights = [x * math.cos(FREQUENCY * x) for x in points]
    minima = [y for left, y, right in zip(heights, heights[1:], heights[2:], strict=False) if left > y < right]

    result = restarts(many_minima, n=16, seed=1)

    assert all(any(math.isclose(run.fun, y, abs_tol=1e-6) for y in minima) for run in result.runs)
    assert math.isclose(result.best.fun, min(minima), abs_tol=1e-6)
    assert max(run.fun for run in result.runs) > min(minima) + 1


def test_17_the_lecture_in_its_order() -> None:
    """A neuron, a layer, softmax, square error, and θ ← θ - μ∇L until ‖∇L‖ < ε, each a line of the library."""
    neuron = Neuron(2, "sigmoid", rng=0)
    x, (w, b) = [3.0, -1.0], (neuron.weights, neuron.bias)
    z = w[0] * x[0] + w[1] * x[1] + b
    assert math.isclose(neuron(x).data, 1 / (1 + math.exp(-z.data)), rel_tol=1e-15)

    layer = Layer(2, 2, "sigmoid", rng=0)
    assert [output.data for output in layer(x)] == [neuron(x).data for neuron in layer.neurons]

    distribution = softmax(layer(x))
    assert math.isclose(total(distribution).data, 1.0, rel_tol=1e-15)
    assert all(0 < p.data < 1 for p in distribution)

    examples = [([0.0, 0.0], [1.0, 0.0]), ([1.0, 1.0], [0.0, 1.0])]

    def loss() -> Value:
        return total(square_error(softmax(layer(x)), y) for x, y in examples)

    before = loss()
    result = minimize(loss, layer.parameters(), rate=1.0, tolerance=0.05, max_steps=200)
    assert result.success
    assert result.gradient_norm < 0.05
    assert result.fun == loss().data < before.data / 2
    assert [softmax(layer(x))[1] > 0.5 for x, _ in examples] == [False, True]


def test_18_the_network_of_the_slides() -> None:
    """The lecture's network of three sigmoid layers, written down as on the slide: f(1, -1) by layers, and f(0, 0)."""
    weights = [[[1, -2], [-1, 1]], [[2, -1], [-2, -1]], [[3, -1], [-1, 4]]]
    f = MLP(weights=weights, biases=[[1, 0], [0, 0], [-2, 2]], activation="sigmoid", output="sigmoid")
    row: list[Any] = [1, -1]
    for layer, digits in zip(f.layers, [(".98", ".12"), (".86", ".11"), (".62", ".83")], strict=True):
        row = layer.outputs(row)
        assert all(printed(y, expected) for y, expected in zip(row, digits, strict=True))
    assert [y.data for y in f([1, -1])] == [y.data for y in row]
    assert printed(f([0, 0])[0], ".51")
    assert printed(f([0, 0])[1], ".85")


def test_21_adagrad_gives_each_parameter_its_rate() -> None:
    """With the gradients 0.1, 0.2 and 20, 10 the rate is divided by 0.1, then 0.2236, and by 20, then 22.36."""
    theta = [0.0, 0.0]
    optimizer = Adagrad(theta, rate=1.0)
    divisors = []
    for gradients in ([0.1, 20.0], [0.2, 10.0]):
        before = list(theta)
        optimizer.step(gradients)
        divisors.append([slope / (x - moved) for slope, x, moved in zip(gradients, before, theta, strict=True)])
    assert all(map(printed, divisors[0], [".1", "20."]))
    assert all(map(printed, divisors[1], [".2236", "22.36"]))


def test_22_dropout_is_the_same_rule_in_another_order() -> None:
    """The lecture drops without scaling and tests with weights × (1 - p); here kept numbers are divided by 1 - p.

    With weights that are (1 - p) times the lecture's, each mask gives the same outputs in training, and the tested
    layers are the same. In both the mean of a linear layer over all masks is the tested layer.
    """
    p, row = 0.25, [0.5, -1.0, 2.0, 0.25]
    weights = [[1.0, -2.0, 0.5, 3.0], [-1.0, 1.0, 0.25, -0.5]]
    scaled = [[w * (1 - p) for w in neuron] for neuron in weights]
    lecture, layer, dropout = (
        Layer(weights=weights, activation=None),
        Layer(weights=scaled, activation=None),
        Dropout(p),
    )
    training = Masked(lambda x: layer.outputs(dropout(x)), row)
    sums, squares = [0.0, 0.0], [0.0, 0.0]
    for kept in product([0, 1], repeat=4):
        chance = math.prod(1 - p if keep else p for keep in kept)
        outputs = [y.data for y in training(row, [keep / (1 - p) for keep in kept])]
        theirs = [y.data for y in lecture.outputs([x * keep for x, keep in zip(row, kept, strict=True)])]
        assert outputs == pytest.approx(theirs, rel=1e-14, abs=1e-15)
        sums = [so_far + chance * y for so_far, y in zip(sums, outputs, strict=True)]
        squares = [so_far + chance * y * y for so_far, y in zip(squares, outputs, strict=True)]
    dropout.eval()
    tested = [y.data for y in layer.outputs(dropout(row))]
    assert tested == [y.data for y in Layer(weights=scaled, activation=None).outputs(row)]  # weights × (1 - p)
    assert sums == pytest.approx(tested, rel=1e-14)
    assert squares != pytest.approx([y * y for y in tested], rel=0.1)  # negative control: the layer must be linear


IMAGE = ["100001", "010010", "001100", "100010", "010010", "001010"]
FILTERS = {
    23: (
        [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]],
        [[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]],
        [[3, 0], [3, 1]],
    ),
    24: (
        [[-1, 1, -1], [-1, 1, -1], [-1, 1, -1]],
        [[-1, -1, -1, -1], [-1, -1, -2, 1], [-1, -1, -2, 1], [-1, 0, -4, 3]],
        [[-1, 1], [0, 3]],
    ),
}


@pytest.mark.parametrize("number", FILTERS)
def test_23_and_24_convolution_and_pooling(number: int) -> None:
    """The lecture's two filters slide over its image of 6×6 pixels; the largest of each 2×2 results stays."""
    kernel, convolved, pooled = FILTERS[number]
    image = [[int(pixel) for pixel in row] for row in IMAGE]
    (channel,) = channels = Convolution(weights=[kernel], activation=None)(image)
    assert [[y.data for y in row] for row in channel] == convolved
    assert [[y.data for y in row] for row in MaxPool(2)(channels)[0]] == pooled


def test_25_a_recurrent_network_depends_on_the_order() -> None:
    """Two hidden neurons and two outputs, all weights 1 and linear: 4, 12, 32; in another order 8, 20, 44."""
    hidden = Layer(weights=[[1] * 4] * 2, activation=None)
    model = Recurrent(2, 2, 2, hidden=hidden, readout=Layer(weights=[[1, 1]] * 2, activation=None))

    def outputs(rows: list[list[float]]) -> list[list[float]]:
        return [[y.data for y in row] for row in model(rows)]

    assert outputs([[1, 1], [1, 1], [2, 2]]) == [[4, 4], [12, 12], [32, 32]]
    assert outputs([[2, 2], [1, 1], [1, 1]]) == [[8, 8], [20, 20], [44, 44]]


def lstm_by_hand() -> LSTM:
    """A cell that reads x1: x2 lets it in and, if it is -1, clears the memory; x3 lets the memory out."""

    def gate(weights: list[float], bias: float) -> Layer:
        return Layer(weights=[weights], biases=[bias], activation="sigmoid")

    return LSTM(
        3,
        1,
        activation=None,
        candidate=Layer(weights=[[1, 0, 0]], activation=None),
        input_gate=gate([0, 100, 0], -10),
        forget_gate=gate([0, 100, 0], 10),
        output_gate=gate([0, 0, 100], -10),
    )


def test_26_an_lstm_by_hand() -> None:
    """The memory of the slides' cell is 3, 7, 7, 7, 0, and its output 0, 0, 0, 7, 0."""
    table = lstm_by_hand().table([[3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]])
    assert [moment["memory"][0].data for moment in table] == pytest.approx([3, 7, 7, 7, 0], abs=1e-3)
    assert [moment["hidden"][0].data for moment in table] == pytest.approx([0, 0, 0, 7, 0], abs=1e-3)


def test_27_why_recurrent_networks_are_hard() -> None:
    """The same weight a thousand times: 1, or 20,000 for a weight of 1.01, or nothing for 0.99 and 0.01."""

    def end(w: float) -> float:
        model = Recurrent(1, 1, hidden=Layer(weights=[[1, w]], activation=None))
        return model([[1.0]] + [[0.0]] * 1000)[-1][0].data

    assert end(1.0) == 1.0
    assert printed(end(1.01), "20959.16")
    assert printed(end(0.99), "4.317e-5")
    assert printed(end(0.01), "0")


def test_28_gradients_vanish_through_sigmoids() -> None:
    """Through 20 layers of sigmoids hardly any gradient reaches the first; through relus, or around, it does."""
    rng = random.Random(0)
    row, sizes = [rng.random() for _ in range(16)], {}
    sigmoids = [Layer(16, 16, "sigmoid", rng) for _ in range(20)]
    for name, model in (
        ("sigmoid", Sequential(*sigmoids)),
        ("relu", Sequential(*(Layer(16, 16, "relu", rng) for _ in range(20)))),
        ("residual", Sequential(*map(Residual, sigmoids))),
    ):
        total(model.outputs(row)).backward()
        grads = [abs(p.grad) for key, p in model.named_parameters() if ".weights." in key]
        sizes[name] = sum(grads[:256]) / sum(grads[-256:])  # of the first layer beside the last
    assert sizes["sigmoid"] < 1e-10
    assert 0.01 < sizes["relu"] < 100
    assert 0.01 < sizes["residual"] < 100
