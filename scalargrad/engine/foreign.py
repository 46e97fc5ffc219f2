"""Names that a Value has in other libraries: reading one says what to write here."""

from __future__ import annotations

from typing import NoReturn

FOREIGN = {
    "item": "write x.data for the number",
    "numpy": "write x.data for the number",
    "tolist": "write x.data for the number",
    "cpu": "write x.data for the number",
    "detach": "write x.data for the number, or x.stop_gradient() for a Value that passes no gradient on",
    "clone": "write copy.copy(x), or copy.deepcopy(x) to copy the graph as well",
    "requires_grad": "every Value takes a gradient; use a number, or x.stop_gradient(), where none is wanted",
    "requires_grad_": "every Value takes a gradient; use a number, or x.stop_gradient(), where none is wanted",
    "retain_grad": "every Value keeps its gradient in x.grad",
    "grad_fn": "write x.op for the operation, and x.args for its operands",
    "is_leaf": "write x.op is None",
    "_backward": (
        "scalargrad.steps(result).next_node() makes the contributions of one node. x.op holds the rules, "
        "x.local_gradients their numbers; declare your own with scalargrad.primitive"
    ),
    "getValue": "write x.data",
    "getDerivative": "write x.grad",
    "setDerivative": "write x.backward(gradient)",
}


class ForeignName:
    """An attribute that cannot be read: the error says what to write instead, and `hasattr` is False.

    A class with `__getattr__` could do the same, but all its other attributes would be slower.
    """

    def __init__(self, name: str) -> None:
        self.message = f"a Value has no {name}: {FOREIGN[name]}"

    def __get__(self, value: object, owner: type) -> NoReturn:
        raise AttributeError(self.message)
