"""Recurrent modules: what they compute, what they remember, what they show, and what they refuse."""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, draw, exp, lift, nn, no_grad, total
from scalargrad.explain.walk.calls import Calls
from scalargrad.explain.walk.graph import Graph
from tests.nn.modules import bits, numbers

KINDS: dict[str, Callable[[], Any]] = {
    "Elman": lambda: nn.Recurrent(2, 3, rng=0),
    "Elman with a readout": lambda: nn.Recurrent(2, 3, 2, rng=0),
    "Jordan": lambda: nn.Recurrent(2, 3, 2, rng=0, memory="output"),
    "LSTM": lambda: nn.LSTM(2, 3, rng=0),
    "GRU": lambda: nn.GRU(2, 3, rng=0),
    "both directions": lambda: nn.Bidirectional(nn.LSTM(2, 3, rng=0), nn.GRU(2, 2, rng=1)),
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
one_way = pytest.mark.parametrize("make", list(KINDS.values())[:-1], ids=list(KINDS)[:-1])
ROWS = [[1.0, -0.5], [0.25, 2.0], [-1.5, 0.75], [0.5, 0.5]]
SEQUENCES = st.lists(st.lists(st.floats(-3, 3), min_size=2, max_size=2), min_size=2, max_size=5)


def arrays(layer: nn.Layer) -> tuple[Any, Any]:
    """The weights and the biases of a layer."""
    return np.array([numbers(neuron.weights) for neuron in layer.neurons]), np.array(
        [neuron.bias.data for neuron in layer.neurons]
    )


# ---------------------------------------------------------------- what they compute


@given(SEQUENCES)
def test_elman_and_jordan(rows: list[list[float]]) -> None:
    """The hidden neurons read the inputs and what was hidden before; in a Jordan network what was the output before."""
    for make in (KINDS["Elman with a readout"], KINDS["Jordan"]):
        model = make()
        (w, b), (v, c) = arrays(model.hidden), arrays(model.readout)
        memory, expected = np.zeros(2 if model.memory == "output" else 3), []
        for row in rows:
            hidden = np.tanh(w @ np.concatenate([row, memory]) + b)
            output = v @ hidden + c
            memory = output if model.memory == "output" else hidden
            expected.append(output)
        np.testing.assert_allclose(numbers(model(rows)), expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(numbers(model.run(rows)[1]), memory, rtol=1e-12, atol=1e-12)


@every_kind
def test_outputs_have_the_form_of_the_sequence(make: Callable[[], Any]) -> None:
    """There is a row of outputs for each row of inputs, from lists, arrays and generators, and by numbers or Values."""
    model = make()
    outputs = model(ROWS)
    assert {len(row) for row in outputs} == {model.n_outputs}
    assert len(outputs) == len(ROWS)
    values = [list(map(Value, row)) for row in ROWS]
    for same in (np.array(ROWS), (tuple(row) for row in ROWS), iter(values)):
        assert numbers(model(same)) == numbers(outputs)
    assert values[0][0].label is None


@one_way
@given(rows=SEQUENCES, cut=st.integers(1, 4))
def test_a_sequence_can_be_read_in_parts(make: Callable[[], Any], rows: list[list[float]], cut: int) -> None:
    """What is read in two parts, or row by row, has the outputs and the state of what is read at once."""
    model = make()
    cut = min(cut, len(rows) - 1)
    outputs, end = model.run(rows)
    first, state = model.run(rows[:cut])
    last, after = model.run(rows[cut:], state)
    assert numbers([*first, *last]) == numbers(outputs)
    assert numbers(after) == numbers(end)
    state = None
    for row, expected in zip(rows, outputs, strict=True):
        output, state = model.step(row, state)
        assert numbers(output) == numbers(expected)
    assert numbers(state) == numbers(end)


def test_both_directions() -> None:
    """The backward module's outputs are those for the reversed sequence; its state is that at the first row."""
    forward, backward = nn.LSTM(2, 3, rng=0), nn.GRU(2, 2, rng=1)
    outputs, (ahead, back) = nn.Bidirectional(forward, backward).run(ROWS)
    assert numbers([row[:3] for row in outputs]) == numbers(forward(ROWS))
    assert numbers([row[3:] for row in outputs]) == numbers(backward(ROWS[::-1]))[::-1]
    assert numbers(ahead) == numbers(forward.run(ROWS)[1])
    assert numbers(back) == numbers(outputs[0][3:]) == numbers(backward.run(ROWS[::-1])[1])
    state = ([0.5] * 3, [1.0] * 3), [0.25] * 2
    assert numbers(nn.Bidirectional(forward, backward)(ROWS, state)[0][:3]) == numbers(forward(ROWS, state[0])[0])


def test_several_layers() -> None:
    """In a Sequential each layer reads the outputs of the one before, and a function may take the last of them."""
    first, second = nn.LSTM(2, 3, rng=0), nn.GRU(3, 2, rng=1)
    model = nn.Sequential(first, second, lambda rows: rows[-1])
    assert numbers(model(ROWS)) == numbers(second(first(ROWS))[-1])
    assert len(model.parameters()) == len(first.parameters()) + len(second.parameters())


@every_kind
def test_the_first_row_matters_in_the_end(make: Callable[[], Any]) -> None:
    """The last output has a gradient in the first row, and one for every parameter."""
    model, rows = make(), [list(map(Value, row)) for row in ROWS]
    total(model(rows)[-1]).backward()
    assert all(x.grad for x in rows[0])
    assert all(parameter.grad for parameter in model.parameters()) or isinstance(model, nn.Bidirectional)


@pytest.mark.parametrize("target", ["numpy", "python"])
@every_kind
def test_lifted(make: Callable[[], Any], target: str) -> None:
    """Lifted, the loss of a batch of sequences and its gradient are those on Values."""
    model = make()
    batch = [ROWS, [[x / 2 for x in row] for row in ROWS[::-1]]]
    program: Any = lift(lambda rows: total(map(exp, model(rows)[1])), model.parameters(), target=target)
    losses = [total(map(exp, model(rows)[1])) for rows in batch]
    (total(losses) / 2).backward()
    value, gradient = program.value_and_grad(batch)
    assert float(value) == pytest.approx(sum(numbers(losses)) / 2, rel=1e-12)
    assert list(gradient) == pytest.approx([parameter.grad for parameter in model.parameters()], rel=1e-10, abs=1e-14)


def test_gates_may_read_the_inputs_alone() -> None:
    """A part that has as many inputs as a row does not read what is hidden; the others do."""
    given = {name: nn.Layer(2, 3, "sigmoid", rng=1) for name in ("input_gate", "forget_gate", "output_gate")}
    model = nn.LSTM(2, 3, rng=0, **given)  # type: ignore[arg-type]  # the names are those of layers
    assert len(model.parameters()) == 3 * 9 + 18
    plain, marked = model.table(ROWS), model.table(ROWS, ([0.5] * 3, [0.0] * 3))
    assert numbers(plain[0]["input_gate"]) == numbers(marked[0]["input_gate"])
    assert numbers(plain[0]["candidate"]) != numbers(marked[0]["candidate"])
    update = nn.GRU(2, 3, update_gate=nn.Layer(2, 3, "sigmoid", rng=1), rng=0)
    assert numbers(update.table(ROWS, [0.5] * 3)[0]["update_gate"]) == numbers(update.table(ROWS)[0]["update_gate"])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_activations(kind: Any) -> None:
    """The activation is that of what is stored: any of one number, by name or as a function, and none."""
    linear, relu = kind(2, 3, None, rng=0), kind(2, 3, "relu", rng=0)
    far = [[50.0, -20.0]] * 2
    assert max(abs(x.data) for moment in linear.table(far) for x in moment["candidate"]) > 1
    assert max(abs(x.data) for moment in kind(2, 3, rng=0).table(far) for x in moment["candidate"]) <= 1
    assert min(map(min, numbers(relu(ROWS)))) >= 0
    assert numbers(kind(2, 3, lambda x: x.tanh(), rng=0)(ROWS)) == numbers(kind(2, 3, rng=0)(ROWS))
    slopes = kind(2, 3, "prelu", rng=0)
    assert len(slopes.parameters()) > len(relu.parameters())
    with pytest.raises(TypeError, match=r"the activation of .* must return a Value, got 1"):
        kind(2, 3, lambda x: 1, rng=0, **({"candidate": nn.Layer(2, 3)} if kind is nn.LSTM else {}))(ROWS)


# ---------------------------------------------------------------- what they show


def test_a_table() -> None:
    """The table has a line for each time, with the inputs and all that is computed, under the names of the parts."""
    table = nn.LSTM(2, 1, rng=0).table(ROWS)
    lines = repr(table).splitlines()
    headings = "time x[0] x[1] candidate input_gate forget_gate output_gate memory hidden"
    assert lines[0].split() == headings.split()
    assert [line.split()[0] for line in lines[1:]] == ["0", "1", "2", "3"]
    assert f"{table[2]['memory'][0].data:.4g}" in lines[3]
    assert table._repr_html_().count("<tr>") == 5
    assert list(nn.GRU(2, 1, rng=0).table(ROWS)[0]) == ["x", "reset_gate", "update_gate", "candidate", "hidden"]
    assert "hidden[2]" in repr(nn.Recurrent(2, 3, rng=0).table(ROWS))


@one_way
def test_results_are_called_by_part_and_time(make: Callable[[], Any]) -> None:
    """Each result is labelled with the name of its part, its time and its place; labels that are there stay."""
    model = make()
    rows = [list(map(Value, row)) for row in ROWS]
    rows[0][0].label = "first"
    for time, moment in enumerate(model.table(rows)):
        for name, values in moment.items():
            for place, value in enumerate(values):
                assert value.label == f"{name}[{time}][{place}]" or name == "x"
    assert rows[0][0].label == "first"
    assert rows[0][1].label is None

    def own(x: Value) -> Value:
        result = x.tanh()
        result.label = "mine"
        return result

    assert nn.Recurrent(2, 1, activation=own)(ROWS)[1][0].label == "mine"
    assert model.table(ROWS)[3]["x"][1].label == "x[3][1]"


def test_the_labels_of_the_other_direction_are_those_of_the_rows() -> None:
    """What reads backwards calls its results by the time of the row, and not by when it comes to it."""
    outputs = nn.Bidirectional(nn.Recurrent(2, 1, rng=0), nn.Recurrent(2, 1, rng=1))(ROWS)
    assert [[y.label for y in row] for row in outputs] == [[f"hidden[{time}]"] * 2 for time in range(4)]


@one_way
@pytest.mark.parametrize("length", [1, 3])
def test_a_box_for_each_step_in_one_for_the_module(make: Callable[[], Any], length: int) -> None:
    """In the box of the module stands one for each row, in this order, and in it those of its layers."""
    model = make()
    outputs, _ = model.run(ROWS[:length])
    graph = Graph([y for row in outputs for y in row], {"model": model})
    calls = Calls(graph.order, graph.modules)
    kind = type(model).__name__
    (whole,) = (call for call in calls.all if call.parent is None)
    assert (whole.name, whole.kind) == ("model", kind)
    assert [call.kind for call in whole.inner] == [f"{kind} step"] * length
    for step in whole.inner:
        assert {call.kind for call in step.inner} == {"Layer"}
        assert {call.name for call in step.inner} <= set(vars(model))
    assert draw(outputs[-1], names={"model": model}).source.count(f"{kind} step") == length


def test_a_picture_of_both_directions() -> None:
    """Both modules stand in one box, by the names of the attributes."""
    model = KINDS["both directions"]()
    source = draw(model(ROWS)[0]).source
    assert all(name in source for name in ("Bidirectional", "forward", "backward"))


# ---------------------------------------------------------------- as modules


@every_kind
def test_saved_copied_and_written_as_python(make: Callable[[], Any], tmp_path: Any) -> None:
    """A module is loaded into another one of its form, pickled, and its form is Python that makes it again."""
    model, path = make(), tmp_path / "model.json"
    model.save(path)
    form = re.sub(r"\b(Recurrent|LSTM|GRU|Bidirectional)\b", r"nn.\1", repr(model))
    other = eval(form)  # noqa: S307  # what is printed
    other.load(path)
    again = pickle.loads(pickle.dumps(model))
    assert bits(model) == bits(other) == bits(again)
    assert numbers(model(ROWS)) == numbers(other(ROWS)) == numbers(again(ROWS))
    assert repr(other) == repr(model)


def test_a_form_shows_what_is_not_usual() -> None:
    """Other activations, another memory, and parts that were given are in the form, so that no file of another fits."""
    assert repr(nn.Recurrent(2, 3, 1, "relu", "sigmoid", memory="output")) == (
        "Recurrent(2, 3, 1, activation='relu', output='sigmoid', memory='output')"
    )
    assert repr(nn.LSTM(2, 3)) == "LSTM(2, 3, activation='tanh')"
    gate = nn.Layer(2, 3, "sigmoid")
    assert repr(nn.LSTM(2, 3, None, forget_gate=gate)) == (
        "LSTM(2, 3, activation=None, forget_gate=Layer(2, 3, activation='sigmoid'))"
    )
    assert repr(nn.GRU(2, 3, reset_gate=gate)) == (
        "GRU(2, 3, activation='tanh', reset_gate=Layer(2, 3, activation='sigmoid'))"
    )


@pytest.mark.parametrize("kind", [nn.Recurrent, nn.LSTM, nn.GRU])
def test_drawn_weights(kind: Any) -> None:
    """The seed decides the weights, the kind of drawing is that of other modules, and biases are 0."""
    assert bits(kind(2, 3, rng=5)) == bits(kind(2, 3, rng=5)) != bits(kind(2, 3, rng=6))
    ones = kind(2, 3, initial=lambda rng, n_inputs: float(n_inputs)).state_dict()
    assert {ones[name] for name in ones if "weights" in name} <= {2.0, 3.0, 5.0}
    assert all(ones[name] == 0 for name in ones if name.endswith("bias"))


def test_no_grad() -> None:
    """Without recording, a module still gives its numbers."""
    model = nn.LSTM(2, 3, rng=0)
    with no_grad():
        assert numbers(model(ROWS)) == numbers(model(ROWS))


# ---------------------------------------------------------------- what they refuse


def _anything(thing: Any) -> Any:
    """The same, for a type checker that would see the mistakes below."""
    return thing


Recurrent, LSTM, GRU, Bidirectional, module = map(_anything, (nn.Recurrent, nn.LSTM, nn.GRU, nn.Bidirectional, nn))
LAYER, SAME = nn.Layer(5, 3, rng=0), nn.GRU(1, 3)
ALL_OF_LSTM = dict.fromkeys(("candidate", "input_gate", "forget_gate", "output_gate"), LAYER)
ALL_OF_GRU = dict.fromkeys(("reset_gate", "update_gate", "from_inputs", "from_hidden"), LAYER)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Recurrent(0, 3), ValueError, "the number of inputs must be an integer of at least 1, got 0"),
        (lambda: Recurrent(2, 0), ValueError, "the number of hidden neurons must be .* at least 1, got 0"),
        (lambda: Recurrent(2, 3, 0), ValueError, "the number of outputs must be .* at least 1, got 0"),
        (lambda: Recurrent(2, 3, memory="all"), ValueError, 'memory must be "hidden" or "output", got \'all\''),
        (lambda: Recurrent(2, 3, memory="output"), ValueError, "needs outputs to remember: give n_outputs"),
        (lambda: Recurrent(2, 3, activation="relu", hidden=LAYER), TypeError, "give the layer or 'relu', not both"),
        (lambda: Recurrent(2, 3, output="relu", readout=LAYER), TypeError, "layer readout of Recurrent has an act"),
        (lambda: Recurrent(2, 3, rng=0, hidden=LAYER), TypeError, "Recurrent takes its weights, or rng and initial"),
        (lambda: Recurrent(2, 3, hidden=nn.LSTM(2, 3)), TypeError, "hidden of Recurrent must be an nn.Layer, got L"),
        (lambda: Recurrent(2, 3, readout=3), TypeError, "readout of Recurrent must be an nn.Layer, got 3"),
        (lambda: Recurrent(2, 3, readout=LAYER), ValueError, "readout of Recurrent must have 3 inputs, got Layer"),
        (lambda: Recurrent(2, 4, hidden=LAYER), ValueError, "hidden of Recurrent must have 4 outputs, got Layer"),
        (lambda: Recurrent(1, 3, hidden=LAYER), ValueError, "hidden of Recurrent must have 4 inputs, got Layer"),
        (lambda: LSTM(0, 3), ValueError, "the number of inputs must be an integer of at least 1, got 0"),
        (lambda: LSTM(2, 1.5), ValueError, "the number of cells must be an integer of at least 1, got 1.5"),
        (lambda: LSTM(2, 3, "tanhh"), ValueError, "no activation is named 'tanhh': did you mean tanh"),
        (lambda: LSTM(3, 3, input_gate=LAYER), ValueError, "input_gate of LSTM must have 3 or 6 inputs, got Layer"),
        (lambda: LSTM(2, 3, candidate="tanh"), TypeError, "candidate of LSTM must be an nn.Layer, got 'tanh'"),
        (
            lambda: LSTM(2, 3, None, 0, "scaled", **ALL_OF_LSTM),
            TypeError,
            "LSTM takes its weights, or rng and initial to draw them, not both",
        ),
        (
            lambda: GRU(2, 3, None, 0, "scaled", **ALL_OF_GRU),
            TypeError,
            "GRU takes its weights, or rng and initial to draw them, not both",
        ),
        (lambda: GRU(2, 0), ValueError, "the number of units must be an integer of at least 1, got 0"),
        (lambda: GRU(2, 3, from_hidden=LAYER), ValueError, "from_hidden of GRU must have 3 inputs, got Layer"),
        (lambda: LSTM(2, 3, num_layers=2), TypeError, "LSTM has no argument num_layers: write a module for each"),
        (lambda: GRU(2, 3, bidirectional=True), TypeError, "GRU has no argument bidirectional: write Bidirectional"),
        (
            lambda: Recurrent(2, hidden_size=3),
            TypeError,
            "missing 1 required|has no argument hidden_size: write n_h",
        ),
        (lambda: LSTM(2, 3, batch_first=True), TypeError, "no argument batch_first: write code for one sequence"),
        (lambda: Bidirectional(LAYER, LAYER), TypeError, "takes two of nn.Recurrent, nn.LSTM and nn.GRU, got Layer"),
        (lambda: Bidirectional(SAME, SAME), ValueError, "two modules, each with weights of its own, got .* twice"),
        (lambda: Bidirectional(SAME, nn.GRU(2, 3)), ValueError, "read the same rows, got GRU.* for rows of 1 and"),
        (lambda: module.RNN, AttributeError, r"Recurrent\(n_inputs, n_hidden\)"),
        (lambda: module.LSTMCell, AttributeError, "whose method step reads a single row"),
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given and what to do."""
    with pytest.raises(error, match=message):
        make()


@every_kind
@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([], ValueError, r"\) reads a sequence of at least one row, got none"),
        (1.5, TypeError, "reads a sequence, which is a list of rows of 2 inputs, got 1.5"),
        ({1.0, 2.0}, TypeError, "a sequence must be in an order, got a set|set"),
        ([1.0, 2.0], TypeError, "row 0 of the sequence"),
        ([[1.0, 2.0], [1.0]], ValueError, r"row 1 of the sequence: .* takes 2 inputs, got 1"),
        ([[1.0, 2.0], [1.0, "2"]], TypeError, "row 1 of the sequence: an input must be a real number, got '2'"),
        (np.zeros((2, 4, 2)), (TypeError, ValueError), "row 0 of the sequence"),
    ],
)
def test_bad_sequences(make: Callable[[], Any], rows: Any, error: Any, message: str) -> None:
    """A sequence that is none, or whose rows do not fit, is refused with the row at fault."""
    with pytest.raises(error, match=message):
        make()(rows)


@pytest.mark.parametrize(
    ("kind", "state", "error", "message"),
    [
        ("Elman", [0.0], ValueError, r"the memory of Recurrent\(.* must have 3 numbers, got 1"),
        ("Jordan", [0.0] * 3, ValueError, "must have 2 numbers, got 3"),
        ("GRU", 1.0, TypeError, "the hidden row must be a list, got 1.0"),
        ("GRU", [0.0] * 4, ValueError, "the hidden row of GRU.* must have 3 numbers, got 4"),
        ("LSTM", [0.0] * 3, TypeError, r"must be a tuple \(hidden, memory\), got \[0.0"),
        ("LSTM", ([0.0] * 3, [0.0]), ValueError, "the memory of LSTM.* must have 3 numbers, got 1"),
        ("both directions", [0.0] * 3, TypeError, "must be a tuple of its two modules' states, got"),
    ],
)
def test_bad_states(kind: str, state: Any, error: type[Exception], message: str) -> None:
    """A state of another form is refused with what it should be."""
    with pytest.raises(error, match=message):
        KINDS[kind]().run(ROWS, state)


def test_errors_of_other_kinds_are_their_own() -> None:
    """An error of its own kind that comes from a row is not renamed."""

    class OwnError(ValueError):
        pass

    class Odd:
        def __iter__(self) -> Any:
            raise OwnError("odd")

    with pytest.raises(OwnError, match=r"^odd$"):
        nn.GRU(2, 3)([Odd()])


def test_no_signal_is_lost_by_default() -> None:
    """With the weights as they are drawn an LSTM still hears after ten rows what was in the first."""
    first = Value(1.0)
    rows: list[list[Any]] = [[first, 0.0], *([[0.0, 0.0]] * 10)]
    total(nn.LSTM(2, 8, rng=0)(rows)[-1]).backward()
    assert 1e-12 < abs(first.grad) < math.inf
