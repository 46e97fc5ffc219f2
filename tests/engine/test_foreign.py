"""Names of other libraries on a Value: each is an error that gives ours, and none is there to be seen."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import micrograd.engine
import pytest

from scalargrad import Constant, Value
from scalargrad.engine.foreign import FOREIGN


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("value", [Value(2.0), Value(2.0) * 3, Constant(1.0)], ids=["leaf", "result", "constant"])
def test_a_foreign_name_says_what_to_write(value: Value, name: str) -> None:
    """Reading it is an AttributeError with a way out, so `hasattr` is False; it is in no list of attributes."""
    with pytest.raises(AttributeError, match=f"a Value has no {name}: ") as raised:
        getattr(value, name)
    assert str(raised.value).endswith(FOREIGN[name])
    assert not hasattr(value, name)
    assert not hasattr(Value, name)
    assert name not in dir(value)


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_offered_is_there(name: str) -> None:
    """Each attribute that such a message names exists."""
    result = Value(2.0) * 3
    for offered in re.findall(r"\bx\.(\w+)", FOREIGN[name]):
        assert hasattr(result, offered)
        assert offered in dir(result)


def test_names_of_other_libraries_are_listed() -> None:
    """A tensor's and micrograd's names are listed, but for those of micrograd's that Values have."""
    assert {"item", "detach", "numpy", "requires_grad", "grad_fn", "_backward"} <= {*FOREIGN}
    for name in set(vars(micrograd.engine.Value(1.0))) - {"_backward"}:
        assert name not in FOREIGN
        assert hasattr(Value(1.0), name)


def test_a_subclass_may_have_such_names() -> None:
    """An attribute or method of a subclass has the name to itself, in copies and pickles too."""
    weight = Tagged(2.0)
    weight.clone = "twin"
    for each in (weight, copy.deepcopy(weight), pickle.loads(pickle.dumps(weight))):
        assert (each.item(), each.clone) == (2.0, "twin")
        assert "item" not in FOREIGN or each.data == 2.0
        assert not hasattr(each, "detach")


class Tagged(Value):
    """A Value with attributes of its own."""

    clone: Any

    def item(self) -> float:
        return self.data
