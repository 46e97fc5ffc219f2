"""Expressions from outside: what Python computes is computed, and nothing else ever is."""

from __future__ import annotations

import inspect
import math
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Value, functional
from scalargrad.engine.declaration import declare
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.expressions import typed
from scalargrad.expressions.typed import ExpressionError, parse, parse_assignment

# ---------------------------------------------------------------- what an expression means

LEAVES = st.one_of(
    st.sampled_from(["x", "y", "pi", "e"]),
    st.integers(0, 9).map(str),
    st.floats(0.0, 9.0, allow_subnormal=False).map(repr),
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "-", "*"])
    return st.one_of(
        st.tuples(inner, signs, inner).map(" ".join),
        st.tuples(inner, signs, inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"-{text}"),
        inner.map(lambda text: f"+{text}"),
        inner.map(lambda text: f"{text} ** 2" if text[-1] in "xy)" else f"({text}) ** 2"),
        inner.map(lambda text: f"tanh({text})"),
        st.tuples(inner, inner).map(lambda pair: f"maximum({pair[0]}, {pair[1]})"),
    )


EXPRESSIONS = st.recursive(LEAVES, _larger, max_leaves=12)
NUMBERS = st.floats(-3.0, 3.0)


@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_an_expression_is_what_python_makes_of_it(text: str, x: float, y: float) -> None:
    """An expression gives bit for bit the number that Python computes for the same text, in floats."""
    names = {"x": x, "y": y, "pi": math.pi, "e": math.e, "tanh": math.tanh, "maximum": max}
    expected = eval(text, {"__builtins__": {}}, names)  # noqa: S307  # the oracle; the text is made above
    assert parse(text, ["x", "y"])({"x": x, "y": y}) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_values_are_recorded(text: str, x: float, y: float) -> None:
    """On Values an expression is the graph: the same number, and a gradient that numbers would have."""
    a, b = Value(x), Value(y)
    read = parse(text, ["x", "y"])
    value = read({"x": a, "y": b})
    if read.names:
        assert isinstance(value, Value)
        value = value.data
    plain = read({"x": x, "y": y})
    assert value == plain
    assert isinstance(plain, float)


@pytest.mark.parametrize("name", [p.name for p in BUILT_IN if not p.name.startswith("_")])
def test_every_primitive_is_called_by_its_name(name: str) -> None:
    """Every declared operation can be called, and records itself."""
    primitive = getattr(scalargrad, name)
    names = [f"x{i}" for i in range(primitive.arity)]
    values = {x: Value(1.0 + i) for i, x in enumerate(names)}
    result = parse(f"{name}({', '.join(names)})", names)(values)
    assert result.op is primitive
    assert result.args == tuple(values.values())


def test_every_composed_function_of_single_numbers_is_called_by_its_name() -> None:
    """The composed functions that can be called are those whose every operand may be a single number."""
    scalar = {
        name: function
        for name, function in vars(functional).items()
        if inspect.isfunction(function) and function.__module__ == functional.__name__ and not name.startswith("_")
        if all(
            str(q.annotation).startswith(("Number", "float")) for q in inspect.signature(function).parameters.values()
        )
    }
    assert scalar == typed.COMPOSED
    assert parse("leaky_relu(x, 0.5) + gelu(x)", ["x"])({"x": -2.0}) == -1.0 + functional.gelu(-2.0)
    assert parse("silu(x) + elu(x, 2)", ["x"])({"x": -2.0}) == functional.silu(-2.0) + functional.elu(-2.0, 2.0)
    assert parse("binary_cross_entropy(x, 1)", ["x"])({"x": -1e3}) == 1e3


def test_a_primitive_of_ones_own_is_called_too() -> None:
    """What a user declares is at once part of expressions."""
    declared = declare(lambda x: 3 * x, partials=[lambda out, x: 3.0], name="thrice")
    assert parse("thrice(x)", ["x"])({"x": Value(2.0)}).op is declared


def test_numbers_alone_are_computed_at_once() -> None:
    """What has no names in it leaves one constant in the graph, not a trail of them."""
    result = parse("x * (2 ** 3 + -1)", ["x"])({"x": Value(1.0)})
    assert [operand.data for operand in result.args] == [1.0, 7.0]


def test_a_given_name_comes_before_a_constant() -> None:
    """Who gives e a value means that value."""
    assert parse("e", ["e"])({"e": 2.0}) == 2.0
    assert parse("e")({}) == math.e
    assert parse("e", ["e"]).constants == {}
    assert parse("e * pi + e").constants == {"e": math.e, "pi": math.pi}


