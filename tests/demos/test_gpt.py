"""The tiny GPT in six files: its losses are PyTorch's, by hand and by autograd they are the same, and it samples."""

from __future__ import annotations

import inspect
import itertools
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.torch_gpt import GPT, NAMES, NUMBERS, PROGRAMS, STEPS
from scalargrad import Constant, Value, lift, nn

from .conftest import Drawn

sys.path.append(str(GPT))  # the programs are scripts in a folder of their own

import data
import step1_counts
import step2_by_hand
import step3_autograd
import step4_attention
import step5_heads_and_layers
import step6_adam
import tiny_gpt

STEP: dict[str, Any] = {"step1_counts": step1_counts, "step2_by_hand": step2_by_hand, "step3_autograd": step3_autograd}
STEP |= {"step4_attention": step4_attention, "step5_heads_and_layers": step5_heads_and_layers, "step6_adam": step6_adam}
EXPECTED = json.loads(NUMBERS.read_text(encoding="utf-8"))
GIVEN = [data.encode(name) for name in NAMES]


@pytest.fixture(scope="module")
def programs() -> dict[str, tuple[Any, Any]]:
    """The parameters and the lifted loss of each program, made once."""
    made: dict[str, tuple[Any, Any]] = {}
    for name in PROGRAMS[:-1]:
        step, p = STEP[name], STEP[name].initial(random.Random(0))
        made[name] = p, lift(lambda tokens, step=step, p=p: step.loss(p, tokens), step.parameters(p))
    made["step6_adam"] = made["step5_heads_and_layers"]  # one network, as a test below says
    return made


def losses(name: str, programs: dict[str, tuple[Any, Any]]) -> list[float]:
    """The losses of a training on the names that PyTorch has learned from."""
    step, (_, program) = STEP[name], programs[name]
    start = [parameter.data for parameter in step.parameters(step.initial(random.Random(0)))]
    own: list[float] = step.train(program, np.array(start), GIVEN, STEPS)[1]
    return own


# ---------------------------------------------------------------- PyTorch's numbers


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_learns_as_in_pytorch(name: str, programs: dict[str, tuple[Any, Any]]) -> None:
    """The loss of each step is that of PyTorch's training, to 1e-10."""
    assert losses(name, programs) == pytest.approx(EXPECTED[name], rel=1e-10)
    assert EXPECTED[name][-1] < EXPECTED[name][0]


