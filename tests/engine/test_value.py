"""A Value is a number to Python and numpy, and it remembers how it was made."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

import scalargrad
from scalargrad import Constant, Primitive, Value, no_grad, primitive
from scalargrad.engine import declaration, primitives
from scalargrad.engine.declaration import declare
from scalargrad.engine.graph import topological_order
from tests.oracle import Dual, dual_functions, plain_numbers

OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negative": operator.neg,
    "abs": abs,
}
BUILT_IN: dict[str, Primitive] = {
    name: each for name, each in vars(primitives).items() if isinstance(each, Primitive) and not name.startswith("_")
}


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what a test declares."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))


# ---------------------------------------------------------------- any program of operations and sweeps

ONE = ("negative", "tanh", "sin", "exp", "sigmoid", "relu", "abs", "sqrt", "log", "atan", "softplus")
TWO = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "hypot", "atan2")
SMOOTH: dict[str, Callable[..., bool]] = {  # where not everywhere, or only with subgradients that are pinned
    "sqrt": lambda x: x > 0.1,
    "log": lambda x: x > 0.1,
    "divide": lambda x, y: abs(y) > 0.1,
    "power": lambda x, y: x > 0.1,
    "hypot": lambda x, y: abs(x) + abs(y) > 0.1,
    "atan2": lambda y, x: abs(x) + abs(y) > 0.1,
}
Made = tuple[str, tuple[int | float, ...], tuple[float, ...]]  # operation, operands, their numbers at the time


class Engine(RuleBasedStateMachine):
    """Everything that a user can do to a graph, with a record from which dual numbers compute each gradient."""

    nodes = Bundle("nodes")

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Value] = []
        self.made: list[Made | None] = []  # None for a leaf
        self.data: list[float] = []
        self.total: list[float | None] = []  # None as long as no sweep has come by
        self.magnitude: list[float] = []

        @primitive(partials=[lambda out, x, y, z: y, lambda out, x, y, z: x, lambda out, x, y, z: 1.0])
        def multiply_add(x: float, y: float, z: float) -> float:
            return x * y + z

        self.functions: dict[str, Callable[..., Any]] = {**BUILT_IN, "multiply_add": multiply_add}

    def keep(self, value: Value, data: float, made: Made | None) -> int:
        self.values.append(value)
        self.made.append(made)
        self.data.append(data)
        self.total.append(None)
        self.magnitude.append(0.0)
        return len(self.values) - 1

    def operate(self, name: str, operands: tuple[int | float, ...], spelled: Callable[..., Any], recorded: bool) -> Any:
        numbers = tuple(self.data[given] if isinstance(given, int) else given for given in operands)
        smooth = SMOOTH.get(name)
        if (smooth and not smooth(*numbers)) or abs(expected := dual(name, numbers).value) > 20:
            return multiple()
        with nullcontext() if recorded else no_grad():
            value = spelled(*[self.values[given] if isinstance(given, int) else given for given in operands])
        assert math.isclose(value.data, expected, rel_tol=1e-12, abs_tol=1e-12)
        return self.keep(value, value.data, (name, operands, numbers) if recorded else None)

    @rule(target=nodes, x=st.sampled_from([0.5, 1.0, 2.5, -1.5]) | plain_numbers)
    def make_a_leaf(self, x: float) -> int:
        return self.keep(Value(x), x, None)

    @rule(
        target=nodes, name=st.sampled_from(ONE), x=nodes, method=st.booleans(), recorded=st.booleans() | st.just(True)
    )
    def apply_to_one(self, name: str, x: int, method: bool, recorded: bool) -> Any:
        spelled = OPERATORS.get(name) or getattr(Value, name)
        return self.operate(name, (x,), spelled if method else self.functions[name], recorded)

    @rule(target=nodes, name=st.sampled_from(TWO), x=nodes, y=nodes, sign=st.booleans())
    def apply_to_two(self, name: str, x: int, y: int, sign: bool) -> Any:
        spelled = self.functions[name]
        return self.operate(name, (x, y), OPERATORS.get(name, spelled) if sign else spelled, recorded=True)

    @rule(
        target=nodes, name=st.sampled_from(TWO), x=nodes, number=plain_numbers, left=st.booleans(), sign=st.booleans()
    )
    def apply_with_a_number(self, name: str, x: int, number: float, left: bool, sign: bool) -> Any:
        spelled = self.functions[name]
        operands = (number, x) if left else (x, number)
        return self.operate(name, operands, OPERATORS.get(name, spelled) if sign else spelled, recorded=True)

    @rule(target=nodes, x=nodes, y=nodes, z=nodes | plain_numbers)
    def apply_to_three(self, x: int, y: int, z: int | float) -> Any:
        return self.operate("multiply_add", (x, y, z), self.functions["multiply_add"], recorded=True)

    @rule(root=nodes, seed=st.just(1.0) | plain_numbers, times=st.integers(1, 2))
    def sweep(self, root: int, seed: float, times: int) -> None:
        for _ in range(times):
            self.values[root].backward(seed)
            for node, (slope, magnitude) in self.slopes(root).items():
                self.total[node] = (self.total[node] or 0.0) + slope * seed
                self.magnitude[node] += magnitude * abs(seed)

    @rule(node=nodes)
    def zero_one_gradient(self, node: int) -> None:
        self.values[node].zero_grad()
        self.total[node], self.magnitude[node] = None, 0.0

    @rule(node=nodes, grad=plain_numbers)
    def set_one_gradient(self, node: int, grad: float) -> None:
        self.values[node].grad = grad
        self.total[node], self.magnitude[node] = grad, abs(grad)

    @rule(node=nodes, x=plain_numbers)
    def change_data(self, node: int, x: float) -> None:
        self.values[node].data = x
        self.data[node] = x

    def slopes(self, root: int) -> dict[int, tuple[float, float]]:
        """For each node that the root was computed from: ∂root/∂node and its magnitude, by dual numbers."""
        reached = {root}
        for node in range(root, -1, -1):
            if node in reached and (made := self.made[node]) is not None:
                reached.update(operand for operand in made[1] if isinstance(operand, int))
        derivatives = {}
        for node in reached:
            known = {node: Dual(0.0, 1.0)}
            for later in range(node + 1, root + 1):
                if (made := self.made[later]) is not None:
                    name, operands, numbers = made
                    tangents = [known.get(given) if isinstance(given, int) else None for given in operands]
                    known[later] = dual(name, numbers, tangents)
            derivatives[node] = known[root].derivative, known[root].magnitude
        return derivatives

    @invariant()
    def every_gradient_is_that_of_dual_numbers(self) -> None:
        for value, total, magnitude in zip(self.values, self.total, self.magnitude, strict=True):
            assert value.swept == (total is not None)
            assert abs(value.grad - (total or 0.0)) <= 1e-11 * magnitude

    @invariant()
    def every_node_remembers_how_it_was_made(self) -> None:
        for value, made, data in zip(self.values, self.made, self.data, strict=True):
            assert value.data == data
            operands = () if made is None else made[1]
            assert len(value.args) == len(operands)
            for arg, operand in zip(value.args, operands, strict=True):
                assert arg is self.values[operand] if isinstance(operand, int) else type(arg) is Constant
            assert not any(arg.swept for arg in value.args if type(arg) is Constant)


def dual(name: str, numbers: Sequence[float], tangents: Sequence[Dual | None] = (None, None, None)) -> Dual:
    """An operation on numbers that carry the derivatives of others, or none."""
    moved = [Dual(x, t.derivative, t.magnitude) if t else Dual(x) for x, t in zip(numbers, tangents, strict=False)]
    if name == "multiply_add":
        x, y, z = moved
        return x * y + z
    return dual_functions[name](*moved)


def test_every_gradient_is_that_of_the_oracle() -> None:
    """Whatever is built, shared, swept, zeroed and changed, each gradient is that of dual numbers on the record."""
    run_state_machine_as_test(Engine)


def times_1_001(rule: Any) -> Any:
    return lambda out, *operands: 1.001 * rule(out, *operands)


def flipped(rule: Any) -> Any:
    return lambda out, *operands: -rule(out, *operands)


def zero(_rule: Any) -> Any:
    return lambda out, *operands: 0.0


@pytest.mark.parametrize("operand", [0, 1])
@pytest.mark.parametrize("wrong", [times_1_001, flipped, zero])
def test_the_oracle_catches_wrong_rules(wrong: Callable[[Any], Any], operand: int) -> None:
    """Negative control: an engine with a rule that is a little or very wrong in one operand fails."""

    def bent(right: Primitive) -> Primitive:
        rules = [wrong(rule) if i == operand else rule for i, rule in enumerate(right.partials)]
        return declare(right.value, partials=rules, name=f"bent_{right.name}")

    class Bent(Engine):
        def __init__(self) -> None:
            super().__init__()
            self.functions |= {name: bent(BUILT_IN[name]) for name in TWO}

    control = settings(max_examples=200, phases=[Phase.generate], report_multiple_bugs=False, database=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Bent, settings=control)


# ---------------------------------------------------------------- numbers on either side

NUMBERS = [3, -2, 2.5, np.float64(2.5), np.float32(1.5), np.float16(0.5), np.int64(3), np.int8(2), np.uint8(2)]
of_any_number = pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{type(number).__name__}-{number}")
BINARY_OPERATORS = ["add", "subtract", "multiply", "divide", "power"]


@of_any_number
@pytest.mark.parametrize("name", BINARY_OPERATORS)
def test_operators_take_numbers_on_either_side(name: str, number: Any) -> None:
    """With an int, float or numpy scalar on either side the result is a Value, recorded, with the oracle's slope."""
    sign = OPERATORS[name]
    for left in (False, True):
        x = Value(1.25)
        result = sign(number, x) if left else sign(x, number)
        operands: list[Any] = [float(number), Dual(1.25, 1.0)] if left else [Dual(1.25, 1.0), float(number)]
        if operands[0].__class__ is float and name == "power" and number < 0:
            assert math.isnan(result.data)  # no real number
            continue
        expected = dual_functions[name](*operands)
        assert type(result) is Value
        assert result.op is BUILT_IN[name]
        assert result.data == expected.value
        assert result.args[left] is x
        assert (type(result.args[not left]), result.args[not left].data) == (Constant, float(number))
        result.backward()
        assert math.isclose(x.grad, expected.derivative, rel_tol=1e-15)


