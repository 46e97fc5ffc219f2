"""The text of a numpy program: no more lines for larger sizes, one product for each layer, nothing unused."""

from __future__ import annotations

import ast
import gc
import inspect
import linecache
import os
import random
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import scalargrad
from scalargrad import Value, functional, lift, logsumexp, minimum, nn, relu, softmax, tanh
from scalargrad.lifting.source import Source, compiled
from tests.lifting.nets import SPELLINGS, Net, all_nets, dense, numbers, weights
from tests.lifting.nets import flat as flattened
from tests.lifting.shapes import all_shapes, padded

NETS = {net.name: net for net in all_nets()}
each_net = pytest.mark.parametrize("name", NETS)


def written(net: Net) -> str:
    """The source of a network's value and gradient."""
    program = lift(net.loss, net.parameters, target="numpy", check=False)
    program.value_and_grad(*net.batch)
    return program.source


def source_of(loss: Callable[..., Any], parameters: list[Value], *batch: Any) -> str:
    return written(Net("", loss, parameters, batch, loss))


def halves(source: str) -> tuple[list[str], list[str]]:
    """The lines that run for each batch, forward and backward."""
    body = source.partition("\ndef value_and_grad(")[2]
    forward, _, backward = body.partition("# backward")
    return [line.strip() for line in forward.splitlines()[1:]], [line.strip() for line in backward.splitlines()]


def calls(lines: list[str], *functions: str) -> list[str]:
    return [line for line in lines if any(f"np.{function}(" in line for function in functions)]


def products_in(lines: list[str]) -> list[str]:
    """The lines that compute matrix products, without those with ones, which are sums."""
    products = calls(lines, "matmul", "dot", "einsum")
    return [line for line in products if "out=" in line and not re.search(r"[(,] ?ones\d*,", line)]


# ---------------------------------------------------------------- of any size


def classified(width: int, classes: int) -> str:
    model = nn.MLP(4, [width, classes], "tanh", rng=0)
    target = np.eye(classes)[:3]
    return source_of(
        lambda x, y: functional.cross_entropy(model(x), list(y)) + 0.01 * sum(w * w for w in model.parameters()),
        model.parameters(),
        np.ones((3, 4)),
        target,
    )


def convolved(size: int) -> str:
    rng = random.Random(0)
    kernel, scores = weights(rng, 3, 3), weights(rng, (size - 2) ** 2)

    def loss(image: Any) -> Any:
        pixels = [
            tanh(sum(kernel[i][j] * image[r + i][c + j] for i in range(3) for j in range(3)))
            for r in range(size - 2)
            for c in range(size - 2)
        ]
        return sum(s * pixel for s, pixel in zip(scores, pixels, strict=True))

    return source_of(loss, flattened([kernel, scores]), numbers(rng, 2, size, size))


def shared_out(classes: int) -> str:
    rng = random.Random(0)
    w = weights(rng, classes, 3)
    return source_of(
        lambda x: softmax([sum(a * b for a, b in zip(row, x, strict=True)) for row in w])[0],
        flattened(w),
        numbers(rng, 2, 3),
    )


SIZES: dict[str, tuple[Callable[[int], str], int, int]] = {
    "width of a hidden layer": (lambda n: classified(n, 3), 3, 30),
    "number of classes": (lambda n: classified(5, n), 4, 40),
    "classes of a softmax": (shared_out, 4, 40),
    "size of an image": (convolved, 5, 9),
}


@pytest.mark.parametrize("name", SIZES)
def test_as_many_lines_at_any_size(name: str) -> None:
    """The number of lines does not depend on the width of a layer, the number of classes, the size of an image."""
    make, small, large = SIZES[name]
    assert len(make(small).splitlines()) == len(make(large).splitlines())


def test_more_layers_are_more_lines() -> None:
    """Negative control: one more layer takes more lines."""
    counts = []
    for depth in (1, 2):
        model = nn.MLP(3, [4] * depth + [1], "tanh", rng=0)
        source = source_of(lambda x, model=model: model(x), model.parameters(), np.ones((2, 3)))
        counts.append(len(source.splitlines()))
    assert counts[0] < counts[1]


