"""What is wrong is refused at once, by an error that says what was given; nothing is changed by it."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import scalargrad
from scalargrad import Value, cross_entropy, functional, grad, hinge, hypot, jvp, nn, square_error, tanh
from scalargrad.engine import declaration

Call = Callable[[Any], object]  # of a Value, typed so that a type checker lets everything be tried


def case(call: Call, error: type[Exception], message: str, name: str) -> Any:
    return pytest.param(call, error, message, id=name)


NO_NUMBERS: list[tuple[Any, str]] = [
    ("3", "'3' of type str"),
    ("3" * 100, "333… of type str"),
    (None, "None of type NoneType"),
    (1j, "1j of type complex"),
    ([1.0], "[1.0] of type list"),
    (Decimal("0.5"), "Decimal('0.5') of type decimal.Decimal"),
    (float, "<class 'float'> of type type"),
    (Value(1), "Value(data=1.0) of type scalargrad.engine.value.Value"),
    (np.array([1.0]), "array([1.]) of type numpy.ndarray"),
    (np.array(1j), "array(0.+1.j) of type numpy.ndarray"),
    (np.array("1"), "array('1', dtype='<U1') of type numpy.ndarray"),
    (np.array(None), "array(None, dtype=object) of type numpy.ndarray"),
    (np.timedelta64(1, "D"), "of type numpy.timedelta64"),
    (np.datetime64("2020"), "of type numpy.datetime64"),
    (np.complex128(1), "of type numpy.complex128"),
]
NO_FLOATS: list[tuple[Any, str]] = [
    (10**400, "got 1000"),
    (-(10**400), "got -1000"),
]


def applied(function: Callable[..., object], *given: object) -> Call:
    return lambda v: function(v, *given)


DATA = [
    case(call, error, f"{purpose} must be {wanted}.*{re.escape(told)}", f"{purpose}-{told}")
    for givens, error, wanted in (
        (NO_NUMBERS, TypeError, "a real number"),
        (NO_FLOATS, ValueError, "within the range of floats"),
    )
    for given, told in givens
    for purpose, call in (
        ("data", applied(lambda v, given: Value(given), given)),
        ("data", applied(setattr, "data", given)),
        ("grad", applied(setattr, "grad", given)),
        ("gradient", applied(Value.backward, given)),
        ("an operand of hypot", applied(lambda v, given: hypot(0.5, given), given)),
    )
    if not (purpose == "an operand of hypot" and isinstance(given, Value))
]

OPERANDS = [
    case(applied(sign, given), TypeError, f"'Value' and '{kind}'", f"{sign.__name__}-{kind}")
    for sign in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow)
    for given, kind in (("a", "str"), (None, "NoneType"), (1j, "complex"), ({}, "dict"))
    if (sign, kind) != (operator.mul, "str")  # Python lets the string answer
]

text: Any = "a"
nothing: Any = None
number: Any = 3.0

OTHERS = [
    case(lambda v: Value(1, label=number), TypeError, "label must be a string, got 3.0 of type float", "label"),
    case(applied(setattr, "label", 3), TypeError, "label must be a string, got 3 of type int", "set-label"),
    case(applied(setattr, "args", ()), AttributeError, "args", "set-args"),
    case(applied(setattr, "colour", "red"), AttributeError, "colour", "set-unknown"),
    case(lambda v: text * v, TypeError, "'Value'", "str*v"),
    case(lambda v: nothing - v, TypeError, "'NoneType' and 'Value'", "None-v"),
    case(lambda v: v + 10**400, ValueError, "an operand must be within the range of floats, got 1000", "v+big"),
    case(lambda v: 10**400 / v, ValueError, "an operand must be within the range of floats, got 1000", "big/v"),
    case(lambda v: operator.matmul(v, v), TypeError, "for @: 'Value' and 'Value'", "v@v"),
    case(lambda v: operator.floordiv(v, 2), TypeError, r"// is not defined.*: write math.floor\(x / y\),", "v//2"),
    case(lambda v: operator.floordiv(2.5, v), TypeError, r"// is not defined.*: write math.floor\(x / y\),", "2//v"),
    case(lambda v: operator.mod(v, v), TypeError, r"% is not defined.*: write x - y \* math.floor\(x / y\),", "v%v"),
    case(lambda v: operator.mod(np.float64(2), v), TypeError, "% is not defined", "float64%v"),
    case(lambda v: operator.mod(np.array([2.0]), v), TypeError, "% is not defined", "array%v"),
    case(lambda v: divmod(v, True), TypeError, "divmod is not defined.*: write math.floor", "divmod(v,2)"),
    case(lambda v: divmod(7, v), TypeError, "divmod is not defined.*: write math.floor", "divmod(7,v)"),
    case(lambda v: operator.mod(v, text), TypeError, "for %: 'Value' and 'str'", "v%str"),
    case(lambda v: divmod(nothing, v), TypeError, "for divmod.*: 'NoneType' and 'Value'", "divmod(None,v)"),
    case(lambda v: operator.lt(v, text), TypeError, "'<' not supported.*'str'", "v<str"),
    case(lambda v: operator.ge(v, nothing), TypeError, "'>=' not supported.*'NoneType'", "v>=None"),
    case(lambda v: max(v, nothing), TypeError, "not supported.*'NoneType'", "max"),
    case(lambda v: [1, 2][v], TypeError, "not Value", "index"),
    case(lambda v: int(Value(math.inf)), OverflowError, "infinity", "int(inf)"),
    case(lambda v: math.floor(Value(math.nan)), ValueError, "NaN", "floor(nan)"),
    case(lambda v: format(v, "d"), ValueError, "'d'", "format"),
    case(list, TypeError, "'Value' object is not iterable", "list(v)"),
    case(lambda v: v.maximum(text), TypeError, "str", "v.maximum(str)"),
    case(lambda v: v.minimum(nothing), TypeError, "None", "v.minimum(None)"),
    case(lambda v: v.hypot(1j), TypeError, "complex", "v.hypot(complex)"),
    case(lambda v: v.arctan2([1]), TypeError, "list", "v.arctan2(list)"),
    case(lambda v: tanh(), TypeError, "tanh takes 1 operand, got 0", "tanh()"),
    case(lambda v: tanh(v, v), TypeError, "tanh takes 1 operand, got 2", "tanh(v,v)"),
    case(hypot, TypeError, "hypot takes 2 operands, got 1", "hypot(v)"),
    case(lambda v: setattr(tanh, "name", "x"), AttributeError, "name", "set-primitive"),
    case(lambda v: declaration.named("nonsense"), LookupError, "no primitive is named 'nonsense'", "named"),
]

DERIVATIVES = [
    case(lambda v: grad(number, v), TypeError, "output must be.*got 3.0 of type float", "grad(float)"),
    case(
        applied(lambda v, output: grad(output, v), [Value(1)]),
        TypeError,
        "output must be a Value.*got .* of type list",
        "grad(list)",
    ),
    case(lambda v: grad(v, number), TypeError, "wrt must be.*got 3.0 of type float", "wrt-float"),
    case(lambda v: grad(v, [v, text]), TypeError, "wrt must be.*got 'a' of type str", "wrt-list"),
    case(lambda v: jvp(v, [v], [1.0, 2.0]), ValueError, "wrt has 1 Value: give as many tangents, got 2", "tangents"),
    case(lambda v: functional.hvp(v, [v], []), ValueError, "wrt has 1 Value: give as many tangents, got 0", "hvp"),
    case(lambda v: scalargrad.hessian(v, [number]), TypeError, "wrt must be.*got 3.0 of type float", "hessian"),
]

FUNCTIONS = [
    case(lambda v: scalargrad.mean([]), ValueError, "mean needs at least one value, got none", "mean"),
    case(lambda v: scalargrad.softmax([]), ValueError, "softmax needs at least one value, got none", "softmax"),
    case(lambda v: scalargrad.softmax([v, text]), TypeError, "got 'a' of type str", "softmax-str"),
    case(lambda v: square_error([v], [1, 2]), ValueError, "got 1 output and 2 targets", "square_error"),
    case(lambda v: hinge(v, 0), ValueError, "must be 1 or -1, got 0", "hinge"),
    case(lambda v: cross_entropy([v, v], 2), ValueError, "must be an integer from 0 to 1, got 2", "class-2"),
    case(lambda v: cross_entropy([v, v], -1), ValueError, "must be an integer from 0 to 1, got -1", "class--1"),
    case(lambda v: cross_entropy([v, v], number), ValueError, "must be an integer from 0 to 1, got 3.0", "class-3.0"),
    case(lambda v: cross_entropy([v, v], 0.5), ValueError, "must be an integer from 0 to 1, got 0.5", "class-0.5"),
    case(lambda v: cross_entropy([v, v], v), TypeError, "must be an integer.*; a Value is not one", "class-Value"),
    case(lambda v: cross_entropy([v, v], nothing), TypeError, "must be an integer.*, got None", "class-None"),
    case(lambda v: cross_entropy([v, v], [1.0]), ValueError, "got 2 outputs and 1 target", "probabilities"),
    case(lambda v: nn.Neuron(2)([v]), ValueError, r"Neuron\(2.*takes 2 inputs, got 1", "neuron"),
    case(lambda v: nn.Layer(1, 3)([v, v]), ValueError, r"Layer\(1, 3.*takes 1 input, got 2", "layer"),
    case(lambda v: nn.MLP(2, [3, 1])([v, v, v]), ValueError, r"layer 0 of MLP\(2.*takes 2 inputs, got 3", "mlp"),
    case(lambda v: nn.Neuron(1)([text]), TypeError, "got 'a' of type str", "row"),
]


@pytest.mark.parametrize(("call", "error", "message"), DATA + OPERANDS + OTHERS + DERIVATIVES + FUNCTIONS)
def test_bad_input_is_refused(call: Call, error: type[Exception], message: str) -> None:
    """Each bad input is an error of the right kind, which names what was given, and leaves the graph as it was."""
    leaf = Value(2.0, label="v")
    leaf.grad = 3.0
    v = leaf * 1.5
    v.grad = 4.0
    with pytest.raises(error, match=message):
        call(v)
    assert (leaf.data, leaf.grad, leaf.label, leaf.args) == (2, 3, "v", ())
    assert (v.data, v.grad, v.label, v.args[0]) == (3, 4, None, leaf)


@pytest.mark.parametrize(
    "given",
    [
        3,
        2.5,
        2**53,
        -(2**60),
        np.float64(0.1),
        np.float32(0.1),
        np.int64(7),
        Fraction(1, 4),
        True,
        False,
        np.True_,
        np.array(2.5),
        np.array(3),
    ],
)
def test_every_real_number_is_taken(given: Any) -> None:
    """Negative control: real numbers that a float holds exactly are taken, as data, operand and gradient."""
    v = Value(given)
    assert type(v.data) is float
    assert v.data == given
    assert (v + given).data == v.data + v.data
    v.data = given
    v.grad = given
    assert type(v.grad) is float
    v.zero_grad()
    v.backward(given)
    assert v.grad == given