@pytest.mark.parametrize("setting", ["RATE", "FIRST_DECAY", "SECOND_DECAY"])
def test_another_training_is_told_apart(
    setting: str, programs: dict[str, tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a setting of Adam that is off by a millionth gives other losses."""
    monkeypatch.setattr(step6_adam, setting, getattr(step6_adam, setting) * (1 + 1e-6))
    assert losses("step6_adam", programs) != pytest.approx(EXPECTED["step6_adam"], rel=1e-10)


@pytest.mark.parametrize("name", PROGRAMS[:-1])
def test_on_values_it_is_the_same(name: str, programs: dict[str, tuple[Any, Any]]) -> None:
    """On Values, where a name is as short as it is, the loss and its gradient are those of the lifted program."""
    step, (p, program) = STEP[name], programs[name]
    tokens = data.encode("jo")
    value, gradient = program.value_and_grad([tokens])
    parameters = step.parameters(p)
    for parameter in parameters:
        parameter.zero_grad()
    loss = step.loss(p, tokens[:4])
    loss.backward()
    assert loss.data == pytest.approx(value, rel=1e-12)
    assert [parameter.grad for parameter in parameters] == pytest.approx(list(gradient), rel=1e-10, abs=1e-14)


# ---------------------------------------------------------------- from one file to the next


def test_by_hand_and_by_autograd_it_is_the_same(programs: dict[str, tuple[Any, Any]]) -> None:
    """Step 2 learns by hand what step 3 learns by autograd, loss by loss."""
    p = step2_by_hand.initial(random.Random(0))
    own = step2_by_hand.train(p, GIVEN, STEPS)
    assert own == pytest.approx(losses("step3_autograd", programs), rel=1e-10)


def test_the_gradient_by_hand_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of step 2 finds no difference, and it finds one where the relu is forgotten on the way back."""
    p = step2_by_hand.initial(random.Random(0))
    assert step2_by_hand.check(p, GIVEN[0], random.Random(0)) < 1e-9
    source = inspect.getsource(step2_by_hand.gradient_of)
    assert source.count(" * (x > 0)") == 1
    wrong: dict[str, Any] = dict(vars(step2_by_hand))
    exec(source.replace(" * (x > 0)", ""), wrong)  # noqa: S102  # the source is ours
    monkeypatch.setattr(step2_by_hand, "gradient_of", wrong["gradient_of"])
    assert step2_by_hand.check(p, GIVEN[0], random.Random(0)) > 1e-3


@pytest.mark.parametrize(("before", "after"), list(itertools.pairwise(STEP)))
def test_each_file_adds_one_idea(before: str, after: str) -> None:
    """From one file to the next most functions stay as they are, to the letter."""
    kept = {name for name, text in functions(before).items() if functions(after).get(name) == text}
    assert kept >= KEPT[after]
    assert max(map(len, (GPT / f"{after}.py").read_text().splitlines())) <= 120


KEPT = {
    "step2_by_hand": {"pairs", "loss", "distribution"},
    "step3_autograd": {"initial"},
    "step4_attention": {"parameters", "dot", "linear", "loss", "train", "distribution", "main"},
    "step5_heads_and_layers": {"parameters", "dot", "linear", "add", "embed", "loss", "train", "distribution", "main"},
    "step6_adam": set(vars(step5_heads_and_layers)) & {"initial", "norm", "embed", "looks", "attention", "scores"}
    | {"parameters", "dot", "linear", "add", "loss", "distribution", "main"},
}


def functions(name: str) -> dict[str, str]:
    """The functions of a program, with their source; Values and floats are spelled alike."""
    return {
        key: inspect.getsource(function).replace("Value(rng.gauss(0, columns**-0.5))", "rng.gauss(0, columns**-0.5)")
        for key, function in vars(STEP[name]).items()
        if inspect.isfunction(function) and function.__module__ == name
    }


def test_heads_are_those_of_attention(programs: dict[str, tuple[Any, Any]]) -> None:
    """The attention of step 5 is `nn.Attention` without biases, and so are its weights."""
    p, _ = programs["step5_heads_and_layers"]
    rows = [[Value(random.Random(place).gauss(0, 1)) for _ in range(16)] for place in range(4)]
    weights = [p[f"{name} 0"] for name in ("queries", "keys", "values", "mixed")]
    module = nn.Attention(16, 4, True, weights=weights, biases=[[Constant(0.0)] * 16] * 4)
    own, theirs = step5_heads_and_layers.attention(p, 0, rows), module(rows)
    assert np.allclose([[x.data for x in row] for row in own], [[x.data for x in row] for row in theirs], rtol=1e-12)
    head = step5_heads_and_layers.looks(p, 0, slice(4, 8), rows)
    expected = module.attention_weights(rows)[1]
    for own_row, row in zip(head, expected, strict=True):
        assert [x.data for x in own_row] == pytest.approx([x.data for x in row[: len(own_row)]], rel=1e-12)


# ---------------------------------------------------------------- names


def test_names_are_there_and_back() -> None:
    """All names are read, each in letters that come back, none is in both parts, and the seed decides which part."""
    learned, test = data.load(0)
    assert len(test) == 500
    assert len(learned) > 4000
    assert not {*map(tuple, learned)} & {*map(tuple, test)}
    assert all(len(row) == data.LENGTH + 1 and row[0] == row[-1] == data.END for row in learned)
    assert "".join(data.LETTERS[token] for token in data.encode("mary")) == ".mary........"
    assert data.load(0) == (learned, test) != data.load(1)


def test_a_sample_is_drawn_from_the_distribution() -> None:
    """Letters that alone have a probability are drawn until the end, or until there are no more places."""
    name = data.encode("anna")
    assert data.sample(lambda tokens: [float(k == name[len(tokens)]) for k in range(27)], random.Random(0)) == "anna"
    endless = data.sample(lambda _: [0.0, 1.0, *[0.0] * 25], random.Random(0))
    assert endless == "a" * data.LENGTH


@pytest.mark.parametrize("name", ["step1_counts", "step2_by_hand", "step3_autograd", "step6_adam"])  # 4 and 5 end as 3
def test_it_runs(
    name: str, programs: dict[str, tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each program learns, says how well it guesses new names, and draws ten from its distribution."""
    step = STEP[name]
    monkeypatch.setattr(step, "STEPS", 30)
    monkeypatch.setattr(step, "sample", lambda distribution, rng: f"{sum(distribution([data.END, 5, 1])):.6f}")
    if name in programs:
        p, program = programs[name]
        monkeypatch.setattr(step, "initial", lambda rng, new=step.initial: renewed(step, p, new(rng)))
        monkeypatch.setattr(step, "lift", lambda function, parameters: program)
    step.main()
    *_, losses, made_up = capsys.readouterr().out.splitlines()
    before, after = re.findall(r"\d\.\d{3}", losses)
    assert 2 < float(after) < float(before)
    assert made_up == f"new names:{' 1.000000' * 10}"


def renewed(step: Any, p: Any, new: Any) -> Any:
    """The parameters of a lifted program, with the numbers of others."""
    for parameter, other in zip(step.parameters(p), step.parameters(new), strict=True):
        parameter.data = other.data
    return p


def test_the_list_has_each_file() -> None:
    """The list of the programs links to each file once, and to none that is not there."""
    linked = re.findall(r"\]\((\w+\.py)\)", (GPT / "README.md").read_text())
    assert sorted(linked) == sorted(path.name for path in GPT.glob("*.py"))


# ---------------------------------------------------------------- the experiment


def test_attention_guesses_better(programs: dict[str, tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention lowers the loss on new names by far, heads and Adam some more, to what the list of programs says."""
    monkeypatch.setattr(tiny_gpt, "lifted", dict(zip(tiny_gpt.IDEAS, programs.values(), strict=True)).__getitem__)
    (counts,), (network,), (attention,), (heads,), (adam,) = tiny_gpt.compare(seeds=1, steps=2000).values()
    assert network > counts > attention + 0.1
    assert attention > heads > adam
    listed = re.findall(r"\| (\d\.\d{3}) \|", (GPT / "README.md").read_text())
    assert list(map(float, listed)) == pytest.approx([counts, network, network, attention, heads, adam], abs=0.002)


def test_the_experiment_is_drawn(
    programs: dict[str, tuple[Any, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    drawn: Drawn,
) -> None:
    """It prints a table and names, and draws a picture of a slide's size, on which names of any length have room."""
    monkeypatch.setattr(tiny_gpt, "lifted", dict(zip(tiny_gpt.IDEAS, programs.values(), strict=True)).__getitem__)
    monkeypatch.setattr(data, "sample", lambda distribution, rng: "maximilianaemilia")
    path = tmp_path / "picture.png"
    tiny_gpt.main(["--seeds", "1", "--steps", "20", "--output", str(path)])
    shown = capsys.readouterr().out
    assert shown.count("┏") == 1
    assert shown.endswith(f"new names:{' maximilianaemilia' * 12}\ndrawn in {path}\n")
    picture = Image.open(path)
    assert picture.width / picture.height == pytest.approx(16 / 9, rel=0.01)
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 100
    assert drawn.beyond() == [[0, 0, 0, 0]]


def test_looks_are_shares(programs: dict[str, tuple[Any, Any]]) -> None:
    """How much a place looks at each place so far has the sum 1, for each head, and what follows gets nothing."""
    p, _ = programs["step6_adam"]
    weights = tiny_gpt.looks(p, data.encode("maria")[:6])
    assert weights.shape == (4, 6, 6)
    assert np.allclose(weights.sum(axis=2), 1)
    assert np.array_equal(weights, np.tril(weights))
    assert len({tuple(row) for row in weights[:, 5]}) == 4
