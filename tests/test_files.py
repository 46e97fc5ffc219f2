"""Files: floats come back exactly; a file is whole or not there at all; a damaged one changes nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad import Value, files, nn


def neuron(*numbers: float) -> nn.Neuron:
    """A linear neuron with these weights and, last, this bias."""
    made = nn.Neuron(len(numbers) - 1, None)
    for parameter, number in zip(made.parameters(), numbers, strict=True):
        parameter.data = number
    return made


def bits(model: nn.Module) -> list[str]:
    """The parameters in hexadecimal, which tells -0.0 from 0.0."""
    return [parameter.data.hex() for parameter in model.parameters()]


# ---------------------------------------------------------------- what is saved comes back

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(FINITE, FINITE, FINITE, JSON)
@example(-0.0, 5e-324, sys.float_info.max, None)
@example(0.1, 1e23, 2.2250738585072011e-308, {})
def test_what_is_saved_comes_back(x: float, y: float, z: float, extra: object) -> None:
    """Parameters come back bit for bit, subnormal numbers and -0.0 included, and the extra as it was."""
    saved, loaded = neuron(x, y, z), neuron(1.0, 2.0, 3.0)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.json")
        saved.save(path, extra)
        assert repr(loaded.load(path)) == repr(extra)
    assert bits(loaded) == bits(saved)


@pytest.mark.parametrize("key", [9, 1.5, True, None])
def test_an_extra_of_any_keys_can_be_read_again(tmp_path: Path, key: object) -> None:
    """Keys that are not strings come back as JSON spells them; no file is saved that cannot be loaded."""
    extra = {key: "first", 10: "second", -1: "third"}
    neuron(1.0, 2.0).save(tmp_path / "model.json", extra)
    assert neuron(3.0, 4.0).load(tmp_path / "model.json") == json.loads(json.dumps(extra))


def test_a_path_is_a_string_or_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is saved where the path says, also when that is relative or holds characters of any script."""
    monkeypatch.chdir(tmp_path)
    for path in ("model", "模型 ≈.json", Path("model.json"), tmp_path / "whole.json"):
        neuron(1.0, 2.0).save(path)
        assert bits(neuron(0.0, 0.0)) != bits(neuron(1.0, 2.0))
        loaded = neuron(0.0, 0.0)
        assert loaded.load(path) is None
        assert bits(loaded) == bits(neuron(1.0, 2.0))
    assert len(os.listdir(tmp_path)) == 4


class Line(nn.Module):
    """A user's own module, with no repr of its own."""

    def __init__(self, slope: float) -> None:
        self.slope = Value(slope)


def test_a_users_own_module_is_saved_too(tmp_path: Path) -> None:
    """What one instance of a user's module has saved, another instance loads."""
    saved, loaded = Line(2.0), Line(3.0)
    saved.save(tmp_path / "line.json")
    loaded.load(tmp_path / "line.json")
    assert loaded.slope.data == 2.0


def test_a_saved_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    """A saved file has the permissions that any new file gets."""
    neuron(1.0, 2.0).save(tmp_path / "model.json")
    (tmp_path / "other.json").touch()
    assert (tmp_path / "model.json").stat().st_mode == (tmp_path / "other.json").stat().st_mode


# ---------------------------------------------------------------- whole, or not at all


class Unwilling(Exception):
    """Stands for whatever may go wrong."""


def refusing(*_arguments: object, **_named: object) -> Any:
    """Stands for a function that fails."""
    raise Unwilling


def interrupted(*_arguments: object, **_named: object) -> Any:
    """Stands for a function in the middle of which one presses Ctrl-C."""
    raise KeyboardInterrupt


circle: list[object] = []
circle.append(circle)