# ---------------------------------------------------------------- products


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_product_for_each_layer(spelling: Callable[[Any, Any, Any], list[Any]]) -> None:
    """However the loops are written, each layer is one matrix product, and backward one for each of its operands."""
    forward, backward = halves(written(dense(spelling)))
    assert [line.partition(",")[0] for line in products_in(forward)] == ["np.dot(W1", "np.dot(W2"]
    products = products_in(backward)
    assert len(products) == 3
    assert sum("dz2, out=dh1" in line for line in products) == 1
    assert any(re.match(r"np\.(dot|matmul)\(dz2, h1(_ones)?_T", line) for line in products)
    assert any(re.match(r"np\.(dot|matmul)\(dz1, x,", line) for line in products)
    assert not calls(forward + backward, "take", "add.at")


def test_neurons_in_separate_vectors() -> None:
    """Weights and biases that are made neuron by neuron, in any order, are a matrix too."""
    model = nn.MLP(4, [5, 3], "tanh", rng=0)
    parameters = model.parameters()
    source = source_of(lambda x: sum(model(x)), parameters, np.ones((2, 4)))
    assert len(products_in(halves(source)[0])) == 2


def test_a_layer_of_scattered_weights_is_gathered() -> None:
    """Negative control: weights in random places are gathered; the layer is still one product."""
    rng = random.Random(0)
    pool = weights(rng, 20)
    w = [rng.sample(pool, 4) for _ in range(3)]
    source = source_of(
        lambda x: sum(tanh(sum(a * b for a, b in zip(row, x, strict=True))) for row in w), pool, np.ones((2, 4))
    )
    forward, _ = halves(source)
    assert calls(forward, "take")
    assert len(products_in(forward)) == 1


@pytest.mark.parametrize(("name", "products"), [("convolution", 2), ("attention", 4)])
def test_shared_weights_are_batched_products(name: str, products: int) -> None:
    """The windows of a convolution and the tokens of attention are stacked products, one call for each layer."""
    forward, _ = halves(written(NETS[name]))
    assert len(products_in(forward)) <= products + 1
    assert not any(line.startswith("for ") for line in forward)


def test_windows_over_the_edge_are_padded() -> None:
    """A convolution with padding is one product, with zeros where there is no pixel."""
    forward, _ = halves(written(padded()))
    assert len(products_in(forward)) <= 3


def test_a_sum_is_a_product_with_ones() -> None:
    """A sum of a buffer along its first or last axes is a product with a vector of ones that is made once."""
    source = written(NETS["classifier, tanh"])
    assert re.search(r"np\.dot\(ones, exp, out=", source)
    assert re.search(r"np\.(dot|matmul)\(dz1, ones2, out=db1\)", source)
    assert "np.add.reduce" not in source


def test_a_sum_along_what_lies_between_is_folded() -> None:
    """Negative control: a sum along an axis in the middle is not such a product."""
    w = weights(random.Random(0), 2, 3)

    def loss(x: Any) -> Any:
        return sum(tanh(sum(tanh(a * v) for a, v in zip(row, x, strict=True))) for row in w)

    source = source_of(loss, flattened(w), np.ones((2, 3)))
    assert re.search(r"np\.add\.reduce\(\w+, axis=1, out=", source)


def test_what_layers_give_is_written_beside_the_ones() -> None:
    """The row of ones is made once, and the activations are computed right beside it."""
    model = nn.MLP(3, [4, 2], "tanh", rng=0)
    source = source_of(lambda x: sum(z * z for z in model(x)), model.parameters(), np.ones((2, 3)))
    assert "h1_ones = np.ones((5, B))" in source
    assert "h1 = h1_ones[0:4]" in source
    assert "np.tanh(z1, out=h1)" in source
    assert not calls(source.splitlines(), "copyto")


def test_numbers_are_spread_for_the_larger_of_two() -> None:
    """The maximum or minimum of an array and a number is that of two arrays, one of which is made once."""
    w = weights(random.Random(0), 3)
    source = source_of(lambda x: sum(minimum(relu(a * x), 0.5) for a in w), w, np.ones(2))
    assert "zeros = np.zeros((3, B))" in source
    assert "constant = np.full((3, B), 0.5)" in source
    assert re.search(r"np\.maximum\(\w+, zeros, out=", source)
    assert re.search(r"np\.minimum\(\w+, constant, out=", source)


