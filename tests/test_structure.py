"""The house: imports point downward, the core needs the standard library alone, and one door is public."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import scalargrad
from scalargrad import Primitive, functional
from scalargrad.engine import primitives

PACKAGE = Path(scalargrad.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# ---------------------------------------------------------------- imports

LAYERS = {  # for each folder: a module, or a folder in it, may import what stands in a line above its own
    "scalargrad": [
        ["engine", "extras", "files", "terminal"],
        ["functional", "misconceptions"],
        ["nn", "expressions"],
        ["explain", "check", "lifting"],
        ["optim"],
        ["exercises"],
        [""],  # the public door
        ["cli"],
        ["__main__"],
    ],
    "scalargrad.engine": [
        ["floats", "foreign"],
        ["declaration"],
        ["primitives"],
        ["modes"],
        ["graph"],
        ["backward", "notes", "ufuncs"],
        ["copies", "errors"],
        ["value"],
        ["derivatives", "variables"],
        [""],
    ],
    "scalargrad.optim": [
        ["arguments", "metrics", "layers"],
        ["optimizer", "schedules"],
        ["descent", "adaptive", "adam"],
        ["minimizing", "ways", "progress", "picture"],
        ["restarting", "history", "trials", "on_jax"],
        ["training", "diagnosis"],
        ["diagnosing"],
        [""],
    ],
    "scalargrad.nn": [
        ["search", "foreign"],
        ["module"],
        ["prelu"],
        ["arguments"],
        ["neuron", "dropout", "normalisation", "embedding", "convolution", "parts"],
        ["layer", "sequential"],
        ["maxout", "residual", "attention", "sequences"],
        ["mlp", "recurrent", "gated"],
        [""],
    ],
    "scalargrad.expressions": [["typed", "recorded"], ["programs"]],
    "scalargrad.explain": [
        ["colours", "names"],
        ["walk"],
        ["text", "drawing", "console"],
        ["html"],
        ["notebook", "quizzes", "labs"],
        [""],
    ],
    "scalargrad.explain.walk": [
        ["modules", "step"],
        ["calls", "graph"],
        ["record", "table"],
        ["steps"],
        ["data"],
        ["questions"],
    ],
    "scalargrad.explain.drawing": [["card", "collapse", "render"], ["sketch"], ["picture", "network"]],
    "scalargrad.explain.console": [["shell", "ask"], ["asking"], ["debugger"]],
    "scalargrad.explain.html": [["document"]],
    "scalargrad.check": [
        ["measure", "readings", "strategies"],
        ["directions", "report", "subject"],
        ["by_hand", "culprit"],
        ["compare"],
        ["check"],
        ["detects", "laws"],
        [""],
    ],
    "scalargrad.check.measure": [
        ["slopes", "breaks"],
        ["complex_step", "noise", "verdict"],
        ["recording"],
        ["rounding"],
    ],
    "scalargrad.lifting": [
        ["leaves", "lookup", "tables"],
        ["derivatives", "arrays", "curvature", "forms", "standalone"],
        ["trace"],
        ["group", "names"],
        ["source", "loops"],
        ["saving"],
        ["to_python"],
        ["to_numpy"],
        ["to_jax"],
        ["target"],
        ["specialised"],
        ["comparison"],
        ["program"],
        [""],
    ],
    "scalargrad.lifting.arrays": [["program"], ["differentiate", "packed", "loops"], ["jacobian"]],
    "scalargrad.lifting.loops": [
        ["finding", "splitting", "tokens"],
        ["reading", "making"],
        ["sources", "operands", "pieces"],
        ["level"],
        ["rolling"],
    ],
    "scalargrad.lifting.group": [["places", "initial"], ["families", "scalars"], ["joining"], ["regroup"]],
    "scalargrad.lifting.to_numpy": [
        ["layout", "spelling", "groups", "filling", "saved"],
        ["memory", "text"],
        ["plan", "floats"],
        ["views"],
        ["buffers"],
        ["operations", "folds", "assemblies", "loops"],
        ["lookups"],
        ["writer"],
        ["target"],
    ],
    "scalargrad.lifting.to_jax": [
        ["spelling"],
        ["windows", "reading"],
        ["slices"],
        ["joining", "folds", "lookups"],
        ["later"],
        ["loops"],
        ["writer"],
        ["target"],
    ],
    "scalargrad.lifting.to_python": [["lookups", "loops"], ["writer", "saved"], ["target"]],
}
RANKS = {
    folder: {name: rank for rank, layer in enumerate(layers) for name in layer} for folder, layers in LAYERS.items()
}
EXTRAS = {
    "terminal",
    "expressions",
    "explain",
    "check",
    "lifting",
    "optim",
}  # where more than the standard library is used
FORBIDDEN = {("lifting", "nn")}


def imports(module: str, source: str, is_folder: bool = False) -> Iterator[str]:
    """Every module imported anywhere in a file, late and for types alone too; for types, any other package may be."""
    package = module if is_folder else module.rpartition(".")[0]
    pending: list[tuple[ast.AST, bool]] = [(ast.parse(source), False)]
    while pending:
        node, is_for_types = pending.pop()
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            submodules = (f"{base}.{alias.name}" for alias in node.names)
            names = [submodule if submodule in SOURCES else base for submodule in submodules]
        yield from (name for name in names if not is_for_types or name.partition(".")[0] == "scalargrad")
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += [(statement, True) for statement in node.body]
            pending += [(statement, is_for_types) for statement in node.orelse]
        else:
            pending += [(inner, is_for_types) for inner in ast.iter_child_nodes(node)]


def faults(module: str, source: str, is_folder: bool = False) -> list[str]:
    """Each import of a file that the house does not allow."""
    return [imported for imported in imports(module, source, is_folder) if not _allowed(module, imported)]


def _allowed(module: str, imported: str) -> bool:
    folder, own, other = _apart(module, imported)
    if not folder:
        return module.split(".")[1:2] in [[name] for name in EXTRAS] or other in sys.stdlib_module_names
    if folder not in RANKS:
        return True
    ranks = RANKS[folder]
    assert own in ranks, f"{module} has no layer yet"
    return other in ranks and ranks[other] < ranks[own] and (own, other) not in FORBIDDEN


def _apart(module: str, imported: str) -> tuple[str, str, str]:
    """The innermost folder that holds two modules, and what each belongs to in it: a file, a folder, or its door."""
    folder, own, other = "", module.split("."), imported.split(".")
    while own and other and own[0] == other[0]:
        folder, own, other = f"{folder}.{own[0]}".strip("."), own[1:], other[1:]
    if folder in SOURCES and SOURCES[folder].name != "__init__.py":
        raise AssertionError(f"{module} imports itself")
    return folder, "".join(own[:1]), "".join(other[:1])


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_downward(module: str) -> None:
    """A file imports only what stands below it, and the core only the standard library."""
    path = SOURCES[module]
    assert faults(module, path.read_text(encoding="utf-8"), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.primitives", "from .value import Value"),
        ("engine.primitives", "from . import value"),
        ("engine.primitives", "from . import Value"),
        ("engine.primitives", "import scalargrad"),
        ("engine.primitives", "from scalargrad.engine.value import Value"),
        ("engine.modes", "from .graph import sweep"),
        ("engine.value", "def late():\n    from .derivatives import grad"),
        ("engine.value", "if TYPE_CHECKING:\n    pass\nelse:\n    from ..nn import MLP"),
        ("engine.graph", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .value import Value"),
        ("explain.walk.step", "if TYPE_CHECKING:\n    from .steps import Steps"),
        ("nn", "from . import optim"),
        ("nn", "import numpy as np"),
        ("nn.neuron", "from .layer import Layer"),
        ("nn.module", "from ..optim import Adam"),
        ("functional", "def late():\n    import graphviz"),
        ("engine.value", "from ..explain import draw"),
        ("engine.value", "from scalargrad.lifting.trace import Trace"),
        ("explain.names", "from .walk.steps import steps"),
        ("explain.text", "from .drawing.picture import draw"),
        ("explain.text", "from . import draw"),
        ("explain.walk.record", "from .steps import Steps"),
        ("explain.walk.step", "from . import steps"),
        ("explain.drawing.card", "from ..html.document import page"),
        ("explain.drawing.card", "from .picture import draw"),
        ("explain.drawing.picture", "from ...check import gradcheck"),
        ("terminal", "from .explain.names import atom"),
        ("expressions.typed", "from ..explain.names import atom"),
        ("expressions.typed", "from .recorded import Expression"),
        ("check.check", "from ..lifting import trace"),
        ("check.check", "from ..explain.walk.steps import steps"),
        ("check.measure.slopes", "from ..report import Report"),
        ("check.measure.slopes", "from .verdict import AGREES"),
        ("lifting.group.regroup", "from ...nn import MLP"),
        ("lifting.group.regroup", "from ... import nn"),
        ("optim", "from .cli import main"),
        ("optim.minimizing", "from .restarting import restarts"),
        ("lifting.program", "from ..optim import minimize"),
    ],
)
def test_a_forbidden_import_is_seen(module: str, source: str) -> None:
    """Negative control: each import that goes up, across or outside is a fault."""
    assert len(faults(f"scalargrad.{module}", source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("optim", "import typing\nif typing.TYPE_CHECKING:\n    import numpy"),
        (
            "engine.value",
            "import math\nfrom collections.abc import Callable\nfrom . import modes\nfrom .floats import number",
        ),
        (
            "explain.html.document",
            "import jinja2\nfrom ..walk.steps import steps\nfrom ... import nn",
        ),
        ("explain.console.debugger", "from . import shell\nfrom ...engine.value import Value"),
        ("explain", "from .drawing.picture import draw"),
        (
            "check.laws",
            "import hypothesis\nfrom .strategies import points\nfrom .check import gradcheck",
        ),
        ("lifting.target", "import numpy\nfrom .source import Source\nfrom ..engine.derivatives import grad"),
        ("cli", "from . import nn\nfrom .explain.walk.steps import steps\nimport argparse"),
    ],
)
def test_an_import_downward_is_allowed(module: str, source: str) -> None:
    """What the house allows is no fault."""
    assert faults(f"scalargrad.{module}", source, module == "explain") == []


def circle(imported: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, if there are any."""
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        modules: list[str] = error.args[1]
        return modules
    return []


