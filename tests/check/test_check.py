"""What can be checked, how it is told, and that the culprit is named."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import (
    Constant,
    GradientMismatch,
    Value,
    assert_gradients,
    gradcheck,
    nn,
    no_grad,
    polygamma,
    primitive,
    square_error,
    tanh,
)
from scalargrad.check import Report
from scalargrad.check.culprit import EACH
from scalargrad.check.detects import spoiled
from scalargrad.check.report import SHOWN
from scalargrad.engine import modes, primitives
from scalargrad.engine.graph import topological_order

from ..oracle import Program, dual_functions, dual_gradient, run

# ---------------------------------------------------------------- what can be checked


def test_a_function_of_numbers_and_lists() -> None:
    """Arguments may be numbers or nested lists, outputs too; all are named as the function names them."""

    def f(x: Value, rows: list[list[Value]]) -> dict[str, Any] | list[Any]:
        return [x * rows[0][0], (rows[0][1] + x, rows[1][0])]

    report = gradcheck(f, 2.0, [[3.0, 4.0], [5.0]])
    assert report
    assert list(report.point.items()) == [("x", 2.0), ("rows[0][0]", 3.0), ("rows[0][1]", 4.0), ("rows[1][0]", 5.0)]
    assert len(report.comparisons) == 4 * 3
    assert {comparison.output for comparison in report.comparisons} == {"f[0]", "f[1]", "rows[1][0]"}


def test_numbers_of_other_kinds() -> None:
    """A point may be given in ints, numpy scalars or Values, whose labels are kept; outputs in an array of Values."""
    report = gradcheck(lambda x, y, z: np.array([x * y, z]), 2, np.float32(0.5), Value(3.0, label="third"))
    assert report
    assert report.point == {"x": 2.0, "y": 0.5, "third": 3.0}


def test_some_inputs() -> None:
    """Wrt may name places among the point's numbers."""
    report = gradcheck(lambda x, y, z: x * y * z, 2.0, 3.0, 4.0, wrt=[2, 0])
    assert [comparison.wrt for comparison in report.comparisons] == ["z", "x"]
    assert [comparison.wrt for comparison in gradcheck(lambda x, y: x * y, 2.0, 3.0, wrt=1).comparisons] == ["y"]


def test_methods_primitives_and_other_callables() -> None:
    """Whatever can be called with Values is checked, and its arguments have the names it gives them or numbers."""

    class Scaled:
        def __call__(self, x: Value) -> Value:
            return 2 * x

        def method(self, width: Value) -> Value:
            return width * width

    def several(*values: Value) -> Value:
        return sum(values, Value(0.0))

    functions: list[tuple[Callable[..., Any], tuple[float, ...], list[str]]] = [
        (Scaled(), (1.0,), ["x"]),
        (Scaled().method, (1.5,), ["width"]),
        (primitives.atan2, (1.0, 2.0), ["y", "x"]),
        (several, (1.0, 2.0), ["x0", "x1"]),
    ]
    for function, point, names in functions:
        report = gradcheck(function, *point)
        assert report
        assert list(report.point) == names


def test_a_recorded_graph() -> None:
    """A recorded Value, or several, are run again from the graph; the leaves keep their numbers and gradients."""
    x, y = Value(0.5, label="x"), Value(-2.0)
    outputs = [(x * y).tanh(), x / y]
    report = gradcheck(outputs, wrt=[x, y], order=2)
    assert report
    assert list(report.point) == ["x", "wrt[1]"]
    assert (x.data, y.data, x.swept, outputs[0].swept) == (0.5, -2.0, False, False)
    assert gradcheck(outputs[0], wrt=x)


