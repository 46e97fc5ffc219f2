"""Run the learner's program: what it made, what to show of it, where it failed."""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, ModuleType, TracebackType
from typing import Any

from scalargrad.engine.graph import topological_order
from scalargrad.engine.value import Value
from scalargrad.explain.walk.steps import Steps

from .lines import Recording, recording

FILE = "lab.py"
HERE = "Python's standard library, scalargrad and hypothesis"  # the packages of the lab
LONGEST_TRACEBACK = 12  # frames of the learner's code


@dataclass
class Mistake:
    """An error in the learner's program.

    Attributes:
        message: the error as Python says it last, with the notes on it: `TypeError: ...`.
        trace: the whole text, with the lines of the learner's code alone.
        line: the line of the learner's code, from 1; None where there is none.
        column: where in the line, from 0; None for the whole line.
    """

    message: str
    trace: str
    line: int | None = None
    column: int | None = None


@dataclass
class Outcome:
    """What a run of a program came to.

    Attributes:
        names: the variables of the program.
        shown: the Value, the Values or the steps to show; None where the program recorded nothing.
        mistake: the error that ended it, if one did.
        graphs: the results that variables hold, by name.
        pictures: the drawing that the last line evaluates to, as SVG.
    """

    names: dict[str, object]
    shown: Value | list[Value] | Steps | None = None
    mistake: Mistake | None = None
    graphs: dict[str, Value] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)


def run(code: str) -> Outcome:
    r"""Run a program as a module of its own, and print what its last line evaluates to, as a prompt does.

    What to show is, of these, the first that there is: the last line, where it is a Value, a list of them or
    steps; the Value that `backward` was called on last; the last result that a variable holds. After an error
    it is what was recorded last, and what the variables hold beside it.

    >>> outcome = run("from scalargrad import Value\nx = Value(3.0)\ny = x * x\ny.backward()\nx.grad")
    6.0
    >>> outcome.shown is outcome.names["y"], outcome.shown.line
    (True, 'lab.py:3')
    >>> run("x = 1\ny = x / 0").mistake.line
    2
    """
    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    with _as_main() as module:
        names = module.__dict__
        recorded, last = Recording(), None
        try:
            body, expression = _compiled(code)
            with recording(FILE) as recorded:
                exec(body, names)  # noqa: S102  # the learner's own program, in the learner's own browser
                if expression is not None:
                    last = eval(expression, names)  # noqa: S307  # likewise
            pictures = _pictures(last)
            if last is not None and not pictures:
                print(repr(last))
        except BaseException as error:  # SystemExit and KeyboardInterrupt end the learner's program, not the lab
            mistake = _mistake(error)
            roots = _roots([*_held_in(error.__traceback__), *_held(names), *filter(None, [recorded.last])])
            return Outcome(names, roots[-SHOWN_AFTER_ERROR:] or None, mistake, _graphs(names))
        return Outcome(names, _to_show(last, recorded, names), None, _graphs(names), pictures)


SHOWN_AFTER_ERROR = 8  # results, at most


# ---------------------------------------------------------------- running


@contextmanager
def _as_main() -> Generator[ModuleType]:
    """A new module that is `__main__` while a program runs, as at a prompt: views find the names of its variables."""
    before, is_prompt = sys.modules["__main__"], hasattr(sys, "ps1")
    module = ModuleType("__main__")
    module.__file__ = FILE
    sys.modules["__main__"] = module
    if not is_prompt:
        sys.ps1 = ">>> "
    try:
        yield module
    finally:
        sys.modules["__main__"] = before
        if not is_prompt:
            del sys.ps1


def _compiled(code: str) -> tuple[CodeType, CodeType | None]:
    """The program, and its last line by itself where that is an expression."""
    tree = ast.parse(code, FILE)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, FILE, "exec"), None
    tree.body.pop()
    return compile(tree, FILE, "exec"), compile(ast.Expression(last.value), FILE, "eval")