@pytest.mark.parametrize("name", BINARY_OPERATORS)
def test_operators_take_two_values(name: str) -> None:
    """Two Values, or one twice, are the operands in the order in which they are written."""
    x, y = Value(1.25), Value(2.5)
    for operands in ((x, y), (y, x), (x, x)):
        result = OPERATORS[name](*operands)
        assert result.args == operands
        assert result.data == OPERATORS[name](*map(float, operands))


def test_signs_of_one_operand() -> None:
    """-v and abs(v) are operations; +v is v itself."""
    x = Value(-2.0)
    assert ((-x).data, (-x).op) == (2.0, primitives.negative)
    assert (abs(x).data, abs(x).op) == (2.0, primitives.abs)
    assert +x is x


@given(base=st.floats(0.125, 8), exponent=st.floats(-4, 4))
def test_powers_of_every_form(base: float, exponent: float) -> None:
    """Powers v ** 2, 2 ** v, v ** v and w ** v have the slopes y xʸ⁻¹ and xʸ log x."""
    x, y = Value(base), Value(exponent)
    for result, dx, dy in (
        (x**y, exponent * base ** (exponent - 1), base**exponent * math.log(base)),
        (x**exponent, exponent * base ** (exponent - 1), 0.0),
        (base**y, 0.0, base**exponent * math.log(base)),
        (x**x, base**base * (math.log(base) + 1), 0.0),
    ):
        x.zero_grad()
        y.zero_grad()
        result.backward()
        assert math.isclose(x.grad, dx, rel_tol=1e-13, abs_tol=1e-13)
        assert math.isclose(y.grad, dy, rel_tol=1e-13, abs_tol=1e-13)