def labelled_graph() -> tuple[Value, Value, Value]:
    """A result and its two labelled leaves; the leaf 3.0 has no label."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    return (a * b + a * Value(3.0)).tanh() / 7, a, b


def test_a_recorded_value_is_checked_in_its_labelled_leaves() -> None:
    """Without wrt the labelled leaves are meant, and the report counts the others; where none has a label, all are."""
    result, _, _ = labelled_graph()
    report = gradcheck(result)
    assert report
    assert sorted(report.point.items()) == [("a", 2.0), ("b", -3.0)]
    assert report.notes == ("1 leaf has no label and is not checked: name it in wrt=[...] to check it too",)
    assert "\n* 1 leaf has no label and is not checked" in str(report)
    (more,) = gradcheck(result + Value(1.0) * Value(2.0)).notes
    assert more == "3 leaves have no label and are not checked: name them in wrt=[...] to check them too"
    assert gradcheck([result, result * 2]).counts()["agrees"] == 4
    unlabelled = gradcheck((Value(0.5) * Value(0.25)).exp())
    assert unlabelled
    assert sorted(unlabelled.point.items()) == [("leaf 0", 0.5), ("leaf 1", 0.25)]
    assert unlabelled.notes == ()


def test_a_recorded_value_s_leaves_may_be_given_as_its_point() -> None:
    """`gradcheck(L, [a, b])` and `gradcheck(L, a, b)` are `gradcheck(L, wrt=[a, b])`."""
    result, a, b = labelled_graph()
    wanted = gradcheck(result, wrt=[b, a])
    assert list(wanted.point) == ["b", "a"]
    for report in (gradcheck(result, [b, a]), gradcheck(result, b, a), gradcheck(result, np.array([b, a]))):
        assert report.as_dict() == wanted.as_dict()
    assert list(gradcheck(result, a).point) == ["a"]


def test_inputs_of_one_name_are_told_apart() -> None:
    """Leaves that share a label keep rows of their own."""
    x, y = Value(2.0, label="w"), Value(3.0, label="w")
    report = gradcheck((x * y).tanh(), wrt=[x, y])
    assert list(report.point.items()) == [("w", 2.0), ("w (2)", 3.0)]


def test_arguments_may_be_arrays() -> None:
    """An array of numbers is given to the function as an array of Values, of the same shape."""
    report = gradcheck(lambda m: (m @ m).sum() + m.shape[0], np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert report
    assert list(report.point) == ["m[0][0]", "m[0][1]", "m[1][0]", "m[1][1]"]


def test_a_stale_graph_is_told() -> None:
    """A recorded graph whose leaves have been set since is not the graph of these numbers."""
    x = Value(0.5, label="x")
    loss = x * x
    x.data = 0.7
    report = gradcheck(loss, wrt=[x])
    assert report.faults == ("the data of x * x or of its operands has been set after it was computed",)
    assert not report.comparisons


def test_a_model_with_its_loss() -> None:
    """A function without arguments is checked in a model's parameters, by name, and leaves them as they were."""
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    before = model.state_dict()
    report = gradcheck(lambda: square_error(model([1.0, -2.0]), 0.3), wrt=model, order=2)
    assert report
    assert list(report.point) == list(before)
    assert gradcheck(lambda: model([1.0, -2.0]), wrt=model.parameters()[:2])
    assert model.state_dict() == before
    assert not any(parameter.swept for parameter in model.parameters())


def test_parameters_are_restored_after_an_error() -> None:
    """When the loss raises, the model is as it was."""
    model = nn.Neuron(1, rng=0)
    before = model.state_dict()

    def loss() -> Value:
        if model.state_dict() != before:
            raise KeyError("moved")
        return model([1.0]) ** 2 + model.bias

    with pytest.raises(KeyError):
        gradcheck(loss, wrt=model)
    assert model.state_dict() == before


