"""Exercises on functions of plain numbers: each is compared with independent values at several cases."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..engine.floats import counted
from ..misconceptions import Misconception, all_close
from .running import Nested, Refused, answering, flat, function, nested, numbers, shown
from .verdict import Verdict, right, wrong

Function = Callable[..., Any]
Case = tuple[Any, ...]
OTHER_FORM = Misconception(
    "another form",
    "The numbers are right. Return them as the exercise asks for them, in one list or in a list of rows.",
)


class Named:
    """A function that is an argument of an answer, and is shown by its formula."""

    def __init__(self, formula: str, called: Callable[..., Any]) -> None:
        self._formula, self._called = formula, called

    def __call__(self, x: Any) -> Any:
        """Call the function."""
        return self._called(x)

    def __repr__(self) -> str:
        return self._formula

    def __deepcopy__(self, memo: dict[int, Any]) -> Named:
        return self


def judge_function(
    answer: Any,
    name: str,
    wanted: Function,
    cases: Sequence[Case],
    *,
    mistaken: Mapping[Misconception, Function],
    hard: Mapping[Misconception, Sequence[Case]] | None = None,
    rtol: float = 1e-6,
) -> Verdict:
    """Judge a function by what it returns in several cases.

    >>> sign = Misconception("sign", "A distance is never negative.")
    >>> cases = [(3.0,), (-2.0,), (0.0,)]
    >>> judge_function(lambda x: -abs(x), "distance", abs, cases, mistaken={sign: lambda x: -abs(x)})
    Not right yet: sign.
    distance(3.0) gives -3, and should give 3.
    A distance is never negative.

    Args:
        answer: the function.
        name: what it is called.
        wanted: returns the right result, computed in another way than the answer: a number, or several, in the form
            that an answer must have.
        cases: the arguments of each case.
        mistaken: what misconceptions would return. One is named only if it explains the results in all cases.
        hard: further cases, by what is behind it if the answer is wrong there, and in no case before.
        rtol: how far, relatively, a right result may be off.

    Returns:
        The verdict.

    Raises:
        Refused: if the answer is no function, raises an error, or returns no numbers. `Exercise.judge` makes a
            verdict of it.
    """
    called = function(answer, name)
    given = [_results(called, name, case) for case in cases]
    right_results = [nested(wanted(*case), "") for case in cases]
    for case, results, expected in zip(cases, given, right_results, strict=True):
        if not all_close(flat(results), flat(expected), rtol=rtol):
            misconception = _explanation(list(map(flat, given)), cases, mistaken, rtol)
            return wrong(_compared(name, case, results, expected), misconception=misconception)
    for case, results, expected in zip(cases, given, right_results, strict=True):
        if isinstance(expected, list) and _form(results) != _form(expected):  # a number may come in a list
            return wrong(_compared(name, case, results, expected), misconception=OTHER_FORM)
    for misconception, others in (hard or {}).items():
        for case in others:
            expected = nested(wanted(*case), "")
            try:
                results = _results(called, name, case)
            except Refused as refused:
                call = f"{_call(name, case)}: "
                raise Refused(call + refused.sentence.removeprefix(call), misconception) from None
            if not all_close(flat(results), flat(expected), rtol=rtol):
                return wrong(_compared(name, case, results, expected), misconception=misconception)
    tried = len(cases) + sum(map(len, (hard or {}).values()))
    return right(f"Compared in {counted(tried, 'case')}: {_equation(name, cases[0], right_results[0])}, and so on.")


def _results(called: Function, name: str, case: Case) -> Nested:
    try:
        with answering():
            result = called(*copy.deepcopy(case))
    except Refused as refused:
        raise Refused(f"{_call(name, case)}: {refused.sentence}", refused.misconception) from None
    return nested(result, f"{name} returns")


def _explanation(
    given: Sequence[Sequence[float]], cases: Sequence[Case], mistaken: Mapping[Misconception, Function], rtol: float
) -> Misconception | None:
    for misconception, wrong_function in mistaken.items():
        predicted = [numbers(wrong_function(*copy.deepcopy(case)), "") for case in cases]
        if all(all_close(one, other, rtol=rtol) for one, other in zip(given, predicted, strict=True)):
            return misconception
    return None


def _call(name: str, case: Case) -> str:
    return f"{name}({', '.join(map(repr, case))})"


def _form(given: Nested) -> object:
    """How numbers stand in lists: the same for two that differ in their numbers alone."""
    return [_form(item) for item in given] if isinstance(given, list) else None


def _written(given: Nested, numbers: Iterator[str]) -> str:
    """Numbers, as they are written, in lists as they were given."""
    if not isinstance(given, list):
        return next(numbers)
    return f"[{', '.join([_written(item, numbers) for item in given])}]"


def _briefly(given: Nested) -> str:
    return _written(given, (f"{x:.6g}" for x in flat(given)))


def _equation(name: str, case: Case, results: Nested) -> str:
    return f"{_call(name, case)} is {_briefly(results)}"


def _compared(name: str, case: Case, results: Nested, expected: Nested) -> str:
    given, wanted = flat(results), flat(expected)
    if len(given) != len(wanted):
        amount = counted(len(wanted), "number")
        return f"{_call(name, case)} should return {amount}, {_briefly(expected)}, and it returns {len(given)}."
    pairs = [shown(one, other) for one, other in zip(given, wanted, strict=True)]
    gives = _written(results, (one for one, _ in pairs))
    should = _written(expected, (other for _, other in pairs))
    return f"{_call(name, case)} gives {gives}, and should give {should}."
