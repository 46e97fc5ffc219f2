"""Read arithmetic that a person types, in Python's notation.

Python's parser makes a syntax tree of the text; nothing is run as Python. The tree may contain numbers,
names, operators, and calls of the primitives and of the composed functions of single numbers. Anything
else is refused, with its place. The result is a list of instructions for a stack machine, so neither
reading nor evaluating recurses.

Numbers are floats from the start, so `9**9**9` is refused as an overflow at once, and not computed as an
integer of millions of digits. A condition may also contain comparisons, `and`, `or`, `not` and tests such
as `isnan`.
"""

from __future__ import annotations

import ast
import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any, NamedTuple

from .. import functional
from ..engine.declaration import OPERATORS, Primitive, named, registered
from ..engine.floats import number
from ..engine.foreign import nearest
from ..terminal import cells, fitted, visible

LONGEST = 10_000  # characters of an expression
WIDEST = 72  # characters of an expression that an error shows
ROOM = 40  # cells for a name in an error

COMPOSED: dict[str, Callable[..., Any]] = {f.__name__: f for f in (*functional.OF_ONE_NUMBER, *functional.OF_A_PAIR)}
CONSTANTS = {"pi": math.pi, "e": math.e}
TESTS: dict[str, Callable[[float], bool]] = {"isnan": math.isnan, "isinf": math.isinf, "isfinite": math.isfinite}
SPECIAL = {"inf": math.inf, "nan": math.nan}  # constants of conditions; the numbers of an expression are finite

_OPERATORS: dict[type, Callable[..., Any]] = {
    **{operator.node: named(name) for name, operator in OPERATORS.items() if operator.node is not None},
    ast.UAdd: lambda x: x,
}
_COMPARISONS: dict[type, Callable[[float, float], bool]] = {
    ast.Lt: lambda x, y: x < y,
    ast.LtE: lambda x, y: x <= y,
    ast.Gt: lambda x, y: x > y,
    ast.GtE: lambda x, y: x >= y,
    ast.Eq: lambda x, y: x == y,
    ast.NotEq: lambda x, y: x != y,
}
_READ = {ast.Constant, ast.Name, ast.Call, *_OPERATORS}
_READ_IN_CONDITIONS = {ast.Compare, ast.BoolOp, ast.Not}
_REFUSED: dict[type, str] = {
    ast.Attribute: "an expression has no attributes: call a function by its name",
    ast.Subscript: "an expression has no subscripts: give each number its own name",
    ast.Compare: "a comparison has no derivative: use maximum, minimum, relu or greater",
    ast.BoolOp: "an expression has no and, or",
    ast.Not: "an expression has no not",
    ast.Lambda: "functions cannot be defined in an expression",
    ast.IfExp: "an expression has no if … else: use maximum, minimum, relu or greater",
    ast.Tuple: "an expression is one number: write decimals with a point, and a comma only between operands",
    ast.BitXor: "^ is not the power operator: write **",
    ast.MatMult: "@ multiplies matrices: write * for a product",
    ast.FloorDiv: "the operators of an expression are + - * / **",
    ast.Mod: "the operators of an expression are + - * / **",
}

_SEVERAL = {  # functions of several numbers, and how they are written as one expression
    "softmax": "exp(x) / (exp(x) + exp(y)), one expression for each number",
    "log_softmax": "x - log(exp(x) + exp(y)), one expression for each number",
    "logsumexp": "log(exp(x) + exp(y))",
    "cross_entropy": "log(exp(x) + exp(y)) - x, where x is the score of the right class",
    "total": "x + y",
    "sum": "x + y",
    "mean": "(x + y) / 2",
}


