"""Names for what a program computes: the user's labels, and for layers the names of the textbooks.

z1 = W1 x + b1        h1 = tanh(z1)        dz1 = ∂loss/∂z1
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from unicodedata import normalize

from ..engine import primitives as p
from ..engine.declaration import Primitive
from .arrays.program import Apply, Array, Assembly, Fold, Leaf, View, needed

_PYTHONS_OWN = {*keyword.kwlist, *dir(builtins), "__builtins__"}
_LEAVES = {"theta", "captured", "direction"}


class Names:
    """A name for each array of a program, and a comment where a part of it begins.

    `results` are the outputs before anything is differentiated; `labels` the parameters' by place;
    `reserved` what else has a name in its text: the function, its arguments, what the target uses.
    """

    def __init__(self, results: Iterable[Array | float], labels: Mapping[int, str], reserved: Iterable[str]) -> None:
        self._names: dict[tuple[Array, str], str] = {}
        self._functions: dict[Primitive, str] = {}
        self._taken = {*_LEAVES, *reserved}
        self._tried: dict[str, int] = {}  # the last number beside each stem
        self._layers: dict[Array, int] = {}
        self._sums: dict[Array, int] = {}
        self._continued: dict[Array, Array] = {}
        self._comments: dict[Array, str] = {}
        self._weights: dict[tuple[Array, int], Array] = {}  # of layers, by the array that they show and the first place
        self._said: set[str] = set()
        self._labels = labels
        forward = needed(results)
        self._forward = max((array.number for array in forward), default=-1)
        self._users: dict[Array, list[Array]] = {}
        for array in forward:
            for operand in array.arrays:
                self._users.setdefault(operand, []).append(array)
        for array in forward:
            self._recognise(array)
        if forward and isinstance(forward[-1], Apply | Fold):
            self._give(forward[-1], "value")

    def of(self, array: Array, purpose: str = "") -> str:
        """Return the name of an array, or of something that belongs to it and has that purpose."""
        if (array, purpose) not in self._names:
            stem = f"{self.of(array)}_{purpose}" if purpose else self._stem(array)
            self._names[array, purpose] = self.unused(stem)
        return self._names[array, purpose]

    def of_function(self, primitive: Primitive) -> str:
        """Return the name by which the program calls a primitive; of two primitives of one name each has its own."""
        if primitive not in self._functions:
            self._functions[primitive] = self.unused(primitive.name)
        return self._functions[primitive]

    def continued(self, array: Array) -> Array | None:
        """Return the sum that an array goes on with, by adding something: in the same buffer it has the same name."""
        return self._continued.get(array)

    def comment(self, array: Array) -> str | None:
        """Return what to say before the line that computes an array; each thing once."""
        said = self._comments.get(array)
        if array.number > self._forward:
            numbers = [self._layers[of] for of in array.gradient_of if of in self._layers]
            said = f"backward through layer {numbers[0]}" if numbers else "backward"
            if said == "backward" and len(self._said & {"backward"}) + len([s for s in self._said if "through" in s]):
                return None
            if isinstance(array, Leaf | View):
                return None
        if said is None or said in self._said:
            return None
        self._said.add(said)
        return said

    # ---------------------------------------------------------------- what is what

    def _recognise(self, array: Array) -> None:
        """Number the layers: a layer is a sum of parameters times something, what is added, and what comes of it."""
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
        """A layer of its own; or part of one, where the same sum has such a product already, as in a recurrent net."""
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
        """The sum that a term ends up in."""
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
        """The label of an array, or what the labels of all the parameters that a view shows begin with."""
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
        elif isinstance(array, Assembly) and len(array.arrays) == 1:
            stem = f"{self._name_of_all(array.arrays[0])}_{_BESIDE.get(array.operands[1:], 'and_more')}"
        elif isinstance(array, Assembly):
            stem = "whole"
        return stem

    def _stem_of_a_view(self, view: View, base: Leaf) -> str:
        """The name of a leaf, or of a layer's weights, with the place in it or the word for several."""
        weights = self._weights.get((base, view.places.first))
        if weights is not None and 1 < view.size <= weights.size:
            return f"{self.of(weights)}_part"
        index = view.places.index
        return f"{base.name or 'table'}_{index if isinstance(index, int) else 'part'}"

    def _name_of_all(self, array: Array) -> str:
        """The name of an array, or of what it shows all of."""
        shown = array.base if isinstance(array, View) and array.shows_all else array
        return shown.name if isinstance(shown, Leaf) and shown.name else self.of(shown)

    def unused(self, stem: str) -> str:
        """Return a name like that which nothing has yet, and take it; no name is two texts, as Python reads them."""
        stem = normalize("NFKC", stem)
        number = self._tried.get(stem, 1)  # what is taken stays taken
        name = stem if number == 1 else _numbered(stem, number)
        while name in self._taken or name in _PYTHONS_OWN:
            number += 1
            name = _numbered(stem, number)
        self._tried[stem] = number
        self._taken.add(name)
        return name


_BESIDE: dict[tuple[object, ...], str] = {(): "padded", (1.0,): "ones"}  # what is called how, put together with what


def _result_of(primitive: Primitive) -> str:
    """What the result of a primitive is called."""
    stem = primitive.name.strip("_")
    return stem if stem.isidentifier() else "result"


def _numbered(stem: str, number: int) -> str:
    return f"{stem}_{number}" if stem[-1].isdigit() else f"{stem}{number}"


def _shown(array: Array) -> Array:
    """What a view shows, where it shows all of it."""
    while isinstance(array, View) and not isinstance(array.base, Leaf) and array.shows_all:
        array = array.base
    return array


def _base(array: Array) -> Array:
    """What a view shows, or a view of a view."""
    while isinstance(array, View):
        array = array.base
    return array


def _given(inputs: Array) -> int:
    """How many numbers a layer is given, the 1 for its biases left out."""
    return sum(piece.size for piece in inputs.arrays) if isinstance(inputs, Assembly) else inputs.size


def _is_parameters(array: Array) -> bool:
    base = _base(array)
    return isinstance(base, Leaf) and base.name == "theta"