def test_forwards_is_checked_against_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward mode that gives something else than the sweep is a fault."""
    assert not gradcheck(lambda x, y: x * y, 2.0, 3.0).faults
    monkeypatch.setattr("scalargrad.check.compare.jvp", lambda outputs, wrt, tangents: [Value(1.0) for _ in outputs])
    (fault,) = gradcheck(lambda x, y: x * y, 2.0, 3.0).faults
    assert fault.startswith("along a random direction the derivative of f differs: forward mode gives 1, the sweep ")


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_orders(order: int) -> None:
    """All mixed derivatives up to the order are compared, each once in its ordered inputs and the last."""
    report = gradcheck(lambda x, y: x**y + x.sin() * y, 1.3, 0.7, order=order)
    assert report
    assert max(comparison.order for comparison in report.comparisons) == order
    # order k: the derivatives of order k - 1 in inputs that do not descend, times two directions
    assert len(report.comparisons) == sum(2 * k for k in range(1, order + 1))


def test_an_order_beyond_what_is_right() -> None:
    """A rule that is right to the second order and wrong to the third is caught at the third alone."""
    slope = spoiled(primitives.sin, 0, 1.001, depth=2)
    wrong = primitive(name="third", partials=[lambda out, x: slope(x)])(lambda x: -math.cos(x))
    assert gradcheck(wrong, 0.5, order=2)
    report = gradcheck(wrong, 0.5, order=3)
    assert [comparison.verdict for comparison in report.comparisons] == ["agrees", "agrees", "disagrees"]
    assert ("third", 3) in [(culprit.primitive, culprit.order) for culprit in report.culprits]


def test_an_operand_without_a_derivative() -> None:
    """The order of a polygamma function moves with nothing, and is left out when it is held."""
    assert gradcheck(lambda x: polygamma(1.0, x), 2.5, order=2)
    assert not gradcheck(polygamma, 1.0, 2.5)


# ---------------------------------------------------------------- directions


def test_many_inputs_are_checked_in_directions() -> None:
    """Beyond a hundred inputs, or when asked, derivatives are taken in random directions, told with their seed."""
    model = nn.MLP(4, [12, 6, 1], "tanh", rng=1)

    def loss() -> Any:
        return square_error(model([0.1, -0.2, 0.3, 0.4]), 1.0)

    report = gradcheck(loss, wrt=model, order=2)
    assert report
    assert (report.settings["directions"], report.settings["seed"]) == (8, 0)
    assert len(report.comparisons) == 16
    asked = gradcheck(loss, wrt=model, directions=3, seed=5)
    assert [comparison.wrt for comparison in asked.comparisons] == ["direction 1", "direction 2", "direction 3"]
    assert asked.as_dict() == gradcheck(loss, wrt=model, directions=3, seed=5).as_dict()
    assert asked.comparisons[0].analytic != gradcheck(loss, wrt=model, directions=3).comparisons[0].analytic


def test_a_wrong_rule_shows_in_every_direction() -> None:
    """Negative control: one rule wrong by a thousandth in a network of 150 parameters."""
    model = nn.MLP(8, [12, 3, 1], "tanh", rng=1)
    with modes.instead(tanh, spoiled(tanh, 0, 1.001)):
        report = gradcheck(lambda: model([0.1] * 8), wrt=model)
    assert report.counts()["disagrees"] == 8
    assert [culprit.primitive for culprit in report.culprits] == ["tanh"]


def test_the_inputs_that_are_wrong_are_found_among_many() -> None:
    """When directions disagree, halving one of them leads to the inputs themselves."""
    model = nn.MLP(8, [12, 3, 1], "tanh", rng=1)

    def loss() -> Any:
        detached = model.layers[1].neurons[2].weights[5]
        return model([0.1] * 8) + detached.data * model.layers[0].neurons[0].bias + detached.data

    report = gradcheck(loss, wrt=model)
    assert report.counts()["disagrees"] == 8
    assert report.notes[0] == "among the inputs whose derivatives disagree: layers.1.neurons.2.weights.5"

    def cheating() -> Any:
        return model([parameter.data for parameter in model.parameters()[:8]])

    notes = gradcheck(cheating, wrt=model, directions=1).notes
    assert notes[0].count("layers.") == 3


def test_cost_is_that_of_so_many_evaluations() -> None:
    """The function is evaluated some twenty times at most for each input or direction, however long its graph is."""

    def chain(*inputs: Value, length: int) -> Value:
        x = inputs[0]
        for i in range(length):
            x = (x + 0.1 * inputs[i % len(inputs)]).sin()
        return x

    for length in (10, 100, 500):
        report = gradcheck(lambda x, y, n=length: chain(x, y, length=n), 0.3, 0.4)
        assert report
        assert report.tried["evaluations"] <= 2 + 2 * 20
    small = gradcheck(lambda x, y: x + 1e-14 * y.sin(), 0.3, 0.4)  # differences of y drown in the rounding of x
    assert small
    assert small.tried["evaluations"] <= 2 + 2 * 20
    many = gradcheck(lambda *inputs: chain(*inputs, length=60), *[0.3] * 30)
    assert many.tried["evaluations"] <= 2 + 30 * 20
    model = nn.MLP(2, [12, 12, 1], "tanh", rng=0)
    report = gradcheck(lambda: model([1.0, -2.0]) ** 2, wrt=model, directions=3)
    assert report
    assert report.tried["evaluations"] <= 2 + 3 * 20


def test_inputs_of_zero_move_too() -> None:
    """A direction moves an input of 0 by a typical size; where all are 0, by 1."""
    assert gradcheck(lambda x, y: (x + 1) * (y + 2), 0.0, 0.0, directions=2)
    report = gradcheck(lambda x, y: x * (y + 2), 1.0, 0.0, directions=1)
    assert abs(report.comparisons[0].analytic) in (1.0, 3.0)
    zeros = gradcheck(lambda x, y: x * 5 + y * 3, 0.0, 0.0, directions=2)
    assert {abs(one.analytic) for one in zeros.comparisons} <= {2.0, 8.0}


# ---------------------------------------------------------------- the culprit


def network(seed: int, bad: Any) -> tuple[Callable[..., Value], list[float]]:
    """A network of 4-12-12-1 with one activation in its midst that is another one."""
    rng = random.Random(seed)
    weights = [[[rng.gauss(0, 0.5) for _ in range(n)] for _ in range(m)] for n, m in ((4, 12), (12, 12), (12, 1))]

    def f(*row: Value) -> Value:
        values = list(row)
        for i, layer in enumerate(weights):
            sums = [sum((w * x for w, x in zip(ws, values, strict=True)), Value(0.1)) for ws in layer]
            values = [bad(x) if (i, j) == (1, 5) else x.tanh() for j, x in enumerate(sums)]
        return values[0]

    return f, [rng.uniform(-1, 1) for _ in range(4)]


def test_a_rule_wrong_by_a_thousandth_in_a_network_is_named() -> None:
    """Among more than 300 nodes the one whose rule is off by 0.1% is found, with its line, label and numbers."""
    bad_tanh = primitive(name="bad_tanh", partials=[lambda out, x: 1.001 * (1 - out * out)])(math.tanh)
    f, point = network(3, bad_tanh)
    assert len(topological_order(f(*map(Value, point)))) > 300
    report = gradcheck(f, *point)
    assert report.counts()["disagrees"] == 4
    (culprit,) = report.culprits
    assert (culprit.primitive, culprit.operand, culprit.count, culprit.checked) == ("bad_tanh", "x", 1, 1)
    assert culprit.analytic == pytest.approx(1.001 * culprit.numerical, rel=1e-9)
    assert culprit.line is not None
    assert culprit.line.startswith(__file__)
    assert "the rule of bad_tanh in x is wrong: at node" in str(report)
    with pytest.raises(GradientMismatch, match="bad_tanh"):
        report.raise_if_wrong()
    right, point = network(3, lambda x: x.tanh())
    assert gradcheck(right, *point)


def test_a_culprit_s_label_and_count() -> None:
    """A node's label is told, and at how many nodes the rule is wrong."""

    def f(x: Value) -> Value:
        first = x.sin()
        first.label = "first"
        return first * (2 * x).sin()

    with modes.instead(primitives.sin, spoiled(primitives.sin, 0, -1.0)):
        (culprit,) = gradcheck(f, 0.5).culprits
    assert (culprit.node, culprit.count, culprit.checked) == ("first", 2, 2)
    assert str(culprit).endswith("; wrong at 2 of 2 nodes")