def test_no_imports_go_in_a_circle() -> None:
    """No module imports what imports it, not late and not for types alone either."""
    imported = {}
    for module, path in SOURCES.items():
        names = imports(module, path.read_text(encoding="utf-8"), path.name == "__init__.py")
        imported[module] = {name for name in names if name in SOURCES}
    assert circle(imported) == []
    below = next(name for name in sorted(imported["scalargrad.engine.value"]) if name.startswith("scalargrad.engine."))
    imported[below].add("scalargrad.engine.value")  # negative control
    assert {below, "scalargrad.engine.value"} <= set(circle(imported))


def edges(folder: str) -> set[tuple[str, str]]:
    """Which file or folder of a folder imports which."""
    pairs = set()
    for module, path in SOURCES.items():
        for imported in imports(module, path.read_text(encoding="utf-8"), path.name == "__init__.py"):
            inside, own, other = _apart(module, imported) if imported in SOURCES else ("", "", "")
            if inside == folder:
                pairs.add((own, other))
    return pairs


@pytest.mark.parametrize(
    ("folder", "most"), [("scalargrad", 51), ("scalargrad.engine", 38), ("scalargrad.explain", 30)]
)
def test_few_things_know_of_one_another(folder: str, most: int) -> None:
    """Between the files and folders of one level there are few imports, the public door's among them."""
    assert 10 < len(edges(folder)) <= most


