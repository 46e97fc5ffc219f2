"""Neurons, layers and networks: what they compute, how they start, and what they refuse."""

from __future__ import annotations

import inspect
import math
import pickle
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, fmean, pvariance
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Value, functional, nn
from scalargrad.engine import declaration
from scalargrad.engine.graph import topological_order
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.nn import foreign
from tests.nn.modules import bits

# ---------------------------------------------------------------- what is computed

MODERATE = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(MODERATE, MODERATE), min_size=1, max_size=8), MODERATE)
def test_a_linear_neuron_is_a_weighted_sum(pairs: list[tuple[float, float]], bias: float) -> None:
    """Without an activation the output is w·x + b, to the rounding of a sum of that many terms."""
    neuron = nn.Neuron(len(pairs), activation=None)
    for weight, (number, _) in zip(neuron.weights, pairs, strict=True):
        weight.data = number
    neuron.bias.data = bias
    terms = [bias, *(w * x for w, x in pairs)]
    rounding = len(pairs) * 2.0**-52 * math.fsum(map(abs, terms))
    assert abs(neuron([x for _, x in pairs]).data - math.fsum(terms)) <= rounding


FORMULAS: dict[str, Callable[[float], float]] = {
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "prelu": lambda z: z if z > 0 else 0.25 * z,
    "elu": lambda z: z if z > 0 else math.exp(z) - 1,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "gelu": lambda z: z * NormalDist().cdf(z),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": lambda z: 1 - 2 / (1 + math.exp(2 * z)),
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "sin": lambda z: math.cos(z - math.pi / 2),
    "exp": lambda z: math.e**z,
    "abs": lambda z: max(z, -z),
}


@given(st.sampled_from(sorted(FORMULAS)), st.floats(-6, 6))
def test_an_activation_is_applied_to_the_sum(name: str, z: float) -> None:
    """A neuron with a named activation is that textbook formula of its weighted sum."""
    neuron = nn.Neuron(1, name, initial=lambda rng, n_inputs: 1.0)
    assert math.isclose(neuron([z]).data, FORMULAS[name](z), rel_tol=1e-12, abs_tol=1e-14)


@pytest.mark.parametrize("primitive", [p for p in BUILT_IN if p.arity == 1], ids=lambda p: p.name)
def test_every_primitive_of_one_operand_is_an_activation(primitive: declaration.Primitive) -> None:
    """By name or as the function, a primitive of one operand activates a neuron, whose last operation it is."""
    for given_as in (primitive.name, primitive):
        output = nn.Neuron(1, given_as, initial=lambda rng, n_inputs: 0.25)([1.0])
        assert output.op is primitive
        assert output.data.hex() == primitive.value(0.25).hex()


def test_a_users_own_activation() -> None:
    """A user's own function or callable object is called on the weighted sum, in any kind of module."""

    def cubed(x: Value) -> Value:
        return x**3

    @dataclass
    class Times:  # compares by value, so it has no hash
        factor: float

        def __call__(self, x: Value) -> Value:
            return self.factor * x

    activations: list[tuple[Callable[[Any], Any], float]] = [(cubed, 8.0), (Times(5.0), 10.0)]
    for activation, expected in activations:
        for model in (nn.Neuron(1, activation), nn.Layer(1, 1, activation), nn.MLP(1, [1], output=activation)):
            model.parameters()[0].data = 1.0
            assert model([2.0]).data == expected


def test_a_users_own_primitive_is_an_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user declares is at once an activation by name, with its derivative, and survives pickling."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))  # forgets it after the test
    declaration.declare(lambda x: x * x, partials=[lambda out, x: 2 * x], name="squared")
    neuron = nn.Neuron(1, "squared", initial=lambda rng, n_inputs: 3.0)
    x = Value(2.0)
    pickle.loads(pickle.dumps(neuron))([x]).backward()
    assert (neuron([x]).data, x.grad) == (36.0, 36.0)


def matrix(layer: nn.Layer) -> tuple[Any, Any]:
    """A layer's weights and biases as arrays."""
    weights = [[weight.data for weight in neuron.weights] for neuron in layer.neurons]
    return np.array(weights), np.array([neuron.bias.data for neuron in layer.neurons])


ROWS = st.lists(st.floats(-10, 10), min_size=3, max_size=3)


