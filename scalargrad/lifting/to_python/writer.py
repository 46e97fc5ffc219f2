"""An array program of single numbers written out as straight-line Python, for the standard library alone.

The program is written twice. The quick one uses Python's operators and `math`, which raise where
IEEE arithmetic has an answer (1 / 0, exp(1000)); the careful one, which is run when the quick one
has raised, uses the primitives' own values.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from ...engine import primitives as p
from ...engine.declaration import OPERATORS, Primitive, named
from ..arrays.differentiate import pieces_of
from ..arrays.program import Apply, Array, Leaf, View, needed
from ..source import Source, Wanted, docstring

LEAVES = ("theta", "direction", "captured")  # what is given beside the arguments


def write(wanted: Wanted, careful: bool = False) -> Source:
    """Return the source of a function of leaves and arguments that returns the results, then the gradient if any."""
    texts: dict[Array, str] = {}
    lines: list[str] = []
    names = wanted.names
    pieces = _by_place(wanted)
    parts = [part for place in pieces.values() for part in place]

    def text(operand: Array | float) -> str:
        return texts[operand] if isinstance(operand, Array) else _literal(operand)

    order = needed([*wanted.results, *parts])
    applied = [array.primitive for array in order if isinstance(array, Apply)]
    called = [primitive for primitive in applied if not _is_operator(primitive, careful)]
    functions = {primitive: names.of_function(primitive) for primitive in called}
    for array in order:
        if isinstance(array, Leaf):
            texts[array] = array.name
            continue
        if isinstance(array, View):
            texts[array] = names.of(array)
            lines.append(f"{texts[array]} = {texts[array.base]}[{array.places.index}]")
            continue
        assert isinstance(array, Apply), "single numbers are neither folded nor put together"
        if array.primitive is p.stop_gradient:
            texts[array] = text(array.operands[0])
        else:
            operands = [text(operand) for operand in array.operands]
            texts[array] = names.of(array)
            name = functions.get(array.primitive)
            written = f"{name}({', '.join(operands)})" if name else array.primitive.notation.format(*operands)
            lines.append(f"{texts[array]} = {written}")
    returned = [text(result) for result in wanted.results]
    if wanted.gradient is not None:
        sums = [" + ".join(map(text, pieces[i])) if i in pieces else "0.0" for i in range(wanted.sizes["theta"])]
        returned.append(f"[{', '.join(sums)}]")
    whole = [
        docstring(wanted.summary),
        "",
        "",
        f"def {wanted.function}({', '.join([*LEAVES, *wanted.arguments])}):",
        *(f"    {line}" for line in lines),
        f"    return {', '.join(returned)}",
        "",
    ]
    namespace = {name: primitive.value if careful else _quick(primitive) for primitive, name in functions.items()}
    return Source("\n".join(whole), namespace)


def _by_place(wanted: Wanted) -> dict[int, list[Array | float]]:
    """What goes into each place of the gradient, to be added up."""
    parts: dict[int, list[Array | float]] = {}
    for piece in pieces_of(wanted.gradient, wanted.sizes["theta"]):
        parts.setdefault(piece.places.first, []).append(piece.array)
    return parts


_ALIKE = {  # the primitives whose value is that of an operator, for every float
    named(name) for name, sign in OPERATORS.items() if sign.node and named(name).value is getattr(operator, sign.method)
}


def _is_operator(primitive: Primitive, careful: bool) -> bool:
    """Whether one of Python's operators is as good as the primitive."""
    return primitive in _ALIKE or (primitive is p.divide and not careful)


def _quick(primitive: Primitive) -> Any:
    """The function of `math` that is the primitive where it does not raise; its own value where there is none."""
    if vars(p).get(primitive.name) is not primitive:  # a user's, whatever its name
        return primitive.value
    return math.pow if primitive is p.power else getattr(math, primitive.name, primitive.value)


def _literal(number: float) -> str:
    return repr(number) if math.isfinite(number) else f'float("{number}")'