@pytest.mark.parametrize("name", [name for name, primitive in BUILT_IN.items() if primitive.arity == 1])
def test_every_operation_of_one_operand_is_a_method(name: str) -> None:
    """What `scalargrad.tanh(x)` does, `x.tanh()` does too."""
    x = Value(1.0 if name == "acosh" else 0.5)
    by_function, by_method = BUILT_IN[name](x), getattr(x, name)()
    assert by_method.op is by_function.op is getattr(scalargrad, name)
    assert by_method.args == by_function.args == (x,)
    assert (repr(by_method), by_method.local_gradients) == (repr(by_function), by_function.local_gradients)


# ---------------------------------------------------------------- the number


@given(x=plain_numbers, y=plain_numbers)
def test_comparisons_are_those_of_the_numbers(x: float, y: float) -> None:
    """<, <=, >, >= compare data, with a Value or a number on either side."""
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        for left, right in ((Value(x), Value(y)), (Value(x), y), (x, Value(y)), (np.float64(x), Value(y))):
            assert bool(compare(left, right)) is compare(x, y)
        assert bool(compare(Value(x), np.float64(y))) is compare(x, y)


def test_equality_and_hash_are_identity() -> None:
    """A Value equals only itself, so that Values can be keys and members of sets."""
    x, y = Value(1.0), Value(1.0)
    assert x == x
    assert x != y
    equals: list[object] = [1.0, np.float64(1.0), x]
    assert equals.index(x) == 2
    assert len({x, y, x}) == 2
    assert {x: "x", y: "y"}[y] == "y"
    assert [y, x].index(x) == 1


