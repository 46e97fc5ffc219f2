"""Names for what a program computes: the user's labels, and for layers the names of the textbooks.

z1 = W1 x + b1        h1 = tanh(z1)        dz1 = dloss/dz1
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from unicodedata import normalize

from ..engine import primitives as p
from ..engine.declaration import Primitive
from .arrays.program import Apply, Array, Assembly, Fold, Gather, Leaf, Piece, Scatter, View, needed
from .leaves import LEAVES, THETA

_PYTHON_NAMES = {*keyword.kwlist, *dir(builtins), "__builtins__"}


@dataclass(eq=False, slots=True)
class Product:
    """A layer, each time that it is computed: a sum of products with parameters.

    Attributes:
        number: the number of the layer.
        first: the array that has the first of its products.
        sizes: for each product the number of inputs and of outputs, for one step or place.
    """

    number: int
    first: Array
    sizes: list[tuple[int, int]]

    @property
    def comment(self) -> str:
        """The comment above its first line."""
        return f"layer {self.number}: {' + '.join(str(given) for given, _ in self.sizes)} → {self.sizes[0][1]}"


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
        self._layers: dict[Array, Product] = {}
        self._sums: dict[Array, Product] = {}
        self._first: dict[Array, Array] = {}  # for a part of a layer that is computed again: that of the first time
        self._activations: dict[tuple[int, Primitive, Hashable], Array] = {}
        self._continued: dict[Array, Array] = {}
        self._weights: dict[tuple[Array, int], Array] = {}  # of layers, by their base and first place
        self._parameters: dict[
            tuple[Array, Hashable], Array
        ] = {}  # of layers, by their base and all places in any order
        self._keys: dict[Hashable, Hashable] = {}
        self._products: dict[Array, Product] = {}  # the first for each array of weights
        self._written_comments: set[tuple[str, Product | None]] = set()
        self._last_comment = ""
        self._explained: set[Primitive] = set()
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

    def explanation(self, primitive: Primitive) -> str | None:
        """Return a comment above the first line that computes an operation that users do not write themselves."""
        summary = primitive.summary.removesuffix(".")
        if not primitive.name.startswith("_") or not summary or primitive in self._explained:
            return None
        self._explained.add(primitive)
        return f"# {_result_of(primitive)}: {summary[0].lower()}{summary[1:]}"

    def continued(self, array: Array) -> Array | None:
        """Return the sum to which an array adds a term: in the same buffer it keeps the name of that sum."""
        array, own = self.stand_ins.get(array, (array, ""))
        continued = None if own else self._continued.get(array)
        return None if continued is None else self._latest.get(continued, continued)

    def comment(self, array: Array) -> str | None:
        """Return the comment above the line that computes an array; once each time that a layer is computed."""
        array, own = self.stand_ins.get(array, (array, ""))
        if own:
            return None
        product = self._layers.get(array)
        comment = product.comment if product is not None and product.first is array else None
        if array.number > self._last_forward:
            if isinstance(array, Leaf | View):
                return None
            layers = [self._layers[of] for of in array.gradient_of if of in self._layers]
            product = layers[0] if layers else None
            comment = f"backward through layer {product.number}" if product else "backward"
            if not layers and any(written.startswith("backward") for written, _ in self._written_comments):
                return None
        if comment is None or (comment, product) in self._written_comments or comment == self._last_comment:
            return None
        self._written_comments.add((comment, product))
        self._last_comment = comment
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
            below = [operand for operand in array.arrays if _base(operand) in self._layers]
            adds = all(operand in own or not operand.batched for operand in array.arrays)
            if array.primitive in (p.add, p.subtract) and own and adds:
                product = self._layers[array] = self._layers[own[0]]
                self._continued[array] = own[0]
                for operand in array.arrays:
                    if _is_parameters(operand):
                        self._give_parameters(operand, f"b{product.number}")
            elif len(array.operands) == 1 and below:
                self._recognise_activation(array, below[0])

    def _recognise_activation(self, array: Array, operand: Array) -> None:
        """What follows a layer; the same again each time that the layer is computed."""
        assert isinstance(array, Apply), "an activation is an operation"
        number = self._layers[_base(operand)].number
        places = operand.places.key if isinstance(operand, View) else None
        first = self._activations.setdefault((number, array.primitive, places), array)
        if first is array:
            self._give(array, f"h{number}")
        else:
            self._first[array] = first

    def _recognise_product(self, array: Fold, weights: Array, inputs: Array) -> None:
        """A layer; or part of a layer whose sum has another such product, as in a recurrent network.

        A layer that is computed again, with the same weights, has the same number and the same names.
        """
        assert isinstance(weights, View), "parameters are read through views"
        whole = self._whole_sum(array)
        sizes = _given(array, inputs), math.prod(axis.size for axis in array.axes if axis in weights.axes)
        if whole in self._sums:
            product = self._layers[array] = self._sums[whole]
            product.sizes.append(sizes)
            self._give_parameters(weights, f"U{product.number}")
            return
        before = self._products.get(self._parameters.get(self._key(weights), weights))
        number = before.number if before else 1 + len(self._products)
        product = self._layers[array] = self._sums[whole] = Product(number, array, [sizes])
        if before:
            self._first[array] = before.first
            return
        self._products[weights] = product
        self._give_parameters(weights, f"W{number}")
        self._give(array, f"z{number}")
        self._weights[weights.base, weights.places.first] = weights

    def _key(self, view: View) -> tuple[Array, Hashable]:
        """What is equal for views that show the same numbers of an array, in any order."""
        if view.places.key not in self._keys:
            self._keys[view.places.key] = tuple(sorted(view.places.in_a_row()))
        return view.base, self._keys[view.places.key]

    def _give_parameters(self, array: Array, name: str) -> None:
        assert isinstance(array, View), "parameters are read through views"
        if self._parameters.setdefault(self._key(array), array) is array:
            self._give(array, name)

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
        first = self._first_of(array)
        if first is not array:
            return self.of(first)
        if array.gradient_of:
            of = next((one for one in array.gradient_of if one in self._layers), _shown(array.gradient_of[0]))
            while of in self._continued:
                of = self._continued[of]
            return f"d{self.of(self._first_of(of))}"
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

    def _first_of(self, array: Array) -> Array:
        """The part of a layer that this is once more, or the array itself."""
        if isinstance(array, View) and array.size > 1 and _is_parameters(array):
            return self._parameters.get(self._key(array), array)
        return self._first.get(array, array)

    def _stem_of_a_view(self, view: View, base: Leaf) -> str:
        """The name of the leaf, or of a layer's weights, with the place, or with "part" for several places."""
        weights = self._weights.get((base, view.places.first))
        if weights is not None and 1 < view.size <= weights.size and (self._first_of(weights), "") in self._names:
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


def _given(product: Fold, inputs: Array) -> int:
    """How many inputs a product sums over, without the 1 for its biases."""
    base, size = _base(inputs), math.prod(axis.size for axis in product.along)
    if isinstance(base, Assembly) and base.size == inputs.size:
        return size * sum(piece.size for piece in base.arrays) // base.size
    return size


def _is_parameters(array: Array) -> bool:
    base = _base(array)
    return isinstance(base, Leaf) and base.name == THETA
