"""The quiz at a prompt: it hides each contribution of a backward pass until it is predicted or revealed."""

from __future__ import annotations

from typing import IO

from ...terminal import BOLD, DIM, RED, cut, width_of
from ..walk.questions import HELPED, REVEALED, RIGHT, Question, number_of, points_of
from ..walk.steps import Steps
from .ask import gradient
from .shell import Console, nothing_more

RULES = "1 for a right answer at once, 0.5 after a hint or a wrong one, 0 when revealed"


class Asking(Console):
    """The quiz on the steps of a backward pass, from where their cursor stands.

    >>> import io, sys
    >>> from scalargrad import Value, steps
    >>> a = Value(3.0, label="a")
    >>> Asking(steps(2 * a), stdin=io.StringIO("2"), stdout=sys.stdout).run()
    What is each contribution? 1 to predict. Type a number, or hint, reveal, score, help, quit.
    1/1  df/da += df/df · ∂f/∂a = ?
         f = 2 * a = 6.0   a = 3.0   df/df = 1.0
    (quiz) 2
    right: 1.0 × 2.0 = 2.0   (0.0 → 2.0)
    score: 1 of 1 (1 for a right answer at once, 0.5 after a hint or a wrong one, 0 when revealed)
    """

    prompt = "(quiz) "
    enter = "Enter asks again. Anything that is no command is an answer."
    letters = Console.letters | {"r": "reveal", "p": "show"}  # h stays help, as at every prompt

    def __init__(self, walk: Steps, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.walk = walk
        self.points: list[float] = []
        self._worth = RIGHT

    def run(self) -> None:
        """Ask until all contributions are known, or `quit` or the end of the input."""
        left = len(self.walk) - self.walk.position
        if not left:
            self.say("there is no contribution to predict")
            return
        self.say(f"What is each contribution? {left:,} to predict. Type a number, or hint, reveal, score, help, quit.")
        self._ask()
        super().run()

    # ------------------------------------------------------------ answers

    def default(self, line: str) -> None:
        """Take a line that is no command as an answer."""
        try:
            answer = number_of(line)
        except ValueError as error:
            if line[:1].isalpha():
                super().default(line)
            raise error from None
        question = self._question
        if question.is_right(answer):
            self._known("right")
            return
        self._worth = min(self._worth, HELPED)
        sentences = [behind.sentence for behind in question.behind(answer)]
        self.say(self.paint(RED, "wrong") + (f": {' Or: '.join(sentences)}" if sentences else ": try again, or hint"))

    def postcmd(self, stop: bool, line: str) -> bool:  # noqa: ARG002  # the line is what cmd passes
        """Leave behind the last contribution."""
        return stop or self.walk.position == len(self.walk)

    def emptyline(self) -> bool:
        """Ask once more."""
        self._ask()
        return False

    def do_hint(self, argument: str) -> None:
        """Show the formula of the local gradient; the answer then counts half.

        Hint:
        Example: hint
        """
        nothing_more(argument)
        self._worth = min(self._worth, HELPED)
        self.say(self._question.hint)

    def do_reveal(self, argument: str) -> None:
        """Show the contribution, which then counts nothing, and go on.

            reveal                          or r

        Example: reveal
        """
        nothing_more(argument)
        self._worth = REVEALED
        self._known("revealed")

    def do_show(self, argument: str) -> None:
        """Show the number of a node, and its gradient so far.

            show NODE                       or p

        Example: show x
        """
        if not argument:
            raise ValueError("show needs the name of a node")
        self.say(gradient(self.walk, self.walk.node(argument), None))

    def do_score(self, argument: str) -> None:
        """Show the score so far.

            score

        Example: score
        """
        nothing_more(argument)
        self.say(f"score: {points_of(self.points)} ({RULES})")

    # ------------------------------------------------------------ questions

    @property
    def _question(self) -> Question:
        return Question(self.walk[self.walk.position])

    def _ask(self) -> None:
        place = f"{self.walk.position + 1}/{len(self.walk)}".rjust(1 + 2 * len(str(len(self.walk))))
        width = width_of(self.stdout)
        room = None if width is None else width - len(place) - 2
        question = self._question
        for start, text, style in (
            (self.paint(BOLD, place), question.text, ""),
            (" " * len(place), question.given, DIM),
        ):
            line = text if room is None else cut(text, room)
            self.say(f"{start}  {self.paint(style, line) if style else line}")

    def _known(self, how: str) -> None:
        """Make the step that was asked for, and ask for the next; at the end, say the score."""
        self.points.append(self._worth)
        self._worth = RIGHT
        step = self.walk.next()
        assert step is not None
        self.say(f"{how}: {step.arithmetic}")
        if self.walk.position == len(self.walk):
            self.do_score("")
        else:
            self._ask()
