"""What a diagnosis says: the findings in words, the numbers behind them, and a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from textwrap import fill
from typing import TYPE_CHECKING

from ..extras import how_to_install
from ..terminal import BOLD, Part, Text, html_lines, table
from .history import History, with_gaps
from .layers import LayerReading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .picture import Picture

LEAP = 1000  # from the lowest loss to the highest: more than one scale shows
WIDTH = 100  # of the lines of text
TRAINING, VALIDATION = "#2f6db5", "#d9662b"


@dataclass(frozen=True)
class Finding:
    """One thing that keeps a training from going well.

    Attributes:
        name: what it is, such as "dead relus".
        measured: what was seen, with its numbers.
        meaning: why that matters.
        advice: what to do.
    """

    name: str
    measured: str
    meaning: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.measured}"


@dataclass(frozen=True)
class Fit:
    """How well a model does on some data.

    Attributes:
        loss: the mean loss.
        chance: what the loss would be if nothing were learned: the mean loss with the labels, the last column of the
            data, shuffled; with data of one column, the loss at the start.
        learned: which share of that the model has removed: 1 - loss ÷ chance.
        is_beyond_luck: whether the loss is lower than any shuffling of the labels is likely to make it.
    """

    loss: float
    chance: float
    learned: float
    is_beyond_luck: bool


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What `diagnose` returns. It shows itself as text; `plot()` draws it.

    Attributes:
        findings: what is wrong, in the order in which to fix it; none for a healthy training.
        is_good_on_training_data: whether the model does well on what it has learned from.
        is_good_on_validation_data: whether it does well on other data; None where there are none.
        training: the loss on the training data, and what it is compared with.
        validation: the same on validation data; None where there are none.
        layers: what was measured of each layer, with the parameters as they are.
        layers_at_start: the same with the parameters before the first step; where that is not known, as they are.
        inputs: the sizes of what the first layer reads: the root mean square of each, zeros apart.
        rates: the loss after a short training from the start, by what the rate was multiplied by; empty where none
            was needed.
        history: the history that was given.
    """

    findings: list[Finding]
    is_good_on_training_data: bool
    is_good_on_validation_data: bool | None
    training: Fit
    validation: Fit | None
    layers: list[LayerReading]
    layers_at_start: list[LayerReading]
    inputs: list[float]
    rates: dict[float, float]
    history: History | None

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def _nothing(self) -> str:
        if self.is_good_on_training_data:
            return "Nothing is wrong."
        return "Nothing is wrong that can be seen: the rest of the loss may be noise in the data."

    # ---------------------------------------------------------------- as text

    def _parts(self) -> list[Part]:
        parts: list[Part] = [
            (f"Good on the training data? {_answer(self.is_good_on_training_data, self.training)}\n", "")
        ]
        if self.validation is None:
            parts.append(("Good on other data? Not known: no validation data were given.\n", ""))
        elif self.is_good_on_training_data:
            answer = _answer(bool(self.is_good_on_validation_data), self.validation)
            parts.append((f"Good on validation data? {answer}\n", ""))
        if not self.findings:
            parts.append((f"{self._nothing}\n", BOLD))
        for place, finding in enumerate(self.findings, start=1):
            parts.append((f"{place}. {finding.name}\n", BOLD))
            for heading, text in (("seen", finding.measured), ("so", finding.meaning), ("do", finding.advice)):
                indent = f"   {heading:<5} "
                parts.append((f"{fill(text, WIDTH, initial_indent=indent, subsequent_indent=' ' * len(indent))}\n", ""))
        if self.layers:
            parts += table(HEADINGS, _rows(self.layers), numbers=range(1, len(HEADINGS)))
        else:
            parts[-1] = (parts[-1][0].rstrip("\n"), parts[-1][1])
        return parts

    def __repr__(self) -> str:
        return repr(Text(self._parts()))

    def _repr_html_(self) -> str:
        from base64 import b64encode

        shown = html_lines("".join(text for text, _ in self._parts()))
        if find_spec("matplotlib") is None:
            return shown
        picture = b64encode(self.plot()._repr_png_()).decode()
        return f'{shown}<img style="max-width:100%" alt="what was measured" src="data:image/png;base64,{picture}">'

    # ---------------------------------------------------------------- as a picture

    def plot(self) -> Picture:
        """Draw the loss by epoch, the sizes of outputs and gradients by layer, and the loss by rate, where measured.

        It is a figure of matplotlib: in a notebook it shows itself, and `diagnosis.plot().savefig("diagnosis.png")`
        writes it to a file.

        Raises:
            ImportError: without matplotlib.
        """
        try:
            from .picture import Picture
        except ModuleNotFoundError:
            raise ImportError(f"a plot needs the extra plot: {how_to_install('plot')}") from None
        panels = [self._draw_losses]
        if self.layers:
            panels.append(self._draw_layers)
        if self.rates:
            panels.append(self._draw_rates)
        figure = Picture(figsize=(4.6 * len(panels), 4.0), layout="constrained")
        for draw, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False).flat, strict=True):
            draw(axes)
            axes.grid(alpha=0.25)
        figure.suptitle(str(self.findings[0]) if self.findings else self._nothing, wrap=True)
        return figure

    def _draw_losses(self, axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        fits = [("training data", "loss", TRAINING, self.training)]
        if self.validation is not None:
            fits.append(("validation data", "validation loss", VALIDATION, self.validation))
        rows = self.history.rows if self.history else []
        drawn: list[float] = []
        for label, column, colour, fit in fits:
            if rows and column in rows[0]:
                losses = with_gaps([row[column] for row in rows])
                marker = "o" if len(losses) == 1 else ""
                axes.plot(range(1, len(losses) + 1), losses, color=colour, marker=marker, label=label)
            else:
                losses = with_gaps([fit.loss])
                axes.axhline(losses[0], color=colour, label=label)
            drawn += losses
        chance = with_gaps([self.training.chance])
        axes.axhline(chance[0], color="#8a97a5", linestyle=":", label="if nothing were learned")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", ylabel="loss", title="loss")
        positive = [loss for loss in drawn + chance if loss > 0]
        if positive and not any(loss <= 0 for loss in drawn + chance) and max(positive) > LEAP * min(positive):
            axes.set_yscale("log")
        elif positive:
            axes.set_ylim(min(0.0, *drawn), 1.05 * max(positive))
        axes.legend(frameon=False, fontsize="small")

    def _draw_layers(self, axes: Axes) -> None:
        places = range(1, len(self.layers) + 1)
        for layers, line, when in ((self.layers_at_start, "--", "at the start"), (self.layers, "-", "now")):
            for colour, name, sizes in (
                ("#4c9a6a", "outputs", [layer.outputs for layer in layers]),
                ("#8a5fb0", "gradients", [layer.gradient for layer in layers]),
            ):
                shown = with_gaps([size or math.nan for size in sizes])  # 0 has no place on such an axis
                if layers is not self.layers or when == "now":
                    axes.plot(places, shown, color=colour, linestyle=line, marker="o", label=f"{name} {when}")
        for place, layer in zip(places, self.layers, strict=True):
            flat = layer.dead / layer.relus if layer.relus else layer.saturated
            if flat:
                where = axes.get_xaxis_transform()
                axes.text(place, 0.02, f"{flat:.0%}\nflat", ha="center", fontsize="small", transform=where)
        axes.set(xlabel="layer", title="sizes by layer", yscale="log", xticks=list(places))
        axes.margins(y=0.25)
        low, high = axes.get_ylim()
        axes.set(
            xlim=(0.5, len(self.layers) + 0.5), ylim=(min(low, high / 1000), high)
        )  # so that 0.2 and 0.5 do not look far apart
        axes.legend(frameon=False, fontsize="small")

    def _draw_rates(self, axes: Axes) -> None:
        factors = list(self.rates)
        losses = with_gaps(list(self.rates.values()))
        axes.plot(factors, losses, color=TRAINING, marker="o")
        for factor, loss in zip(factors, losses, strict=True):
            if math.isnan(loss):
                axes.annotate(
                    "diverged", (factor, 0.97), xycoords=("data", "axes fraction"), ha="center", va="top", rotation=90
                )
        axes.axvline(1, color="#8a97a5", linestyle="--", linewidth=1)
        scale = "linear" if any(loss <= 0 for loss in losses) else "log"
        axes.set(xscale="log", xlabel="rate", yscale=scale, ylabel="loss", title="loss after a short training")
        axes.set(xticks=factors, xticklabels=[f"×{factor:g}" for factor in factors])
        axes.set_xlim(factors[0] / 3, factors[-1] * 3)
        axes.xaxis.minorticks_off()


HEADINGS = ["layer", "outputs", "gradients", "dead", "saturated"]


def _rows(layers: Sequence[LayerReading]) -> list[list[str]]:
    return [
        [
            f"{layer.place}: {layer.name}",
            f"{layer.outputs:.3g}",
            f"{layer.gradient:.2g}",
            f"{layer.dead / layer.relus:.0%}" if layer.relus else "",
            f"{layer.saturated:.0%}" if layer.sigmoids else "",
        ]
        for layer in layers
    ]


def _answer(is_good: bool, fit: Fit) -> str:
    answer = "Yes" if is_good else "No"
    return f"{answer}: the loss is {fit.loss:.3g}; if nothing were learned it would be {fit.chance:.3g}."