def test_names_are_those_used_in_order() -> None:
    """An expression says which names it uses, each once, in order of appearance."""
    assert parse("b * a + b + tanh(c)", ["a", "b", "c", "unused"]).names == ("b", "a", "c")


def test_blanks_do_not_matter() -> None:
    """Blanks around, line breaks within and the wide blanks of web pages are blanks."""
    assert parse("  (x\n +\u00a0\t1) \n", ["x"])({"x": 1.0}) == 2.0


def test_a_long_sum_is_read() -> None:
    """Nesting as deep as a long sum's is no error."""
    assert parse("+".join(["x"] * 900), ["x"])({"x": 1.0}) == 900.0


def test_repr_shows_the_text() -> None:
    """An expression shows what was read."""
    assert repr(parse(" 1 + 2 ")) == "<expression 1 + 2>"


# ---------------------------------------------------------------- conditions

FIELDS = {"grad": -2.0, "local": math.nan, "index": 7.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abs(grad) < 1e-6", False),
        ("grad <= -2", True),
        ("grad >= -2 and index > 6", True),
        ("grad == 2 or index != 7", False),
        ("not isnan(local)", False),
        ("isfinite(grad) and not isinf(grad)", True),
        ("-inf < grad < 0 < index", True),
        ("local == nan", False),
        ("1 < 2 or grad > inf", True),
    ],
)
def test_a_condition_is_true_or_false_as_in_python(text: str, expected: bool) -> None:
    """A condition has Python's meaning, chains of comparisons included."""
    read = parse(text, FIELDS, condition=True)
    assert read.is_condition
    names = {**FIELDS, "inf": math.inf, "nan": math.nan, "abs": abs}
    names |= {"isnan": math.isnan, "isinf": math.isinf, "isfinite": math.isfinite}
    assert read(FIELDS) is expected
    assert eval(text, {"__builtins__": {}}, names) is expected  # noqa: S307  # the oracle


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("grad", [-1.0, 0.0, 1.0])
def test_each_comparison_is_pythons(sign: str, grad: float) -> None:
    """Each sign compares as Python does, below, at and above a number."""
    read = parse(f"grad {sign} 0", FIELDS, condition=True)
    assert read({**dict.fromkeys(FIELDS, 1.0), "grad": grad}) == eval(f"{grad} {sign} 0")  # noqa: S307  # the signs above


def test_a_number_is_no_condition() -> None:
    """Among conditions, a number is told apart."""
    assert not parse("grad * 2", FIELDS, condition=True).is_condition


# ---------------------------------------------------------------- what is refused


