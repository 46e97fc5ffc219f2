"""Operations that users declare: what they can do, which declarations are errors, what `help` shows."""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
import operator
import pickle
import pydoc
import re
from contextlib import nullcontext
from inspect import signature
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf

import scalargrad
from scalargrad import NonFinite, Primitive, Value, divide, exp, grad, greater, hypot, jvp, tanh
from scalargrad.engine import declaration
from scalargrad.engine.declaration import Break, Symbol, declare, describe, formula, named, operand_names, registered
from tests.oracle import Program, programs, run


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is gone after it."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))


@pytest.fixture
def softsign() -> Primitive:
    @scalargrad.primitive(partials=[lambda out, x: divide(1, (1 + abs(x)) ** 2)])
    def softsign(x: float) -> float:
        return x / (1 + abs(x))

    return softsign


@pytest.fixture
def fma() -> Primitive:
    @scalargrad.primitive(
        partials=[lambda out, x, y, z: y, lambda out, x, y, z: x, lambda out, x, y, z: 1.0], notation="{} * {} + {}"
    )
    def fma(x: float, y: float, z: float) -> float:
        """X times y plus z."""
        return x * y + z

    return fma


def bits(numbers: Any) -> list[str]:
    return [float(number).hex() for number in numbers]


# ---------------------------------------------------------------- three lines


@pytest.mark.parametrize("x", [-3.0, -0.5, 0.25, 1.0, 1e3])
def test_softsign_in_three_lines(softsign: Primitive, x: float) -> None:
    """An operation declared in three lines has its value, its gradient and its second derivative."""
    leaf = Value(x)
    y = softsign(leaf)
    y.backward()
    first = grad(y, leaf)
    second = grad(first, leaf)
    size = 1 + abs(mpf(x))
    for slope, wanted in (
        (y.data, x / size),
        (leaf.grad, size**-2),
        (second.data, -2 * math.copysign(1, x) / size**3),
    ):
        assert abs(slope - wanted) <= 1e-15 * abs(wanted)
    assert first.data.hex() == leaf.grad.hex()


def test_softsign_takes_part_in_everything(softsign: Primitive) -> None:
    """A declared operation takes numbers, Values, symbols and arrays of Values, in every mode."""
    assert bits([softsign(1), softsign(np.float64(1.0)), softsign(1.0)]) == bits([0.5] * 3)
    assert str(softsign(Symbol("x") + 1)) == "softsign(x + 1)"
    assert formula(softsign, 0) == "1 / (1 + abs(x)) ** 2"
    x = Value(1.0, label="x")
    assert jvp(softsign(x), x, 2.0).data == 0.5
    with scalargrad.no_grad():
        assert softsign(x).args == ()
    assert [value.data for value in np.vectorize(softsign)(np.array([x, Value(-1.0)]))] == [0.5, -0.5]
    network = scalargrad.nn.MLP(1, [2, 1], activation=softsign, rng=0)
    assert network([1.0]).data == scalargrad.nn.MLP(1, [2, 1], activation="softsign", rng=0)([1.0]).data


def test_own_operation_is_trapped() -> None:
    """A trap names a declared operation as it names any other."""
    huge = declare(lambda x: x * 1e308, name="huge", partials=[lambda out, x: 1e308])
    with scalargrad.trap(), pytest.raises(NonFinite, match=r"huge\(a\) is inf in the forward pass, where a = 10.0"):
        huge(Value(10.0, label="a"))