@given(ROWS, st.integers(0, 10))
def test_a_network_is_matrices_and_activations(row: list[float], seed: int) -> None:
    """An MLP with a softmax is what numpy computes: x ← tanh(W x + b) for each layer, then eᶻ / Σ eᶻ."""
    model = nn.MLP(3, [4, 5, 2], activation="tanh", output="softmax", rng=seed)
    for parameter in model.parameters():
        parameter.data += 0.125  # biases that are not 0
    x = np.array(row)
    for layer in model.layers[:-1]:
        weights, biases = matrix(layer)
        x = np.tanh(weights @ x + biases)
    weights, biases = matrix(model.layers[-1])
    expected = np.exp(weights @ x + biases)
    expected /= expected.sum()
    np.testing.assert_allclose([output.data for output in model(row)], expected, rtol=1e-12)


def test_the_network_check_sees_a_wrong_activation() -> None:
    """At that tolerance tanh cannot be taken for another function of much the same shape."""
    z = 0.5
    assert not math.isclose(nn.Neuron(1, "erf", initial=lambda rng, n: 1.0)([z]).data, math.tanh(z), rel_tol=1e-12)


@given(st.lists(st.floats(-1000, 1000), min_size=2, max_size=2), st.sampled_from(["softmax", functional.softmax]))
def test_a_softmax_layer_sums_to_one(row: list[float], activation: Any) -> None:
    """The outputs of a softmax layer are a distribution, for inputs of ±1000 too."""
    outputs = [output.data for output in nn.Layer(2, 4, activation, rng=0)(row)]
    assert min(outputs) >= 0
    assert abs(math.fsum(outputs) - 1) <= 4 * 2.0**-52


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=2))
def test_a_log_softmax_layer_is_the_logarithm(row: list[float]) -> None:
    """A log_softmax layer is the logarithm of the softmax layer with the same weights."""
    shares, logarithms = nn.Layer(2, 3, "softmax", rng=0)(row), nn.Layer(2, 3, "log_softmax", rng=0)(row)
    for share, logarithm in zip(shares, logarithms, strict=True):
        assert math.isclose(math.exp(logarithm.data), share.data, rel_tol=1e-12)


def test_a_layer_of_one_neuron_returns_a_bare_value() -> None:
    """One neuron gives a Value, more give a list, in a layer and in a network."""
    row = [1.0, 2.0]
    assert isinstance(nn.Layer(2, 1, rng=0)(row), Value)
    assert isinstance(nn.MLP(2, [3, 1], rng=0)(row), Value)
    assert [type(output) for output in nn.Layer(2, 2, rng=0)(row)] == [Value, Value]
    assert [type(output) for output in nn.MLP(2, [1, 2], rng=0)(row)] == [Value, Value]


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=2))
def test_every_kind_of_row_gives_the_same_output(row: list[float]) -> None:
    """Lists, tuples, generators, numpy rows and Values of the same numbers give the same bits."""
    model = nn.MLP(2, [3, 1], activation="tanh", rng=0)
    rows: list[Any] = [
        tuple(row),
        iter(row),
        np.array(row),
        np.array(row, dtype=np.float32),
        [Value(x) for x in row],
        np.array([Value(x) for x in row]),
    ]
    assert {model(kind).data.hex() for kind in rows} == {model(row).data.hex()}
    truths: list[Any] = [True, np.False_]
    assert model(truths).data.hex() == model([1.0, 0.0]).data.hex()
    whole = np.array([3, -4])
    assert model(whole).data.hex() == model([3.0, -4.0]).data.hex()


def test_gradients_reach_inputs_and_weights() -> None:
    """The tanh neuron of Karpathy's lecture: 0.7071, and gradients -1.5, 0.5 for x and 1.0, 0.0 for w."""
    neuron = nn.Neuron(2, "tanh")
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = -3.0, 1.0, 6.8813735870195432
    x = [Value(2.0), Value(0.0)]
    output = neuron(x)
    output.backward()
    numbers = [output.data, *(value.grad for value in (*x, *neuron.w, neuron.b))]
    assert numbers == pytest.approx([math.sqrt(0.5), -1.5, 0.5, 1.0, 0.0, 0.5], rel=1e-12, abs=1e-15)


# ---------------------------------------------------------------- initial weights


@pytest.fixture
def global_generator() -> Iterator[None]:
    """Put Python's global generator back as it was."""
    state = random.getstate()
    yield
    random.setstate(state)


