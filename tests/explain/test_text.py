"""The laws of tree and ledger: they show the graph and the sweep, all of it or as much as they say."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Constant, Value, ledger, nn, square_error, steps, total, tree
from scalargrad.engine.graph import topological_order
from scalargrad.explain.names import numeral
from scalargrad.terminal import cells
from tests.engine.test_graph import FUNCTIONS
from tests.oracle import Program, programs, run

LABELS = [
    "<lambda>",
    "a|b{c}",
    '"',
    "a\\",
    "a\nb",
    "</script>",
    "\u202edefed",
    "\ud800",
    "x" * 10_000,
    "损失",
    "x̂",
    " ",
]


def recorded(program: Program) -> Value:
    result: Value = run(program, [Value(x) for x in program.leaves], FUNCTIONS)[-1]
    return result


def chain(length: int) -> Value:
    v = Value(0.5, label="x")
    for _ in range(length):
        v = -v
    return v


# ---------------------------------------------------------------- the tree


def edges_of_tree(text: str) -> Counter[tuple[str, str]]:
    """The edges that a reader sees: each line's node, and that of the line one branch less deep above it."""
    edges: Counter[tuple[str, str]] = Counter()
    way: list[str] = []
    for line in text.splitlines()[1:]:
        branches, name = re.fullmatch(r"([│├└─ ]*)(\S+).*", line).groups()  # type: ignore[union-attr]  # every line does
        depth = len(branches) // 3
        way[depth:] = [name]
        if depth:
            edges[way[depth - 1], name] += 1
    return edges


def edges_of_graph(names: dict[Value, str]) -> Counter[tuple[str, str]]:
    pairs = ((node, operand) for node in names for operand in node.args)
    return Counter((names[a], names[b]) for a, b in pairs if not isinstance(b, Constant))


@given(programs(max_instructions=30), st.sampled_from([None, 10, 30, 80]))
def test_the_tree_is_the_graph(program: Program, width: int | None) -> None:
    """From the lines of a tree, however narrow, the graph can be drawn again, each edge as often as it is there."""
    root = recorded(program)
    walk = steps(root)
    assert edges_of_tree(tree(root, limit=None, width=width)) == edges_of_graph(walk.names)


def test_a_missing_branch_is_seen() -> None:
    """Negative control: a tree without one of its lines is another graph."""
    a = Value(1.0, label="a")
    root = a + a
    whole = tree(root)
    short = "\n".join(whole.splitlines()[:-1])
    assert edges_of_tree(whole) != edges_of_tree(short)


@given(programs(max_instructions=30))
def test_every_node_has_its_numbers_once(program: Program) -> None:
    """Each node but constants has one line with its exact value and gradient, `–` where no sweep has been."""
    root = recorded(program)
    names = steps(root).names
    for gradient in ("–", None):
        if gradient is None:
            root.backward()
        wanted = Counter(
            (names[node], repr(node.data), gradient or repr(node.grad))
            for node in names
            if not isinstance(node, Constant)
        )
        lines = [line.lstrip("│├└─ ").split() for line in tree(root, limit=None, digits=None).splitlines()[1:]]
        assert (
            Counter((line[0], line[-2], line[-1]) for line in lines if line[-1] not in {"(above)", "(below)"}) == wanted
        )


def test_what_is_blocked_has_no_gradient() -> None:
    """What only `stop_gradient` leads to has no gradient in a tree, and no step in a ledger, also below an infinity."""
    x = Value(0.0, label="x")
    result = x.log().stop_gradient() * math.inf + x
    result.label = "y"
    result.backward()
    wanted = """\
                             value   gradient
y = v3 + x                    -inf        1.0
├─ v3 = v2 * inf              -inf        1.0
│  └─ v2 = stop_gradient(v1)  -inf        inf
│     └─ v1 = log(x)          -inf          –
│        └─ x                  0.0        1.0
└─ x (above)"""
    assert " ".join(str(tree(result)).split()) == " ".join(wanted.split())
    assert str(tree(steps(result).last())) == str(tree(result))
    assert [step.operation for step in steps(result)] == ["add", "add", "multiply"]
    assert "nan" not in str(ledger(result))


