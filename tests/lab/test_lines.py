"""What a program records in the lab is what the engine records, and each node knows its line."""

from __future__ import annotations

import pytest
from scalargrad_lab.lines import recording

from scalargrad import Value, lift, nn, no_grad, trap
from scalargrad.engine import value as module
from scalargrad.engine.errors import NonFinite
from scalargrad.engine.graph import topological_order

PROGRAM = """\
from scalargrad import Value, nn, softmax, cross_entropy, relu
x = [Value(0.5, label="x1"), Value(-1.5)]
model = nn.MLP(2, [3, 2], rng=1)

def loss(scores):
    return cross_entropy(scores, 1) + sum(
        relu(score) ** 2
        for score in scores
    )

total = loss(model(x)) * 2 - max(x, key=float)
total.label = "total"
total.backward()
"""


def described(root: Value) -> list[tuple[object, ...]]:
    order = list(topological_order(root))
    places = {node: place for place, node in enumerate(order)}
    return [
        (node.op, node.data, node.grad, node.label, len(node.marks), node.local_gradients, *map(places.get, node.args))
        for node in order
    ]


def test_a_program_records_the_same_with_lines_as_without() -> None:
    """Operations, numbers, gradients, local gradients, labels and marks are those of the engine, bit for bit."""
    plain: dict[str, Value] = {}
    exec(compile(PROGRAM, "plain.py", "exec"), plain)  # noqa: S102  # the program above
    noted: dict[str, Value] = {}
    with recording("lab.py") as recorded:
        exec(compile(PROGRAM, "lab.py", "exec"), noted)  # noqa: S102  # the program above
    assert described(noted["total"]) == described(plain["total"])
    assert recorded.swept is recorded.last is noted["total"]


def test_every_node_has_the_line_of_the_program_that_made_it() -> None:
    """A node has the innermost line of the program itself, whatever functions of the library lie between."""
    names: dict[str, Value] = {}
    with recording("lab.py"):
        exec(compile(PROGRAM, "lab.py", "exec"), names)  # noqa: S102  # the program above
    lines = [node.line for node in topological_order(names["total"]) if node.op is not None or node.label]
    assert set(lines) == {f"lab.py:{number}" for number in (2, 3, 6, 7, 11)} - {"lab.py:3"}
    assert names["total"].line == "lab.py:11"
    assert names["x"][0].line == "lab.py:2"  # type: ignore[index]  # a list


def test_modes_of_the_program_work_as_elsewhere() -> None:
    """Under no_grad nothing is recorded, trap raises with the line, and lift traces."""
    code = "with no_grad():\n    y = x * x\nz = x * 2\nwith trap():\n    t = x.exp()\nlift(lambda v: v * v, [])\n"
    x = Value(3.0)
    names = {"x": x, "no_grad": no_grad, "trap": trap, "lift": lift}
    with recording("lab.py") as recorded:
        exec(compile(code, "lab.py", "exec"), names)  # noqa: S102  # the program above
        with pytest.raises(NonFinite, match=r"lab\.py:2"):
            exec(compile("with trap():\n    (x - 3).log()", "lab.py", "exec"), names)  # noqa: S102
    y, z, t = names["y"], names["z"], names["t"]
    assert isinstance(y, Value)
    assert y.op is None
    assert isinstance(z, Value)
    assert isinstance(t, Value)
    assert (z.line, t.line) == ("lab.py:3", "lab.py:5")
    assert recorded.last is not y


def test_afterwards_the_engine_is_as_before() -> None:
    """Also after an error nothing of the recording stays."""
    before = (module._record, Value.__init__, Value.backward)
    with pytest.raises(ZeroDivisionError), recording("lab.py"):
        _ = 1 / 0
    assert (module._record, Value.__init__, Value.backward) == before
    assert (Value(2.0) * nn.Neuron(1, rng=0)([1.0])).line is None