@given(st.integers())
def test_a_seed_reproduces_a_network(seed: int) -> None:
    """The same seed gives the same bits, as an integer or as a generator, and another seed others."""
    first = bits(nn.MLP(2, [3, 1], rng=seed))
    assert first == bits(nn.MLP(2, [3, 1], rng=seed)) == bits(nn.MLP(2, [3, 1], rng=random.Random(seed)))
    assert first != bits(nn.MLP(2, [3, 1], rng=abs(seed) + 1))


def test_a_generator_goes_on() -> None:
    """Two networks drawn from one generator differ."""
    rng = random.Random(0)
    assert bits(nn.Layer(2, 2, rng=rng)) != bits(nn.Layer(2, 2, rng=rng))


@pytest.mark.usefixtures("global_generator")
def test_without_a_generator_the_global_one_decides() -> None:
    """With rng=None the weights follow random.seed, also one called after the import."""
    random.seed(5)
    assert bits(nn.MLP(2, [3])) == bits(nn.MLP(2, [3], rng=5))
    assert bits(nn.MLP(2, [3])) != bits(nn.MLP(2, [3], rng=5))


def drawn(activation: Any, initial: Any, n_inputs: int = 100) -> list[float]:
    """Five thousand initial weights."""
    layer = nn.Layer(n_inputs, 5000 // n_inputs, activation, rng=0, initial=initial)
    assert all(neuron.bias.data == 0 for neuron in layer.neurons)
    return [weight.data for neuron in layer.neurons for weight in neuron.weights]


@pytest.mark.parametrize(
    ("activation", "gain"),
    [
        ("relu", 2),
        (scalargrad.relu, 2),
        ("leaky_relu", 2),
        ("prelu", 2),
        (nn.PReLU(), 2),
        ("elu", 2),
        (functional.silu, 2),
        (functional.gelu, 2),
        ("tanh", 1),
        ("sigmoid", 1),
        ("softplus", 1),
        ("abs", 1),
        ("expm1", 1),
        ("log1p", 1),
        (lambda x: x.relu(), 1),
        ("softmax", 1),
        (None, 1),
    ],
)
def test_scaled_weights_suit_the_activation(activation: Any, gain: int) -> None:
    """Scaled weights have mean 0 and variance gain / n_inputs: 2 where the activation cuts off half, 1 elsewhere."""
    weights = drawn(activation, "scaled")
    assert pvariance(weights) == pytest.approx(gain / 100, rel=0.1)  # five deviations; the gains differ by 100%
    assert abs(fmean(weights)) < 5 * math.sqrt(gain / 100 / 5000)


def test_a_primitive_of_a_user_has_the_weights_that_suit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation that does what relu does starts with the weights of relu, whatever its name; others do not."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))  # forgets it after the test
    slope = [lambda out, x: scalargrad.greater(x, 0.0)]
    declaration.declare(lambda x: max(x, 0.0), partials=slope, name="ramp")
    declaration.declare(lambda x: max(x, 0.5 * x), partials=slope, name="bent")
    declaration.declare(lambda x: 1.0, partials=slope, name="level", domain=[(0.0, math.inf)])
    assert drawn("ramp", "scaled") == drawn("relu", "scaled")
    assert drawn("bent", "scaled") == drawn("level", "scaled") == drawn("tanh", "scaled")


def test_uniform_weights_are_those_of_micrograd() -> None:
    """Uniform weights fill [-1, 1], with variance 1/3, whatever the activation."""
    weights = drawn("relu", "uniform")
    assert -1 <= min(weights) < -0.99 < 0.99 < max(weights) <= 1
    assert pvariance(weights) == pytest.approx(1 / 3, rel=0.05)
    assert weights == drawn("tanh", "uniform")


def test_a_function_draws_the_weights() -> None:
    """A function gives each weight, from the generator and the number of inputs of that very layer."""
    model = nn.MLP(3, [2, 1], rng=0, initial=lambda rng, n_inputs: n_inputs + rng.random())
    assert [int(neuron.w[0].data) for layer in model.layers for neuron in layer.neurons] == [3, 3, 2]
    assert model.layers[0].neurons[0].w[0].data == 3 + random.Random(0).random()


def growth(activation: str | None, initial: Any) -> float:
    """By what factor five layers change the mean square of a signal."""
    width, rng = 48, random.Random(0)
    model = nn.MLP(width, [width] * 5, activation, activation, rng, initial)
    rows = [[rng.gauss(0, 1) for _ in range(width)] for _ in range(3)]
    with scalargrad.no_grad():
        outputs = [output.data for row in rows for output in model(row)]
    return fmean(y * y for y in outputs) / fmean(x * x for row in rows for x in row)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
def test_a_signal_keeps_its_size_through_scaled_layers() -> None:
    """Through five layers "scaled" keeps the signal, "uniform" makes it explode, and smaller weights let it vanish."""
    for activation in ("relu", None, "tanh"):  # tanh itself takes it to 0.10
        assert 0.05 < growth(activation, "scaled") < 20
    for activation in ("relu", None):
        assert growth(activation, "uniform") > 1e3
        assert growth(activation, lambda rng, n_inputs: rng.gauss(0, 0.02)) < 1e-3


VIDEO = ([[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]], [1.0, -1.0, -1.0, 1.0])


def stuck(activation: str, output: str | None, networks: int) -> float:
    """The share of networks whose loss on the four examples of the video stays above 0.5."""
    count = 0
    for seed in range(networks):
        model = nn.MLP(3, [4, 4, 1], activation, output, rng=seed)
        program: Any = scalargrad.lift(
            lambda x, y, model=model: functional.square_error(model(x), y), model.parameters()
        )
        theta = np.array(program.pack())
        for _ in range(1000):
            value, gradient = program.value_and_grad(*VIDEO, at=theta)
            theta -= 0.05 * 4 * gradient  # of the sum of four
        count += 4 * value > 0.5
    return count / networks


def test_relu_gets_stuck_where_tanh_does_not() -> None:
    """On the video's four examples more than a third of small relu networks get stuck, and none with tanh."""
    assert 0.35 < stuck("relu", None, 40) < 0.75
    assert stuck("tanh", "tanh", 40) == 0


# ---------------------------------------------------------------- weights that are given

SLIDE: dict[str, Any] = {
    "weights": [[[1, -2], [-1, 1]], [[2, -1], [-2, -1]], [[3, -1], [-1, 4]]],
    "biases": [[1, 0], [0, 0], [-2, 2]],
}


def test_given_weights_are_used() -> None:
    """A neuron, a layer and a network compute with the weights and biases that they are given, as numpy does."""
    x = [1.0, -1.0]
    assert nn.Neuron(weights=[1, -2], bias=1, activation=None)(x).data == 4.0
    assert nn.Neuron(weights=np.array([1.0, -2.0]))(x).data == 3.0
    layer = nn.Layer(weights=[[1, -2], [-1, 1], [0, 3]], biases=(1, 0, -1), activation=None)
    assert [y.data for y in layer(x)] == [4.0, -2.0, -4.0]
    model = nn.MLP(**SLIDE, activation="tanh")
    hidden = np.array(x)
    for i, (weights, biases) in enumerate(zip(SLIDE["weights"], SLIDE["biases"], strict=True)):
        z = np.array(weights) @ hidden + np.array(biases)
        hidden = z if i == 2 else np.tanh(z)
    np.testing.assert_allclose([y.data for y in model(x)], hidden, rtol=1e-14)
    assert repr(model) == "MLP(2, [2, 2, 2], activation='tanh', output=None)"


def test_a_given_value_is_the_parameter() -> None:
    """A Value among the weights is used as it is: with its label, and shared where it is given twice."""
    w, b = Value(2.0, label="w"), Value(-1.0)
    neuron = nn.Neuron(weights=[w, w, 3.0], bias=b)
    assert neuron.parameters() == [w, neuron.weights[2], b]
    layer = nn.Layer(weights=[[w, 1.0], [0.0, w]], biases=[b, b])
    assert len(layer.parameters()) == 4
    layer.outputs([3.0, 5.0])[0].backward()
    assert w.grad == 3.0


def test_biases_are_zero_unless_given() -> None:
    """Biases are 0 where weights alone are given, and are taken beside weights that are drawn."""
    assert [neuron.bias.data for neuron in nn.Layer(weights=[[1, 2]] * 3).neurons] == [0.0] * 3
    assert [neuron.bias.data for neuron in nn.Layer(2, 2, biases=[5, 6]).neurons] == [5.0, 6.0]
    assert nn.Neuron(2, bias=3).bias.data == 3.0
    model = nn.MLP(2, [2, 1], rng=0, biases=[[1, 2], [3]])
    assert [[neuron.bias.data for neuron in layer.neurons] for layer in model.layers] == [[1.0, 2.0], [3.0]]
    assert model.layers[0].neurons[0].w[0].data == nn.MLP(2, [2, 1], rng=0).layers[0].neurons[0].w[0].data


def test_the_numbers_may_be_given_with_the_weights() -> None:
    """The numbers of inputs and outputs are allowed beside weights that have them."""
    assert nn.Neuron(2, weights=[1, 2]).n_inputs == 2
    assert repr(nn.Layer(2, 1, weights=[[1, 2]])) == "Layer(2, 1, activation='relu')"
    assert repr(nn.MLP(2, [2, 2, 2], **SLIDE)) == "MLP(2, [2, 2, 2], activation='relu', output=None)"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Neuron(weights=[]), ValueError, "the weights must be at least one number, got none"),
        (lambda: nn.Neuron(weights=3), TypeError, "the weights must be a list, got 3"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(weights={1, 2}), TypeError, "the weights must have an order"),
        (lambda: nn.Neuron(weights=["1"]), TypeError, "an entry of the weights must be a real number, got '1'"),  # type: ignore[list-item]
        (lambda: nn.Neuron(weights=[1], bias="b"), TypeError, "the bias must be a real number, got 'b'"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(3, weights=[1, 2]), ValueError, "Neuron has 3 inputs, got 2 weights"),
        (lambda: nn.Neuron(weights=[1], rng=0), TypeError, "Neuron takes its weights, or rng and initial to draw them"),
        (nn.Neuron, TypeError, "Neuron needs the number of its inputs, or its weights"),
        (nn.Layer, TypeError, "Layer needs the numbers of its inputs and outputs, or its weights"),
        (lambda: nn.Layer(2), TypeError, "Layer needs the numbers of its inputs and outputs, or its weights"),
        (lambda: nn.Layer(weights=[]), ValueError, "Layer needs a row of weights for at least one neuron, got none"),
        (lambda: nn.Layer(weights=[1, 2]), TypeError, "a row of weights must be a list, got 1"),  # type: ignore[list-item]
        (lambda: nn.Layer(weights=[[1], [2, 3]]), ValueError, "Layer needs as many weights for each neuron, got 1, 2"),
        (lambda: nn.Layer(2, 3, weights=[[1, 2]]), ValueError, "Layer has 3 neurons, got 1 row of weights"),
        (lambda: nn.Layer(2, weights=[[1]]), ValueError, "Neuron has 2 inputs, got 1 weight"),
        (lambda: nn.Layer(2, 3, biases=[1]), ValueError, "Layer needs a bias for each of 3 neurons, got 1"),
        (lambda: nn.Layer(weights=[[1]], initial="uniform"), TypeError, "Layer takes its weights, or rng and initial"),
        (nn.MLP, TypeError, "MLP needs the number of its inputs and the size of each layer, or its weights"),
        (lambda: nn.MLP(2.0), TypeError, "MLP needs the number of its inputs and the size of each layer"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2.0, [1]), ValueError, "the number of inputs must be an integer of at least 1, got 2.0"),  # type: ignore[arg-type]
        (lambda: nn.MLP(weights=[]), ValueError, "the weights of MLP must be a list for each layer, got 0"),
        (lambda: nn.MLP(2, [1], weights=[[[1, 2]]] * 2), ValueError, "must be a list for each of 1 layer, got 2"),
        (lambda: nn.MLP(**(SLIDE | {"biases": [[0, 0]]})), ValueError, "the biases of MLP .* each of 3 layers, got 1"),
        (lambda: nn.MLP(weights=[[[1, 2]], [[1, 2]]]), ValueError, "Neuron has 1 input, got 2 weights"),
        (lambda: nn.MLP(**SLIDE, rng=0), TypeError, "takes its weights, or rng and initial to draw them, not both"),
    ],
)
def test_weights_that_make_no_sense(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """Weights and biases that do not fit, or are given and drawn, are an error that says what is wrong."""
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- one output, or a list

SINGLE = [nn.Layer(2, 1, rng=0), nn.MLP(2, [3, 1], rng=0)]
SEVERAL = [nn.Layer(2, 3, rng=0), nn.Layer(2, 2, "softmax", rng=0), nn.MLP(2, [3, 2], rng=0)]


@pytest.mark.parametrize("module", [*SINGLE, *SEVERAL], ids=repr)
def test_outputs_are_always_a_list(module: Any) -> None:
    """`outputs` returns a list, also of one Value, as a recurrent cell needs it; its numbers are those of a call."""
    outputs = module.outputs([1.0, 2.0])
    assert isinstance(outputs, list)
    assert [y.data for y in outputs] == [y.data for y in np.ravel(module([1.0, 2.0]))]
    assert outputs[0].marks
    with pytest.raises(AttributeError, match=r"\d Values? in a list have no backward"):
        outputs.backward()  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", SINGLE, ids=repr)
def test_output_is_the_only_one(module: Any) -> None:
    """`output` returns the Value of a single output."""
    assert module.output([1.0, 2.0]).data == module([1.0, 2.0]).data


@pytest.mark.parametrize("module", SEVERAL, ids=repr)
def test_output_is_refused_where_there_are_several(module: Any) -> None:
    """`output` of several outputs is an error that gives the other method."""
    with pytest.raises(ValueError, match=r"has \d outputs: call its method outputs, which returns a list"):
        module.output([1.0, 2.0])


# ---------------------------------------------------------------- names of other libraries


@pytest.mark.parametrize("name", foreign.NAMES)
def test_a_class_of_another_library_is_named_in_ours(name: str) -> None:
    """`nn.Linear` and the like are errors that say what to write here."""
    with pytest.raises(AttributeError, match=rf"^scalargrad\.nn has no {name}: write .+"):
        getattr(nn, name)
    assert not hasattr(nn, name)


def test_a_name_that_nobody_has_is_pythons_error() -> None:
    """Any other name is missing as from any module."""
    with pytest.raises(AttributeError, match=r"^module 'scalargrad\.nn' has no attribute 'Perceptron'$"):
        nn.Perceptron  # type: ignore[attr-defined]  # noqa: B018  # reading it is the test


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("tahn", "tanh"), ("ReLU", "relu"), ("sigmod", "sigmoid"), ("swish", "silu"), ("sofmax", "softmax")],
)
def test_a_misspelt_activation_is_corrected(wrong: str, right: str) -> None:
    """The error for a name that resembles an activation's gives that one."""
    with pytest.raises(ValueError, match=f"^no activation is named '{wrong}': did you mean {right}\\?$"):
        nn.Layer(2, 2, wrong)


