"""The part of the prompt that has nothing to do with gradients: it reads commands and answers them.

It is built on the standard library's `cmd`. A command is a method `do_name`; its docstring is its help,
and the message of the error that it raises for a wrong argument is the answer. Single letters stand for
commands. No input, no interrupt and no end of the input ends in a traceback.
"""

from __future__ import annotations

import cmd
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType
from typing import IO, Any, ClassVar

from ...engine.foreign import nearest
from ...expressions.typed import ExpressionError
from ...terminal import RED, fitted, has_colours, painted

ROOM = 40  # cells for what was typed, in an answer


class Console(cmd.Cmd):
    """Commands read from the terminal, or from a file given as `stdin`; answers go to `stdout`.

    Enter repeats the last command that may be repeated. What comes from a file is shown as it is read, so
    that the output reads as a session. Keyboards and notebooks, which put an `input` of their own in the place
    of Python's, have shown it already. There are colours on a terminal that has them, unless `NO_COLOR` is set.

    Raises:
        OSError: when a standard stream that it needs is closed.
    """

    letters: ClassVar[dict[str, str]] = {"h": "help", "q": "quit", "exit": "quit"}
    repeatable: ClassVar[frozenset[str]] = frozenset()  # the commands that Enter repeats
    enter: ClassVar[str] = "Enter repeats the last command that moves, or list."
    deaf = (
        "nothing can be typed here"  # the answer where a front end has no keyboard, as when nbconvert runs a notebook
    )

    def __init__(self, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        for stream, name in ((self.stdin, "input"), (self.stdout, "output")):
            if stream is None:
                raise OSError(f"standard {name} is closed")
        self.use_rawinput = stdin is None
        self._has_keyboard = self.stdin.isatty()
        is_front_end = self.use_rawinput and not isinstance(input, BuiltinFunctionType)  # such as Jupyter's
        self._echoes = not self._has_keyboard and not is_front_end
        self._colours = has_colours(self.stdout)

    def run(self) -> None:
        """Read commands and obey them until `quit` or the end of the input.

        Raises:
            KeyboardInterrupt: when interrupted where no keyboard is read; there it abandons the line.
        """
        leave = False
        with _whole_names():
            while not leave:
                try:
                    self.cmdloop()
                    leave = True
                except KeyboardInterrupt:
                    if not self._has_keyboard:
                        raise
                    self.say("\ninterrupted: quit leaves")
                    self.intro = None
                except NotImplementedError:  # how Jupyter's `input` says that there is no keyboard
                    self.say(self.deaf)
                    leave = True

    def say(self, text: str) -> None:
        """Answer with a line."""
        print(text, file=self.stdout)

    def paint(self, style: str, text: str) -> str:
        """Return the text in a style, if there are colours."""
        return painted(text, style) if self._colours else text

    def commands(self) -> list[str]:
        """Return the names of all commands, this class's own last."""
        kinds = [kind for kind in type(self).__mro__ if issubclass(kind, Console)]
        return [name.removeprefix("do_") for kind in kinds for name in vars(kind) if name.startswith("do_")]

    def do_help(self, arg: str) -> None:
        """List the commands, or explain one.

            help [COMMAND]                  or h, ?

        Example: help break
        """
        documented = {name: inspect.getdoc(getattr(self, f"do_{name}")) or "" for name in self.commands()}
        if not arg:
            for name, text in documented.items():
                letters = ", ".join(letter for letter, meant in self.letters.items() if meant == name)
                self.say(f"{name:10} {letters:8} {text.partition(chr(10))[0]}")
            self.say(self.enter)
            return
        name = self.letters.get(arg, arg)
        if name not in documented:
            raise ValueError(f"no command is called {fitted(arg, ROOM)}{nearest(arg, documented)}")
        self.say(documented[name])

    def do_quit(self, argument: str) -> bool:
        """Leave the prompt.

            quit                            or q, exit, or the end of the input

        Example: quit
        """
        nothing_more(argument)
        return True

    # ------------------------------------------------------------ the methods that cmd calls

    def onecmd(self, line: str) -> bool:
        """Obey one line; what is wrong with it is shown, and nothing is done."""
        if line == "EOF":
            self.say("")
            return True
        before = self.lastcmd
        leave = self._obeyed(line)
        if leave is None or self.parseline(self.lastcmd)[0] not in self.repeatable:
            self.lastcmd = before
        return bool(leave)

    def _obeyed(self, line: str) -> bool | None:
        """Obey a line, and return whether it leaves; None where it was refused."""
        try:
            return bool(super().onecmd(line))
        except ExpressionError as error:
            self.say(self.paint(RED, str(error)))
        except (LookupError, ValueError) as error:
            self.say(self.paint(RED, str(error.args[0])))
        return None

    def precmd(self, line: str) -> str:
        """Show a line that nothing else has shown, so that what is written reads as a session does."""
        if self._echoes and line != "EOF":
            self.say(line)
        return line.strip()

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        """Split a line into command and argument, and spell a letter out."""
        command, argument, line = super().parseline(line)
        return self.letters.get(command or "", command), argument, line

    def default(self, line: str) -> None:
        """Say that there is no such command."""
        word = line.split(maxsplit=1)[0]
        raise ValueError(f"no command is called {fitted(word, ROOM)}{nearest(word, self.commands())}; help lists them")

    def completenames(self, text: str, *_: Any) -> list[str]:
        """Complete the name of a command."""
        return [f"{name} " for name in self.commands() if name.startswith(text)]

    def complete_help(self, text: str, *_: Any) -> list[str]:
        """Complete the name of a command."""
        return self.completenames(text)


@contextmanager
def _whole_names() -> Iterator[None]:
    """Let a readline complete names such as `w[0]` as one word."""
    try:
        import readline
    except ImportError:
        yield
        return
    delimiters = readline.get_completer_delims()
    readline.set_completer_delims(" \t\n()<>=!+-*/,")
    try:
        yield
    finally:
        readline.set_completer_delims(delimiters)


def nothing_more(argument: str) -> None:
    """Refuse an argument where a command takes none."""
    if argument:
        raise ValueError(f"expected nothing more, got {fitted(argument, ROOM)}")
