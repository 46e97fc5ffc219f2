"""Exercises on rules: the local gradient of an operation, as a primitive declares it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import Any

from ..check import gradcheck
from ..engine.declaration import Primitive, formula, operand_names
from ..engine.floats import counted
from ..engine.primitives import divide, sigmoid, softplus, tanh
from ..misconceptions import AT_THE_RESULT, OPERAND_FOR_RESULT, OTHER_OPERAND, SIGN, Misconception, agreeing, all_close
from .declaring import declare
from .running import Refused, answering, function, numbers, shown
from .verdict import Verdict, right, wrong

Point = tuple[float, ...]
Rule = Callable[..., Any]

VALUE = Misconception(
    "value for derivative", "That is the value of the operation: the rule gives its slope, ∂out/∂operand."
)
PRODUCT_RULE = Misconception(
    "half a product rule",
    "The operation is a product of two factors that both depend on x: its slope is the sum of two terms, and one "
    "is missing.",
)
ONE_FACTOR = Misconception(
    "derivatives multiplied", "The slope of a product is not the product of the slopes: (u·v)' = u'·v + u·v'."
)
SQUARE_FORGOTTEN = Misconception("square forgotten", "The slope of 1/y is -1/y², with the square.")
NUMERATOR_FORGOTTEN = Misconception(
    "constant factor dropped", "x is a constant factor when y varies: it stays in the derivative."
)
OVERFLOW = Misconception(
    "overflow",
    "The formula is right on paper, but exp(1000) is too large for a float: use one that never takes exp of a large "
    "number.",
)


def judge_rules(
    operation: Primitive,
    answer: Any,
    name: str,
    points: Sequence[Point],
    *,
    mistaken: Mapping[int, Mapping[Misconception, Rule]] | None = None,
    far: Sequence[Point] = (),
    must_hold_far: bool = False,
) -> Verdict:
    """Judge the rules of an operation: by values, by `gradcheck`, and by the laws if Hypothesis is installed.

    >>> from scalargrad import sin
    >>> judge_rules(sin, lambda out, x: out, "rule", [(0.5,), (2.0,)])
    Not right yet: value for derivative.
    At x = 0.5 your ∂out/∂x is 0.479426, and it should be 0.877583.
    That is the value of the operation: the rule gives its slope, ∂out/∂operand.

    Args:
        operation: the operation with the right rules.
        answer: a rule, a list with a rule for each operand, or a primitive.
        name: what the answer is called.
        points: where the rules are compared.
        mistaken: for an operand, the wrong rules that other misconceptions lead to.
        far: points at which a rule that is right elsewhere may overflow.
        must_hold_far: whether it must not.

    Returns:
        The verdict.

    Raises:
        Refused: if the answer is no rule, raises an error, or returns no number. `Exercise.judge` makes a verdict
            of it.
    """
    rules = _rules(operation, answer, name)
    if isinstance(answer, Primitive):
        _check_value(operation, answer, points)
    names = operand_names(operation)
    for k, rule in enumerate(rules):
        given = [_at(rule, operation, point) for point in points]
        wanted = [operation.partials[k](operation.value(*point), *point) for point in points]
        if not all_close(given, wanted):
            candidates = {**_mistaken(operation, k), **(mistaken or {}).get(k, {})}
            predicted = {
                misconception: [float(wrong_rule(operation.value(*point), *point)) for point in points]
                for misconception, wrong_rule in candidates.items()
            }
            misconceptions = agreeing(given, predicted)
            i = next(i for i in range(len(points)) if not all_close(given[i : i + 1], wanted[i : i + 1]))
            return wrong(
                _compared(names, k, points[i], given[i], wanted[i]),
                misconception=misconceptions[0] if misconceptions else None,
            )
    overflowing = ""
    for point in far:
        for k, rule in enumerate(rules):
            expected = operation.partials[k](operation.value(*point), *point)
            try:
                there = _at(rule, operation, point)
                sentence = _compared(names, k, point, there, expected)
            except Refused as refused:
                there, sentence = nan, f"At {_point(names, point)}: {refused.sentence}"
            if not all_close([there], [expected]):
                if there == there or must_hold_far:
                    return wrong(sentence, misconception=OVERFLOW if there != there else None)
                overflowing = sentence
    return _checked(replace(operation, partials=tuple(rules), edges=(), array=None), points, overflowing)


def _rules(operation: Primitive, answer: Any, name: str) -> list[Rule]:
    """The rules in an answer, one for each operand."""
    count = operation.arity
    if isinstance(answer, Primitive):
        rules: list[Any] = list(answer.partials)
    elif isinstance(answer, (list, tuple)):
        rules = list(answer)
    elif count == 1:
        rules = [function(answer, name)]
    else:  # a function that returns all
        whole = function(answer, name)
        rules = [lambda *given, k=k: whole(*given)[k] for k in range(count)]
    if len(rules) != count:
        raise Refused(f"{name} must have {counted(count, 'rule')}, one for each operand, and it has {len(rules)}.")
    return [function(rule, "A rule") for rule in rules]


def _check_value(operation: Primitive, answer: Primitive, points: Sequence[Point]) -> None:
    for point in points:
        with answering():
            given = answer(*point)
        wanted = operation.value(*point)
        if not all_close([given], [wanted]):
            raise Refused(
                f"At {_point(operand_names(operation), point)} the operation itself gives {given:.6g}, and it should "
                f"give {wanted:.6g}: only the rule is wrong in the starting code."
            )


def _at(rule: Rule, operation: Primitive, point: Point) -> float:
    with answering():
        result = rule(operation.value(*point), *point)
    given = numbers(result, "The rule returns")
    if len(given) != 1:
        raise Refused(f"A rule must return one number, and it returns {len(given)}.")
    return given[0]


def _mistaken(operation: Primitive, k: int) -> dict[Misconception, Rule]:
    """What the common misconceptions give for the rule in an operand."""
    rule = operation.partials[k]

    def at_the_result(out: float, *operands: float) -> Any:
        moved = (*operands[:k], out, *operands[k + 1 :])
        return rule(operation.value(*moved), *moved)

    mistaken: dict[Misconception, Rule] = {
        SIGN: lambda out, *operands: -rule(out, *operands),
        VALUE: lambda out, *operands: out,
    }
    for other, partial in enumerate(operation.partials):
        if other != k:
            mistaken[OTHER_OPERAND] = partial
    if operation.arity == 1:
        mistaken[OPERAND_FOR_RESULT] = lambda out, x: rule(x, x)
    mistaken[AT_THE_RESULT] = at_the_result
    return mistaken


def _point(names: Sequence[str], point: Point) -> str:
    return ", ".join(f"{name} = {x:g}" for name, x in zip(names, point, strict=True))


def _compared(names: Sequence[str], k: int, point: Point, given: float, wanted: float) -> str:
    where = _point(names, point)
    yours, right_one = shown(given, wanted)
    return f"At {where} your ∂out/∂{names[k]} is {yours}, and it should be {right_one}."


# ---------------------------------------------------------------- gradcheck and the laws


def _checked(operation: Primitive, points: Sequence[Point], overflowing: str) -> Verdict:
    """The verdict on rules that agree at the points: by measured slopes, of second order too, and by the laws."""
    names = operand_names(operation)
    order = 2 if _is_differentiable(operation) else 1
    for point in points[:CHECKED]:
        with answering():
            report = gradcheck(operation, *point, order=order)
        if report.wrong:
            said = str(report).splitlines()[0]
            slopes = [
                f"It gives {culprit.analytic:.6g}, and the slope of the values is {culprit.numerical:.6g}."
                for culprit in report.culprits
            ]
            return wrong(f"At {_point(names, point)} gradcheck says: {said}.", *slopes)
    sentences = [f"Compared at {len(points)} points, and by gradcheck with measured slopes."]
    if overflowing:
        sentences.append(f"One more thing: it overflows far out. {overflowing}")
    if order == 1:
        sentences.append(
            "One more thing: it works on floats alone. Written with operators and functions of scalargrad, such as "
            "scalargrad.exp, it can be differentiated again."
        )
        return right(*sentences)
    try:
        from ..check.laws import check_primitive
    except ImportError as error:
        return right(*sentences, f"The laws were not tried: {error}.")
    with answering():
        laws = check_primitive(operation, examples=EXAMPLES)
    for result in laws.results:
        if result.law in SLOPES and result.law in laws.broken and result.point is not None:
            where = _point(names, result.point)
            return wrong(f"The laws found a point where it fails: at {where} {result.why}.")
    return right(*sentences, f"The laws of derivatives hold at {EXAMPLES} more points that Hypothesis chose.")


CHECKED = 3  # points at which gradcheck measures slopes
EXAMPLES = 20
FAR = [(-1000.0,), (-30.0,), (30.0,), (1000.0,)]
EVERYWHERE = [(i * 0.11 - 5.5,) for i in range(101)]
SLOPES = ("partials", "second partials", "forward = reverse")  # those that are about rules


def _is_differentiable(operation: Primitive) -> bool:
    """Whether all rules are written with operators and primitives."""
    try:
        for k in range(operation.arity):
            formula(operation, k)
    except Exception:  # math.exp of a symbol, and whatever else a rule for floats alone does
        return False
    return True


# ---------------------------------------------------------------- the exercises


@declare(
    "rule-of-tanh",
    chapter=7,
    title="The rule of tanh",
    text="""
    `out = tanh(x)`. Write its rule: the local gradient `∂out/∂x`, as a function of the result
    `out` and the operand `x`. The result is at hand, and the formula is short if you use it.
    """,
    start="""
    def rule(out, x):
        return ...
    """,
    answer="rule",
)
def _rule_of_tanh(answer: Any) -> Verdict:
    return judge_rules(
        tanh,
        answer,
        "rule",
        [(0.5,), (-1.0,), (2.0,), *EVERYWHERE],
        mistaken={
            0: {
                SQUARE_FORGOTTEN_IN_TANH: lambda out, x: 1 - out,
                LOGISTIC: lambda out, x: out * (1 - out),
            }
        },
        far=FAR,
    )


SQUARE_FORGOTTEN_IN_TANH = Misconception("square forgotten", "The rule has the square of the result in it.")
LOGISTIC = Misconception(
    "another function's rule", "out * (1 - out) is the rule of the sigmoid: tanh lies between -1 and 1, not 0 and 1."
)


@declare(
    "rule-of-divide",
    chapter=7,
    title="The two rules of a quotient",
    text="""
    `out = x / y` has two operands, and so two rules. Write `∂out/∂x` first and
    `∂out/∂y` second. The result `out` is at hand, too.
    """,
    start="""
    rules = [
        lambda out, x, y: ...,
        lambda out, x, y: ...,
    ]
    """,
    answer="rules",
)
def _rule_of_divide(answer: Any) -> Verdict:
    return judge_rules(
        divide,
        answer,
        "rules",
        [(1.0, 2.0), (3.0, -4.0), (-2.0, 0.5), *((x, y) for x in (-3.0, 0.5, 4.0) for y in (-2.5, -0.75, 1.5, 6.0))],
        mistaken={
            1: {
                NUMERATOR_FORGOTTEN: lambda out, x, y: -1 / (y * y),
                SQUARE_FORGOTTEN: lambda out, x, y: -x / y,
            },
        },
    )


def _swish(x: float) -> float:
    return x * sigmoid(x)


SWISH = replace(
    softplus,
    name="swish",
    summary="x times its sigmoid.",
    value=_swish,
    partials=(lambda out, x: sigmoid(x) + out * (1 - sigmoid(x)),),
    notation="swish({})",
    array=None,
    edges=(),
)


@declare(
    "fix-the-rule",
    chapter=10,
    title="A rule that is wrong",
    text="""
    This operation is declared with a wrong rule. `gradcheck` says that something is wrong:

        from scalargrad import gradcheck
        print(gradcheck(swish, 1.0))

    Find out what is missing, and write the right rule.
    """,
    start="""
    from scalargrad import primitive, sigmoid

    @primitive(partials=[lambda out, x: x * sigmoid(x) * (1 - sigmoid(x))])
    def swish(x):
        return x * sigmoid(x)
    """,
    answer="swish",
)
def _fix_the_rule(answer: Any) -> Verdict:
    def slope(x: float) -> float:
        return sigmoid(x) * (1 - sigmoid(x))

    return judge_rules(
        SWISH,
        answer,
        "swish",
        [(1.0,), (-1.0,), (2.5,), *EVERYWHERE],
        mistaken={
            0: {
                PRODUCT_RULE: lambda out, x: x * slope(x),
                PRODUCT_RULE_FIRST: lambda out, x: sigmoid(x),
                ONE_FACTOR: lambda out, x: slope(x),
            }
        },
        far=FAR,
    )


PRODUCT_RULE_FIRST = PRODUCT_RULE._replace(sentence=PRODUCT_RULE.sentence + " You have the term u'·v.")


@declare(
    "rule-of-softplus",
    chapter=14,
    title="The rule of softplus, for large numbers too",
    text="""
    `out = log(1 + exp(x))` is called softplus, and looks like a relu with its corner rounded off. Write its rule
    `∂out/∂x`. It must hold at `x = 1000` and `x = -1000`, too, where `exp(1000)` is too large for
    a float.
    """,
    start="""
    from scalargrad import exp

    def rule(out, x):
        return ...
    """,
    answer="rule",
)
def _rule_of_softplus(answer: Any) -> Verdict:
    return judge_rules(
        softplus,
        answer,
        "rule",
        [(1.0,), (-2.0,), (3.5,), *EVERYWHERE],
        mistaken={
            0: {
                INNER_FORGOTTEN: lambda out, x: 1 / (1 + math.exp(x)),
                OUTER_FORGOTTEN: lambda out, x: math.exp(x),
            }
        },
        far=FAR,
        must_hold_far=True,
    )


INNER_FORGOTTEN = Misconception(
    "inner derivative forgotten",
    "The slope of log(u) is 1/u times the slope of u: here u = 1 + exp(x), whose slope is exp(x).",
)
OUTER_FORGOTTEN = Misconception(
    "outer derivative forgotten", "exp(x) is the slope of 1 + exp(x): the slope of the logarithm, 1/u, is missing."
)
