"""A debugger for a backward pass: pdb's commands, with a contribution in place of a line of code.

    step    make the next contribution, of one result to one operand
    next    make all contributions of the next result, as pdb's next runs a whole call
    back    take contributions back
    continue, until, jump    go further at once; break and tbreak say where to stop

A move shows the contributions that it made. The prompt stands behind the last of them; `list`,
`where`, `p` and the conditions of breakpoints refer to that one. `expressions/typed.py` reads the
conditions: nothing typed here is ever run as Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from ...engine.value import Constant, Value
from ...terminal import BOLD, DIM, fitted, width_of
from ..walk.graph import listed
from ..walk.step import ROOM, Step
from ..walk.steps import Steps, as_steps
from .ask import Breakpoint, breakpoint_at, computed, gradient, made, subject, words
from .asking import Asking
from .shell import Console, nothing_more

LETTERS = {"s": "step", "n": "next", "c": "continue", "cont": "continue", "b": "break", "cl": "clear", "unt": "until"}
LETTERS |= {"j": "jump", "w": "where", "l": "list", "print": "p"}
AROUND = 5  # steps that `list` shows before and after the last one made
LONGEST_WAY = 12  # nodes that `where` shows


def prompt(
    value: Value | Sequence[Value] | Steps,
    stdin: IO[str] | None = None,
    stdout: IO[str] | None = None,
    *,
    names: Mapping[str, object] | None = None,
) -> None:
    """Walk through a backward pass at a prompt with the commands of Python's debugger: `help` lists them.

    Numbers are rounded, except those that the command `p` shows.

    Args:
        value: where the pass starts, a list of such values, or steps, whose cursor it moves.
        stdin: a file with a command on each line; None for the terminal.
        stdout: a file for the answers; None for the terminal.
        names: variables by name, such as `locals()`, for Values that have no label; by default those of
            the interactive session.

    >>> import io, sys
    >>> from scalargrad import prompt
    >>> prompt(Value(3.0, label="a") ** 2, io.StringIO("quit"), sys.stdout)
    f = a ** 2 = 9.0: 1 step. Enter makes one; help lists the commands.
    (step) quit

    Raises:
        TypeError: for anything but Values and steps; when steps are given names again.
        ValueError: for an empty list.
    """
    Prompt(as_steps(value, names), stdin, stdout).run()


class Prompt(Console):
    """The prompt on the steps of a backward pass.

    It reads from the terminal, or from a file given as `stdin`, and writes to `stdout`.

    >>> import io, sys
    >>> from scalargrad import Value, steps
    >>> a = Value(3.0, label="a")
    >>> Prompt(steps(a * a), stdin=io.StringIO("step"), stdout=sys.stdout).run()
    f = a * a = 9.0: 2 steps. Enter makes one; help lists the commands.
    (step) step
    1/2  df/da += df/df · ∂f/∂a = 1.0 × 3.0 = 3.0   (0.0 → 3.0)
         f = a * a, so ∂f/∂a = a (as operand 1)
    (step)
    """

    prompt = "(step) "
    letters = LETTERS | Console.letters
    repeatable = frozenset({"step", "next", "back", "continue", "until", "list"})
    deaf = f"{Console.deaf}, as when nbconvert runs a notebook: ledger(...) and %explain show all steps at once"

    def __init__(self, walk: Steps, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.walk = walk
        self.breakpoints: dict[int, Breakpoint] = {}
        self.displays: list[str] = []
        self.lastcmd = "step"
        many = f"{len(walk):,} steps" if len(walk) != 1 else "1 step"
        self.intro = f"{self._roots()}: {many}. Enter makes one; help lists the commands."
        self._listed: int | None = None

    def completedefault(self, text: str, *_: Any) -> list[str]:
        """Complete the name of a node, an operation or a number of the step."""
        return [word for word in words(self.walk) if word.startswith(text)]

    # ------------------------------------------------------------ moving

    def do_step(self, argument: str) -> None:
        """Make the next contribution, or COUNT of them.

            step [COUNT]                    or s

        In Python it is the steps' next().

        Example: step 3
        """
        self._move(self.walk.position + _count(argument))

    def do_next(self, argument: str) -> None:
        """Make all contributions of the next node, or of COUNT nodes.

            next [COUNT]                    or n

        A node makes one contribution to each of its operands. In Python it is the steps' next_node().

        Example: next
        """
        position = self.walk.position
        for _ in range(_count(argument)):
            if not self.walk.next_node():
                break
        end, self.walk.position = self.walk.position, position
        self._move(end)

    def do_back(self, argument: str) -> None:
        """Take back the last contribution, or COUNT of them.

            back [COUNT]

        Then shows the contribution that is now the last. Breakpoints do not matter on the way back.

        Example: back
        """
        if self.walk.position == 0:
            self.say("no step has been made")
            return
        taken = min(self.walk.position, _count(argument))
        self.say(f"took back {'the last step' if taken == 1 else f'{taken:,} steps'}")
        self.walk.position -= taken
        self._stand()

    def do_continue(self, argument: str) -> None:
        """Continue to the next breakpoint, or to the end.

            continue                        or c, cont

        Example: continue
        """
        nothing_more(argument)
        self._move(len(self.walk), quiet=True)

    def do_until(self, argument: str) -> None:
        """Continue until a gradient is complete, or NUMBER steps are made.

            until [NODE | NUMBER]           or unt

        Without an argument, the node is the one that the last step went into. Breakpoints stop it.

        Example: until x
        """
        if argument.isdecimal():
            self._move(self._position(argument), quiet=True)
            return
        into = self.walk.into(argument or self._last().operand)
        self._move(into[-1].index + 1 if into else 0, quiet=True)

    def do_jump(self, argument: str) -> None:
        """Go to a number of steps, or to the first step into a node.

            jump NUMBER | NODE | start | end    or j

        Forwards or backwards; breakpoints do not matter.

        Example: jump 0
        """
        if not argument:
            raise ValueError("jump needs a number of steps, a node, start or end")
        if argument in {"start", "end"}:
            self.walk.to(0 if argument == "start" else len(self.walk))
        else:
            self.walk.to(self._position(argument) if argument.isdecimal() else argument)
        self._stand()

    def do_quiz(self, argument: str) -> None:
        """Predict the contributions that follow, in place of seeing them.

            quiz

        `quit` comes back to this prompt, where the cursor stands behind the last contribution that is known.

        Example: quiz
        """
        nothing_more(argument)
        Asking(self.walk, None if self.use_rawinput else self.stdin, self.stdout).run()

    # ------------------------------------------------------------ stopping

    def do_break(self, argument: str) -> None:
        """Stop at a node, an operation or a condition; list where.

            break [NODE | OPERATION | CONDITION]    or b
            break NODE | OPERATION, CONDITION       or if in place of the comma

        Stops after each step into the node, each step of the operation, or each step for which the
        condition holds. Without an argument, lists the breakpoints.

        A condition compares numbers of the step: index (from 0), data (the operand's), local, upstream,
        product, before, after, and grad, which is the operand's gradient so far, as after. It may contain
        + - * / **, and, or, not, isnan, isinf, isfinite and the functions of scalargrad.

        Example: break abs(grad) < 1e-6
        """
        if argument:
            self._set(argument, temporary=False)
            return
        for number, stop in self.breakpoints.items():
            self.say(f"{number}  {stop.text}{'  (once)' if stop.temporary else ''}")
        if not self.breakpoints:
            self.say("no breakpoints")

    def do_tbreak(self, argument: str) -> None:
        """Stop once at a node, an operation or a condition.

            tbreak NODE | OPERATION | CONDITION
            tbreak NODE | OPERATION, CONDITION

        Like break, but the breakpoint is cleared when it is reached.

        Example: tbreak isnan(grad)
        """
        if not argument:
            raise ValueError("tbreak needs a node, an operation or a condition")
        self._set(argument, temporary=True)

    def do_clear(self, argument: str) -> None:
        """Clear the breakpoints with these numbers, or all.

            clear [NUMBER …]                or cl

        Example: clear 1
        """
        wanted = [int(word) if word.isdecimal() else word for word in argument.split()] or list(self.breakpoints)
        for number in wanted:
            if number not in self.breakpoints:
                raise ValueError(f"no breakpoint {fitted(str(number), ROOM)}")
        for number in dict.fromkeys(wanted):
            assert isinstance(number, int)
            self.say(f"cleared {number}  {self.breakpoints.pop(number).text}")

    # ------------------------------------------------------------ looking

    def do_p(self, argument: str) -> None:
        """Show a node, or compute with the numbers of the last step.

            p [NODE | EXPRESSION]           or print

        Shows a node's number and its gradient so far, with every digit; without an argument, those of
        every leaf. See break for what an expression may contain.

        Example: p upstream * local
        """
        if argument:
            self.say(self._shown(argument) or f"{argument}: no step has been made yet")
            return
        walk = self.walk
        for node in walk.order:
            if node.op is None and node.__class__ is not Constant:
                self.say(gradient(walk, node, None))

    def do_display(self, argument: str) -> None:
        """Show a node or an expression after every move; list them.

            display [NODE | EXPRESSION]

        Shows what p would.

        Example: display x
        """
        if argument:
            subject(self.walk, argument)
            if argument not in self.displays:
                self.displays.append(argument)
        self._show_displays()
        if not self.displays:
            self.say("nothing to display")

    def do_undisplay(self, argument: str) -> None:
        """Stop displaying a node or an expression, or all of them.

            undisplay [NODE | EXPRESSION]

        Example: undisplay x
        """
        if argument and argument not in self.displays:
            raise ValueError(f"{fitted(argument, ROOM)} is not displayed")
        self.displays = [text for text in self.displays if argument and text != argument]

    def do_where(self, argument: str) -> None:
        """Show the path that the last contribution took.

            where                           or w

        From the value that is differentiated to the operand of the last step.

        Example: where
        """
        nothing_more(argument)
        walk, step = self.walk, self._last()
        way = [gradient(walk, node, walk.digits) for node in (step.operand, step.result)]
        node = step.result
        while node not in walk.roots and len(way) < LONGEST_WAY:
            node = walk.into(node)[0].result
            way.append(gradient(walk, node, walk.digits))
        if node not in walk.roots:
            way.append(f"… from {self._roots()}")
        for line in reversed(way[1:]):
            self.say(f"   {line}")
        self.say(f"-> {way[0]}")

    def do_list(self, argument: str) -> None:
        """List the steps around the last one made.

            list [FIRST [LAST]]             or l

        A second list continues after the first. With numbers, lists from FIRST to LAST.

        Example: list 1 4
        """
        walk, numbers = self.walk, [int(word) for word in argument.split() if word.isdecimal()]
        if len(numbers) != len(argument.split()) or len(numbers) > 2:
            raise ValueError(f"list takes the first and the last number, got {fitted(argument, ROOM)}")
        start = numbers[0] - 1 if numbers else max(0, walk.position - 1 - AROUND)
        if not numbers and self._listed is not None:
            start = self._listed
        stop = numbers[1] if len(numbers) > 1 else start + 2 * AROUND + 1
        shown = walk[max(0, start) : max(0, stop)]
        for step in shown:
            mark = "->" if step.index + 1 == walk.position else "  "
            self.say(f"{mark} {self._number(step)}  {step.line(self._room(len(mark) + 1))}")
        if shown and shown[-1].index + 1 < len(walk):
            self.say(f"   … {len(walk) - shown[-1].index - 1:,} more: list shows those that follow")
        if not shown:
            self.say("no more steps" if len(walk) else "there are no steps")
        self._listed = shown[-1].index + 1 if shown else None

    # ------------------------------------------------------------ moves, breakpoints and positions

    def _move(self, position: int, quiet: bool = False) -> None:
        """Make steps up to a position or a breakpoint, and show them; a quiet move shows only the last one."""
        walk, position = self.walk, min(position, len(self.walk))
        if walk.position == len(walk):
            self.say(self._complete())
            return
        if walk.position >= position:
            self.say("that step is made already: back and jump go there")
            return
        self._listed = None
        if quiet and not self.breakpoints:
            walk.position = position - 1
        reached: list[int] = []
        while walk.position < position and not reached:
            step = walk[walk.position]
            reached = [number for number, stop in self.breakpoints.items() if stop.holds(step)]
            walk.position += 1
            if reached or not quiet or walk.position == position:
                self._show(step)
        self._reached(reached)
        if quiet and walk.position == len(walk):
            self.say(self._complete())
        self._show_displays()

    def _stand(self) -> None:
        self._listed = None
        if self.walk.position:
            self._show(self._last())
        else:
            self.say("at the start: no step has been made")
        self._show_displays()

    def _set(self, text: str, temporary: bool) -> None:
        stop = breakpoint_at(self.walk, text, temporary)
        if stop.text in (known.text for known in self.breakpoints.values()):
            raise ValueError(f"there is a breakpoint {stop.text} already")
        number = max(self.breakpoints, default=0) + 1
        self.breakpoints[number] = stop
        self.say(f"breakpoint {number}  {stop.text}")

    def _reached(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            stop = self.breakpoints.pop(number) if self.breakpoints[number].temporary else self.breakpoints[number]
            self.say(self.paint(BOLD, f"breakpoint {number}  {stop.text}"))

    def _last(self) -> Step:
        if not self.walk.position:
            raise ValueError("no step has been made yet: step makes one")
        return self.walk[self.walk.position - 1]

    def _position(self, text: str) -> int:
        position = int(text) if len(text) < 20 else len(self.walk) + 1
        if position > len(self.walk):
            raise ValueError(f"there are {len(self.walk):,} steps, got {fitted(text, ROOM)}")
        return position

    # ------------------------------------------------------------ answers

    def _roots(self) -> str:
        return listed([made(self.walk, root) for root in self.walk.roots])

    def _number(self, step: Step) -> str:
        return self.paint(BOLD, f"{step.index + 1}/{len(self.walk)}".rjust(1 + 2 * len(str(len(self.walk)))))

    def _show(self, step: Step) -> None:
        self.say(f"{self._number(step)}  {step.line(self._room())}")
        blank = " " * (3 + 2 * len(str(len(self.walk))))
        room = self._room()
        self.say(self.paint(DIM, blank + step.reason_line(room)))

    def _room(self, taken: int = 0) -> int | None:
        """How many cells are left for a step, behind its number; None where lines have no end."""
        width = width_of(self.stdout)
        return None if width is None else width - taken - 3 - 2 * len(str(len(self.walk)))

    def _show_displays(self) -> None:
        for text in self.displays:
            self.say(f"  {self._shown(text) or text}")

    def _shown(self, text: str) -> str | None:
        """What `p` shows: a node, or a number of the last step, if there is one."""
        about = subject(self.walk, text)
        if isinstance(about, Value):
            return gradient(self.walk, about, None)
        return computed(about, self._last()) if self.walk.position else None

    def _complete(self) -> str:
        return f"all {len(self.walk):,} steps are made: every gradient is complete" if len(self.walk) else "no steps"


def _count(argument: str) -> int:
    if not argument:
        return 1
    if not re.fullmatch("[0-9]{1,15}", argument) or int(argument) == 0:
        raise ValueError(f"expected a count, got {fitted(argument, ROOM)}")
    return int(argument)