@pytest.mark.parametrize("array", ["where({0} == 0, 0.0, {0} * {1})", None])
def test_a_sum_of_products_of_another_kind(array: str | None) -> None:
    """The sum of an operation that is declared to multiply is one product, and right where that would be nan."""
    rules = [lambda out, x, y: y, lambda out, x, y: x]
    declared = scalargrad.primitive(partials=rules, name="product_of_a_test", array=array, multiplies=True)
    product = declared(lambda x, y: x * y if x != 0 else 0.0)
    program: Any = lift(lambda x, y: sum(map(product, x, y)), [], target="numpy")
    for infinite, mean in ((4.0, 12.0), (np.inf, 12.0)):
        value, _ = program.value_and_grad([[0.0, 1.0], [2.0, 3.0]], [[infinite, 1.0], [4.0, 5.0]])
        assert value == mean
    assert ("np.dot" in program.source) == (array is not None)


def test_a_whole_number_is_spread_as_a_float() -> None:
    """A whole number in the spelling of a user's operation is spread as a float."""
    own = scalargrad.primitive(partials=[lambda out, x: 0.5 * x], name="kinked_of_a_test", array="maximum({}, 0)")
    kinked = own(lambda x: max(x, 0.0))
    w = numbers(random.Random(0), 2)
    source = source_of(lambda x: sum(kinked(Value(number) * x) for number in w), [Value(0.0)], np.ones(3))
    assert "zeros = np.zeros((2, B))" in source
    assert "np.full" not in source


def test_an_argument_that_is_read_often_is_turned_once() -> None:
    """An argument that is read several times is copied once with its examples in the last axis; others are not."""
    w = weights(random.Random(0), 3)

    def loss(times: int) -> Any:
        return lambda x: sum(a * tanh(v) * (v if times > 1 else 1.0) for a, v in zip(w, x, strict=True))

    once, twice = (source_of(loss(times), w, np.ones((2, 3))) for times in (1, 2))
    assert "np.copyto(x_columns, x.T)" in twice
    assert twice.count("x.T") == 1
    assert "x_columns" not in once


def test_a_regulariser_stands_outside_the_batch() -> None:
    """A sum of squares of the parameters is one product of the row with itself, apart from the batch."""
    source = written(NETS["classifier, tanh"])
    assert source.count("np.dot(theta, theta)") == 1
    assert not re.search(r"np\.(empty|zeros)\(\(104, B\)", source)


def test_a_logsumexp_is_folds() -> None:
    """The maximum and the sum of ten scores are one fold each, not nine operations."""
    w = weights(random.Random(0), 10)
    source = source_of(lambda x: logsumexp([a * x for a in w]), w, np.ones(3))
    forward, _ = halves(source)
    assert len(calls(forward, "maximum.reduce")) == 1
    assert len(calls(forward, "exp")) == len(calls(forward, "log")) == 1


# ---------------------------------------------------------------- nothing idle


def bindings(source: str) -> list[ast.Assign]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assign)]


def unread(source: str) -> set[str]:
    """Names that are bound and never read, and buffers that are written to and never read."""
    tree = ast.parse(source)
    buffer_of: dict[str, str] = {}
    for assign in sorted(bindings(source), key=lambda node: node.lineno):
        target = assign.targets[0]
        if isinstance(target, ast.Name):
            shown = assign.value
            while isinstance(shown, ast.Subscript | ast.Attribute | ast.Call):
                shown = shown.func if isinstance(shown, ast.Call) else shown.value
            of = shown.id if isinstance(shown, ast.Name) else ""
            is_buffer = of == "np" and "np.empty" in ast.unparse(assign.value)
            buffer_of[target.id] = buffer_of.get(of, of) if of != "np" or is_buffer else target.id
            if of == "np":
                buffer_of[target.id] = target.id
    written_to = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            written_to |= {id(word.value) for word in node.keywords if word.arg == "out"}
            if ast.unparse(node.func) in ("np.copyto", "np.add.at"):
                written_to.add(id(node.args[0]))
    loaded = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    named = {node.id for node in loaded}
    read = {buffer_of.get(node.id, node.id) for node in loaded if id(node) not in written_to and not _bound(node, tree)}
    return {name for name in buffer_of if name not in named or (buffer_of[name] not in {*read, "gradient"})}