def test_a_tree_of_steps_has_the_totals_so_far() -> None:
    """Given steps, the gradients are the totals at their cursor, and no `.grad` is touched."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    walk = steps(a * b)
    walk.next()
    assert [line.split()[-1] for line in tree(walk).splitlines()] == ["gradient", "1.0", "-3.0", "–"]
    assert not a.swept


@given(programs(max_instructions=30), st.integers(1, 12))
def test_what_a_tree_leaves_out_it_counts(program: Program, limit: int) -> None:
    """Lines with numbers and values not shown are all there are; and those shown are the nearest."""
    root = recorded(program)
    count = sum(not isinstance(node, Constant) for node in topological_order(root))
    *lines, last = tree(root, limit=limit).splitlines()
    shown = sum(line.endswith("–") for line in (*lines, last))
    if count <= limit:
        assert shown == count
    else:
        assert shown == limit
        assert last == f"… {count - limit:,} of {count:,} values are not shown: tree(…, limit=None) shows all"


def test_a_node_whose_operands_are_left_out_says_so() -> None:
    """Where the limit cuts a branch, its line ends in …."""
    assert "v2 = -v1 …" in tree(chain(5), limit=4)
    assert "…" not in tree(chain(5))


@pytest.mark.parametrize("length", [100, 5_000])
def test_a_deep_tree_goes_on_below(length: int) -> None:
    """Depth costs no indentation beyond a limit, and no recursion; what starts again says where it comes from."""
    lines = tree(chain(length), limit=None).splitlines()
    assert max(map(len, lines)) < 80
    breaks = [i for i, line in enumerate(lines) if line.endswith("(continued below)")]
    assert len(breaks) == length // 13
    assert len(lines) == 1 + length + 1 + 2 * len(breaks)
    for i in breaks:
        name = lines[i].lstrip("└─ ").removesuffix(" (continued below)")
        assert lines[i + 1] == f"{name}, continued from above:"
        assert lines[i + 2].startswith(f"{name} = ")


def test_what_goes_on_below_may_come_earlier() -> None:
    """A node too deep for its branch is shown where it comes next, and once."""
    a = Value(1.0, label="a")
    b = -a
    r = -b + b
    assert tree(r, names=locals(), width=30).splitlines()[1:] == [
        "r = v1 + b     0.0          –",
        "├─ v1 = -b     1.0          –",
        "│  └─ b (continued below)",
        "└─ b = -a     -1.0          –",
        "   └─ a        1.0          –",
    ]


# ---------------------------------------------------------------- the ledger


def entries(text: str) -> list[tuple[int, list[float]]]:
    """Each step's number and its five numbers, as a reader finds them."""
    number = r"\s*(\S+)"
    pattern = re.compile(rf"\s*(\d+)  .*  {number}\s* ×{number}\s* ={number}\s*  {number}\s* →{number}\s*  .*")
    matches = (pattern.fullmatch(line) for line in text.splitlines()[2:])
    return [(int(match[1]), [float(x) for x in match.groups()[1:]]) for match in matches if match]


@given(programs())
def test_the_ledger_is_the_steps(program: Program) -> None:
    """Every step has its line, in order, with its very numbers."""
    walk = steps(recorded(program))
    wanted = [(i + 1, [s.upstream, s.local, s.product, s.before, s.after]) for i, s in enumerate(walk)]
    assert repr(entries(ledger(walk.roots[0], digits=None, limit=None))) == repr(wanted)
    assert ledger(walk, digits=None, limit=None) == ledger(walk.roots[0], digits=None, limit=None)


