"""Exercises on functions of plain numbers: each is compared with independent values at several cases."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..engine.floats import counted
from ..misconceptions import Misconception, all_close
from .running import Refused, answering, function, numbers, shown
from .verdict import Verdict, right, wrong

Function = Callable[..., Any]
Case = tuple[Any, ...]


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
        wanted: returns the right result, computed in another way than the answer: a number, or several.
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
    right_results = [numbers(wanted(*case), "") for case in cases]
    for case, results, expected in zip(cases, given, right_results, strict=True):
        if not all_close(results, expected, rtol=rtol):
            misconception = _explanation(given, cases, mistaken, rtol)
            return wrong(_compared(name, case, results, expected), misconception=misconception)
    for misconception, others in (hard or {}).items():
        for case in others:
            expected = numbers(wanted(*case), "")
            try:
                results = _results(called, name, case)
            except Refused as refused:
                call = f"{_call(name, case)}: "
                raise Refused(call + refused.sentence.removeprefix(call), misconception) from None
            if not all_close(results, expected, rtol=rtol):
                return wrong(_compared(name, case, results, expected), misconception=misconception)
    tried = len(cases) + sum(map(len, (hard or {}).values()))
    return right(f"Compared in {counted(tried, 'case')}: {_equation(name, cases[0], right_results[0])}, and so on.")


def _results(called: Function, name: str, case: Case) -> list[float]:
    try:
        with answering():
            result = called(*copy.deepcopy(case))
    except Refused as refused:
        raise Refused(f"{_call(name, case)}: {refused.sentence}", refused.misconception) from None
    return numbers(result, f"{name} returns")


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


def _listed(written: Sequence[str]) -> str:
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def _equation(name: str, case: Case, results: Sequence[float]) -> str:
    return f"{_call(name, case)} is {_listed([f'{x:.6g}' for x in results])}"


def _compared(name: str, case: Case, results: Sequence[float], expected: Sequence[float]) -> str:
    if len(results) != len(expected):
        amount = counted(len(expected), "number")
        values = _listed([f"{x:.6g}" for x in expected])
        return f"{_call(name, case)} should return {amount}, {values}, and it returns {len(results)}."
    gives, should = zip(*(shown(one, other) for one, other in zip(results, expected, strict=True)), strict=True)
    return f"{_call(name, case)} gives {_listed(gives)}, and should give {_listed(should)}."
