"""The negative control: make each rule wrong in turn, and see the check fail.

A rule is wrong only while the check runs, in the block and the thread of the check. There another
primitive is recorded in its place, with the same value and a wrong derivative. Declarations do not
change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from ..engine.declaration import Primitive, operand_names
from ..engine.floats import counted
from ..engine.modes import instead
from ..engine.primitives import stop_gradient
from ..engine.value import Value
from .check import assert_gradients
from .culprit import differentiated
from .measure.recording import HELD, Recording
from .measure.rounding import bounded_gradient, data_errors, local_errors
from .subject import Graph, subject

SPOILED = {"× 1.001": 1.001, "with the other sign": -1.0, "set to 0": 0.0}


@dataclass(frozen=True)
class Detections:
    """What `assert_detects` tried, in words.

    Attributes:
        caught: the wrong rules that the check caught.
        without_effect: rules that are 0 at every node, which a factor does not make wrong. No check could
            catch them at this point.
    """

    caught: tuple[str, ...]
    without_effect: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{counted(len(self.caught), 'wrong rule')} tried, all caught"]
        lines += [f"{rule} changes nothing at this point" for rule in self.without_effect]
        return "\n".join(lines)


def assert_detects(
    f: Any,
    *point: Any,
    check: Callable[..., object] = assert_gradients,
    order: int = 1,
    wrt: Any = None,
    **settings: Any,
) -> Detections:
    """Assert that a check of f's gradient fails whenever a rule that f uses is wrong.

    Each rule is multiplied by 1.001, by -1 and by 0 in turn, and each time the check must raise an
    AssertionError. With `order` 2 or more, so it must where only the rule's own derivative is wrong.

    >>> print(assert_detects(lambda x, y: (x * y).tanh(), 0.5, 0.8))
    9 wrong rules tried, all caught
    >>> assert_detects(lambda x: x.exp(), 1.0, check=lambda f, x: None)
    Traceback (most recent call last):
        ...
    AssertionError: 3 of 3 wrong rules went unnoticed: the rule of exp in x × 1.001, ...

    The arguments are those of `gradcheck`, and `check`: your own check, called as `check(f, *point, **settings)`,
    which must pass with the right rules. It gets `order` and `wrt` only if they are given here.

    Returns:
        What was tried.

    Raises:
        AssertionError: when a wrong rule goes unnoticed; and what the check raises with the right rules.
        ValueError: when f applies no operation to its inputs; and as `gradcheck`.
        TypeError: as `gradcheck`.
    """
    if order > 1:
        settings = {**settings, "order": order}
    checked, _ = subject(f, point, wrt)
    recording = checked.at(checked.point, Recording)
    if isinstance(checked, Graph):  # to be recorded again, with other rules
        inputs = checked.inputs
        f, point, wrt = (lambda: recording.rebuilt(inputs, hold=False)), (), inputs
    if wrt is not None:
        settings = {**settings, "wrt": wrt}
    check(f, *point, **settings)
    caught, missed, without_effect = [], [], []
    for op, k, depth in _rules(recording, order):
        for how, factor in SPOILED.items():
            if not any(_matters(recording, i, k, depth) for i, other in enumerate(recording.ops) if other is op):
                without_effect.append(_in_words(op, k, depth, how))
                continue
            with instead(op, spoiled(op, k, factor, depth)):
                try:
                    check(f, *point, **settings)
                except AssertionError:
                    caught.append(_in_words(op, k, depth, how))
                else:
                    missed.append(_in_words(op, k, depth, how))
    if missed:
        raise AssertionError(
            f"{len(missed)} of {len(missed) + len(caught)} wrong rules went unnoticed: {', '.join(missed)}"
        )
    if not caught and not without_effect:
        raise ValueError("the function applies no operation to its inputs: there is no rule to make wrong")
    return Detections(tuple(caught), tuple(without_effect))


def spoiled(op: Primitive, operand: int, factor: float, depth: int = 1) -> Primitive:
    """Return the operation with a wrong rule: times the factor or, at depth 2, right but for its own derivative.

    >>> from scalargrad import Value, sin
    >>> x = Value(0.0)
    >>> spoiled(sin, 0, -1.0)(x).backward()
    >>> x.grad
    -1.0
    """
    right = op.partials[operand]
    if depth == 1:

        def wrong(out: Any, *operands: Any) -> Any:
            return factor * right(out, *operands)

    else:
        turned_rule = (lambda out, x: factor,)
        turned = replace(stop_gradient, name=f"slope_times_{factor:g}", partials=turned_rule, blocks_gradient=False)

        def wrong(out: Any, *operands: Any) -> Any:
            slope = right(out, *operands)
            return turned(slope) if isinstance(slope, Value) else slope

    rules = [wrong if k == operand else rule for k, rule in enumerate(op.partials)]
    return replace(op, partials=tuple(rules))


def _rules(recording: Recording, order: int) -> list[tuple[Primitive, int, int]]:
    """Every rule that is applied to something that depends on an input, with the depths at which to spoil it."""
    rules: dict[tuple[Primitive, int, int], None] = {}
    for place, op in enumerate(recording.ops):
        if op is not None and op not in HELD:
            for k, operand in enumerate(recording.operands[place]):
                if operand in recording.moving:
                    rules.update(dict.fromkeys((op, k, depth) for depth in range(1, min(order, 2) + 1)))
    return list(rules)


def _matters(recording: Recording, place: int, k: int, depth: int) -> bool:
    """Whether a factor makes the rule, or its derivative, wrong at this node."""
    if recording.operands[place][k] not in recording.moving:
        return False
    if depth == 1:
        local = recording.nodes[place].local_gradients[k]
        return isfinite(local) and local != 0.0
    op = recording.ops[place]
    assert op is not None
    component, values = differentiated(op, recording.operands_at(place), (k,))
    alone = Recording([component], values)
    slopes = bounded_gradient(alone, 0, local_errors(alone, data_errors(alone, [0.0] * len(values)))).slopes
    return any(
        slope and isfinite(slope) and operand in recording.moving
        for slope, operand in zip(slopes, recording.operands[place], strict=True)
    )


def _in_words(op: Primitive, k: int, depth: int, how: str) -> str:
    which = "the rule" if depth == 1 else "the derivative of the rule"
    return f"{which} of {op.name} in {operand_names(op)[k]} {how}"
