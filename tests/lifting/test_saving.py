"""Saved programs: files that run without this library, with the same bits."""

from __future__ import annotations

import importlib.util
import math
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalargrad import Value, cross_entropy, erf, exp, grad, lgamma, lift, log, nn, power, primitive, softmax, tanh
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting import standalone
from scalargrad.lifting.standalone import definitions
from scalargrad.lifting.to_numpy import spelling
from scalargrad.lifting.to_numpy.floats import limit
from scalargrad.lifting.to_numpy.target import NumpyTarget

from ..oracle import Program, programs, run
from .test_random_nets import RandomNet

each_target = pytest.mark.parametrize("target", ["numpy", "python"])
FUNCTIONS = {primitive.name: primitive for primitive in BUILT_IN}
BLOCKED = """
import runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
runpy.run_path({path!r}, run_name="__main__")
"""


def loaded(path: Path) -> Any:
    """The module in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bits(result: Any) -> Any:
    """Numbers in any form as text, to the last bit."""
    if isinstance(result, dict):
        return {key: bits(part) for key, part in result.items()}
    if isinstance(result, tuple):
        return tuple(map(bits, result))
    return np.array(result, dtype=float).tolist().__repr__()


def saved(program: Any, folder: Path) -> Any:
    program.save(folder / "saved.py")
    return loaded(folder / "saved.py")


def check(program: Any, folder: Path, *batch: Any) -> None:
    """A file gives the bits of its program, with the program's parameters and with others."""
    expected = program(*batch)
    differentiable = len(program._latest.differentiated) == 1
    module = saved(program, folder)
    theta = program.pack()
    other = [0.5 * float(x) + 0.01 for x in theta]
    assert bits(module.forward(*batch)) == bits(expected)
    assert bits(module.forward(*batch, theta=other)) == bits(program(*batch, at=other))
    if differentiable:
        assert bits(module.value_and_grad(*batch)) == bits(program.value_and_grad(*batch))
        assert bits(module.value_and_grad(*batch, other)) == bits(program.value_and_grad(*batch, at=other))
    assert hasattr(module, "value_and_grad") == differentiable


MODEL = nn.MLP(4, [6, 3], "sigmoid", rng=0)


def classifier(x: Any, y: Any) -> Any:
    return cross_entropy(MODEL(x), list(y))


def batch(n: int = 5) -> Any:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, 4)).tolist(), np.eye(3)[rng.integers(3, size=n)].tolist()


# ---------------------------------------------------------------- the same bits


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
def test_a_network_is_saved(target: str, tmp_path: Path) -> None:
    """The file of a network's loss gives its bits for any number of examples."""
    program = lift(classifier, MODEL.parameters(), target=target)
    for n in (5, 1, 30):
        check(program, tmp_path, *batch(n))


def test_single_precision_is_saved(tmp_path: Path) -> None:
    """A program of float32 is a file of float32."""
    model = nn.MLP(4, [3, 2], "softplus", rng=1)
    program: Any = lift(lambda x, y: (model(x)[0] - y[0]) ** 2, model.parameters(), dtype="float32")
    check(program, tmp_path, *batch())
    assert saved(program, tmp_path).value_and_grad(*batch())[1].dtype == np.float32


@each_target
def test_results_keep_their_form(target: str, tmp_path: Path) -> None:
    """Several results, nested or beside a loss, come in the form in which the program gives them."""
    w = [Value(0.3), Value(-0.7)]
    captured = Value(2.5)

    def function(x: Any) -> Any:
        both = [w[0] * x[0], w[1] * x[1] + captured]
        return {
            "both": both,
            "one": tanh(both[0]),
            "grid": [[both[1], x[0]], [w[0], w[1] * w[1]]],
            "mixed": (x[1], both),
        }

    rows = [[0.5, 1.5], [-2.0, 0.25], [1.0, 1.0]]
    check(lift(function, w, target=target), tmp_path, rows)
    check(lift(lambda x: [w[0], w[1]], w, target=target), tmp_path, rows)
    beside: Any = lift(lambda x: (function(x)["one"], function(x)), w, target=target, has_aux=True)
    check(beside, tmp_path, rows)
    shared: Any = lift(lambda x: (w[0] * x[0], [w[0], w[1]]), w, target=target, has_aux=True)
    check(shared, tmp_path, rows)
    alone: Any = lift(lambda x: (w[0] * x[0], x[1]), w, target=target, has_aux=True)
    check(alone, tmp_path, rows[:1])


def test_functions_of_the_engine_are_read_from_its_source(tmp_path: Path) -> None:
    """A function of floats stands in the file with all that it needs, whichever program is saved first."""
    standalone._parsed.cache_clear()
    standalone._top_level.cache_clear()
    w = [Value(0.3), Value(0.7)]
    program: Any = lift(lambda: erf(w[0]) + lgamma(w[1]) + tanh(w[0] * w[1]), w, target="python")
    check(program, tmp_path)


