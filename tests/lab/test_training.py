"""A training that is watched is what its exported program does, at every moment and in every example."""

from __future__ import annotations

import contextlib
import io
import json
import math
from typing import Any

import pytest
from scalargrad_lab import scripts, training
from scalargrad_lab.training import ACTIVATIONS, LOSSES, OPTIMIZERS, Settings, Training
from scalargrad_lab.watching import Watch

from scalargrad import Value
from scalargrad.explain.walk.steps import Steps

SMALL = {"layers": [3], "count": 10}
CASES: list[dict[str, Any]] = [
    *({**SMALL, "optimizer": name, "weight_decay": 0.01} for name in OPTIMIZERS),
    *({**SMALL, "loss": loss, "batch": 4, "data": "xor"} for loss in LOSSES),
    *({**SMALL, "activation": name, "data": "circles"} for name in ACTIVATIONS),
    {**SMALL, "layers": [3, 2], "dropout": 0.4, "batch": 3, "seed": 7, "data": "spirals"},
    {**SMALL, "dropout": 0.4},
    {"data": "own", "text": "0, 0, no\n1, 1, no\n0, 1, yes\n1, 0, yes\n", "layers": []},
]


def ids(case: dict[str, Any]) -> str:
    return "-".join(str(value) for name, value in case.items() if name not in {"count", "text", "layers"})


def printed(code: str) -> tuple[list[float], dict[str, Any]]:
    """The losses that a program prints, and its variables."""
    output, names = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(output):
        exec(code, names)  # noqa: S102  # the exported program
    return [float(line.split()[1]) for line in output.getvalue().splitlines()], names


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_exported_program_does_the_same_to_the_bit(case: dict[str, Any]) -> None:
    """The loss before each of its steps, and the parameters after them."""
    settings = Settings.of(case)
    watched = Training(settings)
    watched.steps(12)
    losses, names = printed(scripts.whole(settings, 12))
    assert losses == list(watched.losses)[:12]
    assert names["theta"] == watched.theta
    assert [parameter.data for parameter in names["model"].parameters()] == watched.theta


def test_another_seed_is_another_training() -> None:
    """Negative control: the program of other settings does something else."""
    watched = Training(Settings.of({**SMALL, "seed": 1}))
    watched.steps(3)
    losses, names = printed(scripts.whole(Settings.of({**SMALL, "seed": 2}), 3))
    assert losses != list(watched.losses)[:3]
    assert names["theta"] != watched.theta


def test_any_slices_give_the_same_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the steps are sliced, and though few moments are kept, each kept one is what a new training has there."""
    settings = Settings.of({**SMALL, "batch": 4, "dropout": 0.2})
    monkeypatch.setattr(training, "MOST_MOMENTS", 8)
    watched = Training(settings)
    while watched.step < 37:
        watched.steps(37 - watched.step, seconds=0.0)
    assert (watched.step, watched.stride) == (37, 8)
    for step in (0, 7, 8, 17, 36, 37, 99):
        again = Training(settings)
        again.steps(min(step, 37) // 8 * 8 if step < 37 else 37)
        moment = watched.moment(step)
        assert (moment.step, list(moment.theta)) == (again.step, again.theta)
        assert moment.norms == again.moment(again.step).norms


@pytest.mark.parametrize("case", [{**SMALL, "loss": "hinge"}, {**SMALL, "dropout": 0.4, "batch": 5}], ids=ids)
def test_the_program_of_an_example_has_its_gradient(case: dict[str, Any]) -> None:
    """Each gradient in its graph is the example's contribution; the walk comes there at the step that is named."""
    watched = Training(Settings.of(case))
    watched.steps(6)
    for step in (2, 6):
        for parameter in (0, 5, len(watched.theta) - 1):
            pull = watched.pull(step, parameter)
            example, contribution = pull["contributions"][0]
            code = scripts.of_example(watched, step, example, parameter)
            _, names = printed(code)
            own: Value = names["model"].parameters()[parameter]
            assert math.isclose(own.grad, contribution, rel_tol=1e-12, abs_tol=1e-15)
            assert (own.data, own.label) == (pull["value"], "w")
            place = scripts.place_of(watched, code, parameter)
            if place is None:
                assert contribution == 0.0
            else:
                walk = Steps(names["loss"]).to(place)
                assert math.isclose(walk.total(own) or 0.0, contribution, rel_tol=1e-12, abs_tol=1e-15)