def _bound(name: ast.Name, tree: ast.Module) -> bool:
    """Whether a name is read only to bind another name to the same buffer."""
    return any(name in ast.walk(node.value) for node in tree.body if isinstance(node, ast.Assign))


@each_net
def test_nothing_is_bound_in_vain(name: str) -> None:
    """Every name is read, every buffer is read, and no name is bound twice."""
    source = written(NETS[name])
    assert unread(source) == set()
    names = [target.id for assign in bindings(source) for target in assign.targets if isinstance(target, ast.Name)]
    assert len(names) == len(set(names))


def test_a_dead_line_is_seen() -> None:
    """Negative control: a name that nothing reads, and a buffer that is only written to, are seen."""
    source = written(dense(SPELLINGS[0]))
    head, start, body = source.partition("def value_and_grad(x, y):\n")
    buffers = "idle = np.empty((5, B))\nspare = np.empty((5, B))\n\n"
    more = f"{head}{buffers}{start}    np.tanh(z1, out=spare)\n{body}"
    assert unread(more) == {"idle", "spare"}


@each_net
def test_nothing_is_done_in_vain(name: str) -> None:
    """No product with 1, no sum with 0, no look-up by key, no new buffer in the lines that run for each batch."""
    source = written(NETS[name])
    lines = [line for half in halves(source) for line in half]
    assert not [
        line for line in lines if re.search(r"(\* 1(\.0)?\b(?!\.)|\(1, \w+, out=.*multiply|\+ 0(\.0)?\b)", line)
    ]
    keys = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]
    assert not keys
    assert not calls(lines, "empty", "zeros")