KINDS: list[Any] = [
    *(nn.Neuron, nn.Layer, nn.MLP, nn.Maxout, nn.Dropout, nn.LayerNorm, nn.RMSNorm, nn.Embedding),
    *(nn.Convolution, nn.MaxPool, nn.AveragePool, nn.Highway),
    nn.Attention,
]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in foreign.ARGUMENTS if name not in inspect.signature(kind).parameters],
)
def test_an_argument_of_another_library_is_named_in_ours(kind: Any, name: str) -> None:
    """`nonlin=` and the like are errors that say what to write here."""
    with pytest.raises(TypeError, match=rf"^{kind.__name__} has no argument {name}: write .+"):
        kind(0.5 if kind is nn.Dropout else 2, **{name: 1})


@pytest.mark.parametrize("name", foreign.ATTRIBUTES)
def test_an_attribute_of_another_library_says_what_to_do(name: str) -> None:
    """`model.to` and the like are errors that say what to do here, and no attributes; a subclass may have them."""
    model = nn.MLP(2, [3, 1])
    with pytest.raises(AttributeError, match=f"^a Module has no {name}: ") as raised:
        getattr(model, name)
    for offered in re.findall(r"\bmodel\.(\w+)|(\w+)\(\)", str(raised.value)):
        assert any(hasattr(model, own) for own in offered)
    assert not hasattr(nn.Module, name)
    assert name not in dir(model)
    own: Any = type("Own", (nn.Module,), {name: 3.0, "again": None})()
    assert (getattr(own, name), own.parameters()) == (3.0, [])
    setattr(own, name, Value(2.0))
    assert [key for key, _ in own.named_parameters()] == [name]
    assert name in dir(own)