@each_target
def test_without_arguments(target: str, tmp_path: Path) -> None:
    """A function of parameters alone takes only these."""
    w = [Value(0.3), Value(-0.7)]
    program: Any = lift(lambda: w[0] * tanh(w[1]), w, target=target)
    check(program, tmp_path)
    several: Any = lift(lambda: [[w[0], w[0] * w[1]]], w, target=target)
    check(several, tmp_path)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(program=programs(max_leaves=4, max_instructions=12))
def test_random_programs_are_saved(program: Program, target: str, tmp_path: Path) -> None:
    """The file of a random program of any operations gives its bits."""
    leaves = [Value(x) for x in program.leaves]

    def function(x: Any) -> Any:
        return run(program, [w * x for w in leaves], FUNCTIONS)[-1]

    check(lift(function, leaves, target=target, check=False), tmp_path, [1.0, 1.001, 0.0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_random_networks_are_saved(seed: int, tmp_path: Path) -> None:
    """The file of a random network, with its tables of places, gives its bits."""
    net = RandomNet(seed)
    rows = np.random.default_rng(seed).normal(size=(4, net.widths[0])).tolist()
    check(lift(net.loss, net.parameters, target="numpy", check=False), tmp_path, rows)


def test_another_program_is_told_apart(tmp_path: Path) -> None:
    """Negative control: the file of a program that is off in the last bits has other bits."""
    w = [Value(0.3)]
    program: Any = lift(lambda x: w[0] * x / 3.0, w)
    other: Any = lift(lambda x: w[0] * (x * (1 / 3)), w)
    rows = [0.1 * i for i in range(20)]
    program(rows)
    other(rows)
    assert bits(saved(program, tmp_path).forward(rows)) != bits(other(rows))


@each_target
def test_numbers_that_are_not_finite(target: str, tmp_path: Path) -> None:
    """Infinities and nan are saved, and computed without an error as in the program."""
    w = [Value(math.inf), Value(math.nan), Value(-math.inf), Value(1000.0)]
    program: Any = lift(lambda x: sum(exp(v * x) + log(v * x) + power(x, v) for v in w), w, target=target, check=False)
    check(program, tmp_path, [0.0, 1.0, -1.0])


# ---------------------------------------------------------------- what it needs


def output_without(path: Path, *blocked: str) -> subprocess.CompletedProcess[str]:
    """What a file prints as a script, in a process where packages cannot be imported."""
    code = BLOCKED.format(blocked=set(blocked), path=str(path))
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("target", "other"), [("numpy", "scipy"), ("python", "numpy")])
def test_it_runs_alone(target: str, other: str, tmp_path: Path) -> None:
    """Where the library cannot be imported the file runs as a script, and prints what its functions give."""
    program = lift(classifier, MODEL.parameters(), target=target)
    program(*batch())
    program.save(tmp_path / "alone")  # it gets its suffix
    done = output_without(tmp_path / "alone.py", "scalargrad", other)
    assert done.stderr == ""
    assert done.stdout.startswith("forward: [")
    assert "value_and_grad: (" in done.stdout


def test_what_is_missing_is_an_error(tmp_path: Path) -> None:
    """Negative control: a file that imports what is blocked fails."""
    (tmp_path / "needs.py").write_text("import scalargrad\n")
    done = output_without(tmp_path / "needs.py", "scalargrad")
    assert "scalargrad is blocked" in done.stderr


def test_special_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file needs scipy where the program does; without it the functions are in the file."""
    w = [Value(0.6)]
    with_scipy: Any = lift(lambda x: erf(w[0] * x) + lgamma(w[0] * x + 3), w)
    check(with_scipy, tmp_path, [0.5, 1.5])
    assert "from scipy import special\n" in (tmp_path / "saved.py").read_text()
    monkeypatch.setattr(spelling, "find_spec", lambda name: None)
    without: Any = lift(lambda x: erf(w[0] * x) + lgamma(w[0] * x + 3), w)
    check(without, tmp_path, [0.5, 1.5])
    assert output_without(tmp_path / "saved.py", "scalargrad", "scipy").stderr == ""


def test_operations_called_for_each_number(tmp_path: Path) -> None:
    """An operation without a spelling for arrays comes as text; one of the user's own cannot."""
    w = [Value(0.6)]
    bent: Any = lift(lambda x: grad(grad(power(x, w[0]), w[0]), w[0]), w)
    check(bent, tmp_path, [0.5, 1.5])

    @primitive(partials=[lambda out, x: 2.0 * x], name="own_square_of_saving")
    def own(x: float) -> float:
        return x * x

    for target in ("numpy", "python"):
        program: Any = lift(lambda x: own(w[0] * x), w, target=target)
        program([1.0])
        with pytest.raises(TypeError, match="own_square_of_saving is your own operation: a program that calls it"):
            program.save(tmp_path / "own.py")


@pytest.mark.parametrize("operation", BUILT_IN, ids=lambda primitive: primitive.name)
def test_each_operation_is_written_as_text(operation: Any) -> None:
    """The text that defines an operation gives its bits at every edge, and needs the standard library alone."""
    needed = definitions({"own": (operation, operation.value)})
    assert not [line for line in needed.imports if "scalargrad" in line or " ." in line]
    namespace: dict[str, Any] = {}
    exec("\n".join([*needed.imports, *needed.lines]), namespace)  # noqa: S102  # the text that is to be tried
    edges = [0.0, -0.0, 1.5, -2.0, 1000.0, -1000.0, math.inf, -math.inf, math.nan, 3.0, 0.5, 1e-300]
    rng = random.Random(0)
    for _ in range(200):
        point = [rng.choice(edges) for _ in range(operation.arity)]
        assert repr(namespace["own"](*point)) == repr(operation.value(*point))


# ---------------------------------------------------------------- text and errors


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_bad_arguments_are_refused(target: str, tmp_path: Path) -> None:
    """Rows of another shape, columns of different lengths, and too few parameters are errors that say so."""
    program = lift(classifier, MODEL.parameters(), target=target)
    xs, ys = batch()
    program(xs, ys)
    module = saved(program, tmp_path)
    for arguments, message in (
        (([row[:2] for row in xs], ys), "x must have"),
        ((xs, ys[:2]), "the arguments "),
        (([], []), "x must have|the arguments need"),
        ((xs, ys, [1.0]), "theta must have"),
    ):
        with pytest.raises(ValueError, match=message):
            module.forward(*arguments)


def test_it_cannot_be_saved_before_the_first_call(tmp_path: Path) -> None:
    """Before the shape of an example is known there is nothing to save; another suffix is an error."""
    program = lift(tanh, [])
    with pytest.raises(RuntimeError, match="call it, then save it"):
        program.save(tmp_path / "early.py")
    program([1.0])
    with pytest.raises(ValueError, match=r"the name of a Python module ends in \.py, got '.*saved\.txt'"):
        program.save(tmp_path / "saved.txt")
    with pytest.raises(OSError, match="nowhere"):
        program.save(tmp_path / "nowhere" / "saved.py")


def test_the_file_is_readable(tmp_path: Path) -> None:
    """The file starts with what it is, and has the comments of the program and the shapes of its arguments."""
    program = lift(classifier, MODEL.parameters())
    program(*batch())
    program.save(tmp_path / "saved.py")
    text = (tmp_path / "saved.py").read_text()
    assert text.startswith('"""classifier as a program with 51 parameters. It runs without scalargrad.\n')
    assert "# layer 1: 4 → 6" in text
    assert "x: the examples, of shape (n, 4)." in text
    assert 'if __name__ == "__main__":\n' in text


@each_target
def test_nothing_is_written_twice(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each module is imported once, no name is set to itself, and functions of floats are one where they are equal."""
    monkeypatch.setattr(NumpyTarget, "limit", staticmethod(limit))  # a few examples are computed in floats
    w = [Value(0.5), Value(2.0)]
    program: Any = lift(lambda x, y: (power(w[0] * x[0], y) + exp(w[1]) * log(x[1])) / w[0], w, target=target)
    check(program, tmp_path, [[2.0, 3.0]], [1.5])
    text = (tmp_path / "saved.py").read_text()
    assert text.startswith('"""A lambda as a program with 2 parameters. It runs')
    assert "It has `forward` and `value_and_grad`. Run the file as a script to see how to use them." in text
    imports = [line.rpartition("import ")[::2] for line in text.splitlines() if re.match("(import|from) ", line)]
    assert ("from math ", "copysign, inf, nan") in imports
    assert len({start or name for start, name in imports}) == len(imports)
    assert not re.search(r"^ *(\w+) = \1$", text, re.MULTILINE)
    assert re.search(r"^ *(\w+) = \1$", f"    power = power\n{text}", re.MULTILINE)  # negative control
    assert "_careful_forward = _made_careful_forward()" in text  # a power may raise
    program = lift(lambda x, y: (w[0] * x[0] - y) * x[1] + (w[1] - y) * y, w, target=target)
    check(program, tmp_path, [[2.0, 3.0]], [1.5])
    text = (tmp_path / "saved.py").read_text()
    assert text.count("def forward(theta, ") == text.count("def value_and_grad(theta, ") == 1
    assert "_careful_forward = _quick_forward\n" in text


@each_target
def test_any_name_is_safe(target: str, tmp_path: Path) -> None:
    """Labels that are names in the file do not change what it computes."""
    names = ["THETA", "CAPTURED", "rows", "_rows", "B", "np", "theta", "gradient", "forward", "exp", "_count", "math"]
    w = [Value(0.1 * i + 0.2, label=name) for i, name in enumerate(names)]
    program: Any = lift(lambda x: softmax([exp(v * x) for v in w])[0] + tanh(w[3]) * x, w, target=target)
    check(program, tmp_path, [0.5, 1.0])


def made(text: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec(text, namespace)  # noqa: S102  # a function with a name that would end a docstring
    function: Callable[..., Any] = namespace["f"]
    return function


def test_no_name_is_executed(tmp_path: Path) -> None:
    """The name of a function is text in the file, whatever it is."""
    function = made("def f(x):\n    return x * 2.0")
    function.__name__ = '"""\nraise SystemExit("executed")\n"""\\'
    program: Any = lift(function, [])
    check(program, tmp_path, [1.0])
