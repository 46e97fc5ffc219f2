"""The command `scalargrad`: explain the gradient of an expression, from a terminal.

    scalargrad explain "tanh(w * x + b)" w=0.5 x=2 b=-0.5

Most commands take an expression in Python's notation and a number for each of its names; without an
expression, they take the neuron of CS231n's lecture on backpropagation. `exercise` shows exercises and
judges answers, `lab` opens the lab in the browser. A mistake is reported on one line, with its place, and the
status is 2. The user never sees a traceback, even if the standard streams are closed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence, Set
from contextlib import redirect_stderr, suppress
from functools import partial
from io import StringIO, TextIOWrapper
from textwrap import fill
from typing import IO, Any, NamedTuple

from . import __version__
from .check import gradcheck
from .engine.foreign import nearest
from .engine.value import Value
from .exercises import exercise, exercises
from .explain import draw, ledger, page, prompt, quiz, steps, tree
from .explain.labs import FILE as LAB_FILE
from .explain.labs import LabLink, address_of, packed
from .explain.names import DIGITS, RESULTS, integral, numeral, shown
from .expressions.typed import ExpressionError, functions, parse, parse_assignment

LECTURE = ("sigmoid(w0*x0 + w1*x1 + w2)", "w0=2", "x0=-1", "w1=-3", "x1=-2", "w2=-3")
OK, FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
FEW = 3  # options that the usage of a command lists


class Problem(NamedTuple):
    """An expression at a point.

    Attributes:
        text: the expression.
        result: its value, with the graph.
        variables: its variables, in order of appearance.
        constants: pi and e, if it uses them and they are not variables.
    """

    text: str
    result: Value
    variables: tuple[Value, ...]
    constants: dict[str, float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the words of the command line; None for those of this process.

    Returns:
        The exit status: 0; 1 if a check failed; 2 if the command line was wrong or the output cannot be
        written; 130 after Ctrl-C; 141 if nobody reads the output.

    >>> main(["check", "x * y", "x=2", "y=-3"])
    f = x * y = -6.0   at x = 2, y = -3
    ...
    0
    """
    with redirect_stderr(sys.stderr or StringIO()):  # it may be closed
        if sys.stdout is None:
            return _refused("standard output is closed")
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")  # a character that a terminal cannot show becomes ?
        try:
            status = _status(sys.argv[1:] if arguments is None else arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            status = BROKEN_PIPE
        except OSError as error:
            status = _refused(f"standard output cannot be written: {error.strerror}")
        except KeyboardInterrupt:
            _say("scalargrad: interrupted")
            status = INTERRUPTED
        _settle(sys.stdout)
        return status


def _status(arguments: Sequence[str]) -> int:
    """The exit status of the command; an OSError where the output cannot be written."""
    try:
        parser = _parser()
        words = _options_first(arguments, _followed(parser))
        if not words:
            _say(parser.format_help())
            return USAGE
        options, unknown = parser.parse_known_args(words)
        if unknown:
            options.refuse(unknown)
        status: int = options.run(options)
        return status
    except SystemExit as left:
        return int(left.code or OK)
    except (ExpressionError, ImportError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            raise  # no file: it is the stream
        sys.stdout.flush()
        return _refused(str(error))


def _refused(message: str) -> int:
    _say(f"scalargrad: error: {message}")
    return USAGE


def _say(message: str) -> None:
    """Write a message to the error stream, if that takes any."""
    with suppress(OSError):
        print(message.rstrip("\n"), file=sys.stderr)
    _settle(sys.stderr)


def _settle(stream: IO[str]) -> None:
    """Write the rest of a stream's buffer; if that fails, discard it, so that Python can exit without an error."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


# ---------------------------------------------------------------- the commands


def _explain(options: argparse.Namespace) -> int:
    problem = _problem(options.words)
    page_at, draw_at = options.page, options.draw
    if not options.words:
        page_at, draw_at = page_at or "scalargrad-neuron.html", draw_at or "scalargrad-neuron.svg"
    elif options.open and not (page_at or draw_at):
        page_at = "scalargrad.html"
    digits = options.digits
    walk = steps(problem.result, digits=digits).last()
    _show_value(problem, digits)
    if len(walk):
        print("\nThe graph, each result above its operands:\n")
        print(tree(walk, digits=digits).coloured(sys.stdout))
        print("\nThe backward pass, a contribution on each line:\n")
        print(ledger(walk, digits=digits).coloured(sys.stdout))
    agrees = _show_check(problem)
    opened = ""
    if draw_at or page_at:
        print()
    if draw_at:
        problem.result.backward()
        opened = _written("picture", draw_at, draw(problem.result, partials=True).render)
    if page_at:
        opened = _written("page", page_at, partial(page, problem.result))
    if options.open:
        _open(opened)
    return OK if agrees else FAILED


def _step(options: argparse.Namespace) -> int:
    result = _problem(options.words).result
    _at_a_prompt(partial(prompt, steps(result, digits=options.digits)))
    return OK


def _quiz(options: argparse.Namespace) -> int:
    asked = quiz(_problem(options.words).result)
    if options.page:
        _written("quiz", options.page, asked.save)
    else:
        _at_a_prompt(asked.ask)
    return OK


def _at_a_prompt(talk: Callable[[], None]) -> None:
    """Run a prompt; an OSError says that it cannot read or write."""
    try:
        talk()
    except OSError as error:
        if error.errno is None or isinstance(error, BrokenPipeError):
            raise
        raise OSError(f"the prompt cannot read or write: {error.strerror}") from None


def _draw(options: argparse.Namespace) -> int:
    problem = _problem(options.words)
    problem.result.backward()
    drawing = draw(problem.result, partials=options.partials)
    output = options.output or ("scalargrad.svg" if options.open else None)
    if output is None:
        print(f"a picture of {drawing.contents}: --output FILE.svg saves it (or .png, .pdf, .dot), --open shows it")
        return OK
    path = _written("picture", output, drawing.render)
    if options.open:
        _open(path)
    return OK


def _check(options: argparse.Namespace) -> int:
    problem = _problem(options.words)
    _show_value(problem)
    return OK if _show_check(problem, options.order) else FAILED


def _exercise(options: argparse.Namespace) -> int:
    words: list[str] = options.words
    if len(words) > 2:
        raise ValueError(f"expected the name of an exercise and a file, got {len(words)} words")
    if not words:
        print(
            f"{exercises()}\n\nscalargrad exercise NAME shows one; scalargrad exercise NAME FILE.py judges an answer."
        )
        return OK
    task = exercise(words[0])
    if len(words) == 1:
        print(task)
        return OK
    file = words[1]
    source = _text("answer", file)
    verdict = task.judge_code(source, filename="<stdin>" if file == "-" else file)
    print(verdict)
    return OK if verdict else FAILED


def _lab(options: argparse.Namespace) -> int:
    code = None if options.file is None else _text("program", options.file)
    link = LabLink(address_of(options.lab) + ("" if code is None else f"#code={packed(code)}"))
    print(f"the lab is {link.partition('#')[0]}")
    link.open()
    return OK


def _text(what: str, path: str) -> str:
    """The text of a file; for - that of the standard input."""
    if path == "-":
        if sys.stdin is None:  # as where a program is started without one
            raise OSError(f"the {what} cannot be read from the standard input: it is closed")
        return sys.stdin.read().removeprefix("\N{BYTE ORDER MARK}")
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise OSError(f"the {what} cannot be read from {path}: {reason}") from None


def _show_value(problem: Problem, digits: int | None = DIGITS) -> None:
    given = ", ".join(f"{variable.label} = {integral(variable.data)}" for variable in problem.variables)
    known = ", ".join(f"{name} = {numeral(x)}" for name, x in problem.constants.items())
    named = "" if problem.result in problem.variables else f"{problem.result.label} = "
    result = shown(problem.result.data, digits)
    print(f"{named}{problem.text} = {result}{given and '   at '}{given}{known and '   with the constant '}{known}")


def _show_check(problem: Problem, order: int = 1) -> bool:
    """Show the derivative in each variable beside a numerical one, and return whether all agree."""
    if not problem.variables:
        print("\nNothing in it varies: there is no gradient.")
        return True
    report = gradcheck(problem.result, wrt=problem.variables, order=order)
    print(f"\nThe gradient, beside a numerical one:\n\n{report}")
    return bool(report)


def _written(what: str, path: str, write: Callable[[str], object]) -> str:
    """Write a file, say where, and return its path."""
    try:
        written = os.path.abspath(str(write(path)))
    except OSError as error:
        raise OSError(f"the {what} cannot be written to {path}: {error.strerror or error}") from None
    print(f"the {what} is in {written}")
    return written


def _open(path: str) -> None:
    import webbrowser
    from pathlib import Path

    if not webbrowser.open(Path(path).as_uri()):
        raise OSError(f"no browser was found to open {path}")


# ---------------------------------------------------------------- the expression


def _problem(words: Sequence[str]) -> Problem:
    """Read the expression and the numbers for its names, and compute its value."""
    text, *assignments = words or LECTURE
    name, equals, rest = text.partition("=")
    if equals and name.strip().isidentifier() and not rest.startswith("="):
        raise ExpressionError("expected an expression before the numbers for its names", text, 0, len(text))
    numbers: dict[str, float] = {}
    for word in assignments:
        name, number = parse_assignment(word)
        if name in numbers:
            raise ExpressionError(f"{name} has a number already", word, 0, len(name))
        numbers[name] = number
    expression = parse(text, numbers)
    for word, name in zip(assignments, numbers, strict=True):
        if name not in expression.names:
            message = f"{name} is not in the expression{nearest(name, expression.names)}"
            raise ExpressionError(message, word, 0, len(name))
    variables = {name: Value(numbers[name], label=name) for name in expression.names}
    result = expression(variables)
    if not isinstance(result, Value):
        result = Value(result)
    if result.label is None:
        result.label = next((name for name in RESULTS if name not in variables), None)
    return Problem(expression.text, result, tuple(variables.values()), expression.constants)


def _options_first(arguments: Sequence[str], followed: Set[str]) -> list[str]:
    """The arguments with the options first, so that options may stand anywhere and `-x**2` is an expression.

    Args:
        arguments: the words of the command line.
        followed: the options that take a value.
    """
    options: list[str] = []
    words: list[str] = []
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if argument == "--":
            words += pending
            break
        if argument.startswith("--") or argument == "-h":
            options.append(argument)
            if argument in followed and pending:
                options.append(pending.pop(0))
        else:
            words.append(argument)
    command, rest = words[:1], words[1:]
    return [*command, *options, "--", *rest] if command else options


# ---------------------------------------------------------------- the options


class _Parser(argparse.ArgumentParser):
    """A parser that raises an error if its help cannot be written, and ignores an error stream that is closed."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stderr:
            _say(message)
        else:
            print(message, end="")


def _file(text: str) -> str:
    """An argument that names a file."""
    if text in {"", "-"}:
        raise argparse.ArgumentTypeError(f"expected the name of a file, got {text!r}")
    return text


def _digits(text: str) -> int:
    """An argument that is a number of digits."""
    if not text.isdecimal() or not 1 <= int(text) <= 17:
        raise argparse.ArgumentTypeError(f"expected a number of digits from 1 to 17, got {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="scalargrad",
        description="Explain the gradient of an expression, step by step.",
        epilog=f"{_EXAMPLE.format('explain')}\n\n{_STATUS.format(f'{_UNCONFIRMED} or {_WRONG}')}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"scalargrad {__version__}", help="show the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    explain = _command(
        commands,
        "explain",
        "show the value, the graph, the backward pass and a check",
        "Show the value, the graph, every step of the backward pass, and a gradient check.\n"
        "Without an expression, a picture and a page of the lecture's neuron are written as well.",
        _explain,
    )
    explain.add_argument("--draw", metavar="FILE", type=_file, help="draw the graph: an .svg, .png or .pdf")
    explain.add_argument("--page", metavar="FILE", type=_file, help="write a page to step through: an .html")
    explain.add_argument("--open", action="store_true", help="open what was written in the browser")
    explain.add_argument("--digits", metavar="N", type=_digits, default=DIGITS, help=_DIGITS)

    described = (
        "Walk through the backward pass, forwards and backwards, at a prompt with the\ncommands of Python's debugger."
    )
    step = _command(commands, "step", "walk through the backward pass at a prompt", described, _step)
    step.add_argument("--digits", metavar="N", type=_digits, default=DIGITS, help=_DIGITS)

    described = (
        "Predict each contribution of the backward pass, at a prompt or in a page. A wrong\n"
        "answer gets the name of the misconception behind it."
    )
    asking = _command(commands, "quiz", "predict each contribution of the backward pass", described, _quiz)
    asking.add_argument("--page", metavar="FILE", type=_file, help="write the quiz as a page in place: an .html")

    described = "Draw the graph, with values and gradients."
    drawing = _command(commands, "draw", "draw the graph", described, _draw)
    drawing.add_argument("--output", metavar="FILE", type=_file, help="the picture's file: an .svg, .png, .pdf or .dot")
    drawing.add_argument("--open", action="store_true", help="open the picture in the browser")
    drawing.add_argument("--partials", action="store_true", help="with the local gradient on each arrow")

    described = "Compare the derivative in each variable with a numerical one that knows its own error."
    check = _command(commands, "check", "compare the gradient with a numerical one", described, _check)
    check.add_argument(
        "--order", metavar="N", type=int, choices=(1, 2), default=1, help="2: check second derivatives, too"
    )
    for name, command in commands.choices.items():
        command.usage = f'scalargrad {name} ["EXPRESSION" name=number …] {_listed(command)}'.rstrip()

    judge = commands.add_parser(
        "exercise",
        usage="scalargrad exercise [NAME [FILE.py]]",
        description="List the exercises, show one with the code to start from, or judge an answer.\n"
        "For a FILE of -, the answer is read from standard input.",
        help="list exercises, show one, judge an answer",
        epilog=f"example:\n  scalargrad exercise rule-of-tanh\n\n{_STATUS.format(_WRONG)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    judge.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    judge.set_defaults(run=_exercise, refuse=partial(_refuse_options, judge))

    lab = commands.add_parser(
        "lab",
        description="Open the lab in the browser: the engine in a web page, to run code and to walk its\n"
        f"gradients. It is one file, {LAB_FILE}, in this folder or where a clone\nhas built it.",
        help="open the lab, the engine in a web page",
        epilog="example:\n  scalargrad lab neuron.py\n\nstatus:\n  0; 2 if there is no lab or no browser",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    lab.add_argument("file", nargs="?", metavar="FILE.py", help="a program to run in it; - is standard input")
    lab.add_argument("--lab", metavar="PLACE", help="where the lab is: its file, or its address on a site")
    lab.set_defaults(run=_lab, refuse=partial(_refuse_options, lab))
    return parser


def _listed(command: argparse.ArgumentParser) -> str:
    """The options of a command, as its usage has them: each one, or that there are some."""
    options = [action for action in command._actions if action.option_strings and action.dest != "help"]
    values = [f" {action.metavar}" if action.nargs != 0 else "" for action in options]
    written = [f"[{action.option_strings[0]}{value}]" for action, value in zip(options, values, strict=True)]
    return " ".join(written) if len(written) <= FEW else "[options]"


_DIGITS = f"digits of each number: {DIGITS} by default, 17 for all"
_EXAMPLE = 'example:\n  scalargrad {} "tanh(w * x + b)" w=0.5 x=2 b=-0.5'
_STATUS = (
    "status:\n  0; 1 if {};\n  2 if the command line is wrong or the output cannot be written;\n"
    "  130 after Ctrl-C; 141 if nobody reads the output"
)
_UNCONFIRMED, _WRONG = "a gradient cannot be confirmed", "an answer is wrong"


def _followed(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a parser and of its commands that take a value."""
    followed: set[str] = set()
    for action in parser._actions:
        if action.option_strings and action.nargs != 0:
            followed.update(action.option_strings)
        for command in action.choices.values() if isinstance(action.choices, dict) else ():
            followed |= _followed(command)
    return followed


def _command(
    commands: Any,
    name: str,
    summary: str,
    description: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """A command that takes an expression, with a help text that says what an expression is."""
    known = fill(" ".join(sorted(functions())), 78, initial_indent="  ", subsequent_indent="  ")
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        description=description,
        help=summary,
        epilog=f"An expression is Python's: + - * / **, parentheses, and the functions\n{known}\n"
        "The names pi and e are the constants, unless you give them numbers of their own: e=3.\n"
        "Without an expression, the command takes the neuron of CS231n's lecture on backpropagation.\n\n"
        f"{_EXAMPLE.format(name)}\n\n{_STATUS.format(_UNCONFIRMED)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    command.set_defaults(run=run, refuse=partial(_refuse_options, command))
    return command


def _refuse_options(command: argparse.ArgumentParser, unknown: Sequence[str]) -> None:
    """End the process with the command's usage and the options that it has."""
    options = [option for action in command._actions for option in action.option_strings if option.startswith("--")]
    advice = nearest(unknown[0], options) or f": the options are {', '.join(options)}"
    command.error(f"there is no option {unknown[0]}{advice}")