def test_primitives_pickle_by_name(softsign: Primitive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A primitive, alone or in a graph, is pickled as its name; it must be declared before it is loaded."""
    for primitive in (softsign, tanh):
        assert pickle.loads(pickle.dumps(primitive)) is primitive
        assert copy.deepcopy(primitive) is primitive
    x = Value(1.0)
    pickled = pickle.dumps((softsign(x), x))
    y, leaf = pickle.loads(pickled)
    assert grad(y, leaf).data == 0.25
    monkeypatch.setattr(declaration, "_registry", {tanh.name: tanh})
    with pytest.raises(LookupError, match="no primitive is named 'softsign': if it is your own, declare it first"):
        pickle.loads(pickled)


def test_a_primitive_cannot_be_changed(softsign: Primitive) -> None:
    """A primitive cannot be changed, equals only itself, and shows its name."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        softsign.name = "other"  # type: ignore[misc]
    assert softsign != dataclasses.replace(softsign)
    assert repr(softsign) == "<primitive softsign>"
    assert hash(softsign) == hash(copy.copy(softsign))


def test_own_name_declared_again_is_replaced(softsign: Primitive) -> None:
    """The registry has the last declaration of a name; an earlier graph keeps the earlier one."""
    x = Value(2.0)
    before = softsign(x)
    again = declare(lambda x: 3 * x, name="softsign", partials=[lambda out, x: 3.0])
    assert named("softsign") is again
    assert [primitive for primitive in registered() if primitive.name == "softsign"] == [again]
    assert grad(before, x).data == 1 / 9
    assert grad(again(x), x).data == 3.0


# ---------------------------------------------------------------- three operands


@given(st.tuples(*[st.floats()] * 3), st.floats())
def test_three_operands_are_differentiated_like_two(operands: tuple[float, float, float], seed: float) -> None:
    """An operation of three operands has, to the bit, the gradients of the same formula in operations of two."""
    fma = declare(
        lambda x, y, z: x * y + z,
        name="fma",
        partials=[lambda out, x, y, z: y, lambda out, x, y, z: x, lambda out, x, y, z: 1.0],
    )
    leaves, others = [[Value(x) for x in operands] for _ in range(2)]
    out, composed = fma(*leaves), others[0] * others[1] + others[2]
    out.backward(seed)
    composed.backward(seed)
    assert out.data.hex() == composed.data.hex()
    assert bits(leaf.grad for leaf in leaves) == bits(other.grad for other in others)
    assert bits(grad(out, leaves)) == bits(grad(composed, others))
    tangents = [1.0, -2.0, 0.5]
    assert jvp(out, leaves, tangents).data.hex() == jvp(composed, others, tangents).data.hex()


def test_three_operands_are_recorded_in_order(fma: Primitive) -> None:
    """Operands, local gradients and the printed formula keep the operands' order; constants take no gradient."""
    x = Value(3.0)
    out = fma(2, x, x)
    assert [operand.data for operand in out.args] == [2.0, 3.0, 3.0]
    assert out.args[1] is x
    assert out.args[2] is x
    assert out.local_gradients == (0.0, 2.0, 1.0)
    out.backward()
    assert (x.grad, out.args[0].grad) == (3.0, 0.0)
    assert grad(grad(fma(x, x, x), x), x).data == 2.0
    assert str(fma(Symbol("a") + 1, Symbol("b"), Symbol("c"))) == "(a + 1) * b + c"
    assert operand_names(fma) == ("x", "y", "z")
    with scalargrad.no_grad():
        assert fma(x, x, x).op is None


def test_graphs_with_three_operands_are_copied(fma: Primitive) -> None:
    """A graph with an operation of three operands survives pickle and deepcopy, with its shared leaves."""
    x, y = Value(3.0), Value(4.0)
    out = tanh(fma(x, y, x))
    for copied, a, b in (pickle.loads(pickle.dumps((out, x, y))), copy.deepcopy((out, x, y))):
        copied.backward()
        assert a is not x
        assert bits((copied, a.grad, b.grad)) == bits((out, *grad(out, [x, y])))


def test_clip_of_three_operands_has_kinks() -> None:
    """An operation may choose its subgradients, and pin them as edges."""
    clip = declare(
        lambda x, low, high: min(max(x, low), high),
        name="clip",
        partials=[
            lambda out, x, low, high: greater(x, low) * greater(high, x),
            lambda out, x, low, high: greater(low, x),
            lambda out, x, low, high: greater(x, high),
        ],
        kinks=[Break(0, lambda x, low, high: low if abs(x - low) < abs(x - high) else high)],
        edges=[((1.0, 1.0, 2.0), 1.0, (0.0, 0.0, 0.0))],
    )
    for x, gradients in ((-1.0, [0, 1, 0]), (0.5, [1, 0, 0]), (9.0, [0, 0, 1]), (2.0, [0, 0, 0])):
        leaves = [Value(x), Value(0.0), Value(2.0)]
        clip(*leaves).backward()
        assert [leaf.grad for leaf in leaves] == gradients
    assert clip.kinks[0].nearest(1.9, 0.0, 2.0) == 2.0


@pytest.mark.parametrize("arity", [1, 2, 3])
@pytest.mark.parametrize("mode", [nullcontext, scalargrad.trap])
def test_an_operation_that_blocks_gradients(arity: int, mode: Any) -> None:
    """It passes no gradient to any of its operands, whatever its own gradient is, in copies too."""
    blocked = declare(
        lambda *operands: float(round(operands[0])),
        name="rounded",
        partials=[lambda out, *operands: 0.0] * arity,
        notation=f"rounded({', '.join('{}' for _ in range(arity))})",
        blocks_gradient=True,
    )
    x, y = Value(1.4), Value(0.0)
    with mode():
        held = blocked(x, *[y.exp()] * (arity - 1))
        result = held * 1e308 * x
    for root in (result, copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        root.backward(1e10)
        (product, leaf) = root.args
        assert leaf.grad == 1e308 * 1e10 == math.inf
        assert product.args[0].local_gradients == (0.0,) * arity
        assert product.args[0].args[0] is leaf
        assert (product.args[0].grad, product.args[0].swept) == (math.inf, True)
    assert not y.swept
    assert "It passes no gradient" in describe(blocked)
    assert [slope.data for slope in grad(result, [x, y])] == [1e308, 0.0]
    assert [jvp(result, leaf, 1.0).data for leaf in (x, y)] == [1e308, 0.0]


def test_a_rule_of_0_blocks_nothing_by_itself() -> None:
    """Without `blocks_gradient`, a rule of 0 is multiplied in every mode: 0 × inf is nan."""
    rounded = declare(round, name="rounded", partials=[lambda out, x: 0.0])
    x = Value(1.4)
    y = rounded(x) * math.inf
    y.backward()
    assert math.isnan(x.grad)
    assert math.isnan(grad(y, x).data)
    assert math.isnan(jvp(y, x, 1.0).data)


# ---------------------------------------------------------------- what is refused


CORRECT: dict[str, Any] = {"value": lambda *operands: 0.0, "name": "mine", "partials": [lambda out, x: 1.0]}


@pytest.mark.parametrize(
    ("declared", "error", "message"),
    [
        ({"name": "tanh"}, ValueError, "tanh is a primitive of scalargrad: choose another name"),
        ({"partials": []}, ValueError, "mine needs one partial derivative for each operand, got none"),
        (
            {"partials": len},
            TypeError,
            f"the partials of mine must be a list with one function for each operand, got {len!r}",
        ),
        ({"name": "<lambda>"}, ValueError, "a primitive needs a name that can be written in Python, got '<lambda>'"),
        *[
            ({"name": name}, ValueError, f"a primitive needs a name that can be written in Python, got {name!r}")
            for name in ("None", "lambda", "if", "__debug__", "𝐢𝐟", "", "a b", "1st", "x\ny", 3, b"mine")
        ],
        ({"name": "ｔａｎｈ"}, ValueError, "tanh is a primitive of scalargrad: choose another name"),
        ({"partials": [2.0]}, TypeError, "a partial of mine must be a function (out, *operands), got 2.0"),
        ({"partials": [abs, None]}, TypeError, "a partial of mine must be a function (out, *operands), got None"),
        (
            {"partials": [lambda x: 1.0]},
            ValueError,
            "a partial of mine must take out and 1 operand, as there are partials, got (x)",
        ),
        (
            {"partials": [lambda out, x, y: 1.0, lambda out, x: 1.0]},
            ValueError,
            "a partial of mine must take out and 2 operands, as there are partials, got (out, x)",
        ),
        ({"value": 3}, TypeError, "the value of mine must be a function of floats, got 3"),
        (
            {"value": lambda x, y: 0.0},
            ValueError,
            "the value of mine must take 1 operand, as there are partials, got (x, y)",
        ),
        (
            {"value": lambda x: 0.0, "partials": [lambda out, x, y: 1.0] * 2},
            ValueError,
            "the value of mine must take 2 operands, as there are partials, got (x)",
        ),
        (
            {"value": math.atan2},
            ValueError,
            "the value of mine must take 1 operand, as there are partials, got (y, x, /)",
        ),
        ({"domain": []}, ValueError, "the domain of mine must have an interval for each operand, got 0"),
        (
            {"blocks_gradient": True},
            ValueError,
            "mine blocks gradients, so each of its partials must be 0.0, got 1",
        ),
        (
            {"blocks_gradient": True, "partials": [lambda out, x: not_yet_named(x)]},  # type: ignore[name-defined]  # noqa: F821
            ValueError,
            "mine blocks gradients, so each of its partials must be 0.0, got a formula",
        ),
        *[
            (
                {"kinks": [bad]},
                TypeError,
                f"a kink or pole of mine must be a Break(operand, nearest), got {bad!r}",
            )
            for bad in (0.0, (0, 0.0), Break(0, cast(Any, 0.0)))
        ],
        (
            {"kinks": [Break(1, lambda x: 0.0)]},
            ValueError,
            "a kink or pole of mine must be in one of 1 operand, counted from 0, got Break(1, …)",
        ),
        ({"domain": [(0, 1)] * 2}, ValueError, "the domain of mine must have an interval for each operand, got 2"),
        *[
            (
                {"notation": bad},
                ValueError,
                f"the notation of mine must be a Python expression with {{}} for each operand, got {bad!r}",
            )
            for bad in ("{} {}", "{} + {}", "mine({x})", "mine({)", "mine({}", "{} =", "mine()")
        ],
    ],
)
def test_bad_declarations(declared: dict[str, Any], error: type[Exception], message: str) -> None:
    """A bad declaration says what was wrong with it, and declares nothing."""
    before = registered()
    value = (CORRECT | declared)["value"]
    options = {name: option for name, option in (CORRECT | declared).items() if name != "value"}
    assert declare(CORRECT["value"], name="mine", partials=CORRECT["partials"]).arity == 1
    declaration._registry.pop("mine")
    with pytest.raises(error) as raised:
        declare(value, **options)
    assert str(raised.value) == message
    assert registered() == before


def test_a_value_takes_an_operand_for_each_partial() -> None:
    """The decorated function must accept as many operands as there are partials; it may accept more or fewer."""

    def value(x: float, y: float) -> float:
        return x * y

    with pytest.raises(ValueError, match=r"the value of value must take 1 operand, .* got \(x.*, y"):
        scalargrad.primitive(partials=[lambda out, x: 1.0])(value)
    for fitting in (lambda x, y=0.0: x, lambda *operands: operands[0], math.hypot):
        assert scalargrad.primitive(name="mine", partials=[lambda out, x: 1.0])(fitting).arity == 1


def test_a_notation_shows_every_operand() -> None:
    """A notation without one of the operands is an error, since formulas would be wrong; one may come twice."""
    rules: dict[str, Any] = {"partials": [lambda out, x, y: y, lambda out, x, y: x]}
    with pytest.raises(ValueError, match=r"must be a Python expression with {} for each operand"):
        declare(lambda x, y: x * y, name="mine", notation="mine({})", **rules)
    assert (
        str(declare(lambda x, y: x * y, name="mine", notation="{1} * {0} + 0 * {0}", **rules)(X, Y)) == "y * x + 0 * x"
    )


def test_every_option_is_a_parameter_with_a_type_that_help_explains() -> None:
    """The options are the fields of the record except the value: keyword parameters, each explained in `help`."""
    options = dict(signature(scalargrad.primitive).parameters)
    bare = options.pop("_bare")
    fields = [field.name for field in dataclasses.fields(Primitive)]
    assert bare.kind is bare.VAR_POSITIONAL
    assert {*options} == {*fields} - {"value"}
    assert {option.kind for option in options.values()} == {bare.KEYWORD_ONLY}
    assert all(option.annotation is not option.empty for option in options.values())
    shown = pydoc.plain(pydoc.render_doc(scalargrad.primitive))
    _, _, explained = shown.partition("Args:")
    assert re.findall(r"^ {8}(\w+): ", explained.partition("Returns:")[0], re.MULTILINE) == list(options)
    misspelt: Any = {"commutes": True}
    with pytest.raises(TypeError, match="unexpected keyword argument 'commutes'"):
        scalargrad.primitive(partials=[lambda out, x: 1.0], **misspelt)


def test_all_options_reach_the_record() -> None:
    """Each option becomes a field of the record, unchanged."""
    given: dict[str, Any] = {
        "summary": "The sum of two, at most 9.",
        "notation": "small({}, {})",
        "array": "minimum({} + {}, 9.0)",
        "domain": ((0.0, 1.0), (0.0, 2.0)),
        "kinks": (Break(0, lambda x, y: 9 - y),),
        "poles": (Break(1, lambda x, y: math.nan),),
        "edges": (((0.0, 0.0), 0.0, (1.0, 1.0)),),
        "associative": True,
        "commutative": True,
        "identity": 0.0,
        "right_identity": 0.0,
        "blocks_gradient": False,
        "bounded": True,
        "multiplies": True,
    }
    small = scalargrad.primitive(partials=[lambda out, x, y: 1.0] * 2, name="small", **given)(math.hypot)
    assert {name: getattr(small, name) for name in given} == given


def test_an_exception_of_a_value_says_which_functions_raise_none() -> None:
    """An exception of `math` inside a value has a note on the functions that give inf or nan instead."""
    for value, x in ((math.exp, 710.0), (math.log, -1.0), (lambda x: 1 / x, 0.0)):
        raising = scalargrad.primitive(name="raising", partials=[lambda out, x: out])(value)
        with pytest.raises((ArithmeticError, ValueError)) as raised:
            raising(Value(x))
        assert raised.value.__notes__ == [declaration.NEVER_RAISE]


@pytest.mark.parametrize("given", [{}, {"partials": [lambda out, x, y: 1.0] * 2}])
def test_a_declaration_without_brackets_is_told_the_right_way(given: dict[str, Any]) -> None:
    """`@primitive` without brackets has no partials: the error shows how to declare this function."""
    primitive: Any = scalargrad.primitive
    with pytest.raises(TypeError) as raised:
        primitive(lambda width, height: 1.0, **given)
    assert str(raised.value) == (
        "primitive takes the partials by keyword and then the function: write "
        "@primitive(partials=[lambda out, width, height: ..., lambda out, width, height: ...]) above it"
    )
    with pytest.raises(TypeError, match=r"@primitive\(partials=\[lambda out, x: ...\]\) above it"):
        primitive(math.sin)
    with pytest.raises(ValueError, match="mine needs one partial derivative for each operand, got none"):
        primitive(name="mine")(math.sin)


@pytest.mark.parametrize(
    ("primitive", "operands", "message"),
    [
        (tanh, (), "tanh takes 1 operand, got 0"),
        (tanh, (1.0, 2.0), "tanh takes 1 operand, got 2"),
        (hypot, (Value(1.0),), "hypot takes 2 operands, got 1"),
        (tanh, ("1",), "an operand of tanh must be a real number, got '1' of type str"),
        (tanh, (None,), "an operand of tanh must be a real number, got None of type NoneType"),
        (tanh, (1j,), "an operand of tanh must be a real number, got 1j of type complex"),
        (tanh, ([1.0],), "an operand of tanh must be a real number, got [1.0] of type list"),
        (hypot, (1.0, "2"), "an operand of hypot must be a real number, got '2' of type str"),
        (hypot, (Value(1.0), "2"), "an operand of hypot must be a real number, got '2' of type str"),
        (hypot, (None, Value(1.0)), "an operand of hypot must be a real number, got None of type NoneType"),
    ],
)
def test_bad_operands(primitive: Primitive, operands: tuple[Any, ...], message: str) -> None:
    """Operands that are not real numbers, or too few or too many of them, are errors that say so."""
    with pytest.raises(TypeError) as raised:
        primitive(*operands)
    assert str(raised.value) == message


def test_operand_out_of_range() -> None:
    """An integer beyond the range of floats is refused as an operand too."""
    with pytest.raises(ValueError, match="an operand of exp must be within the range of floats, got -1000"):
        exp(-(10**400))


def test_a_rule_that_leaves_the_engine_is_refused() -> None:
    """A partial that computes with `math`, or branches on its operand, could not be differentiated again."""
    for partial in (lambda out, x: math.cos(x), lambda out, x: 1.0 if x > 0 else 0.0):
        with pytest.raises(TypeError, match="a partial of mine must be written with operators and other primitives"):
            scalargrad.primitive(name="mine", partials=[partial])(math.sin)
    with pytest.raises(LookupError):
        named("mine")


def test_a_rule_may_speak_of_its_own_operation() -> None:
    """A partial can use the operation that is being declared, by its name."""

    @scalargrad.primitive(partials=[lambda out, x: 2.0 * doubled_exponential(x)])
    def doubled_exponential(x: float) -> float:
        return math.exp(2 * x)

    x = Value(0.5)
    assert abs(grad(grad(doubled_exponential(x), x), x).data - 4 * math.e) <= 1e-14


def test_a_declared_value_is_a_float() -> None:
    """An integer or numpy number that a value returns becomes a float; anything but a number is an error."""
    counted = scalargrad.primitive(name="counted", partials=[lambda out, x: 0.0])(lambda x: 3)
    assert type(counted(Value(1.5)).data) is float
    nothing: Any = scalargrad.primitive(name="nothing_at_all", partials=[lambda out, x: 0.0])({}.get)
    with pytest.raises(TypeError, match="the value of nothing_at_all must be a real number, got None"):
        nothing(Value(1.5))


@pytest.mark.parametrize(("written", "read"), [("µ", "μ"), ("ﬁt", "fit"), ("ｍｉｎｅ", "mine"), ("match", "match")])
def test_names_are_as_python_reads_them(written: str, read: str) -> None:
    """Two spellings that are one name in Python are one name for an operation, its copies and its formulas."""
    mine = declare(math.atan, name=written, partials=[lambda out, x: 1.0])
    assert mine.name == read
    assert named(written) is named(read) is mine
    assert pickle.loads(pickle.dumps(mine)) is mine
    assert str(mine(Symbol("x"))) == f"{read}(x)"


def test_a_function_without_a_name() -> None:
    """A function without a name needs the option `name`."""
    with pytest.raises(ValueError, match="needs a name that can be written in Python, got None"):
        declare(functools.partial(math.hypot, 1.0), partials=[lambda out, x: 1.0])


def test_an_operation_that_is_called_like_an_operand() -> None:
    """A formula is right whatever its operations are called."""
    mine = declare(lambda x, y: x, name="operand_0", partials=[lambda out, x, y: operand_0(y, out)] * 2)
    operand_0 = mine
    assert str(mine(Symbol("a"), Symbol("b"))) == "operand_0(a, b)"
    assert formula(mine, 1) == "operand_0(y, out)"
    assert describe(mine).startswith("operand_0(x, y): operand_0.")
    wide = declare(lambda x: x, name="wide", notation="{} + ｏperand_0", partials=[lambda out, x: 1.0])
    assert str(wide(Symbol("a"))) == "a + operand_0"


@pytest.mark.parametrize("text", ["", "  \n ", None])
def test_an_empty_docstring_is_none(text: str | None) -> None:
    """An operation whose function says nothing is described by its name."""

    def silent(x: float) -> float:
        return x

    silent.__doc__ = text
    assert declare(silent, partials=[lambda out, x: 1.0]).summary == "silent."


def test_unknown_name() -> None:
    """A name that is not declared is a LookupError."""
    with pytest.raises(LookupError, match="no primitive is named 'nothing'"):
        named("nothing")


# ---------------------------------------------------------------- formulas


def evaluated(expression: Any, names: dict[str, float]) -> float:
    functions: dict[str, Any] = {primitive.name: primitive for primitive in registered()}
    constants = {"inf": math.inf, "nan": math.nan}
    return float(eval(str(expression), functions | constants | names))  # noqa: S307  # a formula that the package printed


@given(programs(max_instructions=6))
def test_formulas_compute_what_the_program_computes(program: Program) -> None:
    """A program run on symbols prints an expression that, read as Python, gives the program's result to the bit."""
    functions = {primitive.name: primitive for primitive in registered()}
    names = [f"x{i}" for i in range(len(program.leaves))]
    expression = run(program, [Symbol(name) for name in names], functions)[-1]
    wanted = run(program, program.leaves, functions)[-1]
    assert evaluated(expression, dict(zip(names, program.leaves, strict=True))).hex() == wanted.hex()


X, Y = Symbol("x"), Symbol("y")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (X - (Y - 1), "x - (y - 1)"),
        (2 - X / (Y * X), "2 - x / (y * x)"),
        ((X + Y) ** 2, "(x + y) ** 2"),
        ((-X) ** Y, "(-x) ** y"),
        (-(X**Y), "-x ** y"),
        ((-2.0) ** X, "(-2) ** x"),
        (2 / X, "2 / x"),
        (abs(1 + X), "abs(1 + x)"),
        (tanh(X) * greater(X, Y), "tanh(x) * (x > y)"),
        (0.1 * X, "0.1 * x"),
        (1e300 * X, "1e+300 * x"),
    ],
)
def test_formulas_have_the_parentheses_they_need(expression: Symbol, text: str) -> None:
    """A formula has the parentheses that it needs, and no others."""
    assert str(expression) == text


