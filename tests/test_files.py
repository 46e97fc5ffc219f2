"""Files: floats come back exactly; a file is whole or not there at all; a damaged one changes nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad import Value, files, nn


def neuron(*numbers: float) -> nn.Neuron:
    """A linear neuron with these weights and, last, this bias."""
    neuron = nn.Neuron(len(numbers) - 1, None)
    for parameter, number in zip(neuron.parameters(), numbers, strict=True):
        parameter.data = number
    return neuron


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
    """A file is saved where a string, bytes or a path says, also when that is relative or of any script."""
    monkeypatch.chdir(tmp_path)
    paths: list[Any] = ["model", "模型 ≈.json", Path("model.json"), tmp_path / "whole.json", "bytes ≈.json".encode()]
    for path in paths:
        neuron(1.0, 2.0).save(path)
        assert bits(neuron(0.0, 0.0)) != bits(neuron(1.0, 2.0))
        loaded = neuron(0.0, 0.0)
        assert loaded.load(path) is None
        assert bits(loaded) == bits(neuron(1.0, 2.0))
    assert len(os.listdir(tmp_path)) == 5
    with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike object, not int"):
        neuron(1.0, 2.0).save(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^bytes ≈.json holds .*, which does not fit MLP"):
        nn.MLP(2, [1]).load(paths[-1])


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
    """A process killed while saving leaves the file as it was, and scraps that the next save to it removes."""
    path = tmp_path / "model.json"
    neuron(1.0, 2.0).save(path)
    ended = subprocess.run([sys.executable, "-c", KILLED, path], check=False, cwd=Path(nn.__file__).parents[1])
    assert ended.returncode == -signal.SIGKILL
    loaded = neuron(3.0, 4.0)
    loaded.load(path)
    assert bits(loaded) == bits(neuron(1.0, 2.0))
    assert len(list(tmp_path.iterdir())) == 2
    neuron(5.0, 6.0).save(tmp_path / "other.json")
    assert len(list(tmp_path.iterdir())) == 3
    neuron(5.0, 6.0).save(path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"model.json", "other.json"}


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


@pytest.mark.no_cover  # traced line by line, it would take several times as long
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
        with pytest.raises(ValueError, match=r"model.json is not a file that scalargrad saved, or is damaged"):
            model.load(path)
    assert bits(model) == bits(neuron(1.0, 2.0))
    path.write_bytes(whole)
    model.load(path)
    assert bits(model) == bits(neuron(0.1, -2e-7))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        "café".encode("latin-1"),
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"NaN",
        b"9" * 5000,
        b'{"scalargrad": true}',
        b'{"scalargrad": 0}',
    ],
    ids=lambda content: repr(content[:8]),
)
def test_a_file_of_something_else_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A file that scalargrad did not write is an error that names it, and changes no parameter."""
    path = tmp_path / "model.json"
    path.write_bytes(content)
    model = neuron(1.0, 2.0)
    with pytest.raises(ValueError, match=r"model.json is not a file that scalargrad saved"):
        model.load(path)
    assert bits(model) == bits(neuron(1.0, 2.0))


