"""What a reader finds in the text of a program: every name has an origin, and each layer one number."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from scalargrad.lifting.source import Source, tables_as_text
from scalargrad.lifting.specialised import Specialised
from scalargrad.lifting.target import chosen
from tests.lifting.nets import Net, attention, convolution, dense, pairwise, scattered
from tests.lifting.recurrences import gru, kalman, letters, lstm, rnn, rnn_from_zero, stacked

pytest.importorskip("jax")
whole = pytest.mark.no_cover  # programs of whole networks, which the tests of their parts cover

TARGETS = ("numpy", "jax", "python")
STEPS = 5
MADE: dict[str, Callable[[], Any]] = {
    **{one.__name__: partial(one, STEPS) for one in (rnn, rnn_from_zero, lstm, gru, kalman, letters, stacked)},
    "dense": partial(dense, pairwise),
    "attention": attention,
    "convolution": convolution,
    "scattered": scattered,
}


@cache
def written(name: str, target: str, kind: str = "value_and_grad") -> Source:
    """The source of a function of a program."""
    made = MADE[name]()
    function, parameters, batch = (made.loss, made.parameters, made.batch) if isinstance(made, Net) else made
    shapes = tuple([np.shape(column)[1:] for column in batch])
    program = Specialised(
        function, parameters, shapes, chosen(target, "float64" if target == "python" else "float32"), has_aux=False
    )
    source: Source = program.runner(kind).source
    return source


each_target = pytest.mark.parametrize("target", TARGETS)
each_text = pytest.mark.parametrize("name", MADE)

# ---------------------------------------------------------------- names


def read(text: str) -> set[str]:
    """The names that a text reads."""
    return {
        node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def without_origin(text: str) -> set[str]:
    """The names in a text that it neither defines nor lists as given."""
    known = set(dir(builtins))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            known.add(node.name)
        elif isinstance(node, ast.alias):
            known.add((node.asname or node.name).split(".")[0])
    return read(text) - known - given(text)


def given(text: str) -> set[str]:
    """The names that a text lists as given."""
    entry = r"(?:^|, (?:and )?)(?:the function )?([A-Za-z_]\w*)(?=,| of |$)"
    return {name for line in re.findall(r"# given: (.*)", text) for name in re.findall(entry, line)}


@whole
@each_target
@each_text
@pytest.mark.parametrize("kind", ["forward", "value_and_grad"])
def test_every_name_has_an_origin(name: str, target: str, kind: str) -> None:
    """A text defines each name that it reads, or lists it as given; and it lists nothing that it does not read."""
    text = written(name, target, kind).text
    assert not without_origin(text)
    assert given(text) <= read(text)
    if target == "numpy":
        assert ("gradient" in given(text)) == (kind == "value_and_grad")


def test_a_name_without_an_origin_is_seen() -> None:
    """Negative control: attention without its list, or with a name in it that nothing reads; and a missing import."""
    text = written("attention", "numpy").text
    assert given(text.replace("# given: ", "# given: idle, ")) - read(text) == {"idle"}
    assert without_origin(re.sub("# given: .*", "", text)) >= {"theta", "gradient", "B"}
    assert without_origin(written("scattered", "jax").text.replace("import jax.numpy as jnp", "")) == {"jnp"}


def test_small_tables_are_written_and_large_ones_have_a_shape() -> None:
    """A small table stands in the text number by number, in its precision, and any other with its shape."""
    tables = {
        "a": np.array([[0.5, np.nan], [-np.inf, -0.0]]),
        "b": np.array([0.1], np.float32),
        "c": np.arange(17),
        "sinc": len,
    }
    lines, others = tables_as_text(tables)
    assert others == ["c of shape (17,)", "the function sinc"]
    made: dict[str, Any] = {"np": np}
    exec("\n".join(lines), made)  # noqa: S102  # text that this package writes
    for name in ("a", "b"):
        assert made[name].dtype == tables[name].dtype  # type: ignore[attr-defined]  # an array
        assert made[name].tobytes() == tables[name].tobytes()  # type: ignore[attr-defined]  # an array


@whole
@each_text
def test_a_text_runs_with_what_it_defines(name: str) -> None:
    """What a text for plain Python defines is what the program runs with."""
    source = written(name, "python")
    made: dict[str, Any] = {}
    exec(source.text, made)  # noqa: S102  # text that this package writes
    for known, own in source.namespace.items():
        if known not in given(source.text):
            assert made[known] is own or list(made[known]) == list(own)


def test_a_text_says_what_it_does_not_read() -> None:
    """A function for plain Python has arguments for all programs, and says which it leaves alone."""
    assert "it does not read direction or captured\n" in written("rnn", "python").text
    assert "it does not read captured\n" in written("rnn", "python", "hvp").text


# ---------------------------------------------------------------- layers


def layers(text: str) -> tuple[list[int], list[int]]:
    """The numbers of the layers in the comments of a text, forward and backward."""
    forward, backward = (re.findall(rf"# {start} (\d+)", text) for start in ("layer", "backward through layer"))
    return list(map(int, forward)), list(map(int, backward))


@whole
@pytest.mark.parametrize("target", ["numpy", "jax"])
@each_text
def test_backward_layers_are_those_of_the_forward_pass(name: str, target: str) -> None:
    """The backward pass goes through layers that the forward pass has, which are numbered without a gap."""
    forward, backward = layers(written(name, target).text)
    assert set(backward) <= set(forward)
    assert sorted(set(forward)) == [*range(1, 1 + len(set(forward)))]
    assert backward or not forward


def test_a_wrong_number_is_seen() -> None:
    """Negative control: a layer that is counted again in each step."""
    text = written("rnn", "jax").text.replace("backward through layer 1", "backward through layer 5")
    forward, backward = layers(text)
    assert (forward, backward) == ([1], [5])


@whole
@pytest.mark.parametrize("target", ["numpy", "jax"])
@each_text
def test_parameters_are_sliced_once(name: str, target: str) -> None:
    """No two names stand for the same slice of the parameters."""
    slices = re.findall(r"^ *\w+ = (theta\[.*)$", written(name, target).text, flags=re.MULTILINE)
    assert len(set(slices)) == len(slices)


@pytest.mark.parametrize("target", ["numpy", "jax"])
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("rnn", "3 + 4 → 4"), ("lstm", "3 → 16"), ("dense", "6 → 5"), ("convolution", "9 → 2"), ("attention", "3 → 7")],
)
def test_the_sizes_of_a_layer_are_those_of_one_step(name: str, sizes: str, target: str) -> None:
    """A comment has the numbers of inputs and of outputs of a layer for one step or place."""
    assert f"# layer 1: {sizes}" in written(name, target).text


# ---------------------------------------------------------------- operations


@pytest.mark.parametrize("target", ["numpy", "jax"])
def test_what_nobody_has_written_is_explained(target: str) -> None:
    """Above the first clip of a softmax stands what it is for, and only there."""
    assert written("attention", target).text.count("held_finite: the nearest finite number") == 1
    assert "held_finite" not in written("rnn", target).text