def loops(source: str) -> int:
    return sum(isinstance(node, ast.For | ast.While | ast.comprehension) for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("net", [*all_nets(), *all_shapes()], ids=lambda net: net.name)
def test_no_loop_is_left_to_python(net: Net) -> None:
    """A program has no loops of Python's but over the steps of a recurrence, forward and backward."""
    assert loops(written(net)) == (2 if net.name == "recurrent" else 0)


def test_a_loop_is_seen() -> None:
    """Negative control: a loop in a text is seen."""
    assert loops("for i in range(3):\n    d[places[i]] += part[i]") == 1


# ---------------------------------------------------------------- as code


def test_the_text_is_shown() -> None:
    """A compiled source is shown by `inspect` and by tracebacks, as any code is."""
    source = Source('"""A test."""\n\n\ndef bind(x):\n    y = x + 1\n    return y / 0\n', {})
    function = compiled(source, "bind")
    assert inspect.getsource(function) == "def bind(x):\n    y = x + 1\n    return y / 0\n"
    with pytest.raises(ZeroDivisionError) as error:
        function(1)
    assert "return y / 0" in "".join(traceback.format_exception(error.value))


def kept() -> list[str]:
    """The generated texts whose lines Python keeps."""
    gc.collect()
    return [file for file in linecache.cache if file.startswith("<lifted")]


def shown(error: BaseException) -> bool:
    return "return y / 0" in "".join(traceback.format_exception(error))


def failing() -> Callable[[int], Any]:
    return compiled(Source("def bind(x):\n    y = x + 1\n    return y / 0\n", {}), "bind")


def test_lines_are_let_go_with_their_program() -> None:
    """The lines of a text are kept as long as its function lives, and no longer."""
    before = len(kept())
    functions = [failing() for _ in range(3000)]
    assert len(kept()) == before + 3000
    del functions
    assert len(kept()) == before


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_programs_leave_no_lines(target: str) -> None:
    """A program that has run in every way leaves no lines behind when it is dropped."""
    before, w = len(kept()), Value(0.5)
    for _ in range(20):
        program: Any = lift(lambda x: tanh(w * x), [w], target=target)
        program([1.0, 2.0])
        program.value_and_grad([1.0])
        program.hvp([1.0], [1.0])
    assert len(kept()) > before
    del program
    assert len(kept()) == before


def test_a_twin_keeps_its_lines() -> None:
    """Of two programs with the same text, the second still shows its lines when the first is gone."""
    first, second = failing(), failing()
    del first
    gc.collect()
    assert inspect.getsource(second) == "def bind(x):\n    y = x + 1\n    return y / 0\n"
    with pytest.raises(ZeroDivisionError) as error:
        second(1)
    assert shown(error.value)


def test_an_error_keeps_its_lines() -> None:
    """A traceback shows the lines of a program that is gone; they go with the error."""
    before, function = len(kept()), failing()
    error: BaseException | None = None
    try:
        function(1)
    except ZeroDivisionError as raised:
        error = raised
    del function
    gc.collect()
    assert error is not None
    assert shown(error)
    del error
    assert len(kept()) == before


def test_lines_that_are_gone_are_missed() -> None:
    """Negative control: without the lines there is nothing to show."""
    function = failing()
    linecache.cache.pop(function.__code__.co_filename)
    with pytest.raises(ZeroDivisionError) as error:
        function(1)
    assert not shown(error.value)


def test_an_error_in_a_program_shows_its_line() -> None:
    """The traceback of an error in a user's operation shows the line of the program that calls it."""

    def picky(x: float) -> float:
        if x > 10:
            raise ArithmeticError("too large")
        return x

    own = scalargrad.primitive(partials=[lambda out, x: 1.0], name="picky_of_a_test")(picky)
    w = Value(1.0)
    program: Any = lift(lambda x: own(w * x) * x, [w], target="numpy")
    assert list(program([2.0, 3.0])) == [4.0, 9.0]
    with pytest.raises(ArithmeticError) as error:
        program([2.0, 30.0])
    assert re.search(r"np.copyto\(.*picky_of_a_test\(", "".join(traceback.format_exception(error.value)))


def test_the_same_text_under_any_hash_seed() -> None:
    """Two runs under two hash seeds write the same programs."""
    script = """
from tests.lifting.nets import all_nets
from scalargrad import lift
for net in all_nets():
    if net.name in ("dense, backwards", "convolution", "attention", "scattered", "recurrent"):
        for target in ("numpy", "python"):
            program = lift(net.loss, net.parameters, target=target, check=False)
            program.value_and_grad(*net.batch)
            print(program.source)
"""
    texts = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]
    assert "np.dot" in texts[0]


def test_labels_are_names() -> None:
    """Labels of parameters, and labels given inside the function, are names in the program."""
    slope, offset = Value(2.0, label="slope"), Value(1.0, label="offset")

    def loss(x: Any) -> Any:
        line = slope * x + offset
        bent = tanh(line)
        bent.label = "bent"
        return bent * bent

    source = source_of(loss, [slope, offset], np.ones(3))
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert "bent" in names


@pytest.mark.parametrize("label", ["lambda", "print", "np", "a b", "7", "B", "theta", "∂x", ""])
def test_any_label_makes_a_program(label: str) -> None:
    """With a label that is not a name, or that is taken, the program still runs."""
    w = [Value(0.5, label=label), Value(0.25, label=label)]

    def loss(x: Any) -> Any:
        result = tanh(w[0] * x) * w[1]
        result.label = label
        return result * result

    program: Any = lift(loss, w, target="numpy")
    assert np.allclose(program([1.0, 2.0]), [(np.tanh(0.5 * x) * 0.25) ** 2 for x in (1.0, 2.0)], rtol=1e-14)


def test_the_shapes_of_arguments_are_said() -> None:
    """The text says that an example is a row of numbers, whatever shape it has; without arguments it says nothing."""
    w = Value(0.5)
    program: Any = lift(lambda x, y: w * x[1][2] * y, [w], target="numpy")
    program([[[1.0] * 3] * 2] * 4, [1.0] * 4)
    lines = program.function("forward").source.splitlines()
    assert lines[lines.index("def forward(x, y):") + 1] == "    # a row of numbers for each example: x (B, 6), y (B, 1)"
    alone: Any = lift(lambda: w * w, [w], target="numpy")
    alone()
    assert "for each example" not in alone.source