def test_an_unknown_argument_lists_those_there_are() -> None:
    """Any other argument is an error that lists the arguments, as they stand in the signature."""
    for kind in KINDS:
        *names, _unknown = inspect.signature(kind).parameters
        with pytest.raises(TypeError, match=f"{kind.__name__} has no argument colour: it takes {', '.join(names)}$"):
            kind(colour=1)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("length", [0, 1, 3, 100])
def test_a_row_of_the_wrong_length_says_which_layer_wanted_how_many(length: int) -> None:
    """A row too short or too long is never cut: the error names the reader, what it takes, and what it got."""
    readers: dict[str, Callable[[Any], object]] = {
        r"Neuron\(2, activation='tanh'\) takes 2 inputs": nn.Neuron(2, "tanh"),
        r"Layer\(2, 3, activation='relu'\) takes 2 inputs": nn.Layer(2, 3),
        r"layer 0 of MLP\(2, \[3, 1\], activation='relu', output=None\) takes 2 inputs": nn.MLP(2, [3, 1]),
    }
    for message, reader in readers.items():
        for kind in (list, np.array):
            with pytest.raises(ValueError, match=f"^{message}, got {length}$"):
                reader(kind([1.0] * length))


@pytest.mark.parametrize("reader", [nn.Neuron(2), nn.Layer(2, 3), nn.MLP(2, [3, 1])])
def test_a_row_has_an_order(reader: Callable[[Any], object]) -> None:
    """A set is no row, as its numbers would go to other weights in another run."""
    with pytest.raises(TypeError, match="a row of inputs must have an order, which a set does not have"):
        reader({1.0, 2.0})


