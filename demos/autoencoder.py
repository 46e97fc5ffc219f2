"""Autoencoders: a network that gives back what it is given, through a layer too narrow to copy it.

An encoder makes a code of two numbers from a digit of 64 pixels, and a decoder makes the digit from its code. There
are no labels: what should come out is what goes in. To get through, the network has to find what digits have in common.

The first table compares it with the best that *linear* encoders and decoders can do, which are the principal
components. The second is about noise: a network that is given noisy digits, and has to return the clean ones, removes
noise much better than one that has only seen clean digits.

Left: the codes of test digits, coloured by the label, which the network has never seen. Right: test digits, what is
left of them after the code, and noisy digits before and after a network with a code of 16 numbers has denoised them.

    python demos/autoencoder.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy
from experiment import PIXELS, ahead, digits_for, for_each_seed, options, show, slide, summary, train
from matplotlib.axes import Axes

from scalargrad import Value, lift, nn, optim, sigmoid, square_error

SHORT, LONG = 2, 16  # numbers in a code
NOISE = 0.3  # the deviation of what is added to a pixel, which is from 0 to 1
Array = Any  # of numpy


class Autoencoder(nn.Module):
    """An encoder and a decoder; each pixel that comes out is between 0 and 1."""

    def __init__(self, length: int, hidden: int, seed: int) -> None:
        self.encoder = nn.MLP(PIXELS, [hidden, length], "tanh", rng=seed)
        self.decoder = nn.MLP(length, [hidden, PIXELS], "tanh", rng=seed + 1)

    def __call__(self, pixels: Sequence[Value | float]) -> list[Value]:
        """Return the pixels that come out."""
        return [sigmoid(output) for output in self.decoder.outputs(self.encoder.outputs(pixels))]


class Run(NamedTuple):
    """The errors of one seed on test digits, each a sum of squares over the pixels of a digit, and what is drawn."""

    short: float  # through a code of two numbers
    linear: float  # through two principal components
    noisy: float  # of noisy digits as they are
    plain: float  # of these after a network that learned clean digits
    denoised: float  # and after one that learned to remove noise
    codes: Array  # two numbers for each test digit
    labels: Array
    pictures: dict[str, Array]  # rows of digits


def learn(network: Autoencoder, given: Array, wanted: Array, epochs: int, seed: int) -> Any:
    """Train the network to return what is wanted, and return it as an array program."""
    train(
        lambda pixels, clean: square_error(network(pixels), clean),
        network.parameters(),
        (given, wanted),
        optimizer=optim.Adam(rate=0.02),
        epochs=epochs,
        batch_size=50,
        rng=seed,
    )
    return lift(network, network.parameters())


def error(outputs: Array, digits: Array) -> float:
    """Return the sum of squares over the pixels of a digit, in the mean of all digits."""
    return float(((outputs - digits) ** 2).sum(axis=1).mean())


def run(seed: int, examples: int, epochs: int) -> Run:
    """Train a network with a short code, one with a long code, and one that removes noise."""
    (pixels, _), (others, targets) = digits_for(seed, examples)
    digits, test = numpy.array(pixels), numpy.array(others)
    rng = numpy.random.default_rng(seed)
    noisy, noisy_test = (own + rng.normal(0, NOISE, own.shape) for own in (digits, test))
    network = Autoencoder(SHORT, 32, seed)
    through_code = learn(network, digits, digits, epochs, seed)(test)
    plain = learn(Autoencoder(LONG, 32, seed), digits, digits, epochs, seed)(noisy_test)
    denoised = learn(Autoencoder(LONG, 32, seed), noisy, digits, epochs, seed)(noisy_test)
    codes = lift(network.encoder.outputs, network.encoder.parameters())(test)
    mean = digits.mean(axis=0)
    components = numpy.linalg.svd(digits - mean, full_matrices=False)[2][:SHORT]
    linear = mean + (test - mean) @ components.T @ components
    short, straight, noise, after, without = (
        error(outputs, test) for outputs in (through_code, linear, noisy_test, plain, denoised)
    )
    rows = {"digits": test, "from 2 numbers": through_code, "with noise": noisy_test, "denoised": denoised}
    shown = {name: row[:6] for name, row in rows.items()}
    return Run(short, straight, noise, after, without, codes, numpy.argmax(targets, axis=1), shown)


def draw_rows(axes: Axes, rows: Mapping[str, Array]) -> None:
    """Draw rows of digits."""
    picture = [numpy.hstack([numpy.pad(digit.reshape(8, 8), 1) for digit in row]) for row in rows.values()]
    axes.imshow(numpy.vstack(picture), cmap="gray_r", vmin=0, vmax=1)
    axes.set_yticks([10 * place + 4.5 for place in range(len(rows))], list(rows))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def main(argv: Sequence[str] | None = None) -> None:
    """Learn, report and draw, as the arguments say."""
    chosen = options(
        argv, "autoencoder", "Learn short codes of digits without labels, and to remove noise.",
        examples=(1000, "digits to learn from"), epochs=(30, "times that each digit is learned from"),
    )  # fmt: skip
    runs = for_each_seed(lambda seed: run(seed, chosen.examples, chosen.epochs), chosen.seeds)
    short, linear, noisy, plain, denoised = (list(errors) for errors in zip(*(own[:5] for own in runs), strict=True))
    rows = {"autoencoder": [summary(short, ".2f")], "principal components": [summary(linear, ".2f")]}
    show("digits from codes of two numbers", ["code", "error on test digits"], rows)
    print(f"the autoencoder is better in {ahead(linear, short)} runs\n")
    rows = {
        "none": [summary(noisy, ".2f")],
        "learned clean digits": [summary(plain, ".2f")],
        "learned to remove noise": [summary(denoised, ".2f")],
    }
    show("noisy digits", ["network", "error on test digits"], rows)
    print(f"the one that learned to remove noise is better in {ahead(plain, denoised)} runs")

    with slide(chosen.output, "Autoencoders: codes without labels", width_ratios=[4, 5]) as (codes, pictures):
        dots = codes.scatter(runs[0].codes[:, 0], runs[0].codes[:, 1], c=runs[0].labels, cmap="tab10", s=28, alpha=0.8)
        codes.legend(*dots.legend_elements(), frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        codes.set(title="Codes of test digits", xticks=[], yticks=[])
        draw_rows(pictures, runs[0].pictures)


if __name__ == "__main__":
    main()