def test_a_wrong_rule_that_makes_no_difference_here_is_named() -> None:
    """A rule on a path that the result does not follow is looked at all the same."""
    bad = primitive(name="bad_cube", partials=[lambda out, x: x * x])(lambda x: x**3)
    report = gradcheck(lambda x: x.maximum(bad(x)), 0.5)
    assert report.counts()["agrees"] == 1
    assert report.wrong
    assert [culprit.primitive for culprit in report.culprits] == ["bad_cube"]


def test_a_recorded_graph_s_culprit_has_the_line_that_trap_noted() -> None:
    """A graph recorded under `trap` knows its lines; another does not."""
    bad = primitive(name="bad_double", partials=[lambda out, x: 3.0])(lambda x: 2 * x)
    x = Value(1.0)
    assert gradcheck(bad(x), wrt=[x]).culprits[0].line is None
    with modes.trap():
        noted = bad(x)
    assert (gradcheck(noted, wrt=[x]).culprits[0].line or "").startswith(__file__)


def test_a_wrong_rule_inside_a_rule() -> None:
    """At second order the operations of the rules are looked at too, in the derivative's graph."""
    inner = primitive(name="bad_inner", partials=[lambda out, x: 1.001 * out])(math.exp)
    outer = primitive(name="outer", partials=[lambda out, x: inner(x)])(math.exp)
    assert gradcheck(outer, 0.5)
    report = gradcheck(outer, 0.5, order=2)
    culprits = {(culprit.primitive, culprit.order, culprit.graph) for culprit in report.culprits}
    assert culprits == {("bad_inner", 1, "its derivative"), ("outer", 2, "the function")}