class ExpressionError(ValueError):
    """A text that is not an expression. The message says what is wrong, and shows the place.

    Attributes:
        message: what is wrong, on one line.
        text: the whole text.
        start, stop: the place in the text.

    >>> print(ExpressionError("no function is named tahn", "2 * tahn(x)", 4, 8))
    no function is named tahn
      2 * tahn(x)
          ^^^^
    """

    def __init__(self, message: str, text: str, start: int, stop: int) -> None:
        super().__init__(message, text, start, stop)
        self.message = message
        self.text = text
        self.start = start
        self.stop = stop

    def __str__(self) -> str:
        start = min(self.start, len(self.text))
        first = 0 if len(self.text) <= WIDEST else max(0, min(start - WIDEST // 2, len(self.text) - WIDEST))
        stop = min(max(self.stop, start + 1), first + WIDEST)
        cut = ["…" if first else "", "…" if first + WIDEST < len(self.text) else ""]
        shown = cut[0] + visible(self.text[first : first + WIDEST]) + cut[1]
        before = cells(cut[0] + visible(self.text[first:start]))
        marked = cells(visible(self.text[start:stop]))
        return f"{self.message}\n  {shown}\n  {' ' * before}{'^' * max(1, marked)}"


class _Instruction(NamedTuple):
    """Apply a function to the last `arity` numbers on the stack; without a function, push a number or a variable."""

    function: Callable[..., Any] | None
    arity: int
    operand: str | float
    start: int
    stop: int


class Expression:
    """An expression that `parse` read: call it with numbers or Values by name.

    Attributes:
        text: the text, without surrounding blanks.
        names: the names it uses, in order of appearance.
        constants: those of pi, e, inf and nan that it uses, by name.
        is_condition: whether it is true or false, and not a number.
    """

    def __init__(
        self, text: str, program: Sequence[_Instruction], is_condition: bool, constants: Mapping[str, float]
    ) -> None:
        self.text = text
        self._program = tuple(program)
        self.names = tuple(dict.fromkeys(step.operand for step in program if isinstance(step.operand, str)))
        self.is_condition = is_condition
        self.constants = dict(constants)

    def __call__(self, given: Mapping[str, Any]) -> Any:
        """Compute the expression.

        Args:
            given: a number or a Value for each name.

        Returns:
            A Value if one takes part, else a float; for a condition, a bool.

        Raises:
            ExpressionError: when a function refuses its operands.
        """
        stack: list[Any] = []
        for step in self._program:
            if step.function is None:
                stack.append(given[step.operand] if isinstance(step.operand, str) else step.operand)
                continue
            operands = stack[-step.arity :]
            del stack[-step.arity :]
            stack.append(_applied(step, operands, self.text))
        return stack[0]

    def __repr__(self) -> str:
        return f"<expression {self.text}>"


def parse(text: str, names: Iterable[str] = (), *, condition: bool = False) -> Expression:
    """Read an expression.

    Args:
        text: the expression, in Python's notation.
        names: the variables that may occur in it.
        condition: whether it may also contain comparisons, `and`, `or`, `not`, `isnan`, `isinf`,
            `isfinite`, `inf` and `nan`.

    >>> parse("tanh(w * x) ** 2", ["w", "x"])({"w": 0.0, "x": 3.0})
    0.0
    >>> parse("abs(grad) < 1e-6 or isnan(grad)", ["grad"], condition=True)({"grad": 1.0})
    False

    Raises:
        ExpressionError: when the text is no such expression; it shows the place.
    """
    text = re.sub(r"\s", " ", text.strip())
    return _Reader(text, tuple(names), condition).read(_tree(text))


def parse_assignment(text: str) -> tuple[str, float]:
    """Read `name=value`, where the value is an expression without variables.

    >>> parse_assignment("angle=pi / 4")
    ('angle', 0.7853981633974483)

    Raises:
        ExpressionError: for any other text; it shows the place.
    """
    name, sign, value = text.partition("=")
    if not sign:
        raise ExpressionError("expected name=value", text, 0, len(text))
    stripped = unicodedata.normalize("NFKC", name.strip())
    if not _is_name(stripped):
        raise ExpressionError("expected a name that Python allows for a variable before =", text, 0, len(name))
    offset = len(name) + 1 + len(value) - len(value.lstrip())
    if re.fullmatch(r"\s*[-+]?(nan|inf|infinity)\s*", value, re.IGNORECASE):
        raise ExpressionError(f"{stripped} needs a finite number, got {value.strip()}", text, offset, len(text))
    try:
        value_of: float = parse(value)({})
    except ExpressionError as error:
        message = f"{stripped} needs a number: {error.message}"
        raise ExpressionError(message, text, offset + error.start, offset + error.stop) from None
    return stripped, value_of


def functions(condition: bool = False) -> dict[str, Callable[..., Any]]:
    """Return every function that an expression may call, by name; for a condition, the tests too.

    >>> sorted(functions())[:4]
    ['abs', 'acos', 'acosh', 'add']
    """
    declared = {primitive.name: primitive for primitive in registered() if not primitive.name.startswith("_")}
    return {**COMPOSED, **declared, **(TESTS if condition else {})}


# ---------------------------------------------------------------- from text to tree


def _tree(text: str) -> ast.expr:
    if not text:
        raise ExpressionError("expected an expression, got nothing", text, 0, 0)
    if len(text) > LONGEST:
        message = f"an expression may have {LONGEST:,} characters, got {len(text):,}"
        raise ExpressionError(message, text, LONGEST, LONGEST + 1)
    if "#" in text:
        raise ExpressionError("an expression has no comments", text, text.index("#"), len(text))
    unknown = re.search("[\0\ud800-\udfff]", text)
    if unknown:
        raise ExpressionError("an expression cannot contain this character", text, *unknown.span())
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text, mode="eval").body
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression is nested too deeply", text, 0, len(text)) from None
    except SyntaxError as error:
        raise _syntax_error(error, text) from None


def _syntax_error(error: SyntaxError, text: str) -> ExpressionError:
    start = (error.offset or len(text) + 1) - 1
    stop = max(start + 1, (error.end_offset or 0) - 1)
    message = (error.msg or "").partition(";")[0].partition(" (detected")[0]
    if message.startswith("Exceeds"):
        start, message = 0, "a number beyond the range of floats"
    elif start >= len(text):
        message = "the expression ends where more is expected"
    elif re.match(r"[\w.]*\d[^\W\d]", text[start:]) and "literal" in message:
        message = "a number runs into a name: write 2 * x for 2 times x"
    elif message.startswith("invalid syntax"):
        message = "this does not fit in Python's notation for arithmetic"
    return ExpressionError(message, text, start, stop)


def _is_name(text: str) -> bool:
    from keyword import iskeyword

    return text.isidentifier() and not iskeyword(text)


# ---------------------------------------------------------------- from tree to instructions


class _Reader:
    """Turns a syntax tree into instructions, operands first."""

    def __init__(self, text: str, names: tuple[str, ...], condition: bool) -> None:
        self.text = text
        self.names = names
        self.condition = condition
        self.functions = functions(condition)
        self.program: list[_Instruction] = []
        self.truths: list[bool] = []  # for each number on the stack: whether it is true or false instead
        self.constants: dict[str, float] = {}

    def read(self, tree: ast.expr) -> Expression:
        pending, order = [tree], []
        while pending:
            node = pending.pop()
            order.append(node)
            pending.extend(self._operands(node))
        for node in reversed(order):
            self._compile(node)
        return Expression(self.text, self.program, self.truths[0], self.constants)

    def _operands(self, node: ast.expr) -> list[ast.expr]:
        """The operands of a node that may occur in an expression."""
        kind = type(node.op) if isinstance(node, ast.UnaryOp | ast.BinOp) else type(node)
        if kind not in (_READ | _READ_IN_CONDITIONS if self.condition else _READ):
            what = "a condition" if self.condition else "an expression"
            raise self._error(_REFUSED.get(kind, f"{what} cannot contain this"), node)
        if not isinstance(node, ast.Call):
            return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if not isinstance(node.func, ast.Name):
            raise self._error("a function is called by its name", node.func)
        if node.keywords:
            raise self._error("operands go by position, not by keyword", node.keywords[0])
        return node.args

    def _compile(self, node: ast.expr) -> None:
        match node:
            case ast.Constant():
                self._constant(node)
            case ast.Name():
                self._name(node)
            case ast.UnaryOp(op=ast.Not()):
                self._apply(node, lambda x: not x, 1, operands=True, result=True)
            case ast.UnaryOp():
                self._apply(node, _OPERATORS[type(node.op)], 1)
            case ast.BinOp():
                self._apply(node, _OPERATORS[type(node.op)], 2)
            case ast.BoolOp():
                every = all if isinstance(node.op, ast.And) else any
                self._apply(node, lambda *truths: every(truths), len(node.values), operands=True, result=True)
            case ast.Compare():
                if not all(type(sign) in _COMPARISONS for sign in node.ops):
                    raise self._error("numbers are compared with < <= > >= == !=", node)
                self._apply(node, _comparison(node.ops), 1 + len(node.ops), result=True)
            case _:
                assert isinstance(node, ast.Call)
                self._call(node)

    def _constant(self, node: ast.Constant) -> None:
        given = node.value
        if isinstance(given, bool) or not isinstance(given, int | float):
            what = {str: "a string", bytes: "a string", complex: "a complex number"}.get(type(given), repr(given))
            raise self._error(f"expected a number, got {what}", node)
        try:
            value = number(given, "a number")
        except ValueError:
            value = math.inf
        if math.isinf(value):
            raise self._error("a number beyond the range of floats", node)
        self._push(node, value)

    def _name(self, node: ast.Name) -> None:
        name = node.id
        constants = {**CONSTANTS, **SPECIAL} if self.condition else CONSTANTS
        if name in self.names:
            self._push(node, name)
        elif name in constants:
            self.constants[name] = constants[name]
            self._push(node, constants[name])
        elif name in self.functions:
            raise self._error(f"{name} is a function: write {name}(…)", node)
        else:
            shown = fitted(name, ROOM)
            known = f"known are {', '.join(self.names)}" if self.condition else f"give {shown}=NUMBER"
            advice = nearest(name, [*self.names, *constants]) or f": {known}"
            raise self._error(f"{shown} has no value{advice}", node)

    def _call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        function = self.functions.get(name)
        if function is None and name in _SEVERAL:
            raise self._error(
                f"{name} takes a list, which an expression does not have: write {_SEVERAL[name]}", node.func
            )
        if function is None:
            raise self._error(f"no function is named {fitted(name, ROOM)}{nearest(name, self.functions)}", node.func)
        low, high = arity(function)
        if not low <= len(node.args) <= high:
            wanted = f"{low} or {high}" if low < high else f"{low}"
            operands = "operand" if high == 1 else "operands"
            raise self._error(f"{name} takes {wanted} {operands}, got {len(node.args)}", node)
        self._apply(node, function, len(node.args), result=name in TESTS)

    def _push(self, node: ast.expr, operand: str | float) -> None:
        self.program.append(_Instruction(None, 0, operand, *self._place(node)))
        self.truths.append(False)

    def _apply(
        self, node: ast.expr, function: Callable[..., Any], count: int, operands: bool = False, result: bool = False
    ) -> None:
        """Apply a function: at once if all operands are numbers, else when the variables have numbers."""
        if any(truth is not operands for truth in self.truths[-count:]):
            expected = "a comparison or another condition" if operands else "a number, got a condition"
            raise self._error(f"expected {expected} here", node)
        self.truths[-count:] = [result]
        step = _Instruction(function, count, 0.0, *self._place(node))
        given = [before.operand for before in self.program[-count:] if before.function is None]
        numbers = [operand for operand in given if not isinstance(operand, str)]
        if len(numbers) < count:
            self.program.append(step)
            return
        constant = _applied(step, numbers, self.text)
        if not math.isfinite(constant) and all(map(math.isfinite, numbers)):
            raise self._error(f"this is {constant}: beyond the range of floats, or not defined", node)
        self.program[-count:] = [step._replace(function=None, operand=constant)]

    def _place(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        """The place of a node in the text, in characters: Python's parser counts bytes."""
        start, stop = node.col_offset, node.end_col_offset or 0
        if self.text.isascii():
            return start, stop
        whole = self.text.encode()
        return len(whole[:start].decode()), len(whole[:stop].decode())

    def _error(self, message: str, node: ast.expr | ast.keyword) -> ExpressionError:
        return ExpressionError(message, self.text, *self._place(node))


def _comparison(signs: Sequence[ast.cmpop]) -> Callable[..., bool]:
    compare = [_COMPARISONS[type(sign)] for sign in signs]

    def compared(*operands: float) -> bool:
        return all(holds(x, y) for holds, x, y in zip(compare, operands, operands[1:], strict=False))

    return compared


def _applied(step: _Instruction, operands: Sequence[Any], text: str) -> Any:
    assert step.function is not None
    try:
        return step.function(*operands)
    except (ArithmeticError, TypeError, ValueError) as error:
        message = "beyond the range of floats" if isinstance(error, OverflowError) else str(error)
        raise ExpressionError(message, text, step.start, step.stop) from None


def arity(function: Callable[..., Any]) -> tuple[int, int]:
    """Return the least and the greatest number of operands that a function takes.

    >>> arity(named("hypot")), arity(functional.leaky_relu)
    ((2, 2), (1, 2))
    """
    if isinstance(function, Primitive):
        return function.arity, function.arity
    parameters = signature(function).parameters.values()
    return sum(parameter.default is parameter.empty for parameter in parameters), len(parameters)