@pytest.mark.parametrize(
    "folder",
    ["scalargrad.explain", "scalargrad.expressions", "scalargrad.check", "scalargrad.lifting", "scalargrad.optim"],
)
def test_no_module_has_the_name_of_a_function_beside_it(folder: str) -> None:
    """`import scalargrad.explain.x as x` is a module, whatever functions the folder exports."""
    package = importlib.import_module(folder)
    inside = [SOURCES[name] for name in SOURCES if name.rpartition(".")[0] == folder]
    names = {path.parent.name if path.name == "__init__.py" else path.stem for path in inside}
    assert names
    exported = {name: vars(package)[name] for name in names if name in vars(package)}  # a folder may not be loaded yet
    assert {name: item for name, item in exported.items() if not inspect.ismodule(item)} == {}


def loaded_by(program: str) -> set[str]:
    """The top-level modules that a fresh interpreter loads for a program, beyond its own start."""
    report = f"import sys; start = set(sys.modules); {program}; print(*(set(sys.modules) - start))"
    finished = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return {name.partition(".")[0] for name in finished.stdout.split()}


def test_import_loads_the_standard_library_alone() -> None:
    """In a fresh interpreter, `import scalargrad` loads nothing that Python does not bring along."""
    loaded = loaded_by("import scalargrad")
    assert "scalargrad" in loaded
    assert loaded - sys.stdlib_module_names == {"scalargrad"}


