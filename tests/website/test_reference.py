"""The reference: every public name is on one page, and what is made from the library is true."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import scalargrad
from scalargrad import Primitive
from scalargrad.engine import declaration
from scalargrad.engine.declaration import registered
from website import reference

ROOT = Path(__file__).parents[2]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "reference").glob("*.md"))}
MODULES = ["", "nn", "optim", "check", "check.laws", "check.strategies", "exercises", "explain", "lifting"]


def public_names(module: str) -> list[str]:
    """The public names of a module: its `__all__`, or what it imports as itself."""
    loaded = importlib.import_module(module)
    if hasattr(loaded, "__all__"):
        return sorted(loaded.__all__)
    tree = ast.parse(Path(str(loaded.__file__)).read_text(encoding="utf-8"))
    imports = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    names = [alias.name for alias in imports if alias.asname == alias.name]
    return sorted(name for name in names if not isinstance(getattr(loaded, name), ModuleType))


def resolved(path: str) -> Any:
    """What a dotted name stands for; for plain numbers, which are alike, the name itself."""
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    return path if isinstance(thing, int) else thing


def documented(pages: dict[str, str]) -> list[Any]:
    """What the pages document: after :::, in the table of statuses, and all operations."""
    found: list[Any] = []
    for text in pages.values():
        found += [resolved(path) for path in re.findall(r"^::: (\S+)$", text, re.MULTILINE)]
        found += [f"scalargrad.{name}" for name in re.findall(r"^\| `(optim\.[A-Z_]+)` \|", text, re.MULTILINE)]
        if "<!-- reference: operations -->" in text:
            found += [resolved(path) for path in re.findall(r"\{ #(\S+) \}", reference.operations())]
    return found


def missing_and_repeated(pages: dict[str, str]) -> tuple[list[str], list[str]]:
    """The public names that are on no page, and those that are on several, or several times on one."""
    counts = Counter(map(id_of, documented(pages)))
    names: dict[str, str] = {}
    for module in MODULES:
        full = f"scalargrad.{module}".rstrip(".")
        for name in public_names(full):
            names.setdefault(id_of(resolved(f"{full}.{name}")), f"{full}.{name}")
    missing = [path for key, path in names.items() if key not in counts]
    return missing, [path for key, path in names.items() if counts[key] > 1]


def id_of(thing: Any) -> str:
    return thing if isinstance(thing, str) else f"{getattr(thing, '__name__', '')} {id(thing)}"


def test_every_public_name_is_on_one_page() -> None:
    """Each public name of the library and of its modules is on exactly one page of the reference."""
    assert missing_and_repeated(PAGES) == ([], [])


def test_a_missing_name_is_seen() -> None:
    """Negative control: a name that no page has, and one that two pages have, are seen."""
    pages = PAGES | {
        "nn.md": PAGES["nn.md"].replace("::: scalargrad.nn.MLP\n", ""),
        "values.md": PAGES["values.md"] + "\n::: scalargrad.check.gradcheck\n",
    }
    assert missing_and_repeated(pages) == (["scalargrad.nn.MLP"], ["scalargrad.gradcheck"])


def test_every_operation_has_a_row_and_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has all operations at the door, with the rules that they declare, and none that a user declares."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))
    declaration.declare(abs, partials=[lambda out, x: 1.0], name="mine")
    text = reference.operations()
    operations = [name for name in scalargrad.__all__ if isinstance(getattr(scalargrad, name), Primitive)]
    assert set(re.findall(r"^\| \[`(\w+)`\]", text, re.MULTILINE)) == {*operations, "abs"}
    assert "| [`tanh`](#scalargrad.tanh) | `tanh(x)` | ∂out/∂x = `1 - out * out` |  |" in text
    assert "### tanh { #scalargrad.tanh }" in text


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("abs", ["a kink at x = 0"]),
        ("acos", ["x ≤ -1 or x ≥ 1"]),
        ("log", ["x ≤ 0"]),
        ("maximum", ["a kink at x = y"]),
        ("divide", ["a pole at y = 0"]),
        ("hypot", ["a pole at x = 0 where y = 0"]),
        ("atan2", ["a pole at y = 0 where x ≤ 0"]),
        ("tan", ["a pole at x = -π/2, π/2, …"]),
        ("gamma", ["a pole at x = 0, -1, …"]),
        ("polygamma", ["in order", "a pole at x = 0, -1, …"]),
        ("exp", []),
    ],
)
def test_places_are_said_in_words(name: str, places: list[str]) -> None:
    """Where an operation is not smooth is what its declaration says, for ends of domains, kinks and poles."""
    operation = next(p for p in registered() if p.name == name)
    assert reference._breaks(operation) == places


def test_the_command_line_has_the_help_of_every_command() -> None:
    """The page has the help of the command and of each of its commands, whatever the terminal is."""
    text = reference.command_line()
    assert re.findall(r"^## scalargrad (\w+)$", text, re.MULTILINE)[:5] == ["explain", "step", "quiz", "draw", "check"]
    assert text.count("usage: scalargrad") == text.count("```text")


def test_every_extra_is_described() -> None:
    """The table of extras has those that the distribution has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"^\| `(\w+)` \|", PAGES["extras.md"], re.MULTILINE)) == set(project["optional-dependencies"])