@pytest.mark.parametrize("number", [-0.0, -2.0, -0.5, 1e300, 5e-324, math.inf, -math.inf])
def test_numbers_in_formulas(number: float) -> None:
    """A number in a formula keeps its value beside any operator."""
    for expression, wanted in (
        (scalargrad.multiply(number, X), number),
        (scalargrad.subtract(X, number), 1.0 - number),
        (scalargrad.subtract(number, X), number - 1.0),
        (scalargrad.power(number, X), number),
        (scalargrad.divide(number, X), number),
    ):
        assert evaluated(expression, {"x": 1.0}).hex() == wanted.hex()


def test_operand_names_fall_back_to_numbers() -> None:
    """Where a rule does not name its operands, they are x0, x1 and so on."""
    total = declare(lambda *xs: math.fsum(xs), name="total", partials=[lambda out, *xs: 1.0] * 2)
    assert operand_names(total) == ("x0", "x1")
    assert declare(math.ceil, name="stairs", partials=[operator.mul]).notation == "stairs({})"


# ---------------------------------------------------------------- documentation


@pytest.mark.parametrize("primitive", registered(), ids=lambda primitive: primitive.name)
def test_documentation_comes_from_the_declaration(primitive: Primitive) -> None:
    """What `help` shows has the notation, the summary, each rule's formula, and each edge with its numbers."""
    text = describe(primitive)
    names = operand_names(primitive)
    assert primitive.__doc__ == text
    assert text.startswith(f"{primitive.notation.format(*names)}: {primitive.summary}\n")
    for i, name in enumerate(names):
        assert f"∂out/∂{name} = {formula(primitive, i)}" in text.splitlines()
    edges = [line for line in text.splitlines() if " → " in line]
    assert len(edges) == len(primitive.edges)
    for line, (operands, value, partials) in zip(edges, primitive.edges, strict=True):
        numbers = line.replace(" → ", ", ").replace("; ", ", ").split(", ")
        assert bits(numbers) == bits([*operands, value, *partials])


def test_help_shows_the_declaration(softsign: Primitive, fma: Primitive) -> None:
    """A declared operation is documented like those of the engine, from its docstring or its name."""
    assert describe(softsign) == "softsign(x): softsign.\n\n∂out/∂x = 1 / (1 + abs(x)) ** 2"
    assert describe(fma).startswith("x * y + z: X times y plus z.\n\n∂out/∂x = y\n∂out/∂y = x\n∂out/∂z = 1")
    assert "Differentiable for 0.0 < x < inf." in describe(scalargrad.log)
    assert "∂out/∂x = 1 - out * out" in pydoc.plain(pydoc.render_doc(tanh))
    assert str(Primitive.__doc__).startswith("An operation on real numbers and its derivatives")