def _pictures(last: Any) -> list[str]:
    """The picture that a program ends with: a drawing, or a graph of the package graphviz, as draw_dot of micrograd."""
    if hasattr(last, "fragment") and hasattr(last, "titles"):
        return [last.fragment()]
    if hasattr(last, "source") and hasattr(last, "pipe"):
        from scalargrad.explain.drawing import render

        made = render._graphviz(last.source, "svg", last.engine)
        return [made.stdout.decode()] if made.returncode == 0 else []
    return []


# ---------------------------------------------------------------- what to show


def _to_show(last: object, recorded: Recording, names: Mapping[str, object]) -> Value | list[Value] | Steps | None:
    if isinstance(last, Steps):
        return last
    values = [last] if isinstance(last, Value) else last if isinstance(last, (list, tuple)) else []
    if values and all(isinstance(value, Value) and value.op is not None for value in values):
        return list(values) if len(values) > 1 else values[0]
    held = [value for value in _held(names) if value.op is not None]
    return (
        recorded.swept
        or next((value for value in held if value is recorded.last), None)
        or (held[-1] if held else recorded.last)
    )


def _held(names: Mapping[str, object]) -> list[Value]:
    """The Values that variables hold, and those in lists and tuples."""
    values: list[Value] = []
    for name, item in names.items():
        if not name.startswith("_"):
            items = item if isinstance(item, (list, tuple)) else [item]
            values += [each for each in items if isinstance(each, Value)]
    return values


def _held_in(trace: TracebackType | None) -> Iterable[Value]:
    """The Values that the variables of the learner's functions hold at the moment of an error."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == FILE and code.co_name != "<module>":
            yield from _held(trace.tb_frame.f_locals)
        trace = trace.tb_next


def _roots(values: Iterable[Value]) -> list[Value]:
    """Those results that none of the others was computed from."""
    results = list(dict.fromkeys(value for value in values if value.op is not None))
    roots: list[Value] = []
    covered: set[Value] = set()
    for value in reversed(results):
        if value not in covered:
            order = set(topological_order(value))
            roots = [root for root in roots if root not in order]
            roots.append(value)
            covered |= order
    return roots[::-1]


def _graphs(names: Mapping[str, object]) -> dict[str, Value]:
    """The results that variables hold, by name: what a learner can choose to see."""
    return {
        name: item
        for name, item in names.items()
        if not name.startswith("_") and isinstance(item, Value) and item.op is not None
    }


# ---------------------------------------------------------------- errors


def _instead_of(name: str) -> str:
    """What to do without a module that the lab does not have.

    >>> _instead_of("micrograd.engine")
    'The lab has scalargrad in its place: write scalargrad for micrograd, the rest stays as it is.'
    """
    package = name.partition(".")[0]
    if package == "micrograd":
        return "The lab has scalargrad in its place: write scalargrad for micrograd, the rest stays as it is."
    if package in sys.stdlib_module_names:
        return f"The lab does without {package}, of little use in a page: run the program on your machine."
    return f"The lab has {HERE}. For other packages, run the program on your machine."


def _mistake(error: BaseException) -> Mistake:
    """An error in the learner's words and lines: the frames of libraries are left out."""
    if isinstance(error, ModuleNotFoundError) and sys.platform == "emscripten":
        error.add_note(_instead_of(error.name or ""))
    described = traceback.TracebackException.from_exception(error)
    own = [frame for frame in described.stack if frame.filename == FILE]
    message = "".join(described.format_exception_only()).rstrip()
    if isinstance(error, SyntaxError) and error.filename == FILE:
        column = None if error.offset is None else max(0, error.offset - 1)
        return Mistake(f"{type(error).__name__}: {error.msg}", message, error.lineno, column)
    hidden = len(own) - LONGEST_TRACEBACK
    shown = own[-LONGEST_TRACEBACK:] if hidden > 1 else own
    text = "".join(traceback.StackSummary.from_list(shown).format())
    more = f"  … {hidden:,} more calls\n" if hidden > 1 else ""
    trace = f"Traceback (most recent call last):\n{more}{text}{message}"
    last = own[-1] if own else None
    return Mistake(
        message,
        trace,
        last.lineno if last else None,
        getattr(last, "colno", None) if last else None,
    )