def test_long_graphs_are_looked_at_in_part_until_something_is_wrong() -> None:
    """Of one operation a thousand nodes are looked at; where a derivative disagrees, all."""
    wrong = spoiled(primitives.exp, 0, 1.001)

    def f(x: Value, last: Any) -> Any:
        for _ in range(EACH + 50):
            x = x * 1.0
        return last(x)

    assert gradcheck(lambda x: f(x, primitives.exp), 0.5).tried["rules"] == EACH + 1
    assert gradcheck(lambda x: f(x, wrong), 0.5).tried["rules"] == EACH + 51


def test_a_function_with_two_graphs_in_turn_has_no_lines() -> None:
    """Where the graph recorded for its lines is another than the first, the culprit has none."""
    calls: list[int] = []
    bad = primitive(name="bad_triple", partials=[lambda out, x: 2.0])(lambda x: 3 * x)

    def f(x: Value) -> Value:
        calls.append(1)
        return bad(x) + 0.0 if len(calls) > 30 else bad(x)

    report = gradcheck(f, 1.0)
    assert len(calls) > 30
    assert report.culprits[0].line is None


# ---------------------------------------------------------------- the report


def sample_report(rule: float = 2.0) -> Report:
    """A report with something wrong in it, and labels that are markup."""
    bad = primitive(name="bad_rule", partials=[lambda out, x: rule])(lambda x: x * x)

    def f(x: Value, y: Value) -> Value:
        out = bad(x) + abs(y)
        out.label = "<b>&"
        return out

    return gradcheck(f, 1.5, 0.0)


def test_the_report_prints_as_a_table() -> None:
    """Each derivative is a row under aligned headings, with verdict, numbers, precision and method."""
    lines = str(sample_report()).splitlines()
    assert lines[0] == "WRONG: the rule of bad_rule in x (1 disagrees, 1 kink)"
    assert lines[1] == "at x = 1.5, y = 0.0"
    head, wrong, kink = lines[3:6]
    assert head.split() == ["derivative", "verdict", "by", "the", "sweep", "measured", "±", "how"]
    for row, verdict, measured in ((wrong, "disagrees", "3"), (kink, "kink", "-1 | 1")):
        assert row[head.index("verdict") :].startswith(verdict)
        assert row[head.index("measured") :].startswith(measured)
    assert any(line.startswith("* the rule of bad_rule in x is wrong") for line in lines)
    assert re.match(r"tried: \d+ evaluations, 5 nodes, 4 rules; ", lines[-1])
    assert lines[-1].endswith("order 1, rtol 1e-06")


def test_the_report_as_data() -> None:
    """`as_dict` holds plain data, ready for JSON, with the verdicts and what was tried."""
    data = sample_report().as_dict()
    assert json.loads(json.dumps(data)) == data
    assert (data["agrees"], data["wrong"], data["counts"]["kink"]) == (False, True, 1)
    assert data["comparisons"][0]["numerical"] == pytest.approx(3.0)
    assert data["culprits"][0]["primitive"] == "bad_rule"
    assert data["point"] == {"x": 1.5, "y": 0.0}


def test_the_report_in_a_notebook() -> None:
    """The page's table has a row for each derivative, and no label becomes markup."""
    page = sample_report()._repr_html_()
    assert page.count("<tr>") == 3
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "<li>the rule of bad_rule in x is wrong" in page
    right = gradcheck(lambda x: x * x, 1.0)._repr_html_()
    assert "<li>" not in right


def test_long_reports_show_what_matters() -> None:
    """Many rows that agree are counted, not printed; one that does not is always printed."""
    count = SHOWN + 20

    def f(*values: Value) -> Value:
        return sum((x * x for x in values[:-1]), values[-1] * values[-1].data)

    report = gradcheck(f, *[1.0] * count)
    text = str(report)
    assert f"and {count - SHOWN} more rows, where the derivatives agree: see .comparisons" in text
    assert f"df/dx{count - 1} " in text
    assert f"and {count - 8} more" in text
    assert f"and {count - SHOWN} more rows, where the derivatives agree" in report._repr_html_()


