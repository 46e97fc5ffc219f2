"""Writes an array program for JAX: as a pure function of arrays, in the words of jax.numpy.

Examples lie along the first axis, and no array is ever changed. What is used again, and what needs memory,
is for the compiler to find.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np

from ..arrays.differentiate import pieces_of
from ..arrays.loops import Last, Loop, Row, Stack, flattened
from ..arrays.program import BATCH_LEAVES, Apply, Array, Assembly, Fold, Gather, Initial, Leaf, Scatter, View, needed
from ..forms import Shape
from ..leaves import LEAVES, THETA
from ..source import Source, Wanted, docstring, tables_as_text
from . import spelling
from .folds import folded, summed_products
from .joining import Joining
from .later import computed_after, later_than
from .lookups import gathered, scattered
from .loops import CARRY, ROW, Loops, seen
from .reading import Reading, Rows
from .slices import is_sliced, picked

# The names that a program uses beside those of its arrays.
RESERVED = ("jnp", "np", "lax", "special", "gradient", "B", "share", CARRY, ROW)
WIDTH = 88  # how long the expression of a line may become by what is written into it


# What ends in numbers added at some places: each such addition is a line of its own.
_ADDITION = re.compile(r"(.*)(\.at\[[\w:, ]+\]\.add\(\w+\))")


def write(wanted: Wanted, dtype: str = "float64") -> Source:
    """Return the source of a function of leaves and arguments that returns its results, and the gradient."""
    return _Writer(wanted, dtype).source()


class _Writer:
    def __init__(self, wanted: Wanted, dtype: str) -> None:
        self.wanted, self.dtype = wanted, dtype
        self.reading = Reading(wanted.names, dtype)
        shapes = zip(wanted.arguments, wanted.shapes, strict=True)
        self.single = {name for name, shape in shapes if not shape}  # arguments with one number for each example
        self.pieces = pieces_of(wanted.gradient, wanted.sizes[THETA])
        ends = [*wanted.results, *(piece.array for piece in self.pieces)]
        self.kept = {end for end in ends if isinstance(end, Array)}
        self.order = needed(ends)
        self.users = _users(flattened(self.order))
        self.summed = summed_products(list(self.users), self.users, self.kept)
        self.exact: set[Array] = set()  # see Loops
        self.loops = Loops(self.reading, self.exact)
        self.lines: list[str] = []
        self.waiting: dict[
            Array, str
        ] = {}  # the lines for parts of leaves, which are written where they are first read
        self.first: dict[str, Array] = {}  # the first array for each expression of parts of leaves
        self.alike: dict[Array, Array] = {}  # for each part of a leaf the first one with the same expression
        self.explanations: list[str] = []  # comments for the next line
        self.leaves: list[str] = []
        self.shaped = self._shaped()

    def source(self) -> Source:
        wanted = self.wanted
        self._write_all(self.order)
        for end in sorted(self.kept, key=attrgetter("number")):
            self._write_waiting(end)
        returned = [self._returned(result, is_first=i == 0) for i, result in enumerate(wanted.results)]
        if wanted.gradient is not None:
            gradient = Joining(self.reading, batched=False).joined(self.pieces, wanted.sizes[THETA])
            self.lines += ["", *_lines("gradient", gradient)]
            returned.append("gradient")
        lines = self._batch("\n".join([*self.lines, *returned]))
        lines += [*([""] if lines and self.lines[:1] and self.lines[0].startswith("#") else []), *self.lines]
        leaves = tuple(name for name in LEAVES if name == THETA or name in self.leaves)
        written = "\n".join(lines)
        imports = ["import jax.numpy as jnp"]
        imports += [] if not re.search(r"\blax\.", written) else ["from jax import lax"]
        imports += [] if not re.search(r"\bspecial\.", written) else ["from jax.scipy import special"]
        tables, given = tables_as_text(self.reading.namespace)
        imports[1:1] = ["import numpy as np"] if tables else []
        tables = [*([f"# given: {', '.join(given)}"] if given else []), *tables]
        text = [
            docstring(wanted.summary),
            "",
            *imports,
            "",
            *([*tables, ""] if tables else []),
            "",
            f"def {wanted.function}({', '.join([*leaves, *wanted.arguments])}):",
            *(f"    {line}" if line else "" for line in lines),
            f"    return {', '.join(returned)}",
            "",
        ]
        return Source("\n".join(text), self.reading.namespace, leaves)

    def _shaped(self) -> dict[str, Shape]:
        """Arguments that are read as slices of what is given, with that shape; others get a single axis."""
        shapes = dict(zip(self.wanted.arguments, self.wanted.shapes, strict=True))
        return {
            leaf.name: shapes[leaf.name]
            for leaf in self.order
            if isinstance(leaf, Leaf)
            and len(shapes.get(leaf.name, ())) > 1
            and all(isinstance(user, View) and is_sliced(shapes[leaf.name], user) for user in self.users[leaf])
        }

    def _batch(self, text: str) -> list[str]:
        """The lines that say how many examples there are, and that give each argument a single axis beside them."""
        lines = []
        shapes = dict(zip(self.wanted.arguments, self.wanted.shapes, strict=True))
        turned = [
            f"{name} = {spelling.reshaped(name, [math.prod(shape)], batched=True)}"
            for name, shape in shapes.items()
            if len(shape) > 1 and name in self.leaves and name not in self.shaped
        ]
        if "share" in self.leaves:
            is_array = re.search(r"\bshare\.", text)  # a part of a gradient may be the share itself
            lines.append("share = jnp.asarray(1 / B, theta.dtype)" if is_array else "share = 1 / B")
        if turned or "share" in self.leaves or re.search(r"\bB\b", text):
            lines.insert(0, f"B = {self.wanted.arguments[0]}.shape[0]" if shapes else "B = 1")
        return [*lines, *turned]

    def _write_all(self, arrays: Iterable[Array]) -> None:
        for array in arrays:
            comment = self.wanted.names.comment(array)
            if comment is not None:
                self._write_comment(comment)
            for operand in array.arrays if array not in self.summed else ():
                self._write_waiting(operand)
            if isinstance(array, Leaf):
                self._write_leaf(array)
            elif isinstance(array, Loop):
                self._write_loop(array)
            elif isinstance(array, View) and (rows := seen(array, self.reading)):
                self._write_rows(array, rows)
            elif array not in self.summed and not isinstance(array, Row | Stack | Last):  # written with their loop
                self._write(array, self._computed(array))
            if self._is_exact(array):
                self.exact.add(array)

    def _is_exact(self, array: Array) -> bool:
        if isinstance(array, Leaf):
            return array.name not in BATCH_LEAVES and not isinstance(array, Initial)
        if isinstance(array, Stack | Last):
            return array.of in self.exact
        if isinstance(array, Apply):
            are_exact = tuple([operand in self.exact for operand in array.operands])
            return spelling.is_exact(array.primitive, self.dtype, are_exact)
        return self.exact.issuperset(array.arrays)

    # ---------------------------------------------------------------- the classes of arrays

    def _write_rows(self, view: View, rows: Rows) -> None:
        if rows.is_reversed:
            self.reading.give_rows(view, rows)
        else:
            self._write(view, rows.text)

    def _write_loop(self, loop: Loop) -> None:
        later = later_than(loop, self.users, self.summed)
        self.loops.begin(loop, later)
        outer, self.lines, first = self.lines, [], dict(self.first)
        self._write_all(array for array in loop.body if array not in later.left_out)
        body, self.lines, self.first = self.lines, outer, first
        if outer and outer[-1]:
            self.lines.append("")
        lines, kept = self.loops.lines(loop, body, later)
        self.lines += lines
        for name, text in computed_after(loop, later, kept, self.reading):
            self.lines += _lines(name, text)
        self.exact.update(later.ends)

    def _write_leaf(self, leaf: Leaf) -> None:
        text = leaf.name
        if isinstance(leaf, Initial) and not (leaf.axes or leaf.batched):
            text = spelling.literal(leaf.numbers[0])
        elif isinstance(leaf, Initial):
            text = self.wanted.names.unused("initial")
            self.waiting[leaf] = f"{text} = {self._initial(leaf)}"
        elif leaf.table is not None:
            text = self.wanted.names.of(leaf)
            self.reading.namespace[text] = leaf.table.astype(self.dtype)
        elif leaf.name == "count":
            text = "B"
        else:
            self.leaves.append(leaf.name)
            if leaf.batched and leaf.name in self.single:
                text = f"{leaf.name}[:, None]"
        self.reading.expressions[leaf] = text

    def _initial(self, leaf: Initial) -> str:
        """Constants, for each example."""
        if len(set(map(repr, leaf.numbers))) == 1:
            return spelling.filled(leaf.numbers[0], leaf.sizes, leaf.batched)
        numbers = np.reshape(leaf.numbers, leaf.sizes).astype(self.dtype)
        text = self.reading.table(numbers, "initial")
        return f"jnp.broadcast_to({text}, {spelling.shape(leaf.sizes, leaf.batched)})" if leaf.batched else text

    def _computed(self, array: Array) -> str:
        reading = self.reading
        if isinstance(array, View):
            base = array.base
            if isinstance(base, Leaf) and base.name in self.single and isinstance(array.places.index, int):
                return base.name
            sizes = self.shaped.get(base.name, base.sizes) if isinstance(base, Leaf) else base.sizes
            return picked(reading.of(base), sizes, base.batched, array.places.index, reading.table)
        if isinstance(array, Apply):
            return self._applied(array)
        if isinstance(array, Fold):
            return folded(array, reading, array.operand in self.summed)
        if isinstance(array, Gather | Scatter):
            return gathered(array, reading) if isinstance(array, Gather) else scattered(array, reading)
        assert isinstance(array, Assembly), f"jax.numpy has no way to write {array}"
        text = Joining(reading, array.batched).joined(array.pieces, array.size)
        return text if len(array.axes) == 1 else spelling.reshaped(text, array.sizes, array.batched)

    def _applied(self, array: Apply) -> str:
        operands = [self.reading.aligned(operand, array.axes, array.batched) for operand in array.operands]
        if explanation := self.wanted.names.explanation(array.primitive):
            self.explanations.append(explanation)
        if spelling.is_called(array.primitive):
            name = self.wanted.names.of_function(array.primitive)
            self.reading.namespace[name] = spelling.on_host(array.primitive, self.dtype)
            return f"{name}({', '.join(operands)})"
        text = spelling.spelled(array.primitive, operands, self.dtype)
        is_stop = array.primitive.keeps_value and array.primitive.blocks_gradient
        return f"lax.stop_gradient({text})" if is_stop else text  # for those who differentiate the text with JAX

    def _write(self, array: Array, text: str) -> None:
        """Write the line that computes an array, unless its expression can stand where it is read."""
        if self._is_inline(array, text):
            self.reading.expressions[array] = text
            return
        is_of_leaf = isinstance(array, View) and isinstance(array.base, Leaf)
        if is_of_leaf:
            first = self.alike[array] = self.first.setdefault(text, array)
            if first is not array:  # one name is enough for both
                self.reading.expressions[array] = self.reading.expressions[first]
                return
        names = self.wanted.names
        continued = names.continued(array)
        is_inside = continued is not None and self._goes_on(continued)
        name = names.of(continued if is_inside and continued is not None else array)
        self.reading.expressions[array] = name
        if is_of_leaf:
            self.waiting[array] = f"{name} = {text}"
        else:
            self.lines += [*self.explanations, *_lines(name, text)]
            self.explanations.clear()

    def _write_waiting(self, array: Array) -> None:
        """Write the lines for parts of leaves that an array is, or reads without a line of its own."""
        pending = [array]
        while pending:
            one = pending.pop()
            one = self.alike.get(one, one)
            if one in self.waiting:
                self.lines.append(self.waiting.pop(one))
            if one in self.summed:
                pending += one.arrays

    def _write_comment(self, comment: str) -> None:
        if self.lines and self.lines[-1].startswith("#"):  # nothing came below that
            self.lines.pop()
        elif self.lines:
            self.lines.append("")
        self.lines.append(f"# {comment}")

    def _is_inline(self, array: Array, text: str) -> bool:
        if isinstance(array, View) and (isinstance(array.places.index, int) or text.isidentifier()):
            return array.base.batched or text.isidentifier()
        if array in self.kept or len(self.users[array]) != 1 or len(text) > WIDTH // 2:
            return False
        if self._goes_on(array):
            return True
        (user,) = self.users[array]
        if self.wanted.names.continued(array) is not None:
            return False
        is_read_once = isinstance(user, Fold) or (isinstance(user, Apply) and self._reads_once(user, array))
        return is_read_once and not self.wanted.names.is_meant(array)

    def _goes_on(self, array: Array) -> bool:
        """Whether an array is a sum to which what alone reads it adds a term."""
        users = self.users.get(array, [])  # of an array for each step, only that of the first is in a loop
        return array not in self.kept and len(users) == 1 and self.wanted.names.continued(users[0]) is array

    def _reads_once(self, user: Apply, array: Array) -> bool:
        """Whether the expression of an operation has this operand in one place."""
        if user in self.summed or spelling.is_called(user.primitive):
            return user not in self.summed
        return spelling.unparsed(user.primitive, self.dtype).count(f"x{user.operands.index(array)}") == 1

    def _returned(self, result: Array | float, is_first: bool) -> str:
        """A result, with numbers for each example where all have the same; or the one number that is no example's."""
        is_mean = is_first and self.wanted.gradient is not None
        text = self.reading.of(result)
        if not isinstance(result, Array):
            return f"jnp.full({'()' if is_mean else '(B,)'}, {text}, theta.dtype)"
        if is_mean:
            return text
        return text if result.batched else f"jnp.broadcast_to({text}, {spelling.shape(result.sizes, batched=True)})"


