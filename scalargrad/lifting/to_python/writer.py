"""Writes an array program of single numbers as straight-line Python, for the standard library alone.

The program is written twice. The quick one uses Python's operators and `math`, which raise where IEEE
arithmetic has a result (1 / 0, exp(1000)). The careful one uses the values of the primitives. It runs when
the quick one has raised.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from ...engine.declaration import OPERATORS, Primitive, named
from ..arrays.differentiate import pieces_of
from ..arrays.program import Apply, Array, Assembly, Gather, Leaf, Piece, Scatter, View, needed
from ..leaves import LEAVES, THETA
from ..source import Pieces, Source, Wanted, docstring
from .lookups import Lookups


def write(wanted: Wanted, careful: bool = False) -> Source:
    """Return the source of a function of leaves and arguments that returns the results, and the gradient if any."""
    texts: dict[Array, str] = {}
    lines: list[str] = []
    names = wanted.names
    pieces, scattered = _by_place(wanted)
    parts = [*(part for place in pieces.values() for part in place), *scattered]

    def text(operand: Array | float) -> str:
        return texts[operand] if isinstance(operand, Array) else _literal(operand)

    lookups = Lookups(names, text)
    order = needed([*wanted.results, *parts])
    applied = [array.primitive for array in order if isinstance(array, Apply)]
    called = [primitive for primitive in applied if not _is_operator(primitive, careful)]
    functions = {primitive: names.of_function(primitive) for primitive in called}
    for array in order:
        if isinstance(array, Leaf):
            texts[array] = array.name
            continue
        if (isinstance(array, View) and array.axes) or array in scattered:
            continue  # a table that is a part of a leaf, or what is added right into the gradient
        if isinstance(array, Assembly | Gather | Scatter):
            texts[array] = names.of(array)
            lines += lookups.lines(array, texts[array])
            continue
        if isinstance(array, View):
            texts[array] = names.of(array)
            lines.append(f"{texts[array]} = {texts[array.base]}[{array.places.index}]")
            continue
        assert isinstance(array, Apply), "single numbers are neither folded nor put together"
        if array.primitive.keeps_value:
            texts[array] = text(array.operands[0])
        else:
            operands = [text(operand) for operand in array.operands]
            texts[array] = names.of(array)
            name = functions.get(array.primitive)
            written = f"{name}({', '.join(operands)})" if name else array.primitive.notation.format(*operands)
            lines.append(f"{texts[array]} = {written}")
    returned = [text(result) for result in wanted.results]
    if wanted.gradient is not None:
        sums = [" + ".join(map(text, pieces[i])) if i in pieces else "0.0" for i in range(wanted.sizes[THETA])]
        slopes = f"[{', '.join(sums)}]"
        if scattered:
            name = names.unused("gradient")
            lines += [f"{name} = {slopes}", *lookups.gradient(name, scattered)]
            slopes = name
        returned.append(slopes)
    whole = [
        docstring(wanted.summary),
        "",
        "",
        f"def {wanted.function}({', '.join([*LEAVES, *wanted.arguments])}):",
        *(f"    {line}" for line in lines),
        f"    return {', '.join(returned)}",
        "",
    ]
    by_name = {name: (primitive, _function(primitive, careful)) for primitive, name in functions.items()}
    namespace: dict[str, Any] = {name: function for name, (_, function) in by_name.items()} | lookups.tables
    return Source("\n".join(whole), namespace, pieces=Pieces([], [], lines, ", ".join(returned), by_name))


def _by_place(wanted: Wanted) -> tuple[dict[int, list[Array | float]], dict[Scatter, Piece]]:
    """The terms of each entry of the gradient; and what is added to it where something was looked up."""
    parts: dict[int, list[Array | float]] = {}
    scattered: dict[Scatter, Piece] = {}
    for piece in pieces_of(wanted.gradient, wanted.sizes[THETA]):
        if isinstance(piece.array, Scatter):
            scattered[piece.array] = piece
        else:
            parts.setdefault(piece.places.first, []).append(piece.array)
    return parts, scattered


_OPERATORS = {named(name): getattr(operator, sign.method) for name, sign in OPERATORS.items() if sign.node}


def _is_operator(primitive: Primitive, careful: bool) -> bool:
    """Whether the function that computes a primitive is one of Python's operators."""
    return primitive in _OPERATORS and _function(primitive, careful) is _OPERATORS[primitive]


def _function(primitive: Primitive, careful: bool) -> Callable[..., float]:
    """The function that computes a primitive: its value, or in the quick program the one that raises, if any."""
    function: Callable[..., float] = getattr(primitive.value, "answers_for", primitive.value)
    return primitive.value if careful else function


def _literal(number: float) -> str:
    return repr(number) if math.isfinite(number) else f'float("{number}")'