@pytest.mark.parametrize(
    ("limit", "numbers"),
    [
        (1, [1]),
        (2, [1, 9]),
        (5, [1, 2, 3, 8, 9]),
        (8, [1, 2, 3, 4, 6, 7, 8, 9]),
        (9, range(1, 10)),
        (None, range(1, 10)),
    ],
)
def test_what_a_ledger_leaves_out_it_names(limit: int | None, numbers: list[int]) -> None:
    """A limited ledger shows both ends, and says which steps are missing between them."""
    text = ledger(chain(9), limit=limit)
    assert [number for number, _ in entries(text)] == list(numbers)
    missing = sorted(set(range(1, 10)) - set(numbers))
    said = f"… steps {missing[0]} to {missing[-1]} are not shown: ledger(…, limit=None) shows all" if missing else ""
    assert said in text
    assert ("not shown" in text) == bool(missing)


def test_a_sum_that_starts_from_0_names_total() -> None:
    """Python's `sum` adds the first value to 0, which is a node: the tree says so, and what has none."""
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    advice = "sum starts from 0, hence 0 + …: total(values) starts from the first value"
    assert tree(sum([a * b, a], Value(0.0))).splitlines()[-1] != advice
    assert tree(sum([a * b, a])).splitlines()[-1] == advice  # type: ignore[arg-type]  # not 0
    assert tree(total([a * b, a])).splitlines()[-1] != advice
    assert tree(a + 0.0).splitlines()[-1] != advice


def test_a_result_stands_at_the_first_of_its_steps() -> None:
    """How a result was computed is written once, and again behind a gap."""
    a = Value(2.0, label="a")
    v = a * a
    for _ in range(3):
        v = v * a
    lines = ledger(v, limit=3).splitlines()
    assert [line[6:].split("  ")[0] for line in lines[2:]] == [
        "f = v3 * a",
        "",
        "… steps 3 to 7 are not shown: ledger(…, limit=None) shows all",
        "v1 = a * a",
    ]


def test_a_narrow_terminal_gets_another_form() -> None:
    """Where lines are too long, a result has a line of its own; then each formula has one, too."""
    x = Value(2.0, label="x")
    v = x.tanh() * 3
    wide = ledger(v)
    room = max(map(cells, wide.splitlines()))
    assert ledger(v, width=room) == wide
    assert ledger(v, width=room - 1).splitlines()[2:4] == [
        "      f = v1 * 3",
        "   1  v1       1.0 × 3.0     =   3.0       0.0 → 3.0    ∂f/∂v1 = 3",
    ]
    assert ledger(v, width=50).splitlines()[2:5] == [
        "      f = v1 * 3",
        "   1  v1       1.0 × 3.0     =   3.0       0.0 → 3.0",
        "      ∂f/∂v1 = 3",
    ]


@pytest.mark.parametrize("width", [120, 80, 66])
def test_nothing_is_lost_in_a_narrow_terminal(width: int) -> None:
    """At 80 cells every number and every formula stands in the ledger, and of a long name both ends."""
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    walk = steps(square_error(model.output([1.0, -2.0]), 1.0))
    text = ledger(walk, width=width)
    assert max(map(cells, text.splitlines())) <= width
    for step in walk:
        assert step.because in text
        assert step.computed in text
        line = next(line for line in text.splitlines() if re.match(rf" *{step.index + 1}  ", line))
        numbers = (step.upstream, step.local, step.product, step.before, step.after)
        assert {numeral(x) for x in numbers} <= set(re.split("[ ×=→]+", line))
        ends = [(word.partition("…")[0], word.rpartition("…")[2]) for word in re.split("  +", line)]
        assert any(step.names[2].startswith(start) and step.names[2].endswith(end) for start, end in ends if end)


# ---------------------------------------------------------------- several values

SEVERAL = """\
                  value   gradient
total = a + b      -1.0          –
├─ a                2.0          –
└─ b               -3.0          –
product = a * b    -6.0          –
├─ a (above)
└─ b (above)
step  from             to  upstream × local = product  before → after  because
   0  d(total, product)/dtotal = 1.0 at first
   0  d(total, product)/dproduct = 10.0 at first
   1  product = a * b  a       10.0 ×  -3.0 =   -30.0     0.0 → -30.0  ∂product/∂a = b
   2                   b       10.0 ×   2.0 =    20.0     0.0 →  20.0  ∂product/∂b = a
   3  total = a + b    a        1.0 ×   1.0 =     1.0   -30.0 → -29.0  ∂total/∂a = 1
   4                   b        1.0 ×   1.0 =     1.0    20.0 →  21.0  ∂total/∂b = 1"""