@pytest.mark.parametrize("order", [1, 2])
def test_the_first_line_says_what_is_wrong(order: int) -> None:
    """The first line names the wrong rule, else the fault, else the first derivative that disagrees."""
    slope = spoiled(primitives.sin, 0, 1.001, depth=order)
    with modes.instead(primitives.sin, slope), modes.instead(primitives.exp, spoiled(primitives.exp, 0, 0.0)):
        first, *_ = str(gradcheck(lambda x: x.sin() * x.exp(), 0.5, order=order)).splitlines()
    assert re.fullmatch(r"WRONG: the .*rule of (sin|exp) in x0?( and \d more rules?)? \(.*\)", first)
    detached = gradcheck(lambda x: x * x.data, 1.5)
    assert str(detached).splitlines()[0] == "WRONG: df/dx is 1.5, measured 3 (1 disagrees)"
    assert str(GradientMismatch(detached)) == str(detached)
    assert str(gradcheck(lambda x, y: x + y, 1.0, 2.0)).startswith("right: 2 agree\n")
    assert str(gradcheck(lambda x, y: abs(x) + abs(y), 0.0, 0.0)).startswith("right: 2 kinks\n")


def test_three_kinds_of_truth() -> None:
    """Agreement is true; what is wrong raises; what cannot be told is neither, and an assertion does not pass it."""
    right = gradcheck(lambda x: x.exp(), 1.0)
    assert right
    assert not right.wrong
    right.raise_if_wrong()
    unknown = gradcheck(lambda x: x.log(), -1.0)
    assert not unknown
    assert not unknown.wrong
    unknown.raise_if_wrong()
    first, *_ = str(unknown).splitlines()
    assert first == "not shown to be right: df/dx, the function is nan here, the gradient -1.0 (1 undecided)"
    with pytest.raises(GradientMismatch, match="cannot tell") as caught:
        assert_gradients(lambda x: x.log(), -1.0)
    assert not caught.value.report.wrong
    assert_gradients(lambda x: x.relu(), 0.0)
    faulty = gradcheck(lambda x: x * random.random(), 1.0)
    assert str(faulty).startswith("WRONG: the function is not deterministic: twice at the same point, it differs: ")
    assert str(faulty).splitlines()[0].endswith(" (nothing compared)")


