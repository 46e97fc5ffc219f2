"""Functions, labels and users' operations may have any names: their program is right."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad import Value, grad, hvp, lift, tanh
from scalargrad.engine import declaration
from scalargrad.engine.declaration import Primitive, declare
from scalargrad.lifting.source import Source, compiled, docstring

each_target = pytest.mark.parametrize("target", ["numpy", "python"])
ROWS = [[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]]

# ---------------------------------------------------------------- functions

BREAKOUTS = [
    '"""\nraise SystemExit\n"""',
    "\\",
    '"',
    '\\"""',
    "'\"",
    "line\nraise SystemExit",
    "\0",
    "\ud800",
    "\u2028x = 1",
    "{0}",
    "%s",
    "größe",
]


def called(name: Any) -> tuple[Callable[[Any], Any], list[Value]]:
    """A function of this name, and its parameters."""
    w = [Value(0.5), Value(-0.25)]

    def loss(x: Any) -> Any:
        return sum(tanh(a * b) for a, b in zip(w, x, strict=True))

    loss.__name__ = name
    return loss, w


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@given(name=st.text(alphabet=st.characters(exclude_categories=[]), max_size=12) | st.sampled_from(BREAKOUTS))
def test_any_name_of_a_function_is_shown_as_it_is(name: str, target: str) -> None:
    """The name of a function is in the program's docstring, and none of it is executed."""
    loss, w = called(name)
    program: Any = lift(loss, w, target=target)
    program.value_and_grad(ROWS)
    loss.__name__ = "loss"
    plain: Any = lift(loss, w, target=target, check=False)
    plain.value_and_grad(ROWS)
    tree, expected = ast.parse(program.source), ast.parse(plain.source)
    assert ast.get_docstring(tree, clean=False) == f"value_and_grad of {name}: 2 parameters."
    assert ast.dump(ast.Module(tree.body[1:], [])) == ast.dump(ast.Module(expected.body[1:], []))


@each_target
def test_a_name_that_is_no_text(target: str) -> None:
    """A callable object may have any name."""

    class Loss:
        __name__ = 3

        def __call__(self, x: Any) -> Any:
            return x * w

    w = Value(2.0)
    assert list(lift(Loss(), [w], target=target)([1.0, 3.0])) == [2.0, 6.0]


def test_a_name_that_runs_is_seen() -> None:
    """Negative control: a name that is put between quotes as it is can close them, and the rest is executed."""
    name = '"""\nimport nowhere\n"""'
    with pytest.raises(ModuleNotFoundError):
        compiled(Source(f'"""{name}"""\ndef bind(): pass\n', {}), "bind")
    compiled(Source(f"{docstring(name)}\ndef bind(): pass\n", {}), "bind")


# ---------------------------------------------------------------- labels

LABELS = [
    *("µ", "μ", "ﬁ", "fi", "ｎｐ", "np", "𝐥𝐚𝐦𝐛𝐝𝐚", "lambda", "x²", "x2", "ſ", "s", "K", "K", "ª", "a", "K1"),
    *("match", "case", "type", "_", "__", "_1", "__class__", "__debug__", "__builtins__", "None", "print", "value"),
    *('"', "'", "a\nb", "a\\", "\0", "\ud800", "", " ", "7", "∂x", "a b", "a.1", "w[0]", "b𝟙"),
    *("theta", "captured", "direction", "gradient", "share", "bind", "B", "i", "x", "y", "x1", "np"),
    *("value_and_grad", "forward", "hvp", "tanh", "h1", "W1", "ones", "tanh_padded", "dtanh", "theta_part", "total"),
]
labels = st.sampled_from(LABELS) | st.text(max_size=4)


def agrees(function: Callable[[Any], Any], parameters: list[Value], target: str, rows: Any = ROWS) -> bool:
    """Whether the values, the gradient and the Hessian times a vector of a program are the engine's."""
    program: Any = lift(function, parameters, target=target, check=False)
    results = [function([Value(number) for number in row]) for row in rows]
    direction = [1.0 + i for i in range(len(parameters))]
    slopes = np.mean([[slope.data for slope in grad(result, parameters)] for result in results], axis=0)
    products = [[entry.data for entry in hvp(result, parameters, direction)] for result in results]
    pairs = [
        (program(rows), [result.data for result in results]),
        (program.value_and_grad(rows)[1], slopes),
        (program.hvp(rows, direction), np.mean(products, axis=0)),
    ]
    return all(np.allclose(own, eager, rtol=1e-12, atol=1e-12) for own, eager in pairs)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@given(given=st.lists(labels, min_size=6, max_size=6))