def test_several_values_are_one_graph() -> None:
    """A list of Values is shown as one graph with several roots, in the order given; each has its seed."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    total, product = a + b, a * b
    names = {"total": total, "product": product}
    walk = steps([total, product], gradients=[1.0, 10.0], names=names)
    assert f"{tree([total, product], names=names)}\n{ledger(walk)}" == SEVERAL
    assert ledger((total, product), names=names) == ledger(steps([total, product], names=names))


@given(programs(max_instructions=30), st.data())
def test_a_tree_of_several_values_is_their_graph(program: Program, data: st.DataObject) -> None:
    """Whichever nodes are requested, the lines have every edge below them once."""
    nodes = run(program, [Value(x) for x in program.leaves], FUNCTIONS)
    roots = data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=4))
    assert edges_of_tree(tree(roots, limit=None)) == edges_of_graph(steps(roots).names)


def test_a_limit_leaves_out_roots_too() -> None:
    """With fewer lines than values the first are shown and the others counted."""
    roots = [Value(float(i), label=f"x{i}") for i in range(5)]
    assert tree(roots, limit=2).splitlines()[1:] == [
        "x0     0.0          –",
        "x1     1.0          –",
        "… 3 of 5 values are not shown: tree(…, limit=None) shows all",
    ]


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("show", [tree, ledger])
def test_any_label_is_a_label(show: Any, label: str) -> None:
    """Whatever the label, the lines are as many, print, and do not grow without end."""
    plain, odd = (Value(2.0, label=name) for name in ("x", label))
    lines = show(odd * odd + 1).splitlines()
    assert len(lines) == len(show(plain * plain + 1).splitlines())
    assert all(line.isprintable() for line in lines)
    assert max(map(cells, lines)) < 300


@given(programs(), st.sampled_from(["a", "损失函数", "x̂" * 10, "wide" * 20]), st.sampled_from([60, 80, 120]))
def test_lines_fit_the_width(program: Program, label: str, width: int) -> None:
    """A tree's lines with numbers take no more cells than there are, and their columns stand straight."""
    leaves = [Value(x, label=label) for x in program.leaves]
    root = run(program, leaves, FUNCTIONS)[-1]
    lines = [line for line in tree(root, width=width).splitlines() if line.endswith("–")]
    assert max(map(cells, lines)) <= width
    assert len(set(map(cells, lines))) == 1


@pytest.mark.parametrize("show", [tree, ledger])
def test_bad_input_is_said_at_once(show: Any) -> None:
    """What was given and what was expected."""
    for given_value in (3.0, None, [Value(1.0), 3.0], {Value(1.0)}):
        with pytest.raises(TypeError, match="got "):
            show(given_value)
    with pytest.raises(ValueError, match="with nothing in it"):
        show([])
    for name in ("limit", "width", "digits"):
        for setting in (0, -1, 1.5, "2", True):
            with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got "):
                show(Value(1.0) + 1, **{name: setting})
    with pytest.raises(TypeError, match="names must be a mapping"):
        show(Value(1.0), names=["x"])
    with pytest.raises(TypeError, match="steps have their names already"):
        show(steps(Value(1.0)), names={})


@pytest.mark.parametrize("show", [tree, ledger])
def test_names_are_those_given(show: Any) -> None:
    """Variables name what has no label."""
    side = Value(3.0)
    area = side * side
    assert "area = side * side" in show(area, names=locals())


# ---------------------------------------------------------------- as the courses print it

