"""Running what a learner wrote: an error in it, a loop without end, or an unusual number becomes a sentence."""

from __future__ import annotations

import ast
import linecache
import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any, TypeAlias

from ..engine.floats import is_number, number
from ..engine.value import Value
from ..misconceptions import Misconception, close
from ..terminal import cut

TURNS = 10_000_000  # of all loops of an answer: a second or two, and more than any exercise needs
SECONDS = 60.0
MOST = 10_000  # numbers of an answer
DEEPEST = 8  # lists in lists in an answer
_TURN = "<turn>"  # no name that an answer could have
Nested: TypeAlias = "float | list[Nested]"  # numbers as they stand in lists in one another


class Refused(Exception):
    """An answer that cannot be judged further, and why.

    Attributes:
        sentence: what is wrong with it.
        misconception: what is behind it, if that is known.
    """

    def __init__(self, sentence: str, misconception: Misconception | None = None) -> None:
        super().__init__(sentence)
        self.sentence, self.misconception = sentence, misconception


class _Endless(BaseException):
    """Raised in a loop that goes on too long; no Exception, which an answer might catch."""


@contextmanager
def answering() -> Iterator[None]:
    """Run a part of an answer: whatever it raises becomes a `Refused` that names the line.

    Raises:
        Refused: for an error, a loop without end, and Ctrl-C.
    """
    try:
        yield
    except Refused:
        raise
    except _Endless as error:
        where = _place(error.__traceback__)
        raise Refused(f"Your code does not end: after {error}, it was still in a loop{where}.") from None
    except KeyboardInterrupt as error:
        raise Refused(f"You stopped your code{_place(error.__traceback__)}: is there a loop without end?") from None
    except SystemExit as error:
        raise Refused(f"Your code leaves Python{_place(error.__traceback__)}: return the answer instead.") from None
    except SyntaxError as error:
        text = (error.text or linecache.getline(error.filename or "", error.lineno or 0)).strip()
        where = f", line {error.lineno}{text and f': {cut(text, 80)}'}" if error.lineno else ""
        raise Refused(f"Your code cannot be read: {error.msg}{where}") from None
    except BaseException as error:  # also asyncio.CancelledError, GeneratorExit, or one of the answer's own
        message = str(error)
        said = f"{type(error).__name__}: {message}" if message else type(error).__name__
        raise Refused(f"Your code raised an error{_place(error.__traceback__)}\n    {said}") from None


def _place(trace: TracebackType | None) -> str:
    """Where in the learner's code an error was raised, as the end of a sentence; "" if it was not there."""
    import sysconfig

    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    elsewhere = (package, *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")))
    starts = ("<frozen ", *(folder + os.sep for folder in elsewhere))
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(trace)
        if not frame.f_code.co_filename.startswith(starts)
    ]
    if not frames:
        return ""
    filename, line = frames[-1]
    text = linecache.getline(filename, line).strip()
    return f" in line {line}: {text}" if text else f" in line {line}"


def read(source: str, name: str, filename: str, seconds: float) -> Any:
    """Run the source of an answer, and return what it calls by a name.

    Args:
        source: Python, also with a byte order mark.
        name: the name that the exercise asks for.
        filename: what the source is called in tracebacks.
        seconds: how long its loops may take, also when its functions are called later.

    Raises:
        Refused: if it cannot be read, raises an error, does not end, or does not have the name.
    """
    source = source.removeprefix("\N{BYTE ORDER MARK}")
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    namespace: dict[str, Any] = {"__name__": "__main__", _TURN: _counter(seconds)}
    with answering():
        tree = ast.fix_missing_locations(_Counted().visit(ast.parse(source, filename)))
        exec(compile(tree, filename, "exec", dont_inherit=True), namespace)  # noqa: S102  # the learner's own code, on their own machine
    if name not in namespace:
        raise Refused(f"Your code has no {name}: keep this name from the starting code.")
    return namespace[name]


def _counter(seconds: float) -> Callable[[], None]:
    turns, deadline = 0, time.monotonic() + seconds

    def turn() -> None:
        nonlocal turns
        turns += 1
        if turns > TURNS:
            raise _Endless(f"{TURNS:,} turns")
        if time.monotonic() > deadline:
            raise _Endless(f"{seconds:g} seconds")

    return turn


