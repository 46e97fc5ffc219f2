"""What a diagnosis shows of itself: as text, in a notebook, and as a picture."""

from __future__ import annotations

import math
import random
import sys
from typing import Any

import numpy as np
import pytest

from scalargrad import nn, optim
from scalargrad.optim import Diagnosis, Finding, Fit
from scalargrad.optim.layers import LayerReading
from tests.optim.trainings import blobs, classes, dead_relus, divergence, trained

FIT = Fit(0.5, 2.0, 0.75, True)
LAYERS = [
    LayerReading(1, "Layer(2, 3, activation='relu')", 1.25, 0.0, 3, 2, 0, 0.0, 0, True),
    LayerReading(2, "Layer(3, 1, activation='sigmoid')", 0.5, 0.001, 0, 0, 1, 0.25, 0, False),
]
FINDING = Finding("dead relus", "2 of 3 are 0", "they learn nothing", "draw other weights")


def diagnosis_of(**changes: Any) -> Diagnosis:
    """A diagnosis with one finding, or with what is changed."""
    given: dict[str, Any] = {
        "findings": [FINDING],
        "is_good_on_training_data": False,
        "is_good_on_validation_data": False,
        "training": FIT,
        "validation": FIT,
        "layers": LAYERS,
        "layers_at_start": LAYERS,
        "inputs": [],
        "rates": {},
        "history": None,
    }
    return Diagnosis(**(given | changes))


def test_the_text() -> None:
    """It answers the lecture's questions in their order, then come the findings, and a table of the layers."""
    assert repr(diagnosis_of()) == (
        "Good on the training data? No: the loss is 0.5; if nothing were learned it would be 2.\n"
        "1. dead relus\n"
        "   seen  2 of 3 are 0\n"
        "   so    they learn nothing\n"
        "   do    draw other weights\n"
        "layer                                 outputs  gradients  dead  saturated\n"
        "1: Layer(2, 3, activation='relu')        1.25      0       67%\n"
        "2: Layer(3, 1, activation='sigmoid')     0.5       0.001              25%"
    )


def test_other_data_are_asked_about_where_the_model_is_good() -> None:
    """Validation data are asked about after the training data are learned, and said to be missing where they are."""
    good = {"is_good_on_training_data": True, "layers": []}
    first = "Good on the training data? Yes: the loss is 0.5; if nothing were learned it would be 2.\n"
    assert repr(diagnosis_of(**good, is_good_on_validation_data=True, findings=[])) == (
        f"{first}Good on validation data? Yes: the loss is 0.5; if nothing were learned it would be 2.\n"
        "Nothing is wrong."
    )
    assert "Good on validation data? No: " in repr(diagnosis_of(**good))
    assert repr(diagnosis_of(**good, is_good_on_validation_data=None, validation=None, findings=[])) == (
        f"{first}Good on other data? Not known: no validation data were given.\nNothing is wrong."
    )
    unclear = repr(diagnosis_of(findings=[], layers=[]))
    assert unclear.endswith("\nNothing is wrong that can be seen: the rest of the loss may be noise in the data.")


def test_long_sentences_are_broken() -> None:
    """No line of a finding is longer than 100 signs, and the next one stands below its beginning."""
    lines = repr(diagnosis_of(findings=[Finding("long", "word " * 60, "", "")])).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[2].startswith("   seen  word")
    assert lines[3].startswith("         word")


def test_a_finding_is_a_sentence() -> None:
    """As text it is its name and what was measured."""
    assert str(FINDING) == "dead relus: 2 of 3 are 0"