PROGRAM = """
from scalargrad import Value, ledger, steps, tree
x, y, z = Value(-2.0, label="x"), Value(5.0, label="y"), Value(-4.0, label="z")
q = x + y; q.label = "q"
f = q * z; f.label = "f"
f.backward()
x1, x2, w1, w2 = Value(2, "x1"), Value(0, "x2"), Value(-3, "w1"), Value(1, "w2")
n = x1 * w1 + x2 * w2 + Value(6.8813735870195432, "b"); n.label = "n"
o = n.tanh(); o.label = "o"
"""

CIRCUIT = """\
               value   gradient
f = q * z      -12.0        1.0
├─ q = x + y     3.0       -4.0
│  ├─ x         -2.0       -4.0
│  └─ y          5.0       -4.0
└─ z            -4.0        3.0
step  from       to  upstream × local = product  before → after  because
   0  df/df = 1.0 at first
   1  f = q * z  q        1.0 ×  -4.0 =    -4.0     0.0 →  -4.0  ∂f/∂q = z
   2             z        1.0 ×   3.0 =     3.0     0.0 →   3.0  ∂f/∂z = q
   3  q = x + y  x       -4.0 ×   1.0 =    -4.0     0.0 →  -4.0  ∂q/∂x = 1
   4             y       -4.0 ×   1.0 =    -4.0     0.0 →  -4.0  ∂q/∂y = 1
"""

NEURON = """\
step  from          to  upstream × local = product  before → after  because
   0  do/do = 1.0 at first
   1  o = tanh(n)   n        1.0 ×   0.5 =     0.5     0.0 →   0.5  ∂o/∂n = 1 - o * o
   2  n = v3 + b    v3       0.5 ×   1.0 =     0.5     0.0 →   0.5  ∂n/∂v3 = 1
   3                b        0.5 ×   1.0 =     0.5     0.0 →   0.5  ∂n/∂b = 1
   4  v3 = v1 + v2  v1       0.5 ×   1.0 =     0.5     0.0 →   0.5  ∂v3/∂v1 = 1
   5                v2       0.5 ×   1.0 =     0.5     0.0 →   0.5  ∂v3/∂v2 = 1
   6  v2 = x2 * w2  x2       0.5 ×   1.0 =     0.5     0.0 →   0.5  ∂v2/∂x2 = w2
   7                w2       0.5 ×   0.0 =     0.0     0.0 →   0.0  ∂v2/∂w2 = x2
   8  v1 = x1 * w1  x1       0.5 ×  -3.0 =    -1.5     0.0 →  -1.5  ∂v1/∂x1 = w1
   9                w1       0.5 ×   2.0 =     1.0     0.0 →   1.0  ∂v1/∂w1 = x1
"""


WALK = """\
steps of f = -12.0: 3 of 4 made
   1  df/dq += df/df · ∂f/∂q = 1.0 × -4.0 = -4.0   (0.0 → -4.0)
   2  df/dz += df/df · ∂f/∂z = 1.0 × 3.0 = 3.0   (0.0 → 3.0)
→  3  df/dx += df/dq · ∂q/∂x = -4.0 × 1.0 = -4.0   (0.0 → -4.0)
      q = x + y, so ∂q/∂x = 1
   4  df/dy += df/dq · ∂q/∂y = -4.0 × 1.0 = -4.0   (0.0 → -4.0)
totals: f 1.0   z 3.0   q -4.0   y –   x -4.0
"""


@pytest.mark.parametrize("seed", ["0", "12345"])
@pytest.mark.parametrize(
    ("shown", "wanted"),
    [("tree(f), ledger(f)", CIRCUIT), ("ledger(o),", NEURON), ("steps(f).to('x'),", WALK)],
    ids=["circuit", "neuron", "walk"],
)
def test_the_same_bytes_every_time(seed: str, shown: str, wanted: str) -> None:
    """CS231n's circuit and Karpathy's neuron come out to the byte, under any hash seed."""
    program = f"{PROGRAM}\nprint(*({shown}), sep='\\n')"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
    finished = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert finished.stdout.decode() == wanted
