"""The gradient checkers that are compared: this one, torch's and HIPS autograd's, each behind one method.

A fault is put into torch and autograd as an identity in front of an operand whose gradient is
multiplied; here the primitive itself is exchanged. The effect on every derivative is the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Protocol

import autograd.numpy as anp
import torch
from autograd.extend import defjvp, defvjp, primitive
from autograd.test_util import check_grads

import scalargrad
from benchmarks.cases import BINARY, UNARY, Case, Fault, run
from scalargrad import Value, gradcheck
from scalargrad.check import Report
from scalargrad.check.detects import spoiled
from scalargrad.engine import modes
from scalargrad.engine.declaration import named

Functions = dict[str, Callable[..., Any]]


class Checker(Protocol):
    """A gradient checker with its defaults."""

    name: str

    @staticmethod
    def verdict(case: Case, fault: Fault | None) -> str:
        """Return "passed", "failed" or "cannot tell" for a function with all rules right, or with one wrong."""


# ---------------------------------------------------------------- scalargrad


OURS: Functions = {
    **{name: named(name) for name in [*UNARY, *BINARY] if name != "square"},
    "square": lambda x: x**2,
}


class Ours:
    """`scalargrad.gradcheck`."""

    name = f"scalargrad {scalargrad.__version__}"

    @classmethod
    def verdict(cls, case: Case, fault: Fault | None) -> str:
        """As `Checker`."""
        return cls.word(cls.report(case, fault))

    @staticmethod
    def word(report: Report) -> str:
        """Return a report's verdict in a word."""
        return "failed" if report.wrong else "passed" if report else "cannot tell"

    @classmethod
    def report(cls, case: Case, fault: Fault | None) -> Report:
        """Return the whole report."""
        with cls._spoiled(fault):
            return gradcheck(lambda *inputs: run(case, inputs, OURS), *case.point)

    @staticmethod
    def names(report: Report, fault: Fault) -> bool:
        """Whether a report names the operation whose rule is wrong."""
        name = "power" if fault.name == "square" else fault.name
        return any(culprit.primitive == name for culprit in report.culprits)

    @classmethod
    def gradient(cls, case: Case, fault: Fault | None) -> list[float]:
        """Return the sweep's derivatives."""
        inputs = [Value(x) for x in case.point]
        with cls._spoiled(fault):
            run(case, inputs, OURS).backward()
        return [value.grad for value in inputs]

    @staticmethod
    def _spoiled(fault: Fault | None) -> Any:
        if fault is None:
            return nullcontext()
        op = named("power" if fault.name == "square" else fault.name)
        return modes.instead(op, spoiled(op, fault.operand, fault.factor))


# ---------------------------------------------------------------- torch


class _TorchScaled(torch.autograd.Function):
    """The identity, with a gradient that is multiplied."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, factor: float) -> torch.Tensor:
        """Keep the factor, and give the number itself."""
        context.factor = factor
        return x.clone()

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> Any:
        """Multiply the gradient."""
        return gradients[0] * context.factor, None


def _tensor(x: Any) -> torch.Tensor:
    return x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.float64)


def _of_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: function(_tensor(x), _tensor(y))


TORCH: Functions = {
    **{name: getattr(torch, name) for name in UNARY if hasattr(torch, name)},
    "softplus": lambda x: torch.nn.functional.softplus(x, threshold=1000),
    **{name: _of_tensors(getattr(torch, name)) for name in BINARY},
}


class Torch:
    """`torch.autograd.gradcheck`."""

    name = f"torch {torch.__version__.partition('+')[0]}"

    @classmethod
    def verdict(cls, case: Case, fault: Fault | None) -> str:
        """As `Checker`."""

        def wrapped(name: str, k: int, operand: Any) -> Any:
            return apply(operand, fault.factor) if fault and (name, k) == fault[:2] else operand

        apply: Callable[..., Any] = _TorchScaled.apply
        inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in case.point]
        try:
            passed = torch.autograd.gradcheck(
                lambda *inputs: run(case, inputs, TORCH, wrapped), inputs, raise_exception=False
            )
        except RuntimeError:
            passed = False
        return "passed" if passed else "failed"


# ---------------------------------------------------------------- HIPS autograd


@primitive  # type: ignore[untyped-decorator]  # autograd is published without types
def _scaled(x: Any, factor: float) -> Any:  # noqa: ARG001  # its derivatives take the factor
    return x * 1.0


defvjp(_scaled, lambda out, x, factor: lambda gradient: gradient * factor, None)
defjvp(_scaled, lambda gradient, out, x, factor: gradient * factor, None)


AUTOGRAD: Functions = {
    **{name: getattr(anp, name) for name in [*UNARY, *BINARY] if hasattr(anp, name)},
    "asin": anp.arcsin,
    "acos": anp.arccos,
    "atan": anp.arctan,
    "relu": lambda x: anp.maximum(x, 0.0),
    "sigmoid": lambda x: 0.5 * (anp.tanh(x / 2) + 1),
    "softplus": lambda x: anp.logaddexp(0.0, x),
    "square": lambda x: x**2,
}


class Autograd:
    """`autograd.test_util.check_grads`: first and second order, forwards and backwards, in one random direction."""

    name = "autograd check_grads"

    @classmethod
    def verdict(cls, case: Case, fault: Fault | None) -> str:
        """As `Checker`."""

        def wrapped(name: str, k: int, operand: Any) -> Any:
            return _scaled(operand, fault.factor) if fault and (name, k) == fault[:2] else operand

        anp.random.seed(0)  # it draws its directions from numpy's own generator
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # steps that leave a domain; outputs that ignore an input
            try:
                everything = tuple(range(len(case.point)))  # by default the first argument alone is checked
                check_grads(lambda *inputs: run(case, inputs, AUTOGRAD, wrapped), everything)(*case.point)
            except (AssertionError, ArithmeticError, ValueError):
                return "failed"
        return "passed"


CHECKERS: tuple[type[Checker], ...] = (Ours, Torch, Autograd)
