"""Names for what a program computes: the user's labels, and for layers the names of the textbooks.

z1 = W1 x + b1        h1 = tanh(z1)        dz1 = dloss/dz1
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections.abc import Iterable, Mapping
from unicodedata import normalize

from ..engine import primitives as p
from ..engine.declaration import Primitive
from .arrays.program import Apply, Array, Assembly, Fold, Gather, Leaf, Piece, Scatter, View, needed
from .leaves import LEAVES, THETA

_PYTHON_NAMES = {*keyword.kwlist, *dir(builtins), "__builtins__"}


class Names:
    """A name for each array of a program, and a comment at the start of each of its parts.

    Args:
        results: the results before anything is differentiated.
        labels: the labels of the parameters, by place.
        reserved: the other names in the text: the function's, its arguments', those that the target uses.

    Attributes:
        stand_ins: the arrays that have the name of another one, or of what belongs to it, with that and the purpose.
    """

    def __init__(self, results: Iterable[Array | float], labels: Mapping[int, str], reserved: Iterable[str]) -> None:
        self._names: dict[tuple[Array, str], str] = {}
        self._functions: dict[Primitive, str] = {}
        self._taken = {*LEAVES, *reserved}
        self._tried: dict[str, int] = {}  # the last number behind each stem
        self._layers: dict[Array, int] = {}
        self._sums: dict[Array, int] = {}
        self._continued: dict[Array, Array] = {}
        self._comments: dict[Array, str] = {}
        self._weights: dict[tuple[Array, int], Array] = {}  # of layers, by their base and first place
        self._written_comments: set[str] = set()
        self.stand_ins: dict[Array, tuple[Array, str]] = {}
        self._stood_in: set[tuple[Array, str]] = set()
        self._latest: dict[Array, Array] = {}  # what stands in for an array
        self._labels = labels
        forward = needed(results)
        self._last_forward = max((array.number for array in forward), default=-1)
        self._users: dict[Array, list[Array]] = {}
        for array in forward:
            for operand in array.arrays:
                self._users.setdefault(operand, []).append(array)
        for array in forward:
            self._recognise(array)
        if forward and isinstance(forward[-1], Apply | Fold):
            self._give(forward[-1], "value")

    def stand_in(self, array: Array, of: Array, purpose: str = "") -> None:
        """Give an array the name and the comment of another; with a purpose, the name of what belongs to the other."""
        of, own = self.stand_ins.get(of, (of, ""))
        self.stand_ins[array] = of, "_".join(filter(None, [own, purpose]))
        if not (own or purpose):
            self._latest[of] = array

    def of(self, array: Array, purpose: str = "") -> str:
        """Return the name of an array; with a purpose, the name of something that belongs to the array."""
        if (array, purpose) not in self._names and array in self.stand_ins and not purpose:
            self._names[array, ""] = self._of_stand_in(*self.stand_ins[array])
        if (array, purpose) not in self._names:
            stem = f"{self.of(array)}_{purpose}" if purpose else self._stem(array)
            self._names[array, purpose] = self.unused(stem)
        return self._names[array, purpose]

    def _of_stand_in(self, of: Array, purpose: str) -> str:
        """The name that an array has of another one, which only one of them can have."""
        name = self.of(of, purpose)
        if (of, purpose) not in self._stood_in:
            self._stood_in.add((of, purpose))
            return name
        return self.unused(name)

    def is_meant(self, array: Array) -> bool:
        """Return whether the name of an array says more than how it is computed: a label, a layer, a gradient."""
        return (array, "") in self._names or bool(array.gradient_of) or self._labelled(array) is not None

    def of_function(self, primitive: Primitive) -> str:
        """Return the name by which the program calls a primitive; no two primitives have the same."""
        if primitive not in self._functions:
            self._functions[primitive] = self.unused(primitive.name)
        return self._functions[primitive]

    def continued(self, array: Array) -> Array | None:
        """Return the sum to which an array adds a term: in the same buffer it keeps the name of that sum."""
        array, own = self.stand_ins.get(array, (array, ""))
        continued = None if own else self._continued.get(array)
        return None if continued is None else self._latest.get(continued, continued)

    def comment(self, array: Array) -> str | None:
        """Return the comment above the line that computes an array; the same comment once only."""
        array, own = self.stand_ins.get(array, (array, ""))
        if own:
            return None
        comment = self._comments.get(array)
        if array.number > self._last_forward:
            if isinstance(array, Leaf | View):
                return None
            layers = [self._layers[of] for of in array.gradient_of if of in self._layers]
            comment = f"backward through layer {layers[0]}" if layers else "backward"
            if not layers and any(written.startswith("backward") for written in self._written_comments):
                return None
        if comment is None or comment in self._written_comments:
            return None
        self._written_comments.add(comment)
        return comment

    # ---------------------------------------------------------------- layers

    def _recognise(self, array: Array) -> None:
        """Number the layers. A layer is a sum of products with parameters, what is added to it, and its activation."""
        if isinstance(array, Fold) and isinstance(array.operand, Apply) and array.operand.primitive is p.multiply:
            weights = [factor for factor in array.operand.arrays if _is_parameters(factor)]
            inputs = [factor for factor in array.operand.arrays if factor.batched]
            if len(weights) == 1 and len(inputs) == 1:
                self._recognise_product(array, weights[0], inputs[0])
        elif isinstance(array, Apply):
            own = [operand for operand in array.arrays if operand in self._layers and not isinstance(operand, View)]
            numbers = [self._layers[below] for operand in array.arrays if (below := _base(operand)) in self._layers]
            adds = all(operand in own or not operand.batched for operand in array.arrays)
            if array.primitive in (p.add, p.subtract) and own and adds:
                self._layers[array] = numbers[0]
                self._continued[array] = own[0]
                for operand in array.arrays:
                    if _is_parameters(operand):
                        self._give(operand, f"b{numbers[0]}")
            elif len(array.operands) == 1 and numbers:
                self._give(array, f"h{numbers[0]}")

    def _recognise_product(self, array: Array, weights: Array, inputs: Array) -> None:
        """A new layer; or part of a layer whose sum has another such product, as in a recurrent network."""
        whole = self._whole_sum(array)
        if whole in self._sums:
            number = self._layers[array] = self._sums[whole]
            self._give(weights, f"U{number}")
            return
        number = self._layers[array] = self._sums[whole] = 1 + len(self._sums)
        self._give(weights, f"W{number}")
        self._give(array, f"z{number}")
        assert isinstance(weights, View), "parameters are read through views"
        self._weights[weights.base, weights.places.first] = weights
        self._comments[array] = f"layer {number}: {_given(_base(inputs))} → {array.size}"

    def _whole_sum(self, array: Array) -> Array:
        """The sum that a term is part of."""
        while len(users := self._users.get(array, [])) == 1:
            (user,) = users
            if not isinstance(user, Apply) or user.primitive not in (p.add, p.subtract):
                break
            array = user
        return array

    def _give(self, array: Array, name: str) -> None:
        if (array, "") not in self._names and name not in self._taken:
            self._names[array, ""] = self.unused(self._labelled(array) or name)

    def _labelled(self, array: Array) -> str | None:
        """The label of an array, or the common stem of the labels of all parameters in a view."""
        labels = [array.label]
        if self._labels and isinstance(array, View) and _is_parameters(array):
            labels = [self._labels.get(place) for place in array.places.in_a_row()]
        if labels == [None]:
            return None
        stems = {re.split(r"[\W\d]*$|\[|\.\d", normalize("NFKC", label))[0] if label else "" for label in labels}
        stem = re.sub(r"\W+", "_", stems.pop()) if len(stems) == 1 else ""
        return stem if stem.isidentifier() and not keyword.iskeyword(stem) else None

    def _stem(self, array: Array) -> str:
        labelled = self._labelled(array)
        if labelled:
            return labelled
        if array.gradient_of:
            of = next((one for one in array.gradient_of if one in self._layers), _shown(array.gradient_of[0]))
            while of in self._continued:
                of = self._continued[of]
            return f"d{self.of(of)}"
        stem = "table"
        if isinstance(array, Fold) and array.primitive is p.add:
            stem = "total"
        elif isinstance(array, Apply | Fold):
            stem = _result_of(array.primitive)
        elif isinstance(array, View):
            stem = self._stem_of_a_view(array, array.base) if isinstance(array.base, Leaf) else "part"
        elif isinstance(array, Gather | Scatter):
            stem = "taken" if isinstance(array, Gather) else "added"
        elif isinstance(array, Assembly) and len(array.pieces) == 1 and _size_of(array.pieces[0]) > array.size:
            stem = "total"  # several numbers go into one place
        elif isinstance(array, Assembly) and len(array.arrays) == 1:
            stem = f"{self._name_of_all(array.arrays[0])}_{_BESIDE.get(array.operands[1:], 'and_more')}"
        elif isinstance(array, Assembly):
            stem = "whole"
        return stem

    def _stem_of_a_view(self, view: View, base: Leaf) -> str:
        """The name of the leaf, or of a layer's weights, with the place, or with "part" for several places."""
        weights = self._weights.get((base, view.places.first))
        if weights is not None and 1 < view.size <= weights.size:
            return f"{self.of(weights)}_part"
        index = view.places.index
        return f"{base.name or 'table'}_{index if isinstance(index, int) else 'part'}"

    def _name_of_all(self, array: Array) -> str:
        """The name of an array, or of the base of which it is a view of all."""
        shown = array.base if isinstance(array, View) and array.shows_all else array
        return shown.name if isinstance(shown, Leaf) and shown.name else self.of(shown)

    def unused(self, stem: str) -> str:
        """Return a new name that is the stem, or the stem and a number; Python must not read it as another name."""
        stem = normalize("NFKC", stem)
        number = self._tried.get(stem, 1)  # what is taken stays taken
        name = stem if number == 1 else _numbered(stem, number)
        while name in self._taken or name in _PYTHON_NAMES:
            number += 1
            name = _numbered(stem, number)
        self._tried[stem] = number
        self._taken.add(name)
        return name


_BESIDE: dict[tuple[object, ...], str] = {
    (): "padded",
    (1.0,): "ones",
}  # the names of assemblies, by what stands beside


def _result_of(primitive: Primitive) -> str:
    """The name of a primitive's result."""
    stem = primitive.name.strip("_")
    return stem if stem.isidentifier() else "result"


def _size_of(piece: Piece) -> int:
    return math.prod(axis.size for axis in piece.axes)


def _numbered(stem: str, number: int) -> str:
    return f"{stem}_{number}" if stem[-1].isdigit() else f"{stem}{number}"


def _shown(array: Array) -> Array:
    """The array of which this is a view of all, through any number of views."""
    while isinstance(array, View) and not isinstance(array.base, Leaf) and array.shows_all:
        array = array.base
    return array


def _base(array: Array) -> Array:
    """The array of which this is a view, through any number of views."""
    while isinstance(array, View):
        array = array.base
    return array


def _given(inputs: Array) -> int:
    """How many inputs a layer has, without the 1 for its biases."""
    return sum(piece.size for piece in inputs.arrays) if isinstance(inputs, Assembly) else inputs.size


def _is_parameters(array: Array) -> bool:
    base = _base(array)
    return isinstance(base, Leaf) and base.name == THETA
