"""The benchmarks' peers do the same work: the same loss, the same gradient, the same step."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from benchmarks import first_calls, floats, gpt, lifting, scale
from benchmarks.graphs import GRAPHS
from benchmarks.lift import disagreement
from benchmarks.peers import by_hand, hips, lifted, scalars
from benchmarks.work import WORKS, Work
from scalargrad import lift

PEERS: dict[str, Any] = {  # of those in benchmarks/peers, the ones that the tests' extra installs
    "numpy, by hand": by_hand.Peer,
    "HIPS autograd": hips.Peer,
    "micrograd": scalars.Micrograd,
    "eager": scalars.Peer,
    "lifted": lifted.Peer,
    "lifted, on Values": lifted.OnValues,
}
SMALL = [
    dataclasses.replace(WORKS["2-16-16-1"], sizes=(2, 3, 4, 1), batch=6, rate=0.1),
    dataclasses.replace(WORKS["256-32-10"], sizes=(5, 4, 3), batch=6, rate=0.1),
]


def peers(work: Work) -> dict[str, Any]:
    return {name: peer(work) for name, peer in PEERS.items() if name != "micrograd" or work.loss == "hinge"}


@pytest.mark.parametrize("work", SMALL, ids=lambda work: work.loss)
def test_all_peers_have_the_same_gradient(work: Work) -> None:
    """Loss and gradient agree at the start, and after three steps of training, among all peers."""
    made = peers(work)
    assert disagreement({name: peer.gradient() for name, peer in made.items()}) is None
    before = made["numpy, by hand"].gradient()[0]
    for peer in made.values():
        peer.run(3)
    after = {name: peer.gradient() for name, peer in made.items()}
    assert disagreement(after) is None
    assert after["lifted"][0] < before


def test_a_disagreement_is_seen() -> None:
    """Negative control: a derivative off by a millionth, a missing one, a nan, and another loss are each named."""
    loss, gradient = 2.0, [1.0, -3.0, 0.5]
    assert disagreement({"a": (loss, gradient), "b": (loss, list(gradient))}) is None
    for wrong in ([1.000003, -3.0, 0.5], [1.0, -3.0], [1.0, -3.0, float("nan")]):
        assert "b" in str(disagreement({"a": (loss, gradient), "b": (loss, wrong)}))
    assert "2.1" in str(disagreement({"a": (loss, gradient), "b": (2.1, gradient)}))


def test_micrograd_is_asked_only_what_it_can_do() -> None:
    """Where the loss needs an exponential, micrograd is missing, which the table says."""
    with pytest.raises(ImportError, match="no log"):
        scalars.Micrograd(SMALL[1])


def test_the_parameters_lie_as_the_network_s() -> None:
    """The row of a work's parameters, cut at its spans, is each neuron's weights and bias."""
    work = SMALL[1]
    row = work.parameters
    model = scalars.network(work)
    for (span, shape), layer in zip(work.spans, model.layers, strict=True):
        matrix = row[span].reshape(shape)
        expected = [[*(w.data for w in neuron.weights), neuron.bias.data] for neuron in layer.neurons]
        assert np.array_equal(matrix, expected)


@pytest.mark.parametrize("name", lifting.CASES)
def test_the_ways_of_each_task_give_the_same_numbers(name: str) -> None:
    """What is timed beside a lifted program computes the same."""
    small: dict[str, dict[str, Any]] = {
        "lstm": {"size": 3, "steps": 3, "count": 4},
        "loops": {"kind": "LSTM", "size": 3, "steps": 8, "count": 4},
        "kalman": {"steps": 20, "count": 4},
        "special": {"count": 5},
        "many_results": {"results": 6},
        "elementwise": {"results": 6},
        "slopes_of_each": {"results": 6, "kind": "input_gradients"},
        "slopes_of_inputs": {"numbers": 6},
        "gpt": {"block": 3, "count": 2},
    }
    case = lifting.CASES[name](**small.get(name, {"count": 3}))
    assert len(case.ways) >= 1 + (name not in ("lstm", "gpt"))  # PyTorch alone is their peer
    assert lifting.disagreement(case) is None
    assert set(lifting.measured(case, 1)) == set(case.ways)
    wrong = case._replace(ways={**case.ways, "wrong": lambda: 1.000001 * lifting.numbers(case.ways["lifted"]())})
    assert lifting.disagreement(wrong) == f"{case.name}: wrong and lifted differ"


def test_all_ways_train_the_same_gpt() -> None:
    """The steps that are timed have the same losses; one that is off by a hundred-millionth is seen."""
    names = ["jo", "al", "zoe"]
    assert gpt.disagreement(gpt.ways(places=4), names) is None
    made = gpt.ways(places=4)
    step = made["on Values"]
    made["on Values"] = lambda name: step(name) * (1 + 1e-8)
    assert gpt.disagreement(made, names) == "on Values and lifted differ"


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("name", ["five nodes", "LU of 5", "Cholesky of 5", "tree of 16 leaves", "network 2-4-1"])
def test_the_ways_of_each_graph_give_the_same_numbers(name: str, count: int) -> None:
    """What is timed beside programs in plain floats computes the same, and one of them is in arrays."""
    case = floats.case(name, GRAPHS[name], count)
    assert list(case.ways) == ["lifted", "in arrays", "plain Python", "eager"]
    assert lifting.disagreement(case) is None
    assert len(list(floats.cases(quick=True))) == 6


def scaled(way: Any) -> Any:
    return 1.000001 * way()


def test_steps_on_jax_end_where_those_on_numpy_do() -> None:
    """All ways to take the steps of a case end at the same parameters; one that does not is named."""
    for case in (scale._dense([3, 4, 2], 4, 3), scale._convolution(5, 2, 4, 3), scale._logistic(6, 2, 3)):
        with jax.enable_x64(True):
            ways = scale.descents(case)
            assert set(ways) == {"numpy", "JAX", "JAX, call by call", "JAX, by hand"}
            assert scale.disagreement(case, ways) is None
            assert set(scale.first_calls(ways)) == set(scale.seconds(ways, 1)) == set(ways)
            wrong: dict[str, Any] = {**ways, "wrong": partial(scaled, ways["numpy"])}
            assert scale.disagreement(case, wrong) == f"{case.name}: wrong and numpy differ"


@pytest.mark.parametrize("place", range(len(first_calls.NETWORKS)))
def test_first_calls_are_of_what_the_engine_computes(place: int) -> None:
    """Each network whose first call is timed has the gradient that its timed step of the engine has."""
    make, _, small = first_calls.NETWORKS[place]
    network = make(**small, count=1)
    first_calls.step(network)
    slopes = [parameter.grad for parameter in network.parameters]
    _, lifted_slopes = lift(network.loss, network.parameters, check=False).value_and_grad(*network.batch)
    assert slopes == pytest.approx(list(lifted_slopes), rel=1e-9, abs=1e-12)
    assert min(first_calls.times(network)) > 0