@pytest.mark.parametrize("place", ["absent.json", ".", "pipe", "socket"])
def test_a_file_that_cannot_be_read_is_an_os_error(tmp_path: Path, place: str) -> None:
    """Loading what is not there, a directory, or a pipe that nobody writes to, is an OSError at once."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "socket"))
        with pytest.raises(OSError, match=rf"\[Errno \d+\] .*{tmp_path}"):
            neuron(1.0, 2.0).load(tmp_path / place)


def sealed(content: dict[str, Any], version: object = 1) -> bytes:
    """A file with this content and the checksum that belongs to it."""
    checksum = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({"scalargrad": version, "sha256": checksum, **content}).encode()


def good() -> dict[str, Any]:
    """The content of a file of a neuron of two parameters."""
    return {"model": repr(neuron(1.0, 2.0)), "parameters": {"weights.0": 3.0, "bias": 4.0}, "extra": None}


def refused(path: Path, file: bytes) -> str:
    """Load a file, and return why it is refused; the model stays as it was."""
    path.write_bytes(file)
    model = neuron(1.0, 2.0)
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        model.load(path)
    assert bits(model) == bits(neuron(1.0, 2.0))
    return str(caught.value)


def test_a_sealed_file_is_loaded(tmp_path: Path) -> None:
    """Negative control: what the tests below spoil is loaded as long as it is whole."""
    (tmp_path / "model.json").write_bytes(sealed(good()))
    model = neuron(1.0, 2.0)
    model.load(tmp_path / "model.json")
    assert bits(model) == bits(neuron(3.0, 4.0))


DEEP: Any = json.loads("[" * 300 + "]" * 300)

UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "holds no model, which does not fit Neuron"),
    ({"model": DEEP}, "holds no model, which does not fit Neuron"),
    ({"model": {"a": 1}}, "holds no model, which does not fit Neuron"),
    ({"parameters": None}, "the state must be a dict of numbers by name, got a NoneType"),
    ({"parameters": [3.0, 4.0]}, "the state must be a dict of numbers by name, got a list"),
    ({"parameters": DEEP}, "the state must be a dict of numbers by name, got a list"),
    ({"parameters": {"weights.0": 3.0}}, r"1 missing \(bias\)"),
    ({"parameters": {"weights.0": 3.0, "bias": 4.0, "b": 1.0}}, r"1 unknown \(b\)"),
    ({"parameters": {"weights.0": 3.0, "bias": True}}, "bias must be a real number, got True of type bool"),
    ({"parameters": {"weights.0": 3.0, "bias": "4.0"}}, "bias must be a real number, got '4.0' of type str"),
    ({"parameters": {"weights.0": 3.0, "bias": DEEP}}, "bias must be a real number, got .* of type list"),
    ({"parameters": {"weights.0": 3.0, "bias": 10**400}}, "bias must be within the range of floats"),
    ({"parameters": {"weights.0": float("nan"), "bias": 4.0}}, "NaN is no finite number"),
    ({"parameters": {"weights.0": 3.0, "bias": float("-inf")}}, "-Infinity is no finite number"),
    ({"extra": [float("inf")]}, "Infinity is no finite number"),
    ({"surplus": 1}, "does not hold format 1 with model, parameters, extra"),
]


@pytest.mark.parametrize(("change", "reason"), UNFIT, ids=[reason for _, reason in UNFIT])
def test_a_sealed_file_of_other_content_is_an_error(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    """A file whose checksum is right and whose content is not is a ValueError that names the file and the fault."""
    assert re.search(reason, refused(tmp_path / "model.json", sealed(good() | change)))


def test_what_json_itself_lets_pass_is_an_error(tmp_path: Path) -> None:
    """Refused: a key that stands twice, a number beyond floats, a byte order mark, a format that is no integer."""
    path, whole = tmp_path / "model.json", sealed(good())
    assert "the key 'bias' stands twice" in refused(path, whole.replace(b'"bias"', b'"bias": 1.0, "bias"'))
    assert "1e999 is no finite number" in refused(path, whole.replace(b"4.0", b"1e999"))
    assert "BOM" in refused(path, b"\xef\xbb\xbf" + whole)
    for version in (True, 1.0, "1", None, 0, -1):
        assert "is not a file that scalargrad saved" in refused(path, sealed(good(), version))


@given(st.data())
def test_whatever_a_file_holds_only_the_documented_errors_come(data: st.DataObject) -> None:
    """A file of any bytes, any JSON, or any JSON under a right checksum is loaded, or a ValueError that names it."""
    anything = JSON | st.just(float("nan")) | st.just(10**400)
    numbers = st.fixed_dictionaries({"weights.0": anything, "bias": FINITE})
    part = st.fixed_dictionaries(
        {"model": st.just(good()["model"]) | anything, "parameters": numbers | anything, "extra": anything}
    )
    file = data.draw(st.binary() | anything.map(lambda x: json.dumps(x).encode()) | part.map(sealed))
    model = neuron(1.0, 2.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_bytes(file)
        try:
            model.load(path)
            stored = json.loads(file)["parameters"]
            expected = neuron(stored["weights.0"], stored["bias"])
        except ValueError as error:
            complaint, expected = str(error), neuron(1.0, 2.0)
        else:
            complaint = str(path)
    assert str(path) in complaint
    assert bits(model) == bits(expected)


@pytest.mark.parametrize("extra", [{1: "a", "1": "b"}, [{None: 1, "null": 2}]])
def test_keys_that_json_spells_alike_are_not_saved(tmp_path: Path, extra: object) -> None:
    """An extra of which a part would be lost is an error, and nothing is written."""
    with pytest.raises(ValueError, match="stands twice in one dict"):
        neuron(1.0, 2.0).save(tmp_path / "model.json", extra)
    assert not list(tmp_path.iterdir())


def test_an_extra_nested_too_deeply_is_not_saved(tmp_path: Path) -> None:
    """An extra that could not be read again is a ValueError, and nothing is written."""
    extra: list[object] = []
    for _ in range(100_000):
        extra = [extra]
    with pytest.raises(ValueError, match="nested so deeply"):
        neuron(1.0, 2.0).save(tmp_path / "model.json", extra)
    assert not list(tmp_path.iterdir())


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


def test_a_later_format_is_not_taken_for_damage(tmp_path: Path) -> None:
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
    assert str(path) in str(caught.value)


# ---------------------------------------------------------------- whatever the path names


def write(path: Path | str) -> None:
    """Write a file that is to hold the word new."""
    files.write_whole(path, b"new")


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o755, 0o666, 0o200])
def test_a_file_keeps_its_permissions(tmp_path: Path, permissions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is replaced keeps its mode, and nobody can read more of it at any moment on the way."""
    path = tmp_path / "model.json"
    path.write_bytes(b"old")
    path.chmod(permissions)
    seen: list[int] = []
    lock = files._lock

    def locked(handle: int) -> bool | None:
        seen.append(os.fstat(handle).st_mode)
        return lock(handle)

    monkeypatch.setattr(files, "_lock", locked)
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(os.fstat(handle).st_mode))
    write(path)
    assert mode(path) == permissions
    created, finished, _folder = map(stat.S_IMODE, seen)
    assert finished == permissions
    assert created == 0o600


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path, mask: int) -> None:
    """The umask decides who may read a file that is new."""
    before = os.umask(mask)
    try:
        write(tmp_path / "model.json")
    finally:
        os.umask(before)
    assert mode(tmp_path / "model.json") == 0o666 & ~mask


