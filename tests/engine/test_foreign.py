"""Names of other libraries, and misspelt ones: each is an error that gives ours, and none is there to be seen."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
from typing import Any

import micrograd.engine
import pytest

import scalargrad
from scalargrad import Constant, Value, grad, hessian, hvp, jacobian, jvp, nn, vjp
from scalargrad.engine.foreign import ARGUMENTS, FOREIGN, NAMES, nearest


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


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_foreign_argument_says_what_to_write(name: str) -> None:
    """A constructor's or a method's argument of another library is an error with a way out."""
    call: Any = Value(2.0).backward if name in {"retain_graph", "create_graph", "grad_tensors"} else Constant
    with pytest.raises(TypeError, match=f"^{call.__name__} has no argument {name}: ") as raised:
        call(1.0, **{name: True})
    assert str(raised.value).endswith(ARGUMENTS[name])


def test_micrograds_inner_constructor_says_what_to_write() -> None:
    """What micrograd's own methods call, with operands and a sign, is an error that says how a result is made here."""
    with pytest.raises(TypeError, match=r"^Value takes data and a label, got 3 arguments: write a\.tanh\(\)"):
        Value(0.5, (Value(1.0),), "tanh")  # type: ignore[arg-type]  # the mistake itself


def test_any_other_argument_is_refused() -> None:
    """A misspelt argument is corrected; another is refused with those that there are; a method's is Python's error."""
    with pytest.raises(TypeError, match=r"^Value has no argument lable: did you mean label\? It takes data, label$"):
        Value(1.0, lable="x")  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(TypeError, match=r"^Value has no argument colour: it takes data, label$"):
        Value(1.0, colour="x")  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Value(1.0).backward(colour=1)  # type: ignore[call-arg]  # the mistake itself


@pytest.mark.parametrize("differentiate", [grad, jacobian, hessian, jvp, vjp, hvp])
def test_a_function_is_refused_where_its_result_is_needed(differentiate: Any) -> None:
    """`grad(f)` of JAX is an error that calls f and names the function that takes one."""
    name = differentiate.__name__
    for more in [(), (Value(1.0),), (Value(1.0), [1.0])]:
        with pytest.raises(
            TypeError, match=rf"^{name} takes the result of a function, not .*: write {name}\(f\(x\), x"
        ):
            differentiate(lambda x: x * x, *more)


# ---------------------------------------------------------------- names of the package


@pytest.mark.parametrize("name", [*NAMES, "mse_loss"])
def test_a_foreign_name_of_the_package_says_what_to_write(name: str) -> None:
    """Both `scalargrad.name` and `from scalargrad import name` say it; and `hasattr` is False."""
    with pytest.raises(AttributeError, match=f"^scalargrad has no {name}: write .+"):
        getattr(scalargrad, name)
    with pytest.raises(ImportError, match=f"^scalargrad has no {name}: write .+"):
        exec(f"from scalargrad import {name}", {})  # noqa: S102  # the test's own line
    assert not hasattr(scalargrad, name)


def test_what_is_offered_for_a_name_is_there() -> None:
    """Each name of this library in such a message exists."""
    for message in NAMES.values():
        for path in re.findall(r"\bscalargrad((?:\.\w+)+)", message):
            held: Any = scalargrad
            for part in path[1:].split("."):
                held = getattr(held, part)


@pytest.mark.parametrize(
    ("module", "wrong", "right"),
    [(scalargrad, "cross_entrpy", "cross_entropy"), (scalargrad, "Valeu", "Value"), (nn, "Neurn", "Neuron")],
)
def test_a_misspelt_name_is_corrected(module: Any, wrong: str, right: str) -> None:
    """The error gives the name that was meant, once, also where Python would guess as well, and in an import."""
    with pytest.raises(AttributeError, match=rf"has no attribute '{wrong}': did you mean {right}\?$") as raised:
        getattr(module, wrong)
    assert "".join(traceback.format_exception(raised.value)).lower().count("did you mean") == 1
    with pytest.raises(ImportError, match=rf"did you mean {right}\?$"):
        exec(f"from {module.__name__} import {wrong}", {})  # noqa: S102  # likewise


def test_a_name_that_resembles_none_is_pythons_error() -> None:
    """Anything else is missing as from any module, and so is what programs look for in every module."""
    with pytest.raises(AttributeError, match=r"^module 'scalargrad' has no attribute 'tokenizer'$"):
        scalargrad.tokenizer  # type: ignore[attr-defined]  # noqa: B018  # reading it is the test
    with pytest.raises(AttributeError, match=r"^module 'scalargrad' has no attribute '__wrapped__'$"):
        scalargrad.__wrapped__  # type: ignore[attr-defined]  # noqa: B018  # likewise
    assert nearest("tokenizer", dir(scalargrad)) == ""