@given(st.lists(plain_numbers, min_size=1, max_size=6))
def test_python_orders_and_sums_values(numbers: list[float]) -> None:
    """`max`, `min` and `sorted` return the Values themselves, `sum` returns a Value."""
    values = [Value(x) for x in numbers]
    assert max(values) is values[numbers.index(max(numbers))]
    assert min(values) is values[numbers.index(min(numbers))]
    assert [value.data for value in sorted(values)] == sorted(numbers)
    assert {*sorted(values)} == {*values}
    total = sum(values)
    assert isinstance(total, Value)
    assert total.data == sum(numbers)
    total.backward()
    assert [value.grad for value in values] == [1.0] * len(values)


@given(x=st.floats(-1e6, 1e6), digits=st.integers(-3, 6))
def test_conversions_are_those_of_the_number(x: float, digits: int) -> None:
    """Python and `math` convert a Value as they convert its number."""
    v = Value(x)
    for convert in (float, int, bool, round, math.floor, math.ceil, math.trunc, math.sqrt if x > 0 else math.exp2):
        if convert is not math.exp2:
            assert convert(v) == convert(x)
            assert type(convert(v)) is type(convert(x))
    assert round(v, digits) == round(x, digits)
    assert bool(Value(0.0)) is bool(Value(-0.0)) is False
    assert bool(Value(math.nan)) is True


@pytest.mark.parametrize("spec", [".3f", "+.2e", "8.1f", "<10.4g", "%", "g"])
def test_format_specs_are_those_of_a_float(spec: str) -> None:
    """With a format spec a Value is shown as its number, without one as its repr."""
    v = Value(1234.56789, label="v")
    assert f"{v:{spec}}" == f"{1234.56789:{spec}}"
    assert f"{v}" == str(v) == repr(v)
    assert f"{v:.1f} %.1f" % v == "1234.6 1234.6"


def test_repr_shows_gradient_and_label() -> None:
    """The repr shows a gradient only after a sweep, and a label where there is one."""
    v = Value(2)
    assert repr(v) == "Value(data=2.0)"
    assert (v.grad, v.swept) == (0.0, False)
    (v * 0.0).backward()
    assert repr(v) == "Value(data=2.0, grad=0.0)"
    assert v.swept
    v.label = "it's"
    assert repr(v) == """Value(data=2.0, grad=0.0, label="it's")"""
    v.zero_grad()
    assert repr(v) == """Value(data=2.0, label="it's")"""
    v.label = None
    assert repr(v) == "Value(data=2.0)"
    assert repr((v + 1).args[1]) == "Constant(data=1.0)"


@given(st.floats())
def test_data_is_a_python_float(x: float) -> None:
    """Any float is kept as it is, bit for bit, nan and infinities and -0.0 too."""
    for given_number in (x, np.float64(x)):
        v = Value(given_number)
        assert type(v.data) is float
        assert v.data.hex() == x.hex()


# ---------------------------------------------------------------- how it was made


def test_operands_are_kept_in_order_each_time() -> None:
    """`a + a` has two operands, a leaf has none."""
    a, b = Value(1.0), Value(2.0)
    assert (a + a).args == (a, a)
    assert (a - b).args == (a, b)
    assert (-a).args == (a,)
    assert a.args == ()
    assert ((a + a).op, a.op) == (scalargrad.add, None)


def test_a_plain_number_is_a_constant_that_takes_no_gradient() -> None:
    """The 1 of `a + 1` is an operand of its own kind, which no sweep reaches."""
    a = Value(2.0)
    result = 3 * a**2 + 1
    result.backward()
    constants = [node for node in topological_order(result) if isinstance(node, Constant)]
    assert sorted(constant.data for constant in constants) == [1.0, 2.0, 3.0]
    assert not any(constant.swept for constant in constants)
    assert result.local_gradients == (1.0, 0.0)
    assert (2**a).local_gradients == (0.0, 4 * math.log(2))
    assert a.grad == 12.0
    assert type(a) is Value