@pytest.mark.parametrize("owned", ["by another", "by this user"])
def test_a_file_keeps_its_owner_or_is_left_alone(tmp_path: Path, owned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is replaced keeps owner and group; where the system forbids that, it stays as it was."""
    path = tmp_path / "model.json"
    path.write_bytes(b"old")
    own, given_away = path.stat(), []
    fields = list(own)
    fields[4] += owned == "by another"
    monkeypatch.setattr(files, "_regular", lambda name: os.stat_result(fields))
    monkeypatch.setattr(os, "chown", lambda name, user, group: given_away.append((user, group)))
    write(path)
    assert given_away == ([(own.st_uid + 1, own.st_gid)] if owned == "by another" else [])
    assert path.read_bytes() == b"new"

    def forbidden(name: str, *_: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", name)

    monkeypatch.setattr(os, "chown", forbidden)
    path.write_bytes(b"old")
    if owned == "by another":
        with pytest.raises(PermissionError, match=rf"Owner or group cannot be kept.*{path}"):
            write(path)
    else:
        write(path)
    assert path.read_bytes() == (b"old" if owned == "by another" else b"new")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_root_gives_a_file_back_to_its_owner(tmp_path: Path) -> None:
    """What root writes belongs to whom it belonged."""
    path = tmp_path / "model.json"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    write(path)
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode(path), path.read_bytes()) == (12345, 23456, 0o640, b"new")


def test_a_read_only_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that nobody may write to is not replaced, by root neither; nor is one that this user may not write to."""
    path = tmp_path / "model.json"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=rf"Read-only, which holds for root.*{path}"):
        write(path)
    path.chmod(0o644)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda name, kind: False)
        with pytest.raises(PermissionError, match=rf"Permission denied.*{path}"):
            write(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write(path)
    assert path.read_bytes() == b"new"


def refusal(path: Path | str) -> OSError:
    """The error for a path that names no file; its folder stays as it was."""
    folder = Path(path).parent
    before = {entry.name: entry.lstat().st_ino for entry in folder.iterdir()} if folder.is_dir() else None
    with pytest.raises(OSError, match=re.escape(f"'{path}'")) as caught:
        write(path)
    if before is not None:
        assert {entry.name: entry.lstat().st_ino for entry in folder.iterdir()} == before
    return caught.value


def test_what_is_no_regular_file_stays(tmp_path: Path) -> None:
    """A pipe, a socket, a device and a folder are refused by the name that was given, also behind a link."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "device").symlink_to(os.devnull)
    (tmp_path / "circle").symlink_to("circle")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "socket"))
        for name in ("pipe", "socket", "link", "device"):
            assert refusal(tmp_path / name).errno == errno.EINVAL
    assert isinstance(refusal(tmp_path / "folder"), IsADirectoryError)
    assert refusal(tmp_path / "circle").errno == errno.ELOOP
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    with pytest.raises(ValueError, match=r"a picture is written to a regular file, got .*pipe"):
        files.completed(tmp_path / "pipe", ("svg",), "a picture")


@pytest.mark.parametrize("name", ["", "new/", "new/.", "missing/new", "missing/../new", "file/new", "file/", "."])
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name, the name of a folder, and a file in a folder that is missing are errors, as for open()."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OSError, match=rf"'{name}'$"):
        write(name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    with pytest.raises(OSError, match="Errno"):
        open(name, "wb")  # noqa: SIM115  # the oracle


def test_links_lead_to_the_file(tmp_path: Path) -> None:
    """A symbolic link stays one and its file is written, also a missing one; a hard link keeps the old content."""
    (tmp_path / "a").mkdir()
    for name in ("file", "missing"):
        (tmp_path / f"to {name}").symlink_to(f"a/{name}")
    (tmp_path / "a" / "file").write_bytes(b"old")
    os.link(tmp_path / "a" / "file", tmp_path / "hard")
    for name in ("file", "missing"):
        write(tmp_path / f"to {name}")
        assert (tmp_path / f"to {name}").is_symlink()
        assert (tmp_path / "a" / name).read_bytes() == b"new"
    assert (tmp_path / "hard").read_bytes() == b"old"
    assert sorted(entry.name for entry in (tmp_path / "a").iterdir()) == ["file", "missing"]


@pytest.mark.parametrize("name", ["m" * 255, "é" * 127, "模" * 85])
def test_a_name_may_be_as_long_as_names_are(tmp_path: Path, name: str) -> None:
    """A file name of 255 bytes is written; one that is longer is refused by that name."""
    write(tmp_path / name)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert refusal(tmp_path / f"{name}{name}").errno == errno.ENAMETOOLONG


def test_a_full_disk_is_an_error_with_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the system that names no file is given the name that was asked for, and no scraps are left."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert refusal(tmp_path / "model.json").errno == errno.ENOSPC


def test_an_error_without_a_number_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An OSError that is not the system's is handed on as it is."""
    own = OSError("no number")

    def fail(_: int) -> None:
        raise own

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no number") as caught:
        write(tmp_path / "model.json")
    assert caught.value is own


# ---------------------------------------------------------------- a crash, and others at work


def abandoned(folder: Path, name: str) -> list[Path]:
    """The temporary files of a path."""
    return [entry for entry in folder.iterdir() if entry.name.startswith(".scalargrad-") and entry.name != name]


def test_the_folder_is_synchronized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the file, and after it has its name, its folder is synchronized, so that a power cut loses neither."""
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synchronized(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def replaced(source: str, target: str) -> None:
        done.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synchronized)
    monkeypatch.setattr(os, "replace", replaced)
    write(tmp_path / "model.json")
    assert done == ["file", "replace", "folder"]


@pytest.mark.parametrize(("number", "raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_folder_that_cannot_be_synchronized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: bool
) -> None:
    """Where a file system has no such thing the file is written all the same; that a disk fails is an error."""
    fsync = os.fsync

    def synchronized(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", synchronized)
    path = tmp_path / "model.json"
    if raised:
        with pytest.raises(OSError, match=rf"{os.strerror(number)}.*{path}"):
            write(path)
    else:
        write(path)
    assert path.read_bytes() == b"new"


def test_a_folder_that_may_not_be_read_can_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that this user may write to but neither list nor open takes a file all the same."""

    def forbidden(folder: object, *_: object) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    opened = os.open
    monkeypatch.setattr(os, "listdir", forbidden)
    monkeypatch.setattr(
        os, "open", lambda path, *rest: forbidden(path) if path == str(tmp_path) else opened(path, *rest)
    )
    write(tmp_path / "model.json")
    assert (tmp_path / "model.json").read_bytes() == b"new"


@pytest.mark.parametrize("missing", ["fcntl", "locks"])
def test_without_locks_files_are_written_and_scraps_left_alone(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files cannot be locked, they are written, and no file of a writer that may be alive is removed."""
    scrap = leave_scrap(tmp_path / "model.json", monkeypatch)
    with monkeypatch.context() as patch:
        if missing == "fcntl":
            patch.setitem(sys.modules, "fcntl", None)
        else:

            def flock(*_: int) -> None:
                raise OSError(errno.ENOLCK, "No locks available")

            patch.setattr("fcntl.flock", flock)
        write(tmp_path / "model.json")
        assert scrap.exists()
    assert (tmp_path / "model.json").read_bytes() == b"new"
    write(tmp_path / "model.json")
    assert not scrap.exists()


def leave_scrap(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary file as a crash leaves it."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", lambda name: None)
        patch.setattr(os, "replace", refusing)
        with pytest.raises(Unwilling):
            write(path)
    (scrap,) = abandoned(path.parent, path.name)
    return scrap


@pytest.mark.parametrize("has_reader", [True, False])
def test_a_pipe_named_like_a_scrap_is_left_alone(
    has_reader: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is named like a temporary file, but is a pipe, is neither waited for nor removed."""
    scrap = leave_scrap(tmp_path / "model.json", monkeypatch)
    scrap.unlink()
    os.mkfifo(scrap)
    reader = os.open(scrap, os.O_RDONLY | os.O_NONBLOCK) if has_reader else None
    writer = threading.Thread(target=write, args=(tmp_path / "model.json",), daemon=True)
    writer.start()
    writer.join(60)
    assert not writer.is_alive()
    assert (tmp_path / "model.json").read_bytes() == b"new"
    assert scrap.is_fifo()
    if reader is not None:
        os.close(reader)


def test_the_scraps_of_a_live_writer_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer removes what a crash left, but not the file of another that is at work; the last to finish stays."""
    path = tmp_path / "model.json"
    scrap = leave_scrap(path, monkeypatch)
    replace, waiting, go_on = os.replace, threading.Event(), threading.Event()
    first: list[str] = []

    def slow(source: str, target: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            first.append(source)
            waiting.set()
            assert go_on.wait(60)
        replace(source, target)

    monkeypatch.setattr(os, "replace", slow)
    writer = threading.Thread(target=files.write_whole, args=(path, b"first"))
    writer.start()
    assert waiting.wait(60)
    write(path)
    assert path.read_bytes() == b"new"
    assert abandoned(tmp_path, path.name) == [Path(first[0])]
    assert not scrap.exists()
    go_on.set()
    writer.join()
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["locked by the other", "removed by the other"])
def test_a_file_taken_for_a_scrap_is_made_again(tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another writer comes between making a temporary file and locking it, a new one is made."""
    lock, calls = files._lock, []

    def late(handle: int) -> bool | None:
        calls.append(handle)
        if len(calls) > 1:
            return lock(handle)
        (temporary,) = abandoned(tmp_path, "model.json")
        temporary.unlink()
        return False if moment == "locked by the other" else lock(handle)

    monkeypatch.setattr(files, "_lock", late)
    write(tmp_path / "model.json")
    assert len(calls) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.json"]
    assert (tmp_path / "model.json").read_bytes() == b"new"


def test_many_processes_write_one_file(tmp_path: Path) -> None:
    """Processes that write one path at once leave one of their files, whole, and nothing beside it."""
    program = (
        "import sys; from scalargrad import files\n"
        "for i in range(40): files.write_whole(sys.argv[1], sys.argv[2].encode() * 5000)"
    )
    root = Path(nn.__file__).parents[1]
    path = tmp_path / "model.json"
    writers = [subprocess.Popen([sys.executable, "-c", program, path, word], cwd=root) for word in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert path.read_bytes() in {word * 5000 for word in (b"a", b"b", b"c")}
    assert list(tmp_path.iterdir()) == [path]


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
