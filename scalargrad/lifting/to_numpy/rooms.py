"""Where a numpy program keeps what it computes: in buffers that are used again as soon as they are free.

Some results have a place of their own from the start: a part of the gradient, or of an array that is
assembled. All others get a buffer that is free, or a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...engine import primitives as p
from ..arrays.differentiate import pieces_of
from ..arrays.program import Apply, Array, Assembly, Fold, Leaf, Piece, needed
from ..source import Wanted
from . import spelling
from .assembling import Plan
from .groups import Groups, axes_of
from .layout import Block, block
from .views import Views


class Rooms(Views):
    """The buffers of a program, and what has to be known of it for them.

    Attributes:
        order: the arrays in the order in which they are computed.
        users: for each array those that are computed from it.
        pieces: what the gradient is put together from.
        kept: the arrays whose numbers are needed to the end.
        direct: the results that are computed right in the gradient, with their places there.
        within: those that are computed right in an assembly: with it, their piece of it, their places there.
    """

    def __init__(self, wanted: Wanted, dtype: str) -> None:
        super().__init__(wanted.names)
        self.dtype = dtype
        self.kind = "" if dtype == "float64" else f", np.{dtype}"  # what np.empty is told
        self.results = wanted.results
        self.gradient_size = wanted.sizes["theta"]
        self.pieces = pieces_of(wanted.gradient, self.gradient_size)
        self.order = needed([*self.results, *(piece.array for piece in self.pieces)])
        self.users = self._users()
        ends = [*self.results, *(piece.array for piece in self.pieces)]
        self.kept = {array for array in ends if isinstance(array, Array)}
        self.folded = self._folded_products()
        self.turned = self._arguments_to_turn()
        self.direct = self._written_at_once()
        self._plans: dict[Array, Plan] = {}
        self.within = self._written_into_assemblies()
        self._homes = {assembly for assembly, _, _ in self.within.values()}
        self._places = {array: place for place, array in enumerate(self.order)}
        self._last_use = self._last_uses()
        self._free: dict[tuple[str, str], list[str]] = {}
        self._expiring: dict[int, list[str]] = {}  # names by the place after which their buffers are free
        self._holding: dict[str, tuple[int, tuple[str, str]]] = {}  # buffers in use: until when, and their kind
        self._constants: dict[tuple[str, str], str] = {}

    # ---------------------------------------------------------------- what is written where

    def _users(self) -> dict[Array, list[Array]]:
        users: dict[Array, list[Array]] = {array: [] for array in self.order}
        for array in self.order:
            for operand in array.arrays:
                users[operand].append(array)
        return users

    def _folded_products(self) -> set[Array]:
        """The products that are never written out: each of their users sums them up, as a matrix product does."""
        return {
            array
            for array in self.order
            if isinstance(array, Apply)
            and (array.primitive is p.multiply or self._is_weighted_total(array))
            and len(array.arrays) == 2
            and array not in self.kept
            and self.users[array]
            and all(isinstance(user, Fold) and user.primitive is p.add for user in self.users[array])
        }

    def _is_weighted_total(self, array: Apply) -> bool:
        """Whether an array is products in which a weight of 0 wins, of which only the sum of all is asked for."""
        axes = {tuple(axes_of(operand)) for operand in array.arrays}
        single = all(not (user.axes or user.batched) for user in self.users[array])
        return array.primitive is p._weighted and len(axes) == 1 and single

    def _arguments_to_turn(self) -> set[Array]:
        """The arguments that are read more than once other than by matrix products, which take them as they are."""
        reads = Counter(
            stored
            for array in self.order
            if isinstance(array, Apply | Fold) and array not in self.folded
            if array.arrays[0] not in self.folded or not (array.axes or array.batched)
            for operand in array.arrays
            for stored in self.storage(operand)
            if isinstance(stored, Leaf)
        )
        return {array for array, count in reads.items() if count > 1 and self.is_argument(array) and array.size > 1}

    def _written_at_once(self) -> dict[Array, Block]:
        """The parts of the gradient that are computed right where they belong, with their places there."""
        found: dict[Array, Block] = {}
        pieces = Counter(piece.array for piece in self.pieces)
        covered = np.zeros(self.gradient_size, bool)
        for piece in self.pieces:
            index = piece.places.index
            lies = block(index, self.gradient_size)
            array = piece.array
            if (
                isinstance(array, Array)
                and lies is not None
                and not covered[index].any()
                and array.axes == piece.axes != ()  # a single number is spread over its places
                and pieces[array] == 1  # else more may be added to it before it is read for its other places
                and not self.users[array]
                and not self.is_alias(array)
                and (isinstance(array, Apply) or (isinstance(array, Fold) and Groups.fit_a_view(array)))
                and not any(array is result for result in self.results)
            ):
                found[array] = lies
            covered[index] = True
        return found

    def _written_into_assemblies(self) -> dict[Array, tuple[Assembly, Piece, Block]]:
        """The results that are computed right where they belong in an assembly: it, the piece, its places there."""
        found: dict[Array, tuple[Assembly, Piece, Block]] = {}
        for assembly in self.order:
            if isinstance(assembly, Assembly) and len(assembly.axes) == 1 and self.plan_of(assembly).fills_once:
                for piece in self.plan_of(assembly).pieces:
                    array = piece.array
                    lies = block(piece.places.index, assembly.size) if piece.axes else None
                    if (
                        isinstance(array, Array)
                        and lies is not None
                        and not lies.has_gaps
                        and array.axes == piece.axes
                        and array.batched == assembly.batched
                        and array not in found
                        and array not in self.direct
                        and isinstance(array, Apply | Fold)
                        and not self.is_alias(array)
                    ):
                        found[array] = assembly, piece, lies
        return found

    def _last_uses(self) -> dict[Array, int]:
        last = dict(self._places)
        for place, array in enumerate(self.order):
            for operand in array.arrays:
                for stored in self.storage(operand):
                    last[stored] = max(last[stored], place)
        for array in self.kept - self.direct.keys():
            for stored in self.storage(array):
                last[stored] = len(self.order)
        return last

    # ---------------------------------------------------------------- buffers

    def room_for(self, array: Array, kind: str | None = None) -> str:
        """The name of a buffer for an array: the gradient's own place, one that is free, or a new one."""
        kind = self.kind if kind is None else kind
        continued = self.names.continued(array)
        shape = (self.shape(array), kind)
        waiting = self._free.get(shape, [])
        has_its_place = array in self.direct or array in self.within
        if continued is not None and not has_its_place and self.expressions.get(continued) in waiting:
            name = self.expressions[continued]
            waiting.remove(name)
            self._hold(name, array, shape)
            return name
        name = self.names.of(array)
        if array in self.direct:
            self.bound.append(f"{name} = {self.direct[array].of_buffer('gradient', self.gradient_size, batched=False)}")
            return name
        if array in self.within:
            assembly, _, lies = self.within[array]
            self.bound.append(f"{name} = {lies.of_buffer(self.room_of(assembly), assembly.size, assembly.batched)}")
            return name
        if waiting:
            self.bound.append(f"{name} = {waiting.pop()}")
        else:
            self.bound.append(f"{name} = np.empty({shape[0]}{kind})")
        self._hold(name, array, shape)
        return name

    def _hold(self, name: str, array: Array, shape: tuple[str, str]) -> None:
        until = self._last_use[array]
        self._holding[name] = (until, shape)
        self._expiring.setdefault(until, []).append(name)

    def release(self, array: Array) -> None:
        """Let go the buffers that nothing needs after an array has been computed."""
        place = self._places[array]
        for name in self._expiring.pop(place, []):
            until, shape = self._holding.get(name, (-1, ("", "")))
            if until == place:  # it may have been released before, or held again
                self._free.setdefault(shape, []).append(name)
                del self._holding[name]

    def release_operands(self, array: Array) -> None:
        """Let the result of an operation, number by number, take the place of an operand that is not read again."""
        place = self._places[array]
        aligned = {
            self.expressions[stored]
            for operand in array.arrays
            if operand not in self.folded and self.is_plain(operand)
            for stored in self.storage(operand)
        }
        read = [self.expressions[stored] for operand in array.arrays for stored in self.storage(operand)]
        for name in sorted(aligned):
            until, shape = self._holding.get(name, (place + 1, ("", "")))
            if until == place and self._shapes_agree(array, shape, read, name):
                self._free.setdefault(shape, []).append(name)
                del self._holding[name]

    def _shapes_agree(self, array: Array, shape: tuple[str, str], read: Sequence[str], name: str) -> bool:
        return shape == (self.shape(array), self.kind) and read.count(name) == sum(
            self.expressions[stored] == name
            for operand in array.arrays
            if self.is_plain(operand)
            for stored in self.storage(operand)
        )

    def constant(self, number: str, shape: str) -> str:
        """The name of an array that has a number in all places."""
        if (number, shape) not in self._constants:
            name = self.names.unused({"0.0": "zeros", "1.0": "ones"}.get(number, "constant"))
            self._constants[number, shape] = name
            self._bind_filled(name, shape, number)
        return self._constants[number, shape]

    def _bind_filled(self, name: str, shape: str, number: str) -> None:
        room = {"0.0": "zeros", "1.0": "ones"}.get(number, "full")
        filling = f", {number}" if room == "full" else ""
        self.bound.append(f"{name} = np.{room}({shape}{filling}{self.kind})")

    def plan_of(self, assembly: Assembly) -> Plan:
        """In which order the pieces of an assembly are put into it."""
        if assembly not in self._plans:
            self._plans[assembly] = Plan(assembly.pieces, assembly.size)
        return self._plans[assembly]

    def room_of(self, assembly: Assembly) -> str:
        """The name of an assembly's buffer; one of its own, if numbers stay there or come before the rest."""
        if assembly not in self.expressions:
            constant = self.plan_of(assembly).constant
            if constant is None and assembly not in self._homes:
                self.expressions[assembly] = self.room_for(assembly)
                return self.expressions[assembly]
            name = self.expressions[assembly] = self.names.of(assembly)
            if constant is None:
                self.bound.append(f"{name} = np.empty({self.shape(assembly)}{self.kind})")
            else:
                self._bind_filled(name, self.shape(assembly), spelling.literal(constant))
        return self.expressions[assembly]
