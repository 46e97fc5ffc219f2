"""Exercises on networks that read a sequence: a recurrent network, a memory cell with gates, and clipping."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from ..engine.primitives import sigmoid
from ..misconceptions import Misconception
from .declaring import declare
from .functions import judge_function
from .verdict import Verdict


def _read(
    xs: Sequence[float],
    w: float,
    u: float,
    v: float,
    remembered: Callable[[float, float], float] = lambda hidden, output: hidden,
    activation: Callable[[float], float] = math.tanh,
) -> list[float]:
    """The outputs of a recurrent network of one neuron, with another memory or activation."""
    outputs, memory = [], 0.0
    for x in xs:
        hidden = activation(w * x + u * memory)
        outputs.append(v * hidden)
        memory = remembered(hidden, outputs[-1])
    return outputs


NO_MEMORY = Misconception(
    "memory forgotten", "Each time begins with nothing remembered: keep what is hidden, and read it at the next time."
)
OUTPUT_REMEMBERED = Misconception(
    "output remembered", "That is a Jordan network: remember what is hidden, and not the output."
)
INPUT_REMEMBERED = Misconception(
    "input remembered", "What is remembered is what is hidden, in which all earlier inputs are, and not the last input."
)
SUM_REMEMBERED = Misconception(
    "sum remembered", "Remember what is hidden after the activation, and not the sum before."
)
NO_ACTIVATION = Misconception("activation forgotten", "Apply tanh to the sum of both products.")
TWO_ACTIVATIONS = Misconception(
    "activation of each part", "Add both products first, and apply tanh to the sum: not to each product."
)
LAST_ALONE = Misconception("the last output alone", "There is an output at each time: return all of them in a list.")
HIDDEN_RETURNED = Misconception("hidden for output", "The output is v times what is hidden.")
BACKWARDS = Misconception("read backwards", "Read from the first input to the last.")
LATE = Misconception(
    "one time late", "The output of a time is v times what is hidden at that time: compute this first, then the output."
)
START_RETURNED = Misconception(
    "start as an output", "There is an output for each input, and none for the 0 at the start."
)
WEIGHTS_SWAPPED = Misconception("weights swapped", "The input has the weight w, and what was hidden before has u.")
U_FORGOTTEN = Misconception("weight of the memory forgotten", "What was hidden before has a weight, too: u.")
ADDED_TO_MEMORY = Misconception(
    "memory added up", "What is hidden takes the place of what was hidden before: write = and not +=."
)
SIGMOID = Misconception("sigmoid for tanh", "The activation is tanh here, from -1 to 1, and not sigmoid.")
OUTPUT_ACTIVATED = Misconception(
    "activation of the output", "The output is linear: v times what is hidden, without tanh."
)
FIRST_ALONE = Misconception(
    "the first output alone", "Return after the loop, and not in it: only its first turn was made."
)


@declare(
    "recurrent",
    chapter=20,
    title="A network that remembers",
    text="""
    At each time a hidden neuron reads the input `x` with the weight `w`, and what was hidden at the time before with
    the weight `u`; at first that is 0. Its activation is tanh. The output is `v` times what is hidden. Return the list
    of outputs.
    """,
    start="""
    from math import tanh

    def outputs(xs, w, u, v):
        memory = 0.0
        return ...

    print(outputs([1.0, 0.0], 0.5, 2.0, 3.0))  # should be [1.386, 2.184]
    """,
    answer="outputs",
)
def _recurrent(answer: Any) -> Verdict:
    def of_the_input(xs: Sequence[float], w: float, u: float, v: float) -> list[float]:
        return [v * math.tanh(w * x + u * before) for x, before in zip(xs, [0.0, *xs], strict=False)]

    def of_the_sum(xs: Sequence[float], w: float, u: float, v: float) -> list[float]:
        sums = _read(xs, w, u, 1.0, activation=lambda z: z)
        return [v * math.tanh(z) for z in sums]

    def of_each(xs: Sequence[float], w: float, u: float, v: float) -> list[float]:
        outputs, memory = [], 0.0
        for x in xs:
            memory = math.tanh(w * x) + math.tanh(u * memory)
            outputs.append(v * memory)
        return outputs

    def added(xs: Sequence[float], w: float, u: float, v: float) -> list[float]:
        memories = accumulate(xs, lambda memory, x: memory + math.tanh(w * x + u * memory), initial=0.0)
        return [v * memory for memory in memories][1:]

    return judge_function(
        answer,
        "outputs",
        _read,
        [
            ([1.0, 0.0], 0.5, 2.0, 3.0),
            ([1.0, -2.0, 0.5, 0.25], 0.5, -0.75, 2.0),
            ([0.5, 0.25, -1.0], 1.5, 0.5, -0.5),
        ],
        mistaken={
            NO_MEMORY: lambda xs, w, u, v: _read(xs, w, u, v, lambda hidden, output: 0.0),
            OUTPUT_REMEMBERED: lambda xs, w, u, v: _read(xs, w, u, v, lambda hidden, output: output),
            INPUT_REMEMBERED: of_the_input,
            SUM_REMEMBERED: of_the_sum,
            NO_ACTIVATION: lambda xs, w, u, v: _read(xs, w, u, v, activation=lambda z: z),
            TWO_ACTIVATIONS: of_each,
            LAST_ALONE: lambda xs, w, u, v: _read(xs, w, u, v)[-1],
            HIDDEN_RETURNED: lambda xs, w, u, v: _read(xs, w, u, 1.0),
            BACKWARDS: lambda xs, w, u, v: _read(xs[::-1], w, u, v)[::-1],
            LATE: lambda xs, w, u, v: [0.0, *_read(xs, w, u, v)[:-1]],
            START_RETURNED: lambda xs, w, u, v: [0.0, *_read(xs, w, u, v)],
            WEIGHTS_SWAPPED: lambda xs, w, u, v: _read(xs, u, w, v),
            U_FORGOTTEN: lambda xs, w, u, v: _read(xs, w, 1.0, v),
            ADDED_TO_MEMORY: added,
            SIGMOID: lambda xs, w, u, v: _read(xs, w, u, v, activation=sigmoid),
            OUTPUT_ACTIVATED: lambda xs, w, u, v: [math.tanh(y) for y in _read(xs, w, u, v)],
            FIRST_ALONE: lambda xs, w, u, v: _read(xs, w, u, v)[:1],
        },
    )


def _cell(
    candidate: float, input_gate: float, forget_gate: float, output_gate: float, memory: float
) -> tuple[float, float]:
    memory = math.tanh(candidate) * sigmoid(input_gate) + memory * sigmoid(forget_gate)
    return memory, math.tanh(memory) * sigmoid(output_gate)


FORGET_INVERTED = Misconception(
    "forget gate inverted",
    "An open forget gate keeps, and a closed one forgets: multiply the memory by its sigmoid, and not by 1 minus it.",
)
GATES_SWAPPED = Misconception(
    "gates swapped", "The input gate lets the candidate in, and the forget gate decides about the old memory."
)
OVERWRITTEN = Misconception(
    "memory overwritten", "Add what is let in to what is kept of the old memory, which is lost otherwise."
)
OLD_MEMORY = Misconception("old memory for new", "The output comes from the new memory, and not from the old one.")
GATES_OPEN = Misconception("sigmoid forgotten", "A gate is a factor between 0 and 1: apply sigmoid to its sum.")
NO_TANH = Misconception("tanh of the candidate forgotten", "Apply tanh to the candidate before it is let in.")
NO_TANH_OUT = Misconception("tanh of the memory forgotten", "Apply tanh to the memory on its way out.")
OUTPUT_IN_MEMORY = Misconception(
    "output gate in the memory", "The output gate changes what leaves, and not what stays in the memory."
)
RESULTS_SWAPPED = Misconception("results swapped", "Return the new memory first, and then the output.")
OUTPUT_GATE_OPEN = Misconception(
    "output gate forgotten", "Multiply what leaves the memory by the sigmoid of the output gate."
)
NOTHING_FORGOTTEN = Misconception("forget gate forgotten", "Multiply the old memory by the sigmoid of the forget gate.")
INPUT_GATE_OPEN = Misconception("input gate forgotten", "Multiply the candidate by the sigmoid of the input gate.")
ONE_GATE = Misconception(
    "one gate for two",
    "Input and forget gate are two: neither is 1 minus the other, as in simpler cells, such as a GRU.",
)
TANH_GATES = Misconception(
    "tanh for sigmoid", "A gate is a factor between 0 and 1: its activation is sigmoid, and not tanh."
)
TANH_STORED = Misconception("tanh in the memory", "The memory stays as it is: tanh is for its way out alone.")


@declare(
    "memory-cell",
    chapter=21,
    title="A memory cell with three gates",
    text="""
    Four weighted sums have been computed: of the candidate and of the three gates. The activation of the candidate is
    tanh, that of a gate is sigmoid. The new memory is the candidate as far as the input gate is open, plus the old
    memory as far as the forget gate is open. The output is tanh of the new memory, as far as the output gate is open.
    Return both: the new memory, and the output.
    """,
    start="""
    from math import exp, tanh

    def sigmoid(x):
        return 1 / (1 + exp(-x))

    def cell(candidate, input_gate, forget_gate, output_gate, memory):
        return ..., ...

    print(cell(1.0, 0.0, 2.0, -1.0, 0.5))  # should be (0.821, 0.182)
    """,
    answer="cell",
)
def _memory_cell(answer: Any) -> Verdict:
    def out(memory: float, output_gate: float) -> tuple[float, float]:
        return memory, math.tanh(memory) * sigmoid(output_gate)

    def old_memory(z: float, i: float, f: float, o: float, memory: float) -> tuple[float, float]:
        return _cell(z, i, f, o, memory)[0], math.tanh(memory) * sigmoid(o)

    def no_tanh_out(z: float, i: float, f: float, o: float, memory: float) -> tuple[float, float]:
        new = _cell(z, i, f, o, memory)[0]
        return new, new * sigmoid(o)

    def gates_open(z: float, i: float, f: float, o: float, memory: float) -> tuple[float, float]:
        new = math.tanh(z) * i + memory * f
        return new, math.tanh(new) * o

    def tanh_gates(z: float, i: float, f: float, o: float, memory: float) -> tuple[float, float]:
        new = math.tanh(z) * math.tanh(i) + memory * math.tanh(f)
        return new, math.tanh(new) * math.tanh(o)

    def linear(z: float, i: float, f: float, o: float, memory: float) -> tuple[float, float]:
        new = z * sigmoid(i) + memory * sigmoid(f)
        return new, new * sigmoid(o)

    def output_in_memory(z: float, i: float, f: float, o: float, memory: float) -> tuple[float, float]:
        result = _cell(z, i, f, o, memory)[1]
        return result, result

    return judge_function(
        answer,
        "cell",
        _cell,
        [(1.0, 0.0, 2.0, -1.0, 0.5), (-0.5, 1.5, -1.0, 0.5, 2.0), (2.0, -1.0, 0.5, 1.0, -1.5)],
        mistaken={
            FORGET_INVERTED: lambda z, i, f, o, memory: _cell(z, i, -f, o, memory),  # 1 - sigmoid(f)
            GATES_SWAPPED: lambda z, i, f, o, memory: _cell(z, f, i, o, memory),
            OVERWRITTEN: lambda z, i, f, o, memory: _cell(z, i, f, o, 0.0),
            OLD_MEMORY: old_memory,
            GATES_OPEN: gates_open,
            NO_TANH: lambda z, i, f, o, memory: out(z * sigmoid(i) + memory * sigmoid(f), o),
            NO_TANH_OUT: no_tanh_out,
            OUTPUT_IN_MEMORY: output_in_memory,
            RESULTS_SWAPPED: lambda *given: _cell(*given)[::-1],
            OUTPUT_GATE_OPEN: lambda z, i, f, o, memory: _cell(z, i, f, math.inf, memory),
            NOTHING_FORGOTTEN: lambda z, i, f, o, memory: _cell(z, i, math.inf, o, memory),
            INPUT_GATE_OPEN: lambda z, i, f, o, memory: _cell(z, math.inf, f, o, memory),
            ONE_GATE: lambda z, i, f, o, memory: _cell(z, i, -i, o, memory),
            ONE_GATE._replace(name="one gate for two, the forget gate"): lambda z, i, f, o, memory: _cell(
                z, -f, f, o, memory
            ),
            TANH_GATES: tanh_gates,
            TANH_STORED: lambda *given: (math.tanh(_cell(*given)[0]), _cell(*given)[1]),
            SIGMOID: lambda z, i, f, o, memory: out(sigmoid(z) * sigmoid(i) + memory * sigmoid(f), o),
            NO_TANH._replace(
                name="tanh forgotten twice", sentence=f"{NO_TANH.sentence} {NO_TANH_OUT.sentence}"
            ): linear,
        },
    )


def _clipped(gradient: Sequence[float], most: float, norm: Callable[..., float] = math.hypot) -> list[float]:
    size = norm(*gradient)
    return [g * most / size for g in gradient] if size > most else list(gradient)


EACH_CLIPPED = Misconception(
    "each number clipped", "To clip each number alone changes the direction: scale all numbers by the same factor."
)
ALWAYS_SCALED = Misconception(
    "short ones made longer", "A gradient that is short enough stays as it is: only a longer one is scaled."
)
TO_ONE = Misconception("scaled to 1", "The norm should become `most`, and not 1.")
SQUARED_NORM = Misconception("root forgotten", "The norm is the root of the sum of the squares.")
OTHER_NORM = Misconception(
    "sum of absolute values", "The norm is the length of the gradient: the root of the sum of the squares."
)
LARGEST_FOR_NORM = Misconception("largest number for the norm", "The norm is that of all numbers, and not the largest.")
DROPPED = Misconception("set to 0", "A gradient that is too long is made shorter, and keeps its direction.")
UPSIDE_DOWN = Misconception(
    "factor upside down", "A factor of `most` divided by the norm makes it shorter, not longer."
)
BY_MOST = Misconception(
    "divided by most", "Divided by `most` the norm is not `most`: multiply by `most` divided by the norm."
)
TIMES_MOST = Misconception(
    "norm forgotten", "Multiplied by `most` alone the norm is not `most`: divide by the norm, too."
)
MEAN_SQUARE = Misconception(
    "mean of the squares", "The norm is the root of the sum of the squares, and not of their mean."
)
SUM_FOR_NORM = Misconception(
    "sum for norm", "In a sum the numbers cancel out: the norm is the root of the sum of the squares."
)
FROM_ABOVE = Misconception("only large numbers clipped", "Scale all numbers by the same factor, those below 0 too.")
SIGNS_LOST = Misconception("signs lost", "The direction stays the same, and so does the sign of each number.")
SHORT_SCALED = Misconception(
    "short for long", "Scale a gradient whose norm is larger than `most`, and not one that is shorter."
)
NORM_CHANGED = Misconception(
    "norm of what is changed", "Compute the norm once, before you change the first number: afterwards it is another."
)
DIVIDED_BY_ZERO = Misconception(
    "divided by 0", "A gradient of zeros has the norm 0: compare before you divide, and leave it as it is."
)


@declare(
    "clipping",
    chapter=22,
    title="Clip a gradient",
    text="""
    `gradient` is a list of numbers. If its norm, the root of the sum of the squares, is larger than `most`, scale all
    numbers by the same factor, so that the norm is `most`. Otherwise leave them as they are. Return the list.
    """,
    start="""
    from math import sqrt

    def clip(gradient, most):
        return ...

    print(clip([3.0, 4.0], 1.0))  # should be [0.6, 0.8]
    """,
    answer="clip",
)
def _clipping(answer: Any) -> Verdict:
    def scaled(factor: Callable[[float, float], float]) -> Callable[[Sequence[float], float], list[float]]:
        def function(gradient: Sequence[float], most: float) -> list[float]:
            norm = math.hypot(*gradient)
            return [g * factor(norm, most) for g in gradient] if norm > most else list(gradient)

        return function

    def changed(gradient: Sequence[float], most: float) -> list[float]:
        result = list(gradient)
        for place, g in enumerate(gradient):
            result[place] = g * min(1.0, most / math.hypot(*result))
        return result

    return judge_function(
        answer,
        "clip",
        _clipped,
        [
            ([3.0, 4.0], 1.0),
            ([30.0, -40.0], 2.5),
            ([0.3, 0.4, 0.1], 2.0),
            ([1.0, -2.0, 2.0], 2.5),
            ([-0.1, 0.2], 0.2),
        ],
        mistaken={
            EACH_CLIPPED: lambda gradient, most: [max(-most, min(most, g)) for g in gradient],
            ALWAYS_SCALED: lambda gradient, most: [g * most / math.hypot(*gradient) for g in gradient],
            TO_ONE: lambda gradient, most: [
                g / math.hypot(*gradient) if math.hypot(*gradient) > most else g for g in gradient
            ],
            SQUARED_NORM: lambda gradient, most: _clipped(gradient, most, lambda *parts: sum(g * g for g in parts)),
            OTHER_NORM: lambda gradient, most: _clipped(gradient, most, lambda *parts: sum(map(abs, parts))),
            LARGEST_FOR_NORM: lambda gradient, most: _clipped(gradient, most, lambda *parts: max(map(abs, parts))),
            SQUARED_NORM._replace(name="divided by the squared norm"): scaled(lambda norm, most: most / norm**2),
            UPSIDE_DOWN: scaled(lambda norm, most: norm / most),
            BY_MOST: scaled(lambda norm, most: 1 / most),
            TIMES_MOST: scaled(lambda norm, most: most),
            MEAN_SQUARE: lambda gradient, most: _clipped(
                gradient, most, lambda *parts: math.hypot(*parts) / math.sqrt(len(parts))
            ),
            SUM_FOR_NORM: lambda gradient, most: _clipped(gradient, most, lambda *parts: sum(parts)),
            FROM_ABOVE: lambda gradient, most: [min(most, g) for g in gradient],
            SIGNS_LOST: lambda gradient, most: [
                abs(g) if math.hypot(*gradient) > most else before
                for g, before in zip(_clipped(gradient, most), gradient, strict=True)
            ],
            SHORT_SCALED: lambda gradient, most: [
                g * most / math.hypot(*gradient) if math.hypot(*gradient) < most else g for g in gradient
            ],
            NORM_CHANGED: changed,
            DROPPED: lambda gradient, most: [0.0 if math.hypot(*gradient) > most else g for g in gradient],
        },
        hard={DIVIDED_BY_ZERO: [([0.0, 0.0], 1.0)]},
        rtol=1e-4,  # PyTorch adds 1e-6 to the norm before it divides
    )
