"""Digits: the network is trained as the textbook says, on what is not held out, and a killed run loses nothing."""

from __future__ import annotations

import functools
import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import digits
import numpy as np
import pytest
from PIL import Image

from scalargrad import Value, nn
from tests.demos.conftest import Script

SMALL = ["--examples", "27", "--hidden", "2", "--epochs", "3", "--seed", "1"]

load_digits = functools.cache(digits.load_digits)


@pytest.fixture(autouse=True)
def only_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digits are read from their package once for all tests of training, and nothing is examined in the end."""
    monkeypatch.setattr(digits, "load_digits", load_digits)
    monkeypatch.setattr(digits, "examine", lambda *_: None)


def train(folder: Path, *arguments: str, way: str = "--eager") -> bytes:
    """Run the demo in this process with small settings, and return the file it saved."""
    digits.main([*SMALL, way, "--output", str(folder), *arguments])
    return (folder / "network.json").read_bytes()


def trained_alone(folder: Path, way: str) -> bytes:
    """What is saved by a run that nobody stops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load_digits", load_digits)
        patch.setattr(digits, "examine", lambda *_: None)
        return train(folder, way=way)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is saved by an eager run that nobody stops."""
    return trained_alone(tmp_path_factory.mktemp("undisturbed"), "--eager")


@pytest.fixture(scope="module")
def lifted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is saved by a lifted run that nobody stops."""
    return trained_alone(tmp_path_factory.mktemp("lifted"), "--lift")


# ---------------------------------------------------------------- the digits


def test_digits_are_small_pictures() -> None:
    """There are 500 digits of each class, each of 256 pixels from 0 to 1, and the average 0 is a ring, a 1 a bar."""
    loaded = load_digits()
    assert [sum(digit.label == label for digit in loaded) for label in range(10)] == [500] * 10
    for digit in loaded:
        assert len(digit.pixels) == 256
        assert 0 <= min(digit.pixels) < max(digit.pixels) <= 1
        assert digit.target.index(1.0) == digit.label
        assert sum(digit.target) == 1
    ring, bar = (np.mean([d.pixels for d in loaded if d.label == label], axis=0).reshape(16, 16) for label in (0, 1))
    assert ring[8, 8] < 0.1 < min(ring[8, 4], ring[8, 11]) - 0.3
    assert bar[8, 8] > 0.6 > max(bar[8, 4], bar[8, 11]) + 0.5


@pytest.mark.parametrize("seed", [0, 1])
def test_the_split_is_a_stratified_partition(seed: int) -> None:
    """Every digit is either learned from or held out, 100 of each class are held out, and the seed decides which."""
    loaded = load_digits()
    learned, held_out = digits.split(loaded, random.Random(seed))
    assert sorted(map(id, learned + held_out)) == sorted(map(id, loaded))
    assert [sum(digit.label == label for digit in held_out) for label in range(10)] == [100] * 10
    assert digits.split(loaded, random.Random(seed)) == (learned, held_out)
    _, others = digits.split(loaded, random.Random(seed + 1))
    assert set(map(id, others)) != set(map(id, held_out))


# ---------------------------------------------------------------- training, against arrays

Arrays = list[np.ndarray[Any, np.dtype[np.float64]]]


def arrays(model: nn.MLP) -> Arrays:
    """The weights of both layers, then the biases of both."""
    weights = [[[w.data for w in neuron.weights] for neuron in layer.neurons] for layer in model.layers]
    biases = [[neuron.bias.data for neuron in layer.neurons] for layer in model.layers]
    return [np.array(numbers) for numbers in (*weights, *biases)]


def forward(theta: Arrays, pixels: Sequence[Sequence[float]]) -> Arrays:
    """The pixels as a matrix, the hidden layer, and the distributions over the ten classes."""
    w1, w2, b1, b2 = theta
    x = np.array(pixels)
    h = 1 / (1 + np.exp(-(x @ w1.T + b1)))
    e = np.exp(h @ w2.T + b2)
    return [x, h, e / e.sum(axis=1, keepdims=True)]


Batch = Sequence[digits.Digit]


