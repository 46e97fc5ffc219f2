"""Derivatives that are Values, which can be differentiated again, to any order.

`backward` uses the numbers of the forward pass. Here the same rules are called with the recorded Values, so
that the derivatives have graphs too: backwards in `grad` and `vjp`, forwards in `jvp`. The other functions
call these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, overload

from . import modes
from .errors import NonFinite, described, non_finite
from .floats import counted, held_by, integer, number, refuse_set, same
from .graph import blocks, topological_order
from .value import Constant, Value


class Array(Protocol):
    """An array of Values, such as a numpy array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""

    @property
    def flat(self) -> Any:
        """Its entries, one by one."""

    def copy(self) -> Any:
        """Return an array of the same entries."""


ArrayType = TypeVar("ArrayType", bound=Array)
P = ParamSpec("P")
R = TypeVar("R")
Tangents = float | Value | Iterable[float | Value] | Array


def _of_values(instead: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function of results so that it refuses a function, which other libraries differentiate."""

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def called(*arguments: P.args, **named: P.kwargs) -> R:
            first = arguments[0] if arguments else None
            if callable(first) and not isinstance(first, Value):
                raise TypeError(f"{function.__name__} takes the result of a function, not {first!r}: write {instead}")
            return function(*arguments, **named)

        return called

    return decorated


@overload
def grad(output: Value, wrt: Value) -> Value: ...
@overload
def grad(output: Value, wrt: ArrayType) -> ArrayType: ...
@overload
def grad(output: Value, wrt: Iterable[Value]) -> list[Value]: ...
@_of_values("grad(f(x), x), or value_and_grad(f)(x)")
def grad(output: Value, wrt: Any) -> Any:
    """Return doutput/dv for one Value v or several, as Values that can be differentiated again.

    It adds nothing to any `.grad`.

    >>> x = Value(2.0)
    >>> first = grad(x ** 3, x)
    >>> second = grad(first, x)
    >>> first.data, second.data, grad(second, x).data
    (12.0, 12.0, 6.0)

    Args:
        output: the Value to differentiate.
        wrt: one Value, or several in an order: a list, an array, a generator, the `values()` of a dict.

    Returns:
        One Value for one; an array of the same shape for an array; otherwise a list.

    Raises:
        TypeError: for an output or a wrt that is not a Value, or a set, which has no order.
        ValueError: for an iterator that is used up; when a change of `.data` since the forward pass matters; for a
            result that was computed under `no_grad` and so has no graph, while still under it.
    """
    if not isinstance(output, Value):
        raise TypeError(f"output must be a Value, got {output!r} of type {type(output).__name__}")
    return _pulled_back([output], [1.0], wrt)


def _pulled_back(outputs: list[Value], upstream: Sequence[Value | float], wrt: Any) -> Any:
    """The gradients of `wrt`, given those of the outputs."""
    wrt = held_by(wrt)
    targets = as_values(wrt, "wrt")
    trace = modes.tracing()
    traced = trace.pulled_back(outputs, upstream, targets) if trace is not None else None
    if traced is not None:
        return _formed(traced, wrt)
    _refuse_lost(outputs, targets)
    order = topological_order(*outputs, reached=True)
    relevant = set(targets)
    for node in order:
        if not blocks(node) and any(operand in relevant for operand in node.args):
            relevant.add(node)

    gradients: dict[Value, Value | float] = {}
    for output, gradient in zip(outputs, upstream, strict=True):
        _hand_on(gradients, output, 1.0, gradient)
    for node in reversed(order):
        if node not in gradients or blocks(node):
            continue
        for i, operand in enumerate(node.args):
            if operand in relevant:
                _hand_on(gradients, operand, local_gradient(node, i), gradients[node])

    return _formed(_distinct([gradients.get(target, 0.0) for target in targets], order), wrt)


def _refuse_lost(outputs: Sequence[Value], wrt: Sequence[Value]) -> None:
    """Refuse a result without a graph under `no_grad`: its derivative would be 0, whatever it was computed from."""
    if any(output.op is None and not any(output is value for value in wrt) for output in outputs):
        modes.refuse_unrecorded("a derivative of this result")


def local_gradient(node: Value, index: int) -> Value | float:
    """Return ∂node/∂operand, which the rule computes from the node and its operands.

    Raises:
        ValueError: when it is not the number of the forward pass, because `.data` has changed.
    """
    assert node.op is not None
    operands = [operand._data if operand.__class__ is Constant else operand for operand in node.args]
    try:
        local: Value | float = node.op.partials[index](node, *operands)
    except NonFinite as error:
        what = f"has a derivative that is not finite ({error})"
        raise non_finite(node.op, node.args, what, node.line) from None
    if isinstance(local, Value) and node.args[index].__class__ is not Constant:
        now = node.op.value(*[operand._data for operand in node.args])
        if not (same(now, node._data) and same(local._data, node.local_gradients[index])):
            raise ValueError(
                f"cannot differentiate {described(node)} again: the data of the node or its operands has been "
                f"changed since it was computed (it was {node._data}, it would now be {now})"
            )
    return local


def product(x: Value | float, y: Value | float) -> Value | float:
    """Return the product, without a node where one factor is the number 1."""
    if isinstance(x, float) and x == 1.0:
        return y
    if isinstance(y, float) and y == 1.0:
        return x
    return x * y


def _hand_on(totals: dict[Value, Value | float], to: Value, local: Value | float, gradient: Value | float) -> None:
    """Add a contribution to a total."""
    contribution = product(local, gradient)
    totals[to] = totals[to] + contribution if to in totals else contribution


def _distinct(results: Sequence[Value | float], order: Iterable[Value]) -> list[Value]:
    """The results, with a new node for each that is a node of the graph: ∂(x * y)/∂x is y, but another object."""
    taken = set(order)
    nodes = []
    for result in results:
        node = result if isinstance(result, Value) else Value(result)
        if node in taken:
            node = 1.0 * node
        taken.add(node)
        nodes.append(node)
    return nodes


def as_values(given: Any, purpose: str) -> list[Value]:
    """Return one Value or several as a list, or raise an error that says what is wrong; `purpose` names them."""
    refuse_set(given, purpose)
    several = _several(given)
    if not several and isinstance(given, Iterator):
        raise ValueError(f"{purpose} is an iterator without entries, perhaps read before: make it a list")
    for value in several:
        if not isinstance(value, Value):
            raise TypeError(
                f"{purpose} must be a Value or a sequence of Values, got {value!r} of type {type(value).__name__}"
            )
    return several


def _several(given: Any) -> list[Any]:
    """A list: the entries of an array of any shape, the items of an iterable, or the one object."""
    given = held_by(given)
    if _is_array(given):
        return list(given.flat)
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def _is_array(given: Any) -> bool:
    return hasattr(given, "shape") and hasattr(given, "flat")


def _formed(values: list[Value], like: Any) -> Any:
    """The Values in the form of `like`: one Value, an array, or a list."""
    if isinstance(like, Value):
        return values[0]
    if not _is_array(like):
        return values
    formed = like.copy()
    for i, value in enumerate(values):
        formed.flat[i] = value
    return formed


@overload
def jvp(outputs: Value, wrt: Value | Iterable[Value] | Array, tangents: Tangents) -> Value: ...
@overload
def jvp(outputs: ArrayType, wrt: Value | Iterable[Value] | Array, tangents: Tangents) -> ArrayType: ...
@overload
def jvp(outputs: Iterable[Value], wrt: Value | Iterable[Value] | Array, tangents: Tangents) -> list[Value]: ...
@_of_values("jvp(f(x), x, tangents)")
def jvp(outputs: Any, wrt: Any, tangents: Any) -> Any:
    """Return the Jacobian of the outputs times a vector, by one pass forwards through the graph.

    >>> x, y = Value(3.0), Value(4.0)
    >>> jvp(x * y, [x, y], [1.0, 0.5]).data
    5.5

    Args:
        outputs: one Value or several, as `wrt` of `grad`.
        wrt: one Value or several, as of `grad`.
        tangents: the vector: one number or Value for each Value in wrt.

    Returns:
        One Value for each output, in the form of the outputs.

    Raises:
        TypeError: for outputs or a wrt that are not Values, or a tangent that is not a number.
        ValueError: for another number of tangents than Values in wrt, or arrays of different shapes; as `grad`.
    """
    outputs, wrt, tangents = map(held_by, (outputs, wrt, tangents))
    roots, inputs = as_values(outputs, "outputs"), as_values(wrt, "wrt")
    directions = _vector(tangents, "tangent", inputs, wrt, "wrt")
    trace = modes.tracing()
    traced = trace.pushed_forward(roots, inputs, directions) if trace is not None else None
    if traced is not None:
        return _formed(traced, outputs)
    _refuse_lost(roots, inputs)
    order = topological_order(*roots, *inputs)
    known: dict[Value, Value | float] = {}
    for node, tangent in zip(inputs, directions, strict=True):
        _hand_on(known, node, 1.0, tangent)
    for node in order:
        if blocks(node):
            continue
        for i, operand in enumerate(node.args):
            if operand in known:
                _hand_on(known, node, local_gradient(node, i), known[operand])
    return _formed(_distinct([known.get(root, 0.0) for root in roots], order), outputs)


@overload
def vjp(outputs: Value | Iterable[Value] | Array, wrt: Value, gradients: Tangents) -> Value: ...
@overload
def vjp(outputs: Value | Iterable[Value] | Array, wrt: ArrayType, gradients: Tangents) -> ArrayType: ...
@overload
def vjp(outputs: Value | Iterable[Value] | Array, wrt: Iterable[Value], gradients: Tangents) -> list[Value]: ...
@_of_values("vjp(f(x), x, gradients)")
def vjp(outputs: Any, wrt: Any, gradients: Any) -> Any:
    """Return a vector times the Jacobian of the outputs, by one pass backwards through the graph.

    With one output and the gradient 1.0 it is `grad`.

    >>> x, y = Value(3.0), Value(4.0)
    >>> [slope.data for slope in vjp([x * y, x + y], [x, y], [1.0, 10.0])]
    [14.0, 13.0]

    Args:
        outputs: one Value or several, as `wrt` of `grad`.
        wrt: one Value or several, as of `grad`.
        gradients: the vector: for each output its upstream gradient, a number or a Value.

    Returns:
        One Value for each Value in wrt, in the form of wrt.

    Raises:
        TypeError: for outputs or a wrt that are not Values, or a gradient that is not a number.
        ValueError: for another number of gradients than outputs, or arrays of different shapes; as `grad`.
    """
    outputs, gradients = held_by(outputs), held_by(gradients)
    roots = as_values(outputs, "outputs")
    return _pulled_back(roots, _vector(gradients, "gradient", roots, outputs, "outputs"), wrt)


def _vector(given: Any, what: str, values: list[Value], like: Any, purpose: str) -> list[Value | float]:
    """The entries of a vector, which must be as many as the Values."""
    entries = [each if isinstance(each, Value) else number(each, f"a {what}") for each in map(held_by, _several(given))]
    if _is_array(like) and _is_array(given) and like.shape != given.shape:
        raise ValueError(f"the {what}s must have the shape {like.shape} of {purpose}, got {given.shape}")
    if len(entries) != len(values):
        raise ValueError(f"{purpose} has {counted(len(values), 'Value')}: give as many {what}s, got {len(entries)}")
    return entries


class ValueAndGrad(Protocol):
    """A function that returns a value and its gradient in the first argument, in the form of this argument."""

    @overload
    def __call__(self, argument: Value | float, /, *others: Any, **options: Any) -> tuple[Value, Value]: ...
    @overload
    def __call__(self, argument: Array, /, *others: Any, **options: Any) -> tuple[Value, Any]: ...
    @overload
    def __call__(
        self, argument: Iterable[Value | float], /, *others: Any, **options: Any
    ) -> tuple[Value, list[Value]]: ...


@overload
def value_and_grad(function: Callable[..., Value], argnums: Literal[0] = 0) -> ValueAndGrad: ...
@overload
def value_and_grad(function: Callable[..., Value], argnums: int) -> Callable[..., tuple[Value, Any]]: ...
@overload
def value_and_grad(
    function: Callable[..., Value], argnums: Sequence[int]
) -> Callable[..., tuple[Value, tuple[Any, ...]]]: ...
def value_and_grad(function: Callable[..., Value], argnums: int | Sequence[int] = 0) -> Any:
    """Return a function that computes a function's value and its gradient, as in JAX.

    It turns the numbers in the argument at `argnums` into Values, calls the function, and returns its value and
    the `grad` of this argument. Both can be differentiated again.

    >>> value, slope = value_and_grad(lambda x, n: x ** n)(2.0, 3)
    >>> value.data, slope.data
    (8.0, 12.0)
    >>> value, (by_x, by_y) = value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    >>> by_x.data, by_y.data
    (3.0, 2.0)

    Args:
        function: a function that returns a Value.
        argnums: the position of the argument to differentiate in, which is a number, a Value, or a list or an
            array of these. Several positions give a tuple of gradients.

    Returns:
        A function with the same arguments that returns (value, gradient).

    Raises:
        TypeError: for a function that is not callable or does not return a Value, or for an argument to
            differentiate in that has other entries than numbers and Values.
        ValueError: for a position that is not an integer or has no argument; as `grad`.
    """
    if not callable(function):
        raise TypeError(f"value_and_grad takes a function, got {function!r}: of a Value, grad returns the gradient")
    several = argnums if isinstance(argnums, Iterable) else [argnums]
    positions = [integer(position, "a position in argnums", low=0) for position in several]

    @wraps(function)
    def evaluated(*arguments: Any, **options: Any) -> Any:
        given = list(arguments)
        for position in positions:
            if position >= len(given):
                raise ValueError(f"argnums has {position}, but there are {counted(len(given), 'argument')} by position")
            given[position] = _as_variables(given[position])
        value = function(*given, **options)
        if not isinstance(value, Value):
            raise TypeError(f"the function must return a Value, got {value!r} of type {type(value).__name__}")
        gradients = tuple([grad(value, given[position]) for position in positions])
        return value, gradients if isinstance(argnums, Iterable) else gradients[0]

    return evaluated


def _as_variables(argument: Any) -> Any:
    """The argument, with Values in place of its numbers: one Value, a list, or an array of the same shape."""
    argument = held_by(argument)
    refuse_set(argument, "an argument to differentiate in")
    entries = [
        each if isinstance(each, Value) else Value(number(held_by(each), "an argument to differentiate in"))
        for each in _several(argument)
    ]
    if _is_array(argument):
        return _formed(entries, argument.astype(object))
    return entries if isinstance(argument, Iterable) else entries[0]


@_of_values("jacobian(f(x), x)")
def jacobian(outputs: Iterable[Value] | Array, wrt: Iterable[Value] | Array) -> list[list[Value]]:
    """Return the matrix of first derivatives: a row for each output, a column for each Value in wrt.

    Both may be in any form that `grad` takes; an array of any shape counts as its entries in order.

    >>> x, y = Value(3.0), Value(4.0)
    >>> [[entry.data for entry in row] for row in jacobian([x * y, x + y], [x, y])]
    [[4.0, 3.0], [1.0, 1.0]]

    Raises:
        TypeError, ValueError: as `grad`.
    """
    inputs = as_values(wrt, "wrt")
    return [grad(output, inputs) for output in as_values(outputs, "outputs")]


@_of_values("hessian(f(x), x)")
def hessian(output: Value, wrt: Iterable[Value] | Array) -> list[list[Value]]:
    """Return the matrix of second derivatives: a row and a column for each Value in wrt.

    >>> x, y = Value(3.0), Value(4.0)
    >>> [[entry.data for entry in row] for row in hessian(x * x * y, [x, y])]
    [[8.0, 6.0], [6.0, 0.0]]

    Raises:
        TypeError, ValueError: as `grad`.
    """
    inputs = as_values(wrt, "wrt")
    return jacobian(grad(output, inputs), inputs)


@overload
def hvp(output: Value, wrt: ArrayType, vector: Tangents) -> ArrayType: ...
@overload
def hvp(output: Value, wrt: Value | Iterable[Value], vector: Tangents) -> list[Value]: ...
@_of_values("hvp(f(x), x, vector)")
def hvp(output: Value, wrt: Any, vector: Any) -> Any:
    """Return the Hessian times a vector, without the Hessian: by a `jvp` of the gradient.

    Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).

    >>> x, y = Value(3.0), Value(4.0)
    >>> [entry.data for entry in hvp(x * x * y, [x, y], [1.0, 2.0])]
    [20.0, 6.0]

    Args:
        output: the Value to differentiate twice.
        wrt: one Value or several, as of `grad`.
        vector: one number or Value for each Value in wrt.

    Returns:
        One Value for each Value in wrt: an array of the same shape for an array, otherwise a list.

    Raises:
        TypeError, ValueError: as `grad` and `jvp`.
    """
    wrt = held_by(wrt)
    inputs = wrt if _is_array(wrt) else as_values(wrt, "wrt")
    return jvp(grad(output, inputs), inputs, vector)