FAILURES: dict[str, tuple[type[BaseException], nn.Module, object, tuple[str, Callable[..., Any]] | None]] = {
    "an extra that is not JSON": (TypeError, neuron(3.0, 4.0), object(), None),
    "an extra in a circle": (ValueError, neuron(3.0, 4.0), circle, None),
    "an extra that is nan": (ValueError, neuron(3.0, 4.0), [float("nan")], None),
    "a parameter that is nan": (ValueError, neuron(3.0, float("nan")), None, None),
    "a parameter that is infinite": (ValueError, neuron(float("-inf"), 4.0), None, None),
    "no temporary file": (Unwilling, neuron(3.0, 4.0), None, ("builtins.open", refusing)),
    "a disk that is full": (Unwilling, neuron(3.0, 4.0), None, ("os.fsync", refusing)),
    "Ctrl-C while writing": (KeyboardInterrupt, neuron(3.0, 4.0), None, ("os.fsync", interrupted)),
    "a target that cannot be replaced": (Unwilling, neuron(3.0, 4.0), None, ("os.replace", refusing)),
    "Ctrl-C before replacing": (KeyboardInterrupt, neuron(3.0, 4.0), None, ("os.replace", interrupted)),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("existed", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, existed: bool
) -> None:
    """When saving fails, at whatever point, the old file is what it was and no temporary file is left."""
    error, model, extra, failing = FAILURES[name]
    path = tmp_path / "model.json"
    if existed:
        neuron(1.0, 2.0).save(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        if failing is not None:
            patch.setattr(*failing)
        with pytest.raises(error):
            model.save(path, extra)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    neuron(5.0, 6.0).save(path)
    assert before != {file.name: file.read_bytes() for file in tmp_path.iterdir()}


@pytest.mark.parametrize("place", ["absent/model.json", "file/model.json", "folder"])
def test_a_place_where_no_file_can_be(tmp_path: Path, place: str) -> None:
    """Saving in a directory that is none, or over one, is an OSError that leaves everything as it was."""
    (tmp_path / "file").write_text("here")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=place.split("/", maxsplit=1)[0]):
        neuron(1.0, 2.0).save(tmp_path / place)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


KILLED = """
import os, signal, sys
from scalargrad import nn
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
nn.Neuron(1, None).save(sys.argv[1])
"""


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """A process killed in the middle of saving leaves a file that loads as before."""
    path = tmp_path / "model.json"
    neuron(1.0, 2.0).save(path)
    ended = subprocess.run([sys.executable, "-c", KILLED, path], check=False, cwd=Path(nn.__file__).parents[1])
    assert ended.returncode == -signal.SIGKILL
    loaded = neuron(3.0, 4.0)
    loaded.load(path)
    assert bits(loaded) == bits(neuron(1.0, 2.0))


# ---------------------------------------------------------------- damage


def taken_for_sound(path: Path) -> list[tuple[int, int]]:
    """Where a bit may be flipped in a file, and other numbers be loaded from it without a word."""
    saved, extra = neuron(0.1, -2e-7, 3.0), {"epoch": 7, "tag": "café"}
    saved.save(path, extra)
    whole = path.read_bytes()
    harmful = []
    for place in range(len(whole)):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
            model = neuron(1.0, 2.0, 3.0)
            try:
                as_it_was = model.load(path) == extra and bits(model) == bits(saved)
            except ValueError as error:
                as_it_was = str(path) in str(error) and bits(model) == bits(neuron(1.0, 2.0, 3.0))
            if not as_it_was:
                harmful.append((place, mask))
    return harmful


def test_no_flipped_bit_goes_unseen(tmp_path: Path) -> None:
    """Flip any bit of a file: it is an error that names the file and changes no parameter, or loads the same."""
    assert taken_for_sound(tmp_path / "model.json") == []


def test_without_the_checksum_a_flipped_bit_would_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the checksum that sees the damage: with one that is always the same, wrong numbers are loaded."""
    monkeypatch.setattr(files, "_checksum", lambda content: "always the same")
    assert len(taken_for_sound(tmp_path / "model.json")) > 20


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    """A file cut off anywhere, the empty one included, is an error and changes no parameter."""
    path = tmp_path / "model.json"
    neuron(0.1, -2e-7).save(path, extra=[1.0])
    whole, model = path.read_bytes(), neuron(1.0, 2.0)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model.json is no file that scalargrad saved, or is damaged"):
            model.load(path)
    assert bits(model) == bits(neuron(1.0, 2.0))
    path.write_bytes(whole)
    model.load(path)
    assert bits(model) == bits(neuron(0.1, -2e-7))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", "café".encode("latin-1"), b"null", b"[]", b"1", b'"text"', b"{}", b"[" * 100_000, b"NaN"],
    ids=lambda content: repr(content[:8]),
)
def test_a_file_of_something_else_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A file that scalargrad did not write is an error that names it, and changes no parameter."""
    path = tmp_path / "model.json"
    path.write_bytes(content)
    model = neuron(1.0, 2.0)
    with pytest.raises(ValueError, match=r"model.json is no file that scalargrad saved"):
        model.load(path)
    assert bits(model) == bits(neuron(1.0, 2.0))


@pytest.mark.parametrize("place", ["absent.json", "."])
def test_a_file_that_cannot_be_read_is_an_os_error(tmp_path: Path, place: str) -> None:
    """Loading what is not there, or a directory, is an OSError."""
    with pytest.raises(OSError, match="Errno"):
        neuron(1.0, 2.0).load(tmp_path / place)


# ---------------------------------------------------------------- another model


@pytest.mark.parametrize(
    "other",
    [
        nn.MLP(2, [3, 2], rng=1),
        nn.MLP(2, [3, 1], "tanh", rng=1),
        nn.MLP(2, [3, 1], output="tanh", rng=1),
        nn.MLP(2, [1, 3, 1], rng=1),
        nn.Layer(2, 3, rng=1),
        nn.Neuron(2, rng=1),
    ],
    ids=repr,
)
def test_a_file_of_another_architecture_is_an_error(tmp_path: Path, other: nn.Module) -> None:
    """Another size or activation is an error that shows both models, and leaves this one as it was."""
    nn.MLP(2, [3, 1], rng=0).save(tmp_path / "model.json")
    before = bits(other)
    with pytest.raises(ValueError, match=r"model.json holds MLP\(2, \[3, 1\].* does not fit") as caught:
        other.load(tmp_path / "model.json")
    assert repr(other) in str(caught.value)
    assert bits(other) == before


class Shape(nn.Module):
    """A module that looks the same whatever its size."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = [Value(number) for number in numbers]

    def __repr__(self) -> str:
        return "Shape()"


@pytest.mark.parametrize(("size", "fault"), [(1, "1 unknown"), (3, "1 missing")])
def test_a_file_of_another_size_is_an_error(tmp_path: Path, size: int, fault: str) -> None:
    """Parameters missing from the file, or from the model, are an error and change nothing."""
    Shape(1.0, 2.0).save(tmp_path / "model.json")
    model = Shape(*[5.0] * size)
    with pytest.raises(ValueError, match=fault):
        model.load(tmp_path / "model.json")
    assert bits(model) == [(5.0).hex()] * size


def test_a_later_format_is_told_from_damage(tmp_path: Path) -> None:
    """A file of a format to come is not called damaged."""
    path = tmp_path / "model.json"
    neuron(1.0, 2.0).save(path)
    path.write_text(path.read_text().replace('"scalargrad": 1', '"scalargrad": 2'))
    with pytest.raises(ValueError, match="is of format 2, which this version of scalargrad cannot read"):
        neuron(3.0, 4.0).load(path)


def test_a_parameter_that_cannot_be_saved_is_named(tmp_path: Path) -> None:
    """A model that has diverged is refused by the name of a parameter that is nan."""
    with pytest.raises(ValueError, match=r"cannot save weights\.0 = nan"):
        neuron(float("nan"), 2.0).save(tmp_path / "model.json")


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    """Where a file cannot be written, the error names it, and not the temporary file beside it."""
    path = tmp_path / "missing" / "model.json"
    with pytest.raises(FileNotFoundError) as caught:
        files.write(path, {"model": "x"})
    assert caught.value.filename == str(path)


# ---------------------------------------------------------------- what a name ends in


@pytest.mark.parametrize(
    ("path", "complete"),
    [
        ("neuron.svg", "neuron.svg"),
        ("neuron.PNG", "neuron.PNG"),
        ("neuron", "neuron.svg"),
        ("v1.2/neuron", "v1.2/neuron.svg"),
        (Path("a") / "neuron.png", "a/neuron.png"),
        (Path(".neuron"), ".neuron.svg"),
    ],
)
def test_a_name_is_completed(path: str | Path, complete: str) -> None:
    """A name that ends in none of the suffixes gets the first, and one that does is left as it is, in capitals too."""
    assert files.completed(path, ("svg", "png"), "a picture") == complete


@pytest.mark.parametrize("path", ["neuron.html", "neuron.v2", "neuron.", "", "folder/", Path("neuron.svg.txt")])
def test_a_name_that_ends_otherwise_is_refused(path: str | Path) -> None:
    """Any other suffix is an error that shows the name and the suffixes that there are; so is no name at all."""
    with pytest.raises(
        ValueError, match=f"the name of a picture ends in .svg or .png, got {re.escape(repr(str(path)))}$"
    ):
        files.completed(path, ("svg", "png"), "a picture")