def place(error: ExpressionError) -> str:
    return error.text[error.start : error.stop]


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("__import__('os')", "expected a number, got a string", "'os'"),
        ("__import__(1)", "no function is named __import__", "__import__"),
        ("x.__class__", "an expression has no attributes", "x.__class__"),
        ("x.tanh()", "a function is called by its name", "x.tanh"),
        ("x[0]", "an expression has no subscripts", "x[0]"),
        ("(lambda: x)()", "a function is called by its name", "lambda: x"),
        ("1 + (lambda: x)", "functions cannot be defined", "lambda: x"),
        ("[y for y in x]", "an expression cannot contain this", "[y for y in x]"),
        ("tanh(y for y in x)", "an expression cannot contain this", "(y for y in x)"),
        ("f'{x}'", "an expression cannot contain this", "f'{x}'"),
        ("b'x'", "expected a number, got a string", "b'x'"),
        ("(y := x)", "an expression cannot contain this", "y := x"),
        ("await x", "an expression cannot contain this", "await x"),
        ("x, 1", "an expression is one number", "x, 1"),
        ("tanh(*x)", "an expression cannot contain this", "*x"),
        ("True", "expected a number, got True", "True"),
        ("None", "expected a number, got None", "None"),
        ("...", "expected a number, got Ellipsis", "..."),
        ("2j", "expected a number, got a complex number", "2j"),
        ("x < 1", "a comparison has no derivative", "x < 1"),
        ("x and 1", "an expression has no and, or", "x and 1"),
        ("not x", "an expression has no not", "not x"),
        ("~x", "an expression cannot contain this", "~x"),
        ("x if x else 1", "an expression has no if … else", "x if x else 1"),
        ("x ^ 2", "^ is not the power operator: write **", "x ^ 2"),
        ("x @ x", "@ multiplies matrices", "x @ x"),
        ("x % 2", "the operators of an expression are + - * / **", "x % 2"),
        ("2x", "a number runs into a name", "2"),
        ("x y", "does not fit in Python's notation", "y"),
        ("2 *", "ends where more is expected", ""),
        ("tanh(x", "'(' was never closed", "("),
        ("x)", "unmatched ')'", ")"),
        ("x²", "invalid character '²'", "²"),
        ("x # all", "an expression has no comments", "# all"),
        ("x\0", "an expression cannot contain this character", "\0"),
        ("x + \udcff", "an expression cannot contain this character", "\udcff"),
        ("", "expected an expression, got nothing", ""),
        (" \n ", "expected an expression, got nothing", ""),
        ("y", "y has no value: give y=NUMBER", "y"),
        ("y" * 50, f"{'y' * 20}…{'y' * 19} has no value: give", "y" * 50),
        ("x_1 + x_2", "x_2 has no value: did you mean x_1?", "x_2"),
        ("tanh", "tanh is a function: write tanh(…)", "tanh"),
        ("tahn(x)", "no function is named tahn: did you mean tanh?", "tahn"),
        ("sigmod(x)", "did you mean sigmoid?", "sigmod"),
        ("ln(x)", "did you mean log?", "ln"),
        ("swish(x)", "no function is named swish: did you mean silu?", "swish"),
        ("prelu(x)", "no function is named prelu: did you mean leaky_relu?", "prelu"),
        ("_slope_in_base(x, x)", "no function is named _slope_in_base", "_slope_in_base"),
        ("isnan(x)", "no function is named isnan", "isnan"),
        ("softmax(x)", "softmax takes a list, which an expression does not have: write exp(x) /", "softmax"),
        ("2 * total(x)", "total takes a list, which an expression does not have: write x + y", "total"),
        ("tanh(x, x)", "tanh takes 1 operand, got 2", "tanh(x, x)"),
        ("maximum(x)", "maximum takes 2 operands, got 1", "maximum(x)"),
        ("leaky_relu()", "leaky_relu takes 1 or 2 operands, got 0", "leaky_relu()"),
        ("leaky_relu(x, slope=2)", "operands go by position", "slope=2"),
        ("tanh(**x)", "operands go by position", "**x"),
        ("9**9**9**9", "this is inf: beyond the range of floats", "9**9**9"),
        ("x / (1 - 1) + 1 / 0", "this is inf", "1 / 0"),
        ("log(-1) * x", "this is nan", "log(-1)"),
        ("1e999", "a number beyond the range of floats", "1e999"),
        ("0x" + "f" * 400, "a number beyond the range of floats", "0x" + "f" * 400),
        ("1" * 5000, "a number beyond the range of floats", "1" * 5000),
        ("hinge(x, 3)", "a label of hinge must be 1 or -1, got 3.0", "hinge(x, 3)"),
        ("binary_cross_entropy(x, -1)", "must be from 0 to 1, got -1.0", "binary_cross_entropy(x, -1)"),
        ("hinge(0, 3)", "a label of hinge must be 1 or -1, got 3.0", "hinge(0, 3)"),
        ("square_error(1e200, 0)", "beyond the range of floats", "square_error(1e200, 0)"),
        ("(" * 4000 + "x" + ")" * 4000, "too many nested parentheses", "("),
        ("-" * 9999 + "x", "nested too deeply", "-" * 9999 + "x"),
        ("(" * 10_000 + "x" + ")" * 10_000, "may have 10,000 characters, got 20,001", "x"),
        ("1+" * 2**19 + "1", "may have 10,000 characters, got 1,048,577", "1"),
        ("é + 重 * y", "重 has no value", "重"),
    ],
    ids=lambda given: given if len(given) < 40 else f"{given[:9]}…",
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, message: str, marked: str) -> None:
    """Each thing that is no arithmetic is refused in less than a second, by one line and its place."""
    names = {"x": 1.0, "x_1": 1.0, "é": 1.0}
    begun = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        parse(text, names)(names)
    assert time.process_time() - begun < 1.0
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert place(caught.value) == marked
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("grad and 1", "expected a comparison or another condition here", "grad and 1"),
        ("not grad", "expected a comparison or another condition here", "not grad"),
        ("(grad < 1) + 2", "expected a number, got a condition here", "(grad < 1) + 2"),
        ("abs(grad < 1)", "expected a number, got a condition here", "abs(grad < 1)"),
        ("grad is 1", "numbers are compared with < <= > >= == !=", "grad is 1"),
        ("grad in 1", "numbers are compared with < <= > >= == !=", "grad in 1"),
        ("gard < 1", "gard has no value: did you mean grad?", "gard"),
        ("q < 1", "q has no value: known are grad, local, index", "q"),
        ("isnan < 1", "isnan is a function: write isnan(…)", "isnan"),
        ("[grad]", "a condition cannot contain this", "[grad]"),
        ("grad.real < 1", "an expression has no attributes", "grad.real"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, message: str, marked: str) -> None:
    """A condition is of truths where truths belong and of numbers where numbers do."""
    with pytest.raises(ExpressionError) as caught:
        parse(text, FIELDS, condition=True)
    assert message in caught.value.message
    assert place(caught.value) == marked