def _users(arrays: Sequence[Array]) -> dict[Array, list[Array]]:
    """What reads each array, as often as it does; of what a loop reads from outside, the loop itself, too."""
    users: dict[Array, list[Array]] = {array: [] for array in arrays}
    for array in arrays:
        read = [*array.operands]
        if isinstance(array, Loop):
            read += [*[state.next for state in array.states], *[end.of for end in array.ends]]
        for operand in read:
            if isinstance(operand, Array):
                users[operand].append(array)
    return users


def _lines(name: str, text: str) -> list[str]:
    """The lines that give an expression a name: of a long sum each term, and of a long list each entry, in its own."""
    if len(name) + len(text) <= WIDTH + 20:
        return [f"{name} = {text}"]
    later: list[list[str]] = []
    rest = ast.parse(text, mode="eval").body
    while True:
        if isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Add):
            later.insert(0, _broken(f"{name} = {name} + ", rest.right))
            rest = rest.left
        elif (
            isinstance(rest, ast.Call) and (addition := _ADDITION.fullmatch(ast.unparse(rest))) and addition[1] != name
        ):
            later.insert(0, [f"{name} = {name}{addition[2]}"])
            rest = ast.parse(addition[1], mode="eval").body
        else:
            return [*_broken(f"{name} = ", rest), *itertools.chain(*later)]


def _broken(start: str, expression: ast.expr) -> list[str]:
    """A line, or several where it is a long call with a list."""
    text = ast.unparse(expression).replace("'", '"')
    if len(start) + len(text) > WIDTH + 20 and isinstance(expression, ast.Call) and expression.args:
        listed = expression.args[0]
        if isinstance(listed, ast.List):
            entries = [f"        {ast.unparse(entry)},".replace("'", '"') for entry in listed.elts]
            expression.args[0] = ast.Name("_")
            head, tail = ast.unparse(expression).split("(_", 1)
            keywords = [f"    {tail[2:-1]},"] if tail[2:-1] else []
            return [f"{start}{head}(", "    [", *entries, "    ]," if keywords else "    ]", *keywords, ")"]
    return [start + text]
