"""The quiz: the backward pass with each contribution hidden until it is predicted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import IO, TYPE_CHECKING, overload

from ..engine.value import Value
from .console.asking import Asking
from .html.document import LIMIT, Page, from_data, target_of, within
from .walk.questions import quiz_data
from .walk.steps import Steps, as_steps

if TYPE_CHECKING:
    from pathlib import Path


class Quiz:
    """A quiz on a backward pass: `ask` asks at the prompt, `save` writes a page, and a notebook shows that page.

    As a string it is the whole page.

    Attributes:
        walk: the steps to predict, from where their cursor stands.
    """

    def __init__(self, walk: Steps) -> None:
        self.walk = walk

    def ask(self, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        """Ask at the prompt for each contribution, until all are known or `quit` leaves.

        Args:
            stdin: a file with an answer on each line; None for the terminal.
            stdout: a file for the questions; None for the terminal.
        """
        Asking(copy(self.walk), stdin, stdout).run()

    @cached_property
    def page(self) -> Page:
        """The quiz as a page of HTML.

        Raises:
            ImportError: when the extra page is not installed.
        """
        return from_data(quiz_data(self.walk), self.walk.position)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, whole or not at all, and return the path; .html is added where it has no suffix.

        Raises:
            ValueError: when the path ends in something else.
            OSError: when the file cannot be written.
        """
        target = target_of(path)  # a wrong path is refused before the work starts
        return self.page.save(target)

    def _repr_html_(self) -> str:
        return self.page._repr_html_()

    def __str__(self) -> str:
        return str(self.page)

    def __repr__(self) -> str:
        left = len(self.walk) - self.walk.position
        counted = "1 contribution" if left == 1 else f"{left:,} contributions"
        return f"<quiz of {counted}: .ask() asks here, .save('quiz.html') writes a page>"


@overload
def quiz(
    value: Value | Sequence[Value] | Steps,
    path: None = None,
    *,
    at: int | str | Value = 0,
    names: Mapping[str, object] | None = None,
    limit: int = LIMIT,
) -> Quiz: ...
@overload
def quiz(
    value: Value | Sequence[Value] | Steps,
    path: str | os.PathLike[str],
    *,
    at: int | str | Value = 0,
    names: Mapping[str, object] | None = None,
    limit: int = LIMIT,
) -> Path: ...
def quiz(
    value: Value | Sequence[Value] | Steps,
    path: str | os.PathLike[str] | None = None,
    *,
    at: int | str | Value = 0,
    names: Mapping[str, object] | None = None,
    limit: int = LIMIT,
) -> Quiz | Path:
    """Return a quiz on the backward pass from a value: it hides the next contribution and asks for it.

    An answer is right to three significant digits; a wrong one gets the name of the misconception behind it, if it is
    known. A right answer at once counts 1, one after a hint or a wrong answer 0.5, a contribution that was revealed 0.

    Args:
        value: where the pass starts, a list of such values, or steps.
        path: where to write the page; .html is added where it has no suffix. Without one the quiz is returned.
        at: how many steps are known at the start; or a node or its name, to start with what follows the first step
            into it.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.
        limit: how many steps a quiz may have.

    >>> from scalargrad import Value, quiz
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> quiz(a * b)
    <quiz of 2 contributions: .ask() asks here, .save('quiz.html') writes a page>

    Raises:
        TooLarge: when there are more steps than the limit.
        TypeError: for anything but Values and steps, names that are no mapping, or steps given names again.
        IndexError: when there are fewer steps than should be known at the start.
        LookupError: when there is no node of that name.
        ValueError: when the path ends in something else than .html.
        ImportError: when a page is to be written, and the extra page is not installed.
        OSError: when the file cannot be written.
    """
    walk = copy(within(as_steps(value, names), limit)).to(at)
    made = Quiz(walk)
    return made if path is None else made.save(path)