def textbook(model: nn.MLP, batches: Sequence[Batch], rates: Sequence[float], loss: str) -> Arrays:
    """Train with matrices, gradients by hand, and Adam as in the paper: an oracle that shares no code."""
    theta = arrays(model)
    m, v = ([np.zeros_like(x) for x in theta] for _ in range(2))
    for step, (batch, rate) in enumerate(zip(batches, rates, strict=True), start=1):
        x, h, y = forward(theta, [digit.pixels for digit in batch])
        t = np.eye(10)[[digit.label for digit in batch]]
        slope = 2 * (y - t)
        scores = y - t if loss == "cross-entropy" else y * (slope - (slope * y).sum(axis=1, keepdims=True))
        scores /= len(batch)
        hidden = scores @ theta[1] * h * (1 - h)
        for i, g in enumerate([hidden.T @ x, scores.T @ h, hidden.sum(axis=0), scores.sum(axis=0)]):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g * g
            theta[i] = theta[i] - rate * (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
    return theta


def agree(theta: Arrays, model: nn.MLP) -> bool:
    """Whether the model has these parameters, but for rounding."""
    return all(np.allclose(a, b, rtol=1e-9, atol=1e-9) for a, b in zip(theta, arrays(model), strict=True))


@pytest.mark.parametrize("way", ["--eager", "--lift"])
@pytest.mark.parametrize("loss", ["square", "cross-entropy"])
def test_training_is_the_textbook_s(loss: str, way: str, tmp_path: Path) -> None:
    """Two epochs end where matrices do: Adam on the mean loss of ten digits, at half the rate in the second epoch.

    Controls: a rate that is 0.1% off, one that is not halved, the other loss, and other batches give other numbers.
    """
    learned, _ = digits.split(load_digits(), random.Random(1))
    start = nn.MLP(256, [3, 10], "sigmoid", rng=random.Random(1))
    batches: list[Batch] = []
    for epoch in ("1/1", "1/2"):
        order = learned[:27]
        random.Random(epoch).shuffle(order)
        batches += [order[:10], order[10:20], order[20:]]
    other = "cross-entropy" if loss == "square" else "square"
    right = textbook(start, batches, [0.02] * 3 + [0.01] * 3, loss)
    wrong = [
        textbook(start, batches, [0.02] * 3 + [0.01001] * 3, loss),
        textbook(start, batches, [0.02] * 6, loss),
        textbook(start, batches, [0.02] * 3 + [0.01] * 3, other),
        textbook(start, batches[::-1], [0.02] * 3 + [0.01] * 3, loss),
    ]
    train(tmp_path, "--loss", loss, "--hidden", "3", "--epochs", "2", way=way)
    model = nn.MLP(256, [3, 10], "sigmoid", rng=0)
    model.load(tmp_path / "network.json")
    assert agree(right, model)
    assert not any(agree(theta, model) for theta in wrong)


def numbers(saved: bytes) -> tuple[Any, Any]:
    """The parameters of a file, and what else training goes on from."""
    content = json.loads(saved)
    training = content["extra"]["training"]
    state = training["optimizer"]
    rest = content["extra"]["settings"], len(training["rows"]), state["steps"]
    return np.array([*content["parameters"].values(), *state["first_moment"], *state["second_moment"]]), rest


def test_lifted_is_eager(tmp_path: Path, undisturbed: bytes, lifted: bytes) -> None:
    """Both ways save the same numbers for the same seed to 1e-9 of the largest; another seed gives others."""
    (eager, eager_rest), (numbers_of_lifted, rest) = numbers(undisturbed), numbers(lifted)
    scale = np.max(np.abs(eager))
    assert rest == eager_rest
    assert np.max(np.abs(numbers_of_lifted - eager)) < 1e-9 * scale
    other, _ = numbers(train(tmp_path, "--seed", "2"))
    assert np.max(np.abs(other - eager)) > 1e-3 * scale


def test_both_ways_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The loss and the accuracy that are printed after each epoch are the same, whichever way it was run."""
    printed = []
    for way in ("--eager", "--lift"):
        train(tmp_path, way=way)
        printed.append(re.findall(r"epoch \d+: loss .*, accuracy .*%", capsys.readouterr().out))
    assert printed[0] == printed[1]
    assert len(printed[0]) == 3


def test_one_way_goes_on_where_the_other_stopped(tmp_path: Path, undisturbed: bytes) -> None:
    """A file that one way has saved is resumed by the other, to the same end."""
    for first, second in (("--eager", "--lift"), ("--lift", "--eager")):
        train(tmp_path, "--epochs", "1", way=first)
        resumed, rest = numbers(train(tmp_path, "--resume", way=second))
        expected, expected_rest = numbers(undisturbed)
        assert rest == expected_rest
        assert np.max(np.abs(resumed - expected)) < 1e-9 * np.max(np.abs(expected))


def test_the_program_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --source the program is printed, which Python can read, nothing is trained, and nothing is saved."""
    digits.main(["--hidden", "3", "--source", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    compile(printed, "printed", "exec")
    assert "np.matmul" in printed
    assert not list(tmp_path.iterdir())


def test_lifting_is_the_default() -> None:
    """By default all digits are learned from, lifted, with 64 hidden neurons; --eager takes fewer."""
    chosen = [vars(digits.arguments(argv)[1]) for argv in ([], ["--lift"], ["--eager"], ["--eager", "--hidden", "9"])]
    assert [(o["hidden"], o["epochs"], o["examples"]) for o in chosen] == [
        (64, 8, 4000),
        (64, 8, 4000),
        (12, 2, 2500),
        (9, 2, 2500),
    ]


def test_as_good_as_scikit_learn_s(tmp_path: Path, script: Script) -> None:
    """As a script, with nothing said, it reads at least 93% of the held-out digits; so does the module that it saves.

    The module is run in a process where this library cannot be imported.
    """
    done = script("demos/digits.py", "--output", tmp_path)
    assert not done.stderr
    printed = re.search(r"accuracy (\S+)% on 1,000 held-out digits", done.stdout)
    assert printed
    assert float(printed[1]) >= 93
    _, held_out = digits.split(load_digits(), random.Random(0))
    np.savez(
        tmp_path / "held_out.npz",
        pixels=np.array([digit.pixels for digit in held_out]),
        labels=np.array([digit.label for digit in held_out]),
    )
    code = READING.format(folder=str(tmp_path))
    read = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert read.stderr == ""
    assert f"{float(read.stdout):.1%}" == f"{printed[1]}%"
    wrong = [sys.executable, "-I", "-c", f"{code}\nimport scalargrad"]
    assert "is blocked" in subprocess.run(wrong, capture_output=True, text=True, check=False).stderr


READING = """
import runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "scalargrad":
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import numpy as np
network, data = runpy.run_path({folder!r} + "/network.py"), np.load({folder!r} + "/held_out.npz")
answers = network["forward"](data["pixels"]).argmax(axis=1)
print((answers == data["labels"]).mean())
"""


def test_nothing_held_out_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is taken of each example once an epoch, and of no digit that is held out."""
    seen: list[int] = []
    original = digits.loss_function

    def watched(model: nn.MLP, name: str) -> digits.Loss:
        loss = original(model, name)

        def noted(pixels: Sequence[float], target: Sequence[float]) -> Value:
            seen.append(id(pixels))
            return loss(pixels, target)

        return noted

    monkeypatch.setattr(digits, "loss_function", watched)
    train(tmp_path)
    learned, held_out = digits.split(load_digits(), random.Random(1))
    assert sorted(seen) == sorted(3 * [id(digit.pixels) for digit in learned[:27]])
    assert not set(seen) & {id(digit.pixels) for digit in held_out}


def test_it_learns_to_read(tmp_path: Path, script: Script) -> None:
    """As a script, one epoch on 400 digits reads over a third of the held-out ones; untrained, under a fifth.

    The accuracy it prints is that of the network it saved, and the table has the same count.
    """
    arguments = ["--eager", "--examples", "400", "--hidden", "6", "--epochs", "1", "--output", tmp_path]
    done = script("demos/digits.py", *arguments)
    assert not done.stderr
    printed = re.search(r"accuracy (\S+)% on 1,000 held-out digits", done.stdout)
    assert printed
    rows = [re.findall(r"\d+|·", line) for line in done.stdout.splitlines() if re.match(r"│ \d", line)]
    on_the_diagonal = sum(int(row[label + 1]) for label, row in enumerate(rows))
    _, held_out = digits.split(load_digits(), random.Random(0))
    model = nn.MLP(256, [6, 10], "sigmoid", rng=random.Random(0))
    untrained = share_read(model, held_out)
    model.load(tmp_path / "network.json")
    trained = share_read(model, held_out)
    assert untrained < 0.2
    assert trained > 0.35
    assert f"{trained:.1%}" == printed[1] + "%"
    assert on_the_diagonal == round(1000 * trained)
    assert len(Image.open(tmp_path / "digits.png").convert("RGB").getcolors(1 << 24) or []) > 100


def share_read(model: nn.MLP, held_out: Sequence[digits.Digit]) -> float:
    """The accuracy, by matrices."""
    *_, y = forward(arrays(model), [digit.pixels for digit in held_out])
    return float(np.mean(y.argmax(axis=1) == [digit.label for digit in held_out]))


def test_the_confusion_counts_every_answer() -> None:
    """The row is what a digit is, the column what it was taken for."""
    asked = [digits.Digit((), label) for label in (3, 3, 3, 8)]
    counts = digits.confusion(asked, [3, 8, 8, 0])
    assert sum(map(sum, counts)) == 4
    assert (counts[3][3], counts[3][8], counts[8][0], counts[8][3]) == (1, 2, 1, 0)


# ---------------------------------------------------------------- killed, and going on

KILLED = """
import os, pickle, signal, sys
import digits

def deadly(function, calls, after=False):
    def counted(*arguments):
        nonlocal calls
        calls -= 1
        if calls == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments)
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return counted

pickled, moment, *arguments = sys.argv[1:]
with open(pickled, "rb") as file:
    loaded = pickle.load(file)
digits.load_digits = lambda: loaded
loss_function = digits.loss_function
if moment == "in the first epoch":
    digits.loss_function = lambda *given: deadly(loss_function(*given), 7)
elif moment == "in the third epoch":
    digits.loss_function = lambda *given: deadly(loss_function(*given), 2 * 27 + 14)
elif moment == "before the second file is in place":
    os.replace = deadly(os.replace, 2)
elif moment == "after the second file is in place":
    os.replace = deadly(os.replace, 2, after=True)
digits.main(arguments)
"""

MOMENTS = {  # and how many epochs are saved by then
    "in the first epoch": 0,
    "in the third epoch": 2,
    "before the second file is in place": 1,
    "after the second file is in place": 2,
}


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits in a file that is quickly read."""
    path = tmp_path_factory.mktemp("pickled") / "digits"
    path.write_bytes(pickle.dumps(load_digits()))
    return path


def epochs_in(saved: Path) -> int:
    """How many epochs a file has."""
    return len(json.loads(saved.read_text())["extra"]["training"]["rows"])


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on_to_the_same_end(
    moment: str, tmp_path: Path, pickled: Path, undisturbed: bytes, script: Script
) -> None:
    """Killed by SIGKILL at any moment and resumed, a run saves the same bytes as one that nobody stopped."""
    saved = tmp_path / "network.json"
    killed = script("-c", KILLED, pickled, moment, *SMALL, "--eager", "--output", tmp_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (epochs_in(saved) if saved.exists() else 0) == MOMENTS[moment]
    assert not saved.exists() or saved.read_bytes() != undisturbed
    assert train(tmp_path, "--resume") == undisturbed


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if "file" in moment])
def test_a_killed_lifted_run_goes_on_to_the_same_end(
    moment: str, tmp_path: Path, pickled: Path, lifted: bytes, script: Script
) -> None:
    """A lifted run that was killed and resumed saves the same bytes as one that nobody stopped, too."""
    saved = tmp_path / "network.json"
    killed = script("-c", KILLED, pickled, moment, *SMALL, "--lift", "--output", tmp_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert epochs_in(saved) == MOMENTS[moment]
    assert saved.read_bytes() != lifted
    assert train(tmp_path, "--resume", way="--lift") == lifted


def test_the_bytes_tell_runs_apart(tmp_path: Path, undisturbed: bytes) -> None:
    """The same settings save the same bytes; another seed, or a run cut off an epoch early, saves others."""
    assert train(tmp_path) == undisturbed
    assert train(tmp_path, "--seed", "2") != undisturbed
    assert train(tmp_path, "--epochs", "2") != undisturbed


@pytest.mark.parametrize("calls", [5, 27 + 14])
def test_ctrl_c_loses_nothing(calls: int, tmp_path: Path, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in any epoch says how to go on, keeps the steps before it, and the run can be resumed to the same end."""
    original = digits.loss_function

    def interrupting(model: nn.MLP, name: str) -> digits.Loss:
        loss, left = original(model, name), [calls]

        def interrupted(pixels: Sequence[float], target: Sequence[float]) -> Value:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            return loss(pixels, target)

        return interrupted

    with monkeypatch.context() as patch:
        patch.setattr(digits, "loss_function", interrupting)
        with pytest.raises(KeyboardInterrupt, match=r"^continue with --resume$"):
            train(tmp_path)
    saved = json.loads((tmp_path / "network.json").read_text())["extra"]["training"]
    assert saved["optimizer"]["steps"] == 3 * (calls // 27) + (calls - 1) % 27 // 10
    assert train(tmp_path, "--resume") == undisturbed


def test_a_finished_run_goes_on_for_more_epochs(tmp_path: Path, undisturbed: bytes) -> None:
    """Two epochs and then, resumed, a third are the same as three at once; resumed again, nothing is left to do."""
    train(tmp_path, "--epochs", "2")
    assert train(tmp_path, "--resume") == undisturbed
    assert train(tmp_path, "--resume") == undisturbed


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, undisturbed: bytes) -> Path:
    """A folder with the file of the undisturbed run."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "network.json").write_bytes(undisturbed)
    return folder


OTHER_SETTINGS = [
    (["--loss", "cross-entropy"], "was trained with --loss square, not cross-entropy"),
    (["--examples", "26"], "was trained with --examples 27, not 26"),
    (["--seed", "2"], "was trained with --seed 1, not 2"),
    (["--hidden", "3"], "holds MLP(256, [2, 10], activation='sigmoid', output=None), which does not fit"),
    (["--epochs", "2"], "has 3 epochs already, --epochs is 2"),
]


@pytest.mark.parametrize(("arguments", "message"), OTHER_SETTINGS)
def test_other_settings_are_not_gone_on_with(
    arguments: list[str], message: str, finished: Path, undisturbed: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that was trained with other settings is refused in one line that names them, and left as it is."""
    assert message in refusal(finished, arguments, capsys)
    assert (finished / "network.json").read_bytes() == undisturbed


def test_other_files_are_not_gone_on_with(
    tmp_path: Path, undisturbed: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a file, or a network that was saved without its training, is refused in one line."""
    path = tmp_path / "network.json"
    path.write_bytes(undisturbed[: len(undisturbed) // 2])
    assert "or is damaged" in refusal(tmp_path, [], capsys)
    nn.MLP(256, [2, 10], "sigmoid", rng=0).save(path)
    assert "but no training to continue" in refusal(tmp_path, [], capsys)


def changed(value: Any, place: Sequence[object], new: Any) -> Any:
    """A copy of nested dicts with something else at a place; without the last key of the place for None."""
    key, *rest = place
    if not rest and new is None:
        return {name: inner for name, inner in value.items() if name != key}
    return value | {key: changed(value[key], rest, new) if rest else new}


@pytest.mark.parametrize(
    ("place", "new", "message"),
    [
        (["settings"], [1], "holds no settings of a training"),
        (["settings", "loss"], None, "holds no settings of a training"),
        (["settings", "more"], 1, "holds no settings of a training"),
        (["settings", "loss"], {"a": 1}, "was trained with --loss {'a': 1}, not square"),
        (["training"], None, "but no training to continue"),
        (["training"], 1, "holds no state of a training"),
        (["training", "rows"], None, "holds no state of a training"),
        (["training", "rows"], [{}] * 9, "has 9 epochs already, --epochs is 3"),
        (["training", "rows"], [{"loss": "a"}], "a number of loss must be a real number"),
        (["training", "batch"], None, "the state of a training has seed, examples"),
        (["training", "batch"], 9, "batch must be at most 3, got 9"),
        (["training", "seed"], 2, "the state is of a training with seed 2, not 1"),
        (["training", "optimizer"], 1, "the state of an optimizer must be a dict"),
        (["training", "optimizer", "first_moment"], None, "the state of this optimizer has kind, first_moment"),
        (["training", "optimizer", "first_moment"], 1.0, "first_moment must be a list of numbers"),
        (["training", "optimizer", "second_moment"], [-1.0] * 544, "second_moment must hold no negative"),
        (["training", "optimizer", "first_moment"], ["a"] * 544, "first_moment must be a real number"),
        (["training", "optimizer", "steps"], 10**400, "steps must be within the range"),
    ],
    ids=lambda given: repr(given)[:30],
)
@pytest.mark.parametrize("way", ["--eager", "--lift"])
def test_a_damaged_training_is_not_gone_on_with(
    way: str,
    place: Sequence[object],
    new: Any,
    message: str,
    tmp_path: Path,
    undisturbed: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A sound file whose training is none, at whatever place, is refused in one line that says what is wrong."""
    model = nn.MLP(256, [2, 10], "sigmoid", rng=0)
    path = tmp_path / "network.json"
    path.write_bytes(undisturbed)
    training = model.load(path)
    model.save(path, changed(training, place, new))
    assert message in refusal(tmp_path, [], capsys, way)
    model.save(path, training)
    assert train(tmp_path, "--resume", way=way) == undisturbed  # negative control: nothing is wrong with the rest


@pytest.mark.parametrize("way", ["--eager", "--lift"])
@pytest.mark.parametrize("name", ["first_moment", "second_moment"])
def test_training_that_diverges_ends_in_one_line(
    way: str, name: str, tmp_path: Path, undisturbed: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where numbers have become nan or infinite, the run ends with a line that says so, and the file stays."""
    model = nn.MLP(256, [2, 10], "sigmoid", rng=0)
    path = tmp_path / "network.json"
    path.write_bytes(undisturbed)
    training = model.load(path)
    absurd = {"first_moment": [0.0] * 544, "second_moment": [0.0] * 544, name: [1e308] * 544}
    for parameter in model.parameters():
        parameter.data = 1.7e308
    for column, numbers_in_it in absurd.items():
        training = changed(training, ["training", "optimizer", column], numbers_in_it)
    model.save(path, training)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"^training has diverged: in .* epoch 4 .*; nothing was saved of it$"):
        train(tmp_path, "--resume", "--epochs", "4", way=way)
    assert path.read_bytes() == before
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_gone_on_with(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder or a pipe in place of the file is refused in one line at once."""
    path = tmp_path / "network.json"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    assert "network.json" in refusal(tmp_path, [], capsys)


def refusal(folder: Path, arguments: Sequence[str], capsys: pytest.CaptureFixture[str], way: str = "--eager") -> str:
    """The one line in which the demo says why it does not resume."""
    with pytest.raises(SystemExit) as end:
        train(folder, "--resume", *arguments, way=way)
    assert end.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "error: --resume: " in line
    assert "Traceback" not in line
    return line


def test_many_devices_end_with_the_same_network(tmp_path: Path) -> None:
    """On eight devices of JAX the network of numpy comes out, and the time that training took is printed."""
    printed, networks = [], []
    command = [sys.executable, digits.__file__, *SMALL, "--loss", "cross-entropy"]
    for name, options in (("jax", ["--target", "jax", "--devices", "8"]), ("numpy", ["--batch", "16"])):
        arguments = [*options, "--output", str(tmp_path / name)]
        finished = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
        printed.append(finished.stdout)
        saved = json.loads((tmp_path / name / "network.json").read_text())
        networks.append(np.array(list(saved["parameters"].values())))
    assert re.search(r"lifted to JAX, on 8 devices: [\d.]+ seconds of training", printed[0])
    assert re.search(r"lifted to numpy: [\d.]+ seconds of training", printed[1])
    accuracies = [re.findall(r"accuracy ([\d.]+%) on 1,000 held-out", text) for text in printed]
    assert accuracies[0] == accuracies[1] != []
    assert np.allclose(networks[0], networks[1], rtol=1e-9)
