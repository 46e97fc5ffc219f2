"""What holds for every module: it is drawn as a box, its backward pass has steps, and it is saved and copied."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from pathlib import Path

import pytest

from scalargrad import draw, nn, steps, total
from scalargrad.explain import page_data
from tests.nn.modules import EXAMPLES, bits, results

every_module = pytest.mark.parametrize("kind", EXAMPLES)


def test_every_module_has_an_example() -> None:
    """The examples are of all classes of modules, apart from the base classes."""
    classes = [own for name in nn.__all__ if inspect.isclass(own := getattr(nn, name)) and issubclass(own, nn.Module)]
    assert {own.__name__ for own in classes} - {"Module", "Recurrence"} == set(EXAMPLES)
    assert all(type(make()[0]).__name__ == kind for kind, make in EXAMPLES.items())


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind != "Embedding"])
def test_it_is_drawn_as_a_box(kind: str) -> None:
    """Open, it is a frame with its name and class around all of its parameters; closed, it is one box that says both.

    An Embedding has no box: it returns its parameters as they are.
    """
    model, given = EXAMPLES[kind]()
    returned = results(model(given))
    box, *_ = boxes = page_data(returned, names={"model": model})["boxes"]
    assert (box["name"], box["kind"], [own["parent"] for own in boxes].count(None)) == ("model", kind, 1)
    walk = steps(returned)
    inside = {walk.order[place] for place in box["nodes"]}
    assert {walk.order[place] for place in box["results"]} >= set(returned)  # a state, too
    assert not inside.intersection(results(given))
    assert inside >= set(walk.order).intersection(model.parameters())
    frame = draw(returned, collapse="none", names={"model": model}).source
    assert f">model ({kind})<" in frame
    closed = draw(returned, limit=len(walk.order) - len(inside) + 1, names={"model": model}).source
    assert re.search(rf">model<.*>{kind}\b[^<]* values hidden<", closed)
    assert closed.count("hidden<") == 1


@every_module
def test_its_steps_go_to_the_end_and_back(kind: str) -> None:
    """Forwards, step by step, the totals become the gradients; back again, they are at each place what they were."""
    model, given = EXAMPLES[kind]()
    end = total(y * factor for factor, y in enumerate(results(model(given)), start=1))
    end.backward()
    walk, before = steps(end), []
    while True:
        before.append(walk.totals())
        if walk.next() is None:
            break
    assert {node: reached for node, reached in walk.totals().items() if reached != node.grad} == {}
    assert len(before) == len(walk) + 1
    while before:
        assert walk.totals() == before.pop()
        assert (walk.back() is None) == (not before)


@every_module
def test_it_is_saved_and_copied(kind: str, tmp_path: Path) -> None:
    """A file, a pickle and a copy have all the parameters, by name, and none of them is shared."""
    model, _ = EXAMPLES[kind]()
    for parameter in model.parameters():
        parameter.data += 0.25
    model.save(tmp_path / "model.json")
    loaded, _ = EXAMPLES[kind]()
    loaded.load(tmp_path / "model.json")
    for other in (loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert (repr(other), bits(other)) == (repr(model), bits(model))
        assert not {id(p) for p in other.parameters()} & {id(p) for p in model.parameters()}
