"""What the judge says about an answer."""

from __future__ import annotations

from dataclasses import dataclass

from ..misconceptions import Misconception
from ..terminal import html_lines


@dataclass(frozen=True, repr=False)
class Verdict:
    """What the judge says about an answer: true if it is right. It prints as a few sentences.

    >>> from scalargrad import exercise
    >>> verdict = exercise("rule-of-tanh").judge(lambda out, x: out * out - 1)
    >>> bool(verdict), verdict.misconception.name
    (False, 'sign')

    Attributes:
        is_right: whether the answer is right.
        sentences: what was compared, where, and with which numbers.
        misconception: what is behind a wrong answer, if its numbers show it.
    """

    is_right: bool
    sentences: tuple[str, ...]
    misconception: Misconception | None = None

    def __bool__(self) -> bool:
        return self.is_right

    @property
    def _headline(self) -> str:
        if self.is_right:
            return "Right."
        return f"Not right yet: {self.misconception.name}." if self.misconception else "Not right yet."

    @property
    def _lines(self) -> list[str]:
        return [*self.sentences, *([self.misconception.sentence] if self.misconception else [])]

    def __str__(self) -> str:
        return "\n".join([self._headline, *self._lines])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(html_lines(line) if "\n" in line else f"<p>{escape(line)}</p>" for line in self._lines)
        return f"<p><strong>{escape(self._headline)}</strong></p>{lines}"


def right(*sentences: str) -> Verdict:
    """Return the verdict that an answer is right.

    >>> right("All four gradients agree.")
    Right.
    All four gradients agree.
    """
    return Verdict(True, sentences)


def wrong(*sentences: str, misconception: Misconception | None = None) -> Verdict:
    """Return the verdict that an answer is wrong, and what is behind it.

    >>> from scalargrad.misconceptions import SIGN
    >>> wrong("At x = 1 it gives -2, and it should give 2.", misconception=SIGN)
    Not right yet: sign.
    At x = 1 it gives -2, and it should give 2.
    The size is right, and the sign is not.
    """
    return Verdict(False, sentences, misconception)