def test_exercises_are_imported_when_they_are_first_used() -> None:
    """`import scalargrad` does not wait for the exercises, and every way to them gives the same function."""
    report = "import sys, scalargrad; a = 'scalargrad.exercises' in sys.modules; {}; print(a, exercise.__module__)"
    ways = "from scalargrad import exercise", "from scalargrad import *", "exercise = scalargrad.exercises.exercise"
    for way in ways:
        program = [sys.executable, "-c", report.format(way)]
        finished = subprocess.run(program, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
        assert finished.stdout.split() == ["False", "scalargrad.exercises.declaring"]
    assert scalargrad.exercise is scalargrad.exercises.exercise


def test_a_third_party_import_is_seen() -> None:
    """Negative control: the same measure sees numpy."""
    assert "numpy" in loaded_by("import scalargrad, numpy") - sys.stdlib_module_names


# ---------------------------------------------------------------- the public door


def exported() -> dict[str, Any]:
    names = vars(scalargrad).keys() - {"TYPE_CHECKING"} | {"exercise"}  # which is imported when it is first used
    return {name: getattr(scalargrad, name) for name in names if not name.startswith("_")}


def test_the_door_only_exports() -> None:
    """`__init__` is nothing but imports from the package, the lists of what it exports, and the version."""
    _docstring, *statements = ast.parse(SOURCES["scalargrad"].read_text(encoding="utf-8")).body
    others = [statement for statement in statements if not isinstance(statement, ast.ImportFrom)]
    assert [ast.unparse(statement).split()[:2] for statement in others] == [
        ["if", "TYPE_CHECKING:"],  # what is imported when it is first used
        ["__version__", "="],
        ["__all__", "="],
        ["__all__", "+="],
        ["_MODULES", "="],
        ["def", "__dir__()"],
        ["if", "not"],  # TYPE_CHECKING: what is said of a name that is not here
    ]
    typing, *exports = [statement for statement in statements if isinstance(statement, ast.ImportFrom)]
    assert ast.unparse(typing) == "from typing import TYPE_CHECKING"
    assert {statement.level for statement in exports} == {1}
    names = [alias.asname or alias.name for statement in exports for alias in statement.names]
    assert len(set(names)) == len(names)


def test_everything_public_is_exported_but_what_a_student_may_have() -> None:
    """`__all__` has every public name except the modules and Python's abs, and each once."""
    names = {name for name, item in exported().items() if not inspect.ismodule(item)}
    assert {"Value", "total", "tanh", "abs"} <= names
    assert sorted(scalargrad.__all__) == sorted(names - {"abs"})


def test_dir_shows_what_is_public() -> None:
    """`dir` shows what `__all__` has and the public modules, and nothing else; so a completion shows no machinery."""
    modules = set(dir(scalargrad)) - set(scalargrad.__all__)
    assert {"nn", "optim", "functional", "check"} <= modules
    assert all(inspect.ismodule(getattr(scalargrad, name)) for name in modules)
    assert not {"annotations", "terminal", "__name__"} & set(dir(scalargrad))


def test_a_star_import_leaves_a_students_names_alone() -> None:
    """`from scalargrad import *` brings Value and tanh, but hides neither Python's abs nor a variable named nn."""
    namespace: dict[str, Any] = {"nn": "mine"}
    exec("from scalargrad import *", namespace)  # noqa: S102  # that is what a student writes
    assert namespace["nn"] == "mine"
    assert "abs" not in namespace
    assert namespace["tanh"] is scalargrad.tanh


def test_help_lists_functions_and_classes_by_purpose() -> None:
    """`help(scalargrad)` begins with a text of at most 25 lines that has every function and class."""
    text = scalargrad.__doc__ or ""
    assert len(text.splitlines()) <= 25
    shown = pydoc.plain(pydoc.render_doc(scalargrad)).splitlines()
    words = set(re.findall(r"[\w.]+", " ".join(shown[:40])))
    wanted = {name for name in scalargrad.__all__ if not isinstance(vars(scalargrad)[name], Primitive)}
    assert wanted - words == set()
    of_modules = [name.split(".") for name in words if name.startswith(("nn.", "optim."))]
    assert len(of_modules) >= 6
    assert all(hasattr(vars(scalargrad)[module], name) for module, name in of_modules)


def test_every_operation_goes_through_the_door() -> None:
    """Each public primitive and each composed function is exported under its own name."""
    operations = {
        name: item
        for module, kind in ((primitives, Primitive), (functional, FunctionType))
        for name, item in vars(module).items()
        if isinstance(item, kind) and not name.startswith("_") and (kind is Primitive or _defined_in(module, item))
    }
    assert {"tanh", "maximum", "softmax", "hinge"} <= operations.keys()
    assert {name: exported().get(name) for name in operations} == operations
    for name, item in operations.items():
        assert getattr(item, "name", name) == name


def test_the_derivatives_modes_and_modules_go_through_the_door() -> None:
    """What else a user calls stands at the top level too."""
    names = {"Value", "grad", "jvp", "jacobian", "hessian", "no_grad", "trap", "nn", "optim", "functional", "primitive"}
    assert names <= exported().keys()


# ---------------------------------------------------------------- documentation


def _defined_in(module: Any, item: Any) -> bool:
    return bool(getattr(item, "__module__", None) == module.__name__)


def public_objects() -> Iterator[tuple[str, Any]]:
    """Every public function, class, method and property of the package, with its full name."""
    modules = [info.name for info in pkgutil.walk_packages([str(PACKAGE)], "scalargrad.")]
    for module in map(importlib.import_module, modules):
        yield module.__name__, module
        for name, item in vars(module).items():
            if name.startswith("_") or not callable(item) or not _defined_in(module, item):
                continue
            yield f"{module.__name__}.{name}", item
            if inspect.isclass(item):
                for inner, member in vars(item).items():
                    if not inner.startswith("_") and isinstance(member, (FunctionType, property, classmethod)):
                        yield f"{module.__name__}.{name}.{inner}", member


def test_all_that_is_public_is_documented() -> None:
    """Every public module, class, function, method and property has a docstring, as has every export."""
    documented = dict(public_objects()) | exported()
    assert {"scalargrad.engine.value.Value.backward", "scalargrad.engine.value.Value.tanh", "tanh"} <= documented.keys()
    assert [name for name, item in documented.items() if not (inspect.getdoc(item) or "").strip()] == []


def test_exported_functions_have_examples() -> None:
    """Every function that goes through the door shows its use in a doctest; a primitive shows its rules."""
    functions = {name: item for name, item in exported().items() if isinstance(item, FunctionType)}
    assert {"grad", "softmax", "no_grad"} <= functions.keys()
    assert [name for name, item in functions.items() if ">>>" not in (item.__doc__ or "")] == []
    rules = {name: item for name, item in exported().items() if isinstance(item, Primitive)}
    assert [name for name, item in rules.items() if "∂out/∂" not in str(item.__doc__)] == []


def test_the_picture_of_the_house_is_up_to_date() -> None:
    """What `python -m tests.house` would draw is what the documentation shows."""
    from tests import house

    assert house.PICTURE.read_text(encoding="utf-8") == house.picture()