def test_an_error_says_which_layer_does_not_fit() -> None:
    """When layers have been put together wrongly, the error counts from 0 which one does not fit."""
    model = nn.MLP(2, [3, 1])
    model.layers[1] = nn.Layer(4, 1)
    with pytest.raises(ValueError, match=r"^layer 1 of MLP\(2, \[3, 1\], .*\) takes 4 inputs, got 3$"):
        model([1.0, 2.0])


def test_an_activation_of_a_layer_is_refused_for_a_neuron() -> None:
    """A softmax needs all outputs of a layer, which the error says."""
    with pytest.raises(ValueError, match=r"^softmax is an activation of all outputs of a layer together: Layer\("):
        nn.Neuron(2, "softmax")


@pytest.mark.parametrize("name", ["add", "attention", ""])
def test_an_unknown_activation_lists_the_choices(name: str) -> None:
    """The error for a name that resembles no activation of one number lists all that there are."""
    with pytest.raises(ValueError, match=f"no activation is named '{name}'") as caught:
        nn.Neuron(2, name)
    names = {p.name for p in declaration.registered() if p.arity == 1 and p.name[0] != "_"}
    names |= {"leaky_relu", "prelu", "elu", "gelu", "silu"}
    assert str(caught.value).split("one of ")[1].split(", ") == sorted(names)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Neuron(0), ValueError, "the number of inputs must be an integer of at least 1, got 0"),
        (lambda: nn.Neuron(-1), ValueError, "at least 1, got -1"),
        (lambda: nn.Neuron(True), ValueError, "at least 1, got True"),
        (lambda: nn.Neuron(2.0), ValueError, "at least 1, got 2.0"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(2, 3), ValueError, "no activation is named 3"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(2, rng=True), TypeError, "rng must be .*, got True"),
        (lambda: nn.Neuron(2, rng="0"), TypeError, "rng must be .*, got '0'"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(2, initial="he"), ValueError, "initial must be .*, got 'he'"),
        (lambda: nn.Neuron(2, initial=lambda rng, n: "0"), TypeError, "data must be"),  # type: ignore[arg-type,return-value]
        (lambda: nn.Layer(2, 0), ValueError, "a layer's size must be an integer of at least 1, got 0"),
        (lambda: nn.Layer(0, 2), ValueError, "the number of inputs must be"),
        (lambda: nn.Layer(2, 2, "softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.MLP(2, []), ValueError, r"sizes must be .*, got \[\]"),
        (lambda: nn.MLP(2, 3), ValueError, "sizes must be .*, got 3"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2, [3, 0]), ValueError, "a layer's size must be .*, got 0"),
        (lambda: nn.MLP(0, [3]), ValueError, "the number of inputs must be"),
        (lambda: nn.MLP(2, [3], "softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.MLP(2, [3, 1], "softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.MLP(2, [3], output="softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.Neuron(2)(["1", "2"]), TypeError, "an input must be"),  # type: ignore[list-item]
        (lambda: nn.Neuron(2)(np.zeros((2, 2))), TypeError, r"takes one row .*: for several rows write \[model\(row\)"),
        (lambda: nn.MLP(1, [2])(3.0), TypeError, r"layer 0 of MLP\(1, \[2\], .* takes a list of 1 input, got 3.0"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(1, lambda z: 1.0)([1.0]), TypeError, "activation of Neuron.* must return a Value, got 1.0"),  # type: ignore[arg-type,return-value]
        (lambda: nn.Neuron(1)(Value(1.0)), TypeError, r"takes a list of 1 input, got Value\(data=1.0\)"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- repr


@pytest.mark.parametrize(
    ("n_inputs", "model"),
    [
        (2, nn.Neuron(2, None)),
        (1, nn.Neuron(1, "tanh")),
        (3, nn.Layer(3, 2, "log_softmax")),
        (3, nn.Layer(3, 2, scalargrad.softplus)),
        (2, nn.MLP(2, [16, 16, 1])),
        (4, nn.MLP(4, (3,), functional.gelu, functional.softmax)),
        (2, nn.MLP(2, [3, 1], "softmax")),
        (2, nn.MLP(2, [3, 1], "prelu")),
        (2, nn.MLP(2, [3, 1], nn.PReLU())),
        (2, nn.Neuron(2, "prelu")),
        (2, nn.Maxout(2, 3, 4)),
        (2, nn.MLP(2, [3, 2], "maxout", dropout=0.25)),
    ],
    ids=repr,
)
def test_a_repr_evaluates_to_the_same_architecture(n_inputs: int, model: Any) -> None:
    """The repr is Python that makes a model which takes this model's state and computes the same."""
    other = eval(repr(model), vars(nn))  # noqa: S307  # that it can be is the law
    assert repr(other) == repr(model)
    other.load_state_dict(model.state_dict())
    outputs = [np.ravel(network.eval()([0.5] * n_inputs)) for network in (model, other)]
    assert [y.data for y in outputs[0]] == [y.data for y in outputs[1]]


# ---------------------------------------------------------------- marks for pictures


def test_a_mark_says_what_was_read() -> None:
    """The results of neurons, layers and networks say what they are, and which Values went in."""
    model = nn.MLP(2, [3, 1], rng=0)
    row = [Value(1.0), Value(2.0)]
    output = model(row)
    assert [(mark.together, mark.each) for mark in output.marks] == [("Layer", "Neuron"), ("MLP", None)]
    of_layer, of_model = output.marks
    by_id = {id(node): node for node in topological_order(output)}
    hidden = [by_id[key] for key in of_layer.ids()]
    assert [by_id[key] for key in of_model.ids()] == row
    assert [node.marks[0].together for node in hidden] == ["Layer"] * 3
    assert all([by_id[key] for key in node.marks[0].ids()] == row for node in hidden)
    assert [mark.together for mark in model.layers[0].neurons[0](row).marks] == ["Neuron"]


@pytest.mark.parametrize("activation", ["relu", "gelu", None])
def test_a_mark_keeps_what_was_noted(activation: str | None) -> None:
    """A line that trap has noted on a neuron's result stays, beside the mark."""
    with scalargrad.trap():
        for output in nn.Layer(2, 2, activation, rng=0)([1.0, 2.0]):
            assert output.line is not None
            assert len(output.marks) == 1


def test_nothing_is_marked_that_was_not_recorded() -> None:
    """Under `no_grad` the results are leaves, and nothing keeps hold of what they came from."""
    with scalargrad.no_grad():
        assert nn.MLP(2, [3, 2], rng=0)([1.0, 2.0])[0].marks == ()


# ---------------------------------------------------------------- coming from PyTorch

GUIDE = (Path(__file__).parents[2] / "docs/guides/coming_from_pytorch.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("theirs", "form"), [("nn.Linear(3, 4)", (3,)), ("nn.Conv2d(1, 8, 5)", (1, 5, 6))])
def test_what_is_linear_there_is_linear_here(theirs: str, form: tuple[int, ...]) -> None:
    """What the guide and the errors have for a linear module of PyTorch adds no activation."""
    (ours,) = re.findall(rf"^\| `{re.escape(theirs)}` \| `(.*?)`", GUIDE, re.MULTILINE)
    model = eval(ours, {"nn": nn})  # noqa: S307  # the text is ours
    x, y = np.random.default_rng(0).normal(size=(2, *form))
    first, other, both = ([output.data for output in functional.flatten(model(given))] for given in (x, y, x + y))
    np.testing.assert_allclose(both, np.add(first, other), atol=1e-12)
    assert min(first) < 0  # which relu would not let through
    assert "activation=None" in foreign.NAMES[theirs.removeprefix("nn.").partition("(")[0]]