def test_the_tolerance_is_what_is_demanded() -> None:
    """An error below rtol passes, one above does not; a precision that is not reached cannot be told."""
    slightly = primitive(name="slightly", partials=[lambda out, x: (1 + 1e-5) * 2 * x])(lambda x: x * x)
    assert gradcheck(slightly, 1.5, rtol=1e-4)
    assert gradcheck(slightly, 1.5, rtol=1e-6).wrong
    assert gradcheck(lambda x: x.erf(), 0.5, rtol=1e-9)
    assert gradcheck(lambda x: x.erf(), 0.5, rtol=1e-15).counts()["cannot tell"] == 1


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gradcheck(3.0, 1.0), TypeError, "a function, or a recorded Value, got 3.0 of type float"),
        (lambda: gradcheck(3.0, wrt=[Value(1.0)]), TypeError, "a function, or a recorded Value, got 3.0 of type float"),
        (lambda: gradcheck(lambda: Value(1.0)), ValueError, "needs a point"),
        (
            lambda: gradcheck(Value(1.0) * 2, wrt="x"),
            TypeError,
            r"wrt takes the Values to check, wrt=\[a, b\], .*got 'x'",
        ),
        (lambda: gradcheck(lambda x: x * 2, 1.0, wrt=["x"]), TypeError, "wrt takes the places of the arguments"),
        (lambda: gradcheck(lambda: Value(2.0), wrt="x"), TypeError, "wrt takes the Values to check"),
        (lambda: gradcheck(Value(1.0) * 2, 1.0), TypeError, r"has its numbers already: .*wrt=\[a, b\]\), got 1.0"),
        (lambda: gradcheck(Value(1.0) * 2, 1.0, wrt=[Value(1.0)]), TypeError, "has its numbers already"),
        (lambda: gradcheck([]), TypeError, r"a function, or a recorded Value, got \[\]"),
        (lambda: gradcheck(Constant(1.0) * 2), ValueError, "computed from constants alone"),
        (lambda: gradcheck(lambda: Value(1.0), [Value(1.0)]), TypeError, r"too many .* name them with wrt=\[...\]"),
        (lambda: gradcheck(lambda x: x, nn.Neuron(1)), TypeError, r"a model is no point .*wrt=model"),
        (lambda: gradcheck(lambda x, y: x, 1.0), TypeError, "the 1 argument of the point: missing a .* argument: 'y'"),
        (lambda: gradcheck(lambda x: x, "1"), TypeError, "the point's x must be a real number, got '1'"),
        (lambda: gradcheck(lambda x: 3.0, 1.0), TypeError, "must return a Value or several, got 3.0 of type float"),
        (lambda: gradcheck(lambda x: [], 1.0), TypeError, r"must return a Value or several, got \[\]"),
        (lambda: gradcheck(lambda x: x, 1.0, order=0), ValueError, "order must be an integer of at least 1"),
        (lambda: gradcheck(lambda x: x, 1.0, rtol=0.0), ValueError, "rtol must be between 0 and 1, got 0.0"),
        (lambda: gradcheck(lambda x: x, 1.0, rtol=1), ValueError, "rtol must be between 0 and 1, got 1"),
        (lambda: gradcheck(lambda x: x, 1.0, directions=0), ValueError, "directions must be an integer of at least 1"),
        (lambda: gradcheck(lambda x: x, 1.0, wrt=[]), ValueError, "wrt names no input"),
        (lambda: gradcheck(lambda x: Value(1.0), []), ValueError, "the point has no number in it"),
        (no_grad()(lambda: gradcheck(lambda x: x, 1.0)), ValueError, "nothing is recorded under no_grad"),
        (
            lambda: gradcheck(lambda x: x, 1.0, wrt=[1]),
            ValueError,
            "wrt names input 1, but the point has 1 input, counted from 0",
        ),
        (lambda: gradcheck(lambda x: x, 1.0, wrt=[0.5]), ValueError, "a place in wrt must be an integer"),
        (lambda: gradcheck(lambda: Value(1.0), wrt=[]), ValueError, "wrt names no Value"),
        (lambda: gradcheck(lambda: Value(1.0), wrt=[1.0]), TypeError, "wrt must be a Value or a sequence"),
        (lambda: gradcheck(Value(1.0), wrt=[Value(1.0) * 2]), ValueError, "wrt must name leaves"),
        (lambda: gradcheck(lambda: Value(1.0), wrt=[nn.Neuron(1).bias] * 1 * 2), ValueError, "names a Value twice"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """What was given, what was expected, where."""
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- beside another derivative


def test_the_measured_numbers_are_right() -> None:
    """The numbers a report calls measured are those of dual numbers, to within what it says they may be off by."""
    rng = random.Random(7)
    names = ["tanh", "sin", "multiply", "add", "divide", "sigmoid", "softplus", "erf", "atan"]
    functions: dict[str, Any] = {name: getattr(primitives, name) for name in names}
    told = 0
    for _ in range(60):
        instructions: list[tuple[str, tuple[int | float, ...]]] = []
        for place in range(2, 7):
            name = rng.choice(names)
            binary = name in {"multiply", "add", "divide"}
            operands = (place - 1, rng.randrange(place)) if binary else (place - 1,)
            instructions.append((name, operands))
        program = Program((rng.uniform(0.2, 1.5), rng.uniform(0.2, 1.5)), tuple(instructions))
        truth = dual_gradient(program, program.leaves)
        report = gradcheck(lambda *leaves, p=program: run(p, leaves, functions)[-1], *program.leaves)
        assert not report.wrong, str(report)
        for comparison, dual in zip(report.comparisons, truth, strict=True):
            assert abs(comparison.numerical - dual.derivative) <= 4 * comparison.error + 1e-14 * dual.magnitude
            if comparison.verdict == "agrees":
                told += 1
                assert comparison.error <= 1e-6 * max(abs(comparison.numerical), dual.magnitude)
    assert told > 110  # a saturated sigmoid cannot be told
    assert functions.keys() <= dual_functions.keys()


def test_a_report_shows_itself_at_a_prompt() -> None:
    """What a prompt shows of a report is its table."""
    report = gradcheck(lambda x: x * x, 1.5)
    assert repr(report) == str(report)
    assert "agrees" in repr(report)