class _Counted(ast.NodeTransformer):
    """Counts each turn of each loop, those of comprehensions too."""

    def visit_While(self, loop: ast.While) -> ast.AST:
        return self._counted(loop)

    def visit_For(self, loop: ast.For) -> ast.AST:
        return self._counted(loop)

    def _counted(self, loop: ast.While | ast.For) -> ast.AST:
        self.generic_visit(loop)
        loop.body.insert(0, ast.copy_location(ast.Expr(_one_turn()), loop))
        return loop

    def visit_comprehension(self, loop: ast.comprehension) -> ast.AST:
        self.generic_visit(loop)
        always = ast.UnaryOp(ast.Not(), _one_turn())  # a turn returns None
        loop.ifs.insert(0, ast.copy_location(always, loop.iter))
        return loop


def _one_turn() -> ast.Call:
    return ast.Call(ast.Name(_TURN, ast.Load()), [], [])


# ---------------------------------------------------------------- what an answer is


def function(answer: Any, name: str) -> Callable[..., Any]:
    """Return an answer that must be a function.

    Raises:
        Refused: for anything else.
    """
    _check_filled(answer, f"{name} is")
    if not callable(answer):
        raise Refused(f"{name} is {in_short(answer)}, and a function is wanted.")
    given: Callable[..., Any] = answer
    return given


def numbers(answer: Any, subject: str) -> list[float]:
    """Return the numbers of an answer: of a number, a Value, or anything that holds several, in order.

    Args:
        answer: what is given.
        subject: the start of a sentence about it, such as "softmax returns".

    >>> numbers([1, (2.5, Value(3))], "softmax returns")
    [1.0, 2.5, 3.0]

    Raises:
        Refused: if there is something else in it.
    """
    return flat(nested(answer, subject))


def nested(answer: Any, subject: str, depth: int = 0) -> Nested:
    """Return the numbers of an answer as they stand in it: a number, or lists of numbers in one another.

    Args:
        answer: what is given.
        subject: the start of a sentence about it, such as "softmax returns".
        depth: how many lists it is in.

    >>> nested([1, (2.5, Value(3))], "softmax returns")
    [1.0, [2.5, 3.0]]

    Raises:
        Refused: if there is something else in it.
    """
    _check_filled(answer, subject)
    if isinstance(answer, Value):
        return answer.data
    if is_number(answer):
        try:
            return number(answer, subject)
        except ValueError:
            raise Refused(f"{subject} a number beyond the range of floats.") from None
    if isinstance(answer, (dict, str, bytes)) or not isinstance(answer, Iterable):
        raise Refused(f"{subject} {in_short(answer)}, and a number is wanted, or several.")
    if depth == DEEPEST:
        raise Refused(f"{subject} lists in lists in lists, and a number is wanted, or several.")
    with answering():
        items = list(islice(answer, MOST))
    return [nested(item, subject, depth + 1) for item in items]


def flat(given: Nested) -> list[float]:
    """Return the numbers in lists in one another, in order.

    >>> flat([1.0, [2.5, 3.0]]), flat(4.0)
    ([1.0, 2.5, 3.0], [4.0])
    """
    return [x for item in given for x in flat(item)] if isinstance(given, list) else [given]


def shown(given: float, wanted: float) -> tuple[str, str]:
    """Return two numbers with six digits; with all if they differ, by more than rounding, and do not then.

    >>> shown(0.25, 1 / 3), shown(2.0, 2.0), shown(0.1 + 0.2, 0.3), shown(1.0, 1.0000001)
    (('0.25', '0.333333'), ('2', '2'), ('0.3', '0.3'), ('1.0', '1.0000001'))
    """
    short = f"{given:.6g}", f"{wanted:.6g}"
    return short if short[0] != short[1] or close(given, wanted, rtol=1e-12) else (repr(given), repr(wanted))


def _check_filled(answer: Any, subject: str) -> None:
    if answer is ...:
        raise Refused(f"{subject} ...: it is still to be filled in.")
    if answer is None:
        raise Refused(f"{subject} None: is a return missing?")


def in_short(answer: Any) -> str:
    """Return what an answer is, as far as there is room.

    >>> in_short([0.5])
    '[0.5]'

    Raises:
        Refused: if its own code cannot show it.
    """
    with answering():
        return cut(repr(answer), 80)