def test_a_parameter_moves_by_what_its_examples_say() -> None:
    """The gradient is the mean of the contributions, and the change that is told is that which the step makes."""
    watched = Training(Settings.of({**SMALL, "batch": 4}))
    watched.steps(5)
    pulls = [watched.pull(5, parameter) for parameter in range(len(watched.theta))]
    before = list(watched.theta)
    watched.steps(1)
    for parameter, pull in enumerate(pulls):
        slopes = [slope for _, slope in pull["contributions"]]
        assert sorted(example for example, _ in pull["contributions"]) == sorted(watched.batch(5))
        assert math.isclose(math.fsum(slopes) / len(slopes), pull["gradient"], rel_tol=1e-9, abs_tol=1e-15)
        assert watched.theta[parameter] - before[parameter] == pull["change"]
        assert watched.pull(5, parameter)["change"] == pull["change"]


def test_a_new_python_goes_on_where_another_was() -> None:
    """Asked about a later moment first, it takes the steps up to it; all answers are JSON, and the same."""
    settings = {**SMALL, "batch": 4}
    one, other = Watch(), Watch()
    assert one.training(settings)["sizes"] == [2, 3, 1]
    trained = one.train(settings, 9, 100.0, 0)
    assert len(trained["losses"]) == 10
    asked = [
        ("moment", {"step": 7}),
        ("pull", {"step": 7, "parameter": 1}),
        ("example", {"step": 7, "example": 2, "parameter": 1}),
        ("script", {"steps": 7}),
    ]
    for name, given in asked:
        first, second = (json.dumps(getattr(watch, name)(settings, **given)) for watch in (one, other))
        assert first == second
    late = Watch().train(settings, 9, 0.0, 10)
    assert (late["newest"], late["losses"], late["theta"]) == (9, [], trained["theta"])


def test_the_plane_has_the_scores_of_the_network() -> None:
    """Row by row from the top left; what is shown of the points and of the plane is the output there."""
    watch, settings = Watch(), {**SMALL, "dropout": 0.3}
    seen = watch.train(settings, 3, 100.0, 0)
    watched = Training(Settings.of(settings))
    watched.steps(3)
    model = watched.model.eval()
    for parameter, number in zip(model.parameters(), watched.theta, strict=True):
        parameter.data = number
    left, low, width = watched.extent()
    side = seen["side"]
    corner = [left + width * 0.5 / side, low + width * (1 - 0.5 / side)]
    assert math.isclose(seen["grid"][0], model.output(corner).data, abs_tol=1e-4)
    below = [corner[0], low + width * 0.5 / side]
    assert math.isclose(seen["grid"][side * (side - 1)], model.output(below).data, abs_tol=1e-4)
    for place, score in zip(watched.inputs, seen["scores"], strict=True):
        assert math.isclose(score, model.output(place).data, abs_tol=1e-4)
    assert len(seen["grid"]) == side**2


def test_a_loss_that_runs_away_ends_the_training() -> None:
    """With the step, and what to do; the parameters are still there to look at."""
    watch = Watch()
    settings = {**SMALL, "loss": "square_error", "optimizer": "gradient descent", "rate": 1e6, "activation": "linear"}
    trained = watch.train(settings, 500, 100.0, 0)
    assert trained["problem"].startswith(f"diverged: after {trained['newest']} steps the loss is ")
    assert trained["newest"] < 500
    assert watch.train(settings, 500, 100.0, 0)["newest"] == trained["newest"]
    assert json.loads(json.dumps(trained, allow_nan=False)) is not None
    assert trained["losses"][-1] in {"NaN", "Infinity"}
    assert None in trained["scores"] or max(map(abs, trained["scores"])) == 1e9
    assert watch.pull(settings, trained["newest"], 0)["change"] is None


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"layer": [3]}, "there is no setting 'layer'; there are data, count"),
        ({"layers": [0]}, "from 1 to 32 neurons here, got 0"),
        ({"layers": ["eight"]}, "from 1 to 32 neurons here, got 'eight'"),
        ({"layers": [1] * 5}, "at most 4 hidden layers"),
        ({"activation": "swish"}, "activation must be one of tanh, relu"),
        ({"loss": "l2"}, "loss must be one of hinge"),
        ({"optimizer": "SGD"}, "optimizer must be one of gradient descent"),
        ({"rate": -1}, "rate must be"),
        ({"rate": "fast"}, "rate must be"),
        ({"noise": "much"}, "the noise must be a number, got 'much'"),
        ({"dropout": 1.0}, "probability of Dropout must be at least 0 and below 1"),
        ({"weight_decay": -0.1}, "weight_decay must be"),
        ({"batch": 0}, "1 example or more, got 0"),
        ({"batch": 2.5}, "batch must be a whole number, 0 or more, got 2.5"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"data": "own", "text": "1, 2"}, "line 1 has 2 of 3 entries"),
    ],
    ids=str,
)
def test_settings_that_are_wrong_say_so(case: dict[str, Any], message: str) -> None:
    """In a sentence that stands beside the fields."""
    assert message in Watch().training(case)["mistake"]