@example(given=["µ", "μ", "µ", "μ", "µ", "μ"])
@example(given=["ﬁ", "fi", "fi", "ﬁ", "np", "ｎｐ"])
def test_any_labels_make_a_right_program(given: list[str], target: str) -> None:
    """With any labels of parameters and results, different arrays are different variables of the program."""
    w = [Value(0.5 - 0.3 * i, label=label) for i, label in enumerate(given[:4])]

    def loss(x: Any) -> Any:
        first, second = tanh(w[0] * x[0] + w[1]), (w[2] * x[1]).sin()
        first.label, second.label = given[4:]
        return first * second * w[3] + first * first - tanh(second)

    assert agrees(loss, w, target)


@each_target
def test_no_two_names_are_one_to_python(target: str) -> None:
    """Python reads no two names of a program as the same variable."""
    w = [Value(0.5, label="µ"), Value(0.25, label="μ"), Value(0.75, label="ﬁ"), Value(2.0, label="fi")]
    program: Any = lift(lambda x: tanh(w[0] * x[0]) * w[1] + tanh(w[2] * x[1] * w[3]), w, target=target)
    program.value_and_grad(ROWS)
    assert program.source == normalize("NFKC", program.source)


def test_a_wrong_gradient_is_seen() -> None:
    """Negative control: a function does not agree with the program of another one."""
    w, calls = [Value(0.5)], []

    def changing(x: Any) -> Any:
        calls.append(x)
        return w[0] * x[0] * (1.0 + 1e-6 * len(calls))

    assert not agrees(changing, w, "python")


# ---------------------------------------------------------------- operations of users

NAMES = [
    *("x", "y", "x0", "x1", "x2", "np", "B", "gradient", "theta", "captured", "direction", "share", "bind", "i"),
    *("value_and_grad", "forward", "hvp", "value", "total", "ones", "zeros", "float", "print", "µ", "μ", "ﬁ", "out"),
    *(
        "_",
        "__",
        "_1",
        "_tanh",
        "__builtins__",
        "__name__",
        "match",
        "type",
        "operand_0",
        "mine_padded",
        "W1",
        "theta_0",
    ),
]


def own(name: str, factor: float, array: str | None = None) -> Primitive:
    """An operation of this name: factor × x × y."""
    return declare(
        lambda x, y: factor * x * y,
        name=name,
        partials=[lambda out, x, y: factor * y, lambda out, x, y: factor * x],
        array=array,
    )


@each_target
@pytest.mark.parametrize("array", [None, "2.0 * {} * {}"])
@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_an_operation(name: str, array: str | None, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's operation may have any name that a program uses for something else."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))
    mine = own(name, 2.0, array)
    w = [Value(0.5), Value(-0.75)]

    def vectors(x: Any) -> Any:
        return sum(mine(tanh(a * b), a) for a, b in zip(w, x, strict=True))

    def numbers(x: Any) -> Any:
        return mine(mine(w[0], x[0]), tanh(w[1])) + x[1]

    assert agrees(vectors, w, target)
    assert agrees(numbers, w, target)
    one = lift(lambda x: mine(w[0], x), w, target=target)
    assert list(one([1.0, 2.0])) == [1.0, 2.0]
    three = lift(lambda x, y, z: mine(mine(w[0], x), mine(y, z)), w, target=target)
    assert list(three([1.0, 2.0], [1.0, 1.0], [0.5, 1.0])) == [2.0, 8.0]


@each_target
@pytest.mark.parametrize("names", [("scaled", "scaled"), ("x", "x"), ("µ", "μ"), ("scaled", "scaled2")])
@pytest.mark.parametrize("array", [None, "2.0 * {} * {}"])
def test_two_of_one_name_are_two(
    names: tuple[str, str], array: str | None, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that is declared again and the one that it replaced are different operations in a program."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))
    first, second = own(names[0], 2.0, array), own(names[1], 3.0)
    w = [Value(0.5), Value(-0.75)]
    assert agrees(lambda x: sum(first(a, b) + second(tanh(a), b) for a, b in zip(w, x, strict=True)), w, target)
    assert agrees(lambda x: first(second(w[0], x[0]), first(w[1], second(x[1], w[0]))), w, target)
