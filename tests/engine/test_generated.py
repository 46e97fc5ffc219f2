"""The generated methods of Value and exports of the package follow the declarations, and compute what they say."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, Primitive, Value
from scalargrad.engine import value as value_module
from scalargrad.engine.primitives import BUILT_IN
from tests import generate


@pytest.mark.parametrize("path", generate.WRITTEN, ids=lambda path: path.name)
def test_the_text_is_up_to_date(path: Path) -> None:
    """The text in both files is what `python -m tests.generate` writes."""
    _, between, _ = generate.parts(path)
    assert between == "".join(generate.WRITTEN[path]())


def test_writing_changes_nothing() -> None:
    """Writing both files again changes no byte."""
    before = {path: path.read_bytes() for path in generate.WRITTEN}
    subprocess.run([sys.executable, "-m", "tests.generate"], check=True, cwd=generate.PACKAGE.parent)
    assert {path: path.read_bytes() for path in generate.WRITTEN} == before


def test_another_rule_is_another_text() -> None:
    """Negative control: the text follows the value and the rule of the record."""
    tanh = next(primitive for primitive in BUILT_IN if primitive.name == "tanh")
    method = generate._method("tanh", tanh)
    assert "out = math.tanh(x)" in method
    assert "node._dx = 1 - out * out" in method
    other = scalargrad.primitive(partials=[lambda out, x: 2 - out * out], name="other_of_a_test")(math.tanh)
    assert generate.local_gradient(other, 0) == "2 - out * out"
    assert "out = p.other_of_a_test.value(x)" in generate._method("other_of_a_test", other)


NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, math.nan])
OPERATIONS = {**value_module.OPERATIONS}


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
def test_a_method_is_its_declaration(name: str, data: st.DataObject) -> None:
    """Each method gives, to the last bit, the value and the local gradients of its record, for every float."""
    primitive = OPERATIONS[name]
    numbers = data.draw(st.tuples(*[NUMBERS] * primitive.arity))
    operands = [Value(x) for x in numbers]
    result = getattr(operands[0], name)(*operands[1:])
    out = primitive.value(*numbers)
    local = [partial(out, *numbers) for partial in primitive.partials]
    assert result.data.hex() == out.hex()
    assert [x.hex() for x in result.local_gradients] == [float(x).hex() for x in local]
    assert (result.op, result.args, type(result)) == (primitive, tuple(operands), Value)


@pytest.mark.parametrize("name", [name for name, primitive in OPERATIONS.items() if primitive.arity == 2])
def test_a_number_beside_a_value_takes_no_gradient(name: str) -> None:
    """A number becomes a constant, whose local gradient is 0.0; the other operand's is that of the rule."""
    x = Value(0.75)
    result = getattr(x, name)(2)
    primitive = OPERATIONS[name]
    assert (type(result.args[1]), result.args[1].data) == (Constant, 2.0)
    assert result.local_gradients == (primitive.partials[0](result.data, 0.75, 2.0), 0.0)


UNARY = [primitive for primitive in BUILT_IN if primitive.arity == 1 and not primitive.name.startswith("_")]


@pytest.mark.parametrize("primitive", UNARY, ids=lambda primitive: primitive.name)
def test_a_unary_primitive_has_its_name_everywhere(primitive: Primitive) -> None:
    """Each primitive of one operand is a method, an export, an activation and a function on the command line."""
    assert value_module.OPERATIONS[primitive.name] is primitive
    assert getattr(scalargrad, primitive.name) is primitive
    assert scalargrad.nn.Neuron(1, primitive.name).activation == primitive.name
    problem = subprocess.run(
        [sys.executable, "-c", f"from scalargrad.cli import main; main(['explain', '{primitive.name}(x)', 'x=0.25'])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert primitive.name in problem.stdout


def test_a_method_can_be_read_and_traced() -> None:
    """`inspect.getsource` and tracebacks show the text of a method."""
    assert "node._dx = 1 - out * out" in inspect.getsource(Value.tanh)
    broken: Any = Value(1.0)
    broken._data = "no number"
    with pytest.raises(TypeError) as raised:
        broken.tanh()
    assert "out = math.tanh(x)" in "".join(traceback.format_exception(raised.value))