SIGNS = "xyz+-*/()[]{},.=<>!&|^~@%:;'\"\\`$?# \t\n0123456789eEjJ_\0\ud800é²重"
WORDS = ["**", "//", "==", "lambda ", " if ", " else ", " and ", " not ", " for ", " in ", "tanh(", "__import__(", "0x"]
TOKENS = st.sampled_from([*SIGNS, *WORDS])


@given(st.one_of(st.text(max_size=60), st.lists(TOKENS, max_size=30).map("".join)), st.booleans())
@example("1or x", True)
@example("'\\d'", False)
def test_any_text_is_read_or_refused(text: str, condition: bool) -> None:
    """Whatever the text, there is a result or an error with a place that can be shown."""
    numbers: dict[str, Any] = {"x": 0.5, "y": -2.0}
    try:
        read = parse(text, numbers, condition=condition)
        assert isinstance(read(numbers), bool if read.is_condition else float)
        return
    except ExpressionError as error:
        refused = error
    message, shown, marks = str(refused).splitlines()
    assert message == refused.message
    assert shown[2:].isprintable()
    assert set(marks) <= {"^", " "}
    assert "^" in marks


# ---------------------------------------------------------------- where the caret stands


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ExpressionError("m", "ab + cd", 5, 7), "m\n  ab + cd\n       ^^"),
        (ExpressionError("m", "ab", 2, 2), "m\n  ab\n    ^"),
        (ExpressionError("m", "", 0, 0), "m\n  \n  ^"),
        (ExpressionError("m", "重 + x", 4, 5), "m\n  重 + x\n       ^"),
        (ExpressionError("m", "x\u0302 + y", 5, 6), "m\n  x\u0302 + y\n      ^"),
        (ExpressionError("m", "\x1b[31m", 1, 2), "m\n  \\x1b[31m\n      ^"),
        (ExpressionError("m", "a" * 100, 99, 100), f"m\n  …{'a' * 72}\n  {' ' * 72}^"),
        (ExpressionError("m", "a" * 100, 0, 100), f"m\n  {'a' * 72}…\n  {'^' * 72}"),
        (ExpressionError("m", "a" * 200, 100, 101), f"m\n  …{'a' * 72}…\n  {' ' * 37}^"),
    ],
)
def test_the_caret_stands_under_the_place(error: ExpressionError, shown: str) -> None:
    """The marks stand under what is wrong, whatever the width of the characters before it."""
    assert str(error) == shown


# ---------------------------------------------------------------- name=value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x=1", ("x", 1.0)),
        ("x = -3", ("x", -3.0)),
        ("angle=pi/4", ("angle", math.pi / 4)),
        ("ﬁ=1e-3", ("fi", 1e-3)),  # as Python reads names: NFKC
        ("σ_1=2**10", ("σ_1", 1024.0)),
    ],
)
def test_a_name_gets_a_number(text: str, expected: tuple[str, float]) -> None:
    """`name=value` is a name that Python reads and a number, which may be computed."""
    assert parse_assignment(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("x", "expected name=value", "x"),
        ("", "expected name=value", ""),
        ("=3", "expected a name that Python allows", ""),
        ("2x=3", "expected a name that Python allows", "2x"),
        ("lambda=3", "expected a name that Python allows", "lambda"),
        ("x=nan", "x needs a finite number, got nan", "nan"),
        ("x= -Infinity", "x needs a finite number, got -Infinity", "-Infinity"),
        ("x=1/0", "x needs a number: this is inf", "1/0"),
        ("x=", "x needs a number: expected an expression, got nothing", ""),
        ("x=  2*abc", "x needs a number: abc has no value", "abc"),
        ("x==3", "x needs a number: this does not fit", "="),
        ("x='3'", "x needs a number: expected a number, got a string", "'3'"),
    ],
)
def test_what_gives_no_number_to_a_name_is_refused_with_its_place(text: str, message: str, marked: str) -> None:
    """What is wrong in `name=value` is marked there."""
    with pytest.raises(ExpressionError) as caught:
        parse_assignment(text)
    assert message in caught.value.message
    assert place(caught.value) == marked