def test_local_gradients_are_those_of_the_forward_pass() -> None:
    """Each node holds ∂self/∂operand as numbers, one for each operand."""
    a, b = Value(2.0), Value(3.0)
    assert (a * b).local_gradients == (3.0, 2.0)
    assert (-a).local_gradients == (-1.0,)
    assert a.local_gradients == ()


def test_micrograds_names() -> None:
    """`_prev` is the set of operands and `_op` the sign, or the name, of the operation."""
    a, b = Value(2.0), Value(3.0)
    assert (a * b)._prev == {a, b}
    assert (a + a)._prev == {a}
    assert a._prev == set()
    nodes = (a, a + b, a - b, a * b, a / b, a**b, -a, a.tanh(), a.relu())
    assert [node._op for node in nodes] == ["", "+", "-", "*", "/", "**", "-", "tanh", "relu"]


# ---------------------------------------------------------------- numpy's arrays of Values

UFUNCS = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "sin", "cos", "tan"]
UFUNCS += ["arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh"]
UFUNCS += ["degrees", "radians", "negative", "absolute"]
ALIASES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arctanh": "atanh"}
ALIASES |= {"absolute": "abs", "arctan2": "atan2"}


def is_array_of_values(array: Any) -> bool:
    return array.dtype == object and all(type(value) is Value for value in array.flat)


@pytest.mark.parametrize("name", UFUNCS)
def test_numpy_functions_are_operations_on_values(name: str) -> None:
    """`np.exp(values)` applies the operation to each Value, and `np.exp(v)` to one."""
    values = np.array([Value(0.25), Value(0.75)])
    operation = getattr(scalargrad, ALIASES.get(name, name))
    for array in (values, values[0]):
        results = np.atleast_1d(getattr(np, name)(array))
        assert is_array_of_values(results)
        for result, value in zip(results, values, strict=False):
            assert (result.op, result.args) == (operation, (value,))
            assert math.isclose(result.data, getattr(np, name)(value.data), rel_tol=1e-15)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "power", "hypot", "arctan2"])
def test_numpy_functions_of_two_operands(name: str) -> None:
    """`np.arctan2(ys, xs)` applies the operation to each pair, of Values or of Values and numbers."""
    xs, ys = np.array([Value(0.25), Value(0.75)]), np.array([Value(2.0), Value(3.0)])
    operation = getattr(scalargrad, ALIASES.get(name, name))
    for other in (ys, 2.0):
        results = getattr(np, name)(xs, other)
        assert is_array_of_values(results)
        for result, x, y in zip(results, xs, np.broadcast_to(other, 2), strict=True):
            assert (result.op, result.args[0], result.args[1].data) == (operation, x, float(y))


def test_numpy_maximum_picks_values() -> None:
    """`np.maximum` of an object array compares as Python's `max` does, and returns the operands themselves."""
    x, y = Value(1.0), Value(2.0)
    assert list(np.maximum(np.array([x, y]), np.array([y, x]))) == [y, y]
    assert list(np.minimum(np.array([x, y]), 1.5)) == [x, 1.5]


def test_matrix_products_of_values() -> None:
    """`A @ x`, `x @ x`, `arr.sum()` and mixed arithmetic are Values with the gradients of linear algebra."""
    matrix = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x = np.array([Value(0.5), Value(-1.0)])
    product = matrix @ x
    assert is_array_of_values(product)
    assert [value.data for value in product] == list(matrix @ [0.5, -1.0])
    total = ((2 * product - 1) ** 2 / np.float64(4)).sum()
    assert type(total) is Value
    total.backward()
    expected = matrix.T @ (2 * (matrix @ [0.5, -1.0]) - 1)
    assert [value.grad for value in x] == list(expected)
    squares = x @ x
    assert (type(squares), squares.data, x.mean().data, x.prod().data) == (Value, 1.25, -0.25, -0.5)


def test_numpy_scalars_do_not_swallow_values() -> None:
    """A Value times an array is an array of Values, on either side; numpy makes floats of it on request."""
    v = Value(2.0)
    numbers = np.array([1.0, 3.0])
    for array in (v * numbers, numbers * v, v - numbers, numbers / v, numbers**v, v**numbers):
        assert is_array_of_values(array)
    assert np.array([v, v], dtype=float).tolist() == [2.0, 2.0]
    assert type(np.float64(2) * v) is Value
