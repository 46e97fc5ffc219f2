"""Expressions in the names of jax.numpy: primitives by their array spelling, numbers, and parts put together."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from ...engine.declaration import Primitive
from ...engine.primitives import BUILT_IN
from ..to_numpy import spelling as numpys

_FOLDS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}  # what jax.numpy calls them
_SPELLED = {  # what is spelled in another way in JAX
    "jnp.exp(jnp.minimum(x0, 0.0)) / (1.0 + jnp.exp(-jnp.abs(x0)))": "special.expit(x0)",  # takes one exponential
    "(x0 > x1) * 1.0": "jnp.where(x0 > x1, 1.0, 0.0)",  # XLA would make 0 of nan times the other
}
_TAKES_AN_INTEGER = {"special.polygamma"}  # functions whose first argument must be an integer in JAX


def can_fold(primitive: Primitive) -> bool:
    """Return whether jax.numpy has a function that folds the primitive along axes."""
    return numpys.is_one_function(primitive) and numpys.ufunc(primitive) in _FOLDS


def fold(primitive: Primitive) -> str:
    """Return the name of the function that folds a primitive."""
    return f"jnp.{_FOLDS[numpys.ufunc(primitive)]}"


def is_called(primitive: Primitive) -> bool:
    """Return whether a primitive is the engine's and has no array spelling; a user's own must have one."""
    return primitive.array is None and primitive in BUILT_IN


def on_host(primitive: Primitive, dtype: str) -> Callable[..., jax.Array]:
    """Return a function of arrays that calls a primitive for each number, outside of what XLA compiles."""
    computed = np.vectorize(primitive.value, otypes=[dtype])

    def function(*operands: Any) -> jax.Array:
        arrays = jnp.broadcast_arrays(*[jnp.asarray(operand, dtype) for operand in operands])
        returned: jax.Array = jax.pure_callback(computed, arrays[0], *arrays, vmap_method="broadcast_all")
        return returned

    return function


@lru_cache(maxsize=256)
def expression(primitive: Primitive, dtype: str) -> ast.expr:
    """Return the array spelling with jax.numpy's names, and x0, x1, … for the operands.

    Raises:
        TypeError: for a primitive without a spelling, or with a name in it that jax.numpy or jax.scipy.special lacks.
    """
    if primitive.array is None:
        raise TypeError(
            f'{primitive.name} has no array spelling, which the target "jax" needs: declare it with array="…" in the '
            'names of numpy, or lift with target="numpy", which calls it for each number'
        )
    spelled: ast.expr = _InJax(primitive).visit(_copied(numpys.expression(primitive, dtype)))
    other = _SPELLED.get(ast.unparse(spelled))
    return spelled if other is None else _parsed(other)


class _InJax(ast.NodeTransformer):
    def __init__(self, primitive: Primitive) -> None:
        self.primitive = primitive

    def visit_Call(self, call: ast.Call) -> ast.expr:
        self.generic_visit(call)
        if ast.unparse(call.func) in _TAKES_AN_INTEGER:
            call.args[0] = ast.parse(f"jnp.asarray({ast.unparse(call.args[0])}, int)", mode="eval").body
        return call

    def visit_Attribute(self, attribute: ast.Attribute) -> ast.expr:
        module = ast.unparse(attribute.value)
        if module not in ("np", "special"):  # a method of arrays
            self.generic_visit(attribute)
            return attribute
        if not hasattr(jnp if module == "np" else special, attribute.attr):
            lacks = "jax.numpy" if module == "np" else "jax.scipy.special"
            raise TypeError(
                f"the array spelling of {self.primitive.name} has {attribute.attr}, which {lacks} does not have: lift "
                'with target="numpy"'
            )
        return ast.Attribute(ast.Name("jnp"), attribute.attr) if module == "np" else attribute


def spelled(primitive: Primitive, operands: Sequence[str], dtype: str) -> str:
    """Return the expression that applies a primitive to operands, which are expressions, too."""
    return composed(expression(primitive, dtype), operands)


@lru_cache(maxsize=256)
def unparsed(primitive: Primitive, dtype: str) -> str:
    """Return the array spelling as text."""
    return ast.unparse(expression(primitive, dtype))


@lru_cache(maxsize=256)
def is_exact(primitive: Primitive, dtype: str, operands: tuple[bool, ...]) -> bool:
    """Return whether JAX gives the result of a primitive this precision, if these operands certainly have it.

    Of others, and of comparisons, it may take another one, which counts as a plain number's.
    """
    if is_called(primitive):
        return True
    names = [f"x{i}" for i in range(len(operands))]
    function = eval(f"lambda {', '.join(names)}: {unparsed(primitive, dtype)}", {"jnp": jnp, "special": special})  # noqa: S307  # the text that programs have
    shapes = [jax.ShapeDtypeStruct((), dtype, weak_type=not own) for own in operands]
    result = jax.eval_shape(function, *shapes)
    return result.dtype == dtype and not result.weak_type


def composed(template: ast.expr, operands: Sequence[str]) -> str:
    """Return a template as text, with these expressions in the places of x0, x1, …; in parentheses where needed."""
    return ast.unparse(_Filled(operands).visit(_copied(template))).replace("'", '"')


def _copied(expression: ast.expr) -> ast.expr:
    """A copy by way of the text: other libraries hang whole trees on the nodes of Python that all expressions share."""
    return ast.parse(ast.unparse(expression), mode="eval").body


class _Filled(ast.NodeTransformer):
    def __init__(self, operands: Sequence[str]) -> None:
        self.operands = operands

    def visit_Name(self, name: ast.Name) -> ast.expr:
        place = re.fullmatch(r"x(\d+)", name.id)
        return _parsed(self.operands[int(place[1])]) if place else name


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def atom(text: str) -> str:
    """Return an expression such that something can be put behind it: in parentheses, unless it is a primary."""
    is_primary = isinstance(_parsed(text), ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return text if is_primary else f"({text})"


def literal(number: float) -> str:
    """Return a number as it is written in a program."""
    return numpys.literal(np.float64(number)).replace("np.", "jnp.")


def shape(sizes: Sequence[int], batched: bool) -> str:
    """Return the shape of an array, whose examples lie along the first axis, as text."""
    return tuple_of([*(["B"] if batched else []), *map(str, sizes)])


def tuple_of(texts: Sequence[str]) -> str:
    """Return the tuple of some expressions."""
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


def filled(number: float, sizes: Sequence[int], batched: bool) -> str:
    """Return an array that has the same number everywhere."""
    own = str(sizes[0]) if len(sizes) == 1 and not batched else shape(sizes, batched)
    if repr(number) in ("0", "0.0", "1.0"):  # -0.0 is another number
        return f"jnp.{'ones' if number else 'zeros'}({own}, theta.dtype)"
    return f"jnp.full({own}, {literal(number)}, theta.dtype)"


def reshaped(text: str, sizes: Sequence[int], batched: bool) -> str:
    """Return an expression in another shape."""
    called = _parsed(text)
    if isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute) and called.func.attr == "reshape":
        text = re.sub(r"\.reshape\([\w, ]+\)$", "", text)  # of what has another shape already
    return f"{atom(text)}.reshape({', '.join([*(['B'] if batched else []), *map(str, sizes)])})"


def turned(text: str, order: Sequence[int], batched: bool) -> str:
    """Return an expression with its axes, but for the batch, in another order."""
    if list(order) == sorted(order):
        return text
    if list(order) == [1, 0] and not batched:
        return f"{atom(text)}.T"
    return f"{atom(text)}.transpose({', '.join(map(str, [0, *(1 + axis for axis in order)] if batched else order))})"


def sliced(start: int, step: int, count: int, size: int) -> str:
    """Return the slice of so many places of an axis, with any step but 0."""
    last = start + (count - 1) * step
    first = "" if start == (0 if step > 0 else size - 1) else str(start)
    after = "" if not 0 <= last + step < size else str(last + (1 if step > 0 else -1))
    return f"{first}:{after}{'' if step == 1 else f':{step}'}"