def test_in_a_notebook_there_are_text_and_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is there, escaped, and the picture below it; without matplotlib the text stands alone."""
    html = diagnosis_of(findings=[Finding("<b>", "", "", "")])._repr_html_()
    assert html.startswith("<pre")
    assert "1. &lt;b&gt;" in html
    assert 'src="data:image/png;base64,iVBOR' in html
    monkeypatch.setattr("scalargrad.optim.diagnosis.find_spec", lambda name: None)
    assert diagnosis_of()._repr_html_().endswith("</pre>")


# ---------------------------------------------------------------- the picture


def test_the_picture_has_the_numbers() -> None:
    """The curves of the history, the sizes of each layer, then and now, and the loss by rate, where it was measured."""
    training = dead_relus(0)
    diagnosis = training.diagnosis()
    assert training.history is not None
    losses, sizes = diagnosis.plot().axes
    curves = [np.asarray(curve.get_ydata()) for curve in losses.get_lines()]
    assert np.array_equal(curves[0], training.history["loss"])
    assert np.array_equal(curves[1], training.history["validation loss"])
    assert np.array_equal(curves[2], [diagnosis.training.chance] * 2)
    shown = {str(curve.get_label()): np.asarray(curve.get_ydata()) for curve in sizes.get_lines()}
    now = [layer.gradient or math.nan for layer in diagnosis.layers]
    assert np.array_equal(shown["gradients now"], now, equal_nan=True)
    then = [layer.outputs or math.nan for layer in diagnosis.layers_at_start]
    assert np.array_equal(shown["outputs at the start"], then, equal_nan=True)
    assert [text.get_text() for text in sizes.texts] == ["100%\nflat"] * 2
    assert diagnosis.plot().get_suptitle() == str(diagnosis.findings[0])


def test_the_rates_are_drawn_where_they_were_tried() -> None:
    """Each rate has its loss, and one that diverged says so."""
    diagnosis = divergence(0).diagnosis()
    rates = diagnosis.plot().axes[2]
    drawn = np.asarray(rates.get_lines()[0].get_ydata())
    expected = [loss if loss < 1e100 else math.nan for loss in diagnosis.rates.values()]
    assert np.array_equal(drawn, expected, equal_nan=True)
    diverged = [text.get_text() for text in rates.texts]
    assert diverged == ["diverged"] * sum(map(math.isnan, expected)) != []
    assert rates.get_yscale() == "log"
    below = diagnosis_of(rates={0.1: -1.0, 1.0: 0.5, 10.0: math.inf}, training=Fit(-1.0, -0.5, 1.0, True))
    assert below.plot().axes[2].get_yscale() == "linear"


def test_without_a_history_there_are_lines() -> None:
    """The losses are drawn as they are now, for each kind of data; after a single epoch there is a dot."""
    axes = diagnosis_of(layers=[]).plot().axes
    assert len(axes) == 1
    assert [list(np.asarray(line.get_ydata())) for line in axes[0].get_lines()] == [[0.5, 0.5], [0.5, 0.5], [2.0, 2.0]]
    model = nn.MLP(2, [3], rng=0)
    once = trained(model, classes(model), blobs(random.Random(0), 50), None, optim.Adam(), epochs=1).diagnosis()
    assert [line.get_marker() for line in once.plot().axes[0].get_lines()] == ["o", "None"]
    assert once.plot().get_suptitle() != ""
    assert diagnosis_of(findings=[]).plot().get_suptitle().startswith("Nothing is wrong that can be seen")


def test_losses_far_apart_are_drawn_on_a_logarithmic_scale() -> None:
    """Losses that leap by orders of magnitude are; negative ones cannot be; and what is not finite is left out."""

    def scale_of(*losses: float) -> str:
        training, validation = (Fit(loss, 2.0, 0.0, False) for loss in losses)
        return str(diagnosis_of(layers=[], training=training, validation=validation).plot().axes[0].get_yscale())

    assert scale_of(0.5, 1.5) == "linear"
    assert scale_of(0.5, 1500.0) == "log"
    assert scale_of(-0.5, 1500.0) == "linear"
    assert scale_of(math.inf, math.nan) == "linear"
    nothing = Fit(-1.0, -0.5, 1.0, True)
    low, high = diagnosis_of(layers=[], training=nothing, validation=None).plot().axes[0].get_ylim()
    assert low < -1.0 < -0.5 < high


def test_a_notebook_shows_the_picture_without_pyplot() -> None:
    """A fresh kernel, with no formatter of pyplot, shows a PNG of it."""
    from IPython.core.formatters import DisplayFormatter

    formatter: Any = DisplayFormatter()
    shown, _ = formatter.format(diagnosis_of().plot())
    assert shown["image/png"].startswith(b"\x89PNG")


def test_without_matplotlib_the_picture_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.delitem(sys.modules, "scalargrad.optim.picture", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="a plot needs the extra plot"):
        diagnosis_of().plot()
