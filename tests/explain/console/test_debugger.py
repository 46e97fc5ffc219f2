"""The prompt: pdb's commands on the steps of a backward pass."""

from __future__ import annotations

import builtins
import inspect
import io
import math
import os
import pdb
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad
from scalargrad import Value, prompt, silu, steps
from scalargrad.explain.console.ask import words
from scalargrad.explain.console.debugger import Prompt
from scalargrad.explain.walk.step import Step
from scalargrad.explain.walk.steps import Steps
from scalargrad.terminal import cells
from tests.explain.walk.test_steps import recorded
from tests.oracle import Program, programs


def neuron() -> Steps:
    """Karpathy's: o = tanh(x1 * w1 + x2 * w2 + b), in 9 steps."""
    x1, x2, w1, w2 = Value(2.0, "x1"), Value(0.0, "x2"), Value(-3.0, "w1"), Value(1.0, "w2")
    b = Value(6.881373587019543, "b")
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    return steps(o)


def session(walk: Steps, *lines: str) -> list[str]:
    """What the prompt answers to some lines of input, without the first line and the echo of the input."""
    written = io.StringIO()
    Prompt(walk, stdin=io.StringIO("\n".join(lines) + "\n"), stdout=written).run()
    answers = written.getvalue().split("(step) ")
    assert len(answers) == len(lines) + 2 or not walk or "quit" in lines
    return [line for answer in answers[1:] for line in answer.splitlines()[1:]]


def shown(step: Step, walk: Steps) -> str:
    return f"{step.index + 1}/{len(walk)}  {step}"


def arithmetic(lines: list[str]) -> list[str]:
    return [line for line in lines if "+=" in line]


def fresh() -> Prompt:
    return Prompt(neuron(), stdin=io.StringIO(), stdout=io.StringIO())


COMMANDS = fresh().commands()
LETTERS = Prompt.letters

# ---------------------------------------------------------------- the commands are pdb's


@pytest.mark.parametrize("letter", [letter for letter in LETTERS if hasattr(pdb.Pdb, f"do_{letter}")])
def test_a_letter_means_what_it_means_in_pdb(letter: str) -> None:
    """Each letter that pdb knows stands for the same command there."""
    in_pdb = getattr(pdb.Pdb, f"do_{letter}")
    if letter != "print":
        assert in_pdb is getattr(pdb.Pdb, f"do_{LETTERS[letter]}")


def test_pdbs_commands_are_there() -> None:
    """Every command of pdb that has a meaning for steps is a command here, and `back` and `quiz` besides."""
    moves = {"step", "next", "continue", "until", "jump", "quit"}
    others = {"break", "tbreak", "clear", "display", "undisplay", "p", "where", "list", "help"}
    assert all(hasattr(pdb.Pdb, f"do_{name}") for name in moves | others)
    assert set(COMMANDS) == moves | others | {"back", "quiz"}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_an_example_that_works(name: str) -> None:
    """Help explains each command in a line of at most 60 columns, its use, and an example, which runs as it is."""
    text = "\n".join(session(neuron(), f"help {name}"))
    assert text == inspect.getdoc(getattr(Prompt, f"do_{name}"))
    summary, usage, *_ = text.split("\n\n")
    assert len(summary) <= 66
    assert usage.strip().startswith(name)
    for letter in (letter for letter, meant in LETTERS.items() if meant == name):
        assert re.search(rf"\b{letter}\b", usage)
    (example,) = re.findall(r"^Example: (.*)$", text, re.MULTILINE)
    prepared = example.replace(" x", " x1")
    answers = session(neuron(), "break isnan(local)", "step", "display x1", prepared)
    refused = "no command|no breakpoint|nothing|expected|that is behind|there (is|are) no|.*is not displayed|.*\\^"
    assert not [line for line in answers if re.match(refused, line)]


def test_help_lists_every_command() -> None:
    """`help` alone names each command with its letters, in lines that fit a terminal."""
    lines = session(neuron(), "?")
    assert [line.split()[0] for line in lines[:-1]] == COMMANDS
    assert lines[-1] == "Enter repeats the last command that moves, or list."
    assert max(map(len, lines)) < 88


# ---------------------------------------------------------------- moving


def test_step_shows_each_contribution() -> None:
    """`step` makes the steps one after another and shows each, with the reason for its local gradient."""
    walk = neuron()
    lines = session(walk, *["step"] * 9)
    assert arithmetic(lines) == [shown(step, walk) for step in walk]
    assert lines[1] == "     o = tanh(n), so ∂o/∂n = 1 - o * o"
    assert walk.position == 9


def test_a_count_repeats() -> None:
    """`step 3`, `next 3`, `back 3` are three of them."""
    walk = neuron()
    assert arithmetic(session(walk, "step 3")) == [shown(step, walk) for step in walk[:3]]
    session(walk, "back 2")
    assert walk.position == 1
    session(walk, "back 7")
    assert walk.position == 0
    session(walk, "next 2")
    assert walk.position == 3
    session(walk, "n 99")
    assert walk.position == 9


def test_next_hands_on_all_of_one_result() -> None:
    """`next` makes all contributions of one result."""
    walk = neuron()
    groups = list(neuron().by_node())
    for group in groups:
        assert len(arithmetic(session(walk, "next"))) == len(group)
    assert session(walk, "next") == ["all 9 steps are made: every gradient is complete"]


def test_a_blank_line_repeats() -> None:
    """A blank line repeats the last move, and makes a step where there was none."""
    walk = neuron()
    session(walk, "", "", "n", "")
    assert walk.position == 5
    assert session(neuron(), "jump 4", "list 1 2", "") == session(neuron(), "jump 4", "list 1 2", "list 1 2")


@pytest.mark.parametrize("line", ["help", "help back", "?", "p x1", "break x1", "display x1", "nonsense", "step many"])
def test_a_blank_line_repeats_nothing_but_moves(line: str) -> None:
    """After help, a look or a mistake Enter makes the next step: it does not show that again."""
    walk = neuron()
    (answer, *_) = session(neuron(), line)
    lines = session(walk, line, "")
    assert walk.position == 1
    assert len(arithmetic(lines)) == 1
    assert lines.count(answer) == (2 if line.startswith("display") else 1)


def test_back_is_exact() -> None:
    """`back` says what it takes back and shows the step before, with the totals as they were."""
    walk = neuron()
    lines = session(walk, "step 5", "back", "back 4", "back")
    assert arithmetic(lines)[5:] == [shown(walk[3], walk)]
    assert lines[10] == "took back the last step"
    assert lines[-3] == "took back 4 steps"
    assert lines[-2:] == ["at the start: no step has been made", "no step has been made"]


def test_jump_goes_anywhere() -> None:
    """`jump` goes to a number of steps, to the first step into a node, to the start and the end."""
    walk = neuron()
    for place, position in {"7": 7, "0": 0, "x2": 6, "o": 0, "end": 9, "start": 0, "9": 9}.items():
        session(walk, f"jump {place}")
        assert walk.position == position


def test_until_stops_where_a_gradient_is_complete() -> None:
    """`until` goes to a number of steps, or to where nothing more comes into a node: the last step's by default."""
    a = Value(2.0, "a")
    walk = steps(a * a + a)
    assert arithmetic(session(walk, "until 1")) == [shown(walk[0], walk)]
    session(walk, "step", "until")
    assert walk.position == walk.into("a")[-1].index + 1 == 4
    other = neuron()
    session(other, "until x2")
    assert other.position == 6
    behind = "that step is made already: back and jump go there"
    assert session(other, "until 3", "until o", "until b") == [behind] * 3


def test_a_value_that_nothing_made_has_no_steps() -> None:
    """On a leaf every move says that there are no steps."""
    walk = steps(Value(2.0, "x"))
    assert session(walk, "step", "next", "c", "back", "j 0", "list") == [
        *["no steps"] * 3,
        "no step has been made",
        "at the start: no step has been made",
        "there are no steps",
    ]


def test_the_nodes_are_not_touched() -> None:
    """No command changes a gradient."""
    walk = neuron()
    session(walk, "n", "break x1", "c", "p x1", "display grad", "c", "back 3", "where", "list", "jump end")
    assert not any(node.swept for node in walk.order)


# ---------------------------------------------------------------- stopping

CONDITIONS: list[tuple[str, Callable[[Step], bool]]] = [
    ("abs(grad) < 1e-6", lambda step: abs(step.after) < 1e-6),
    ("isnan(grad)", lambda step: math.isnan(step.after)),
    ("isinf", lambda step: math.isinf(step.after)),
    ("local * upstream != before and index > 2", lambda step: step.product != step.before and step.index > 2),
    ("data > after or product <= 0", lambda step: step.operand.data > step.after or step.product <= 0),
    ("+", lambda step: step.operation == "add"),
    ("multiply", lambda step: step.operation == "multiply"),
]


@given(programs(), st.sampled_from(CONDITIONS))
def test_continue_stops_behind_each_step_that_a_breakpoint_is_about(
    program: Program, condition: tuple[str, Callable[[Step], bool]]
) -> None:
    """`continue` stops behind exactly the steps for which the breakpoint holds, and at the end."""
    text, holds = condition
    walk = steps(recorded(program)[-1])
    if text in {"+", "multiply"} and not any(map(holds, walk)):
        return
    expected = [step.index + 1 for step in walk if holds(step)]
    prompt = Prompt(walk, stdin=io.StringIO(), stdout=io.StringIO())
    prompt.onecmd(f"break {text}")
    stops = []
    while walk.position < len(walk):
        prompt.onecmd("continue")
        stops.append(walk.position)
    assert stops == (expected if not len(walk) or expected[-1:] == [len(walk)] else [*expected, len(walk)])


def test_a_breakpoint_on_a_node_stops_behind_each_step_into_it() -> None:
    """`break x` is about every contribution to x, whatever makes it; a node comes before an operation."""
    a = Value(2.0, "a")
    tanh = (a * a + a).tanh()
    tanh.label = "tanh"
    walk = steps(tanh * 1.0)
    lines = session(walk, "b a", "c", "c", "c", "cl", "jump 0", "b tanh", "c")
    assert lines[0] == "breakpoint 1  into a"
    assert [line for line in lines if line == "breakpoint 1  into a"] == lines[:1] * 4
    assert lines[-1] == "breakpoint 1  into tanh"
    assert walk.position == 1


@pytest.mark.parametrize(
    ("text", "shown", "holds"),
    [
        ("x1 if index > 0", "into x1 if index > 0", lambda step: step.names[2] == "x1" and step.index > 0),
        ("x1, maximum(0, -1) > -1", "into x1 if maximum(0, -1) > -1", lambda step: step.names[2] == "x1"),
        ("* if index > 5", "of * if index > 5", lambda step: step.operation == "multiply" and step.index > 5),
        ("add, isfinite", "of add if isfinite(grad)", lambda step: step.operation == "add"),
        ("if index > 5", "if index > 5", lambda step: step.index > 5),
    ],
)
def test_a_place_may_have_a_condition(text: str, shown: str, holds: Callable[[Step], bool]) -> None:
    """`break a if …`, and pdb's `break a, …`, stop at those steps alone of the place for which the condition holds."""
    walk = neuron()
    assert session(walk, f"break {text}", "continue")[0] == f"breakpoint 1  {shown}"
    assert walk.position == next(step.index + 1 for step in walk if holds(step))


def test_a_sign_stands_for_every_operation_that_is_written_with_it() -> None:
    """`break *` stops at each product in the formulas, whichever operation computed it; private names are not shown."""
    walk = steps(silu(Value(2.0, label="x")) * 3.0)
    assert {step.operation for step in walk if " * " in step.computed} == {"multiply", "_gated"}
    lines = session(walk, "break *", "c", "c", "c", "c")
    assert lines.count("breakpoint 1  of *") == 1 + sum(" * " in step.computed for step in walk)
    assert not [word for word in words(walk) if word.startswith("_")]


def test_a_name_with_a_joint_in_it_is_a_name() -> None:
    """A label that reads like a place with a condition is a place, and may have a condition in turn."""
    walk = steps(Value(0.0, label="a if b, c") * 3.0)
    assert session(walk, "b a if b, c", "b a if b, c if grad > 1", "b a if b, c, grad > 1") == [
        "breakpoint 1  into a if b, c",
        "breakpoint 2  into a if b, c if grad > 1",
        "there is a breakpoint into a if b, c if grad > 1 already",
    ]


def test_a_place_with_a_condition_is_refused_for_what_is_wrong_with_it() -> None:
    """If the place or the condition is wrong, the error is about that one."""
    typed = ("b q if grad > 1", "b q, grad > 1", "b x1 if grad", "b grad > 1 if grad > 2", "b x1 if", "b x1,")
    assert session(neuron(), *typed) == [
        *["nothing in o is called 'q': there are x1, w1, x2, w2, b, n, o, v1, v2, v3"] * 2,
        *["expected a condition", "  grad", "  ^^^^"],
        *["expected a node or an operation before the condition", "  grad > 1", "  ^^^^^^^^"],
        *["the expression ends where more is expected", "  x1 if", "       ^"],
        *[
            "an expression is one number: write decimals with a point, and a comma only between operands",
            "  x1,",
            "  ^^^",
        ],
    ]


def test_every_move_forwards_heeds_breakpoints() -> None:
    """`step`, `next` and `until` stop at a breakpoint on the way; `jump` and `back` do not."""
    for command in ("step 9", "next 9", "until 9", "until w1", "continue"):
        walk = neuron()
        lines = session(walk, "break v2", command)
        assert walk.position == 5
        assert lines[-1] == "breakpoint 1  into v2"
    walk = neuron()
    session(walk, "break v2", "jump 9")
    assert walk.position == 9
    session(walk, "break v2", "back 8")
    assert walk.position == 1


def test_breakpoints_are_listed_and_cleared() -> None:
    """`break` lists them by number, `clear` clears some or all; a temporary one goes as it is reached."""
    lines = session(
        neuron(), "b", "b x1", "tbreak x2", "b *", "b", "c", "b", "clear 1 1", "b", "cl 7", "cl x", "cl", "b"
    )
    assert [line for line in lines if "+=" not in line and "so ∂" not in line] == [
        "no breakpoints",
        "breakpoint 1  into x1",
        "breakpoint 2  into x2",
        "breakpoint 3  of *",
        *["1  into x1", "2  into x2  (once)", "3  of *"],
        *["breakpoint 2  into x2", "breakpoint 3  of *"],
        *["1  into x1", "3  of *"],
        "cleared 1  into x1",
        "3  of *",
        "no breakpoint 7",
        "no breakpoint x",
        "cleared 3  of *",
        "no breakpoints",
    ]


def test_a_breakpoint_that_means_nothing_is_refused() -> None:
    """A text that is no node, operation or condition is refused at once; so is the same breakpoint a second time."""
    lines = session(neuron(), "b x9", "b sigmoid", "b grad", "b grad <", "tbreak", "b x1", "b x1", "b")
    assert lines == [
        "nothing in o is called 'x9': there are x1, w1, x2, w2, b, n, o, v1, v2, v3",
        "nothing in o is called 'sigmoid': there are x1, w1, x2, w2, b, n, o, v1, v2, v3",
        *["expected a node, an operation or a condition", "  grad", "  ^^^^"],
        *["the expression ends where more is expected", "  grad <", "        ^"],
        "tbreak needs a node, an operation or a condition",
        "breakpoint 1  into x1",
        "there is a breakpoint into x1 already",
        "1  into x1",
    ]


def test_a_condition_that_fails_at_a_step_is_an_error_there() -> None:
    """A function that refuses a step's numbers stops the move, with its place."""
    walk = neuron()
    lines = session(walk, "break hinge(1, upstream) < -2", "continue")
    assert walk.position == 1
    assert lines[1:] == [
        "a label of hinge must be 1 or -1, got 0.4999999999999998",
        "  hinge(1, upstream) < -2",
        "  ^^^^^^^^^^^^^^^^^^",
    ]


# ---------------------------------------------------------------- looking


def test_p_shows_a_node_or_computes() -> None:
    """`p` shows a node's number and its gradient so far, – before any; an expression of the step; or the leaves."""
    lines = session(neuron(), "p b", "p grad", "step 3", "p b", "p upstream * local == product", "p -index", "print")
    assert lines[:2] == ["b = 6.881373587019543, do/db = –", "grad: no step has been made yet"]
    assert lines[8:] == [
        "b = 6.881373587019543, do/db = 0.4999999999999998",
        "upstream * local == product = True",
        "-index = -2.0",
        "x1 = 2.0, do/dx1 = –",
        "w1 = -3.0, do/dw1 = –",
        "x2 = 0.0, do/dx2 = –",
        "w2 = 1.0, do/dw2 = –",
        "b = 6.881373587019543, do/db = 0.4999999999999998",
    ]


def test_display_shows_behind_every_move() -> None:
    """What is displayed is shown behind each move, until `undisplay`."""
    lines = session(neuron(), "display", "display n", "display local < 1", "display n", "step", "back", "undisplay n")
    assert [line for line in lines if line.startswith(("  n", "  l", "no"))] == [
        "nothing to display",
        "  n = 0.8813735870195432, do/dn = –",
        *["  n = 0.8813735870195432, do/dn = –", "  local < 1"],
        *["  n = 0.8813735870195432, do/dn = –", "  local < 1"],
        *["  n = 0.8813735870195432, do/dn = 0.4999999999999998", "  local < 1 = True"],
        *["  n = 0.8813735870195432, do/dn = –", "  local < 1"],
    ]
    lines = session(neuron(), "display n", "display grad", "undisplay n", "display", "undisplay x", "undisplay")
    assert lines[3:] == ["  grad", "x is not displayed"]


def test_where_shows_the_way() -> None:
    """`where` leads from the value to the node that the last step went into, each with its gradient."""
    lines = session(neuron(), "where", "jump x1", "where")
    assert lines[0] == "no step has been made yet: step makes one"
    assert [line.split(" = ")[0] for line in lines[-5:]] == ["   o", "   n", "   v3", "   v1", "-> x1"]
    assert lines[-1].endswith("do/dx1 = -1.5")
    assert session(neuron(), "jump end", "p x1")[-1].endswith("do/dx1 = -1.4999999999999993")


def test_a_long_way_is_cut_honestly() -> None:
    """Of a long way the last nodes are shown, and where it starts."""
    x = Value(1.0, "x")
    y = x
    for _ in range(10_000):
        y = y.sin()
    y.label = "y"
    lines = session(steps(y), "jump end", "where")
    assert len(lines) == 15
    assert lines[2].startswith("   … from y = sin(v9999)")
    assert lines[-1].startswith("-> x = 1.0")


def test_list_shows_the_steps_around() -> None:
    """`list` shows the steps around the last one made, then those that follow; or from one to another."""
    x = Value(1.0, "x")
    walk = steps(sum([x] * 30, x * 1.0))
    numbers = re.compile(r"(->|  ) +(\d+)/")
    lines = session(walk, "jump 20", "list", "l", "l", "l", "list 3 5", "l 58", "jump 0", "l", "l x", "l 1 2 3")
    listed = [numbers.match(line) for line in lines]
    assert [int(first[2]) for first in listed if first] == [
        *[*range(15, 26), *range(26, 37), *range(37, 48), *range(48, 59)],
        *[3, 4, 5, 58, 59, 60, 61, *range(1, 12)],
    ]
    assert [first[2] for first in listed if first and first[1] == "->"] == ["20"]
    assert lines[-2:] == [
        "list takes the first and the last number, got x",
        "list takes the first and the last number, got 1 2 3",
    ]


def test_list_ends_where_the_steps_do() -> None:
    """Behind the last step there is nothing to list."""
    assert session(neuron(), "list", "list", "list 99")[-2:] == ["no more steps", "no more steps"]


# ---------------------------------------------------------------- what is typed wrongly


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("step x", "expected a count, got x"),
        ("step 0", "expected a count, got 0"),
        ("step -1", "expected a count, got -1"),
        ("step " + "9" * 5000, "expected a count, got " + "9" * 20 + "…" + "9" * 19),
        ("jump 10", "there are 9 steps, got 10"),
        ("jump " + "9" * 5000, "there are 9 steps, got " + "9" * 20 + "…" + "9" * 19),
        ("jump", "jump needs a number of steps, a node, start or end"),
        ("until x9", "nothing in o is called 'x9': there are x1, w1, x2, w2, b, n, o, v1, v2, v3"),
        ("until", "no step has been made yet: step makes one"),
        ("continue now", "expected nothing more, got now"),
        ("where to", "expected nothing more, got to"),
        ("quit now", "expected nothing more, got now"),
        ("p upsteam", "nothing here is called upsteam: did you mean upstream?"),
        ("p __import__", "nothing in o is called '__import__': there are x1, w1, x2, w2, b, n, o, v1, v2, v3"),
        ("display tahn", "nothing here is called tahn: did you mean tanh?"),
        ("help brake", "no command is called brake: did you mean break?"),
        ("contniue", "no command is called contniue: did you mean continue?; help lists them"),
        ("!ls", "no command is called !ls; help lists them"),
        ("42", "no command is called 42; help lists them"),
    ],
    ids=lambda given: given[:20],
)
def test_what_is_typed_wrongly_is_said(line: str, answer: str) -> None:
    """A mistake is answered in one line, and nothing is done."""
    walk = neuron()
    assert session(walk, line) == [answer]
    assert walk.position == 0


def test_nothing_typed_is_run() -> None:
    """Python code is refused: an attribute, a call of anything unknown, a subscript."""
    lines = session(neuron(), "s", "p __import__('os').getcwd()", "p grad.real", "p grad[0]", "b (lambda: 1)() < 2")
    assert len([line for line in lines if "^" in line]) == 4


WORDS = st.sampled_from([*COMMANDS, *LETTERS, "x1", "grad", "o", "0", "3", "-1", "< 1", "isnan", "*", "?", "!", "\t"])


@settings(max_examples=150)
@given(st.lists(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=4).map(" ".join)), max_size=12))
def test_no_rubbish_crashes_it(lines: list[str]) -> None:
    """Whatever lines are typed, the prompt answers, and the cursor stays among the steps."""
    walk = neuron()
    written = io.StringIO()
    Prompt(walk, stdin=io.StringIO("\n".join(lines)), stdout=written).run()
    assert 0 <= walk.position <= len(walk)
    assert written.getvalue().startswith("o = tanh(n) = ")


# ---------------------------------------------------------------- the end, the keyboard


@pytest.mark.parametrize("line", ["quit", "q", "exit", "EOF"])
def test_quit_leaves_the_cursor_where_it_is(line: str) -> None:
    """`quit` ends the session; so does the end of the input."""
    walk = neuron()
    written = io.StringIO()
    Prompt(walk, stdin=io.StringIO(f"step 2\n{line}\nstep\n"), stdout=written).run()
    assert walk.position == 2


def test_the_end_of_the_input_ends_the_last_line() -> None:
    """Whatever is written after the session starts on a line of its own."""
    written = io.StringIO()
    Prompt(neuron(), stdin=io.StringIO(""), stdout=written).run()
    assert written.getvalue().endswith("(step) \n")


class Keyboard(io.StringIO):
    """Input from a terminal, on which Control-C is pressed."""

    def isatty(self) -> bool:
        return True

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # typeshed's base reads bytes
        line = super().readline(size)
        if line == "^C\n":
            raise KeyboardInterrupt
        return line


def test_an_interrupt_does_not_end_the_session() -> None:
    """At a keyboard Control-C abandons the line, and the prompt goes on without a second greeting."""
    walk = neuron()
    written = io.StringIO()
    Prompt(walk, stdin=Keyboard("step\n^C\nstep\n"), stdout=written).run()
    assert walk.position == 2
    assert "interrupted: quit leaves" in written.getvalue()
    assert written.getvalue().count("help lists the commands") == 1


def test_an_interrupt_ends_a_session_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where commands come from a file, Control-C ends them as it ends any program."""
    monkeypatch.setattr(Keyboard, "isatty", lambda self: False)
    walk = neuron()
    with pytest.raises(KeyboardInterrupt):
        Prompt(walk, stdin=Keyboard("step\n^C\nstep\n"), stdout=io.StringIO()).run()
    assert walk.position == 1


@pytest.mark.parametrize("has_front_end", [True, False])
def test_a_line_is_shown_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has_front_end: bool
) -> None:
    """A notebook asks by an `input` of its own and shows what was typed; a line from a file is shown here."""
    if has_front_end:
        lines = iter(["step", "quit"])
        monkeypatch.setattr(builtins, "input", lambda asked="": next(lines))
    else:
        monkeypatch.setattr(sys, "stdin", io.StringIO("step\nquit\n"))
    prompt(neuron())
    assert ("step\n1/" in capsys.readouterr().out) != has_front_end


def test_an_interrupt_of_a_notebook_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's button to interrupt ends the cell, prompt and all."""

    def interrupted(_asked: str = "") -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", interrupted)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(KeyboardInterrupt):
        prompt(neuron())


def test_names_are_completed() -> None:
    """Tab completes commands; after one, nodes, operations and the numbers of a step."""
    prompt = fresh()
    assert prompt.completenames("st") == ["step "]
    assert prompt.complete_help("un") == ["until ", "undisplay "]
    assert prompt.completedefault("x", "break x", 6, 7) == ["x1", "x2"]
    assert prompt.completedefault("t", "break t", 6, 7) == ["tanh"]
    assert prompt.completedefault("u", "p u", 2, 3) == ["upstream"]


def test_without_readline_the_prompt_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python was built without readline there is no completion, and all else."""
    monkeypatch.setitem(sys.modules, "readline", None)
    walk = neuron()
    session(walk, "step")
    assert walk.position == 1


def test_steps_open_the_prompt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`prompt` reads the standard input, and moves the cursor of the steps it is given."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("step\n"))
    walk = neuron()
    prompt(walk)
    assert walk.position == 1
    assert shown(walk[0], walk) in capsys.readouterr().out


def test_a_prompt_on_several_values() -> None:
    """The greeting names each, and the way by which a contribution came starts at one of them."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    total, product = a + b, a * b
    written = io.StringIO()
    prompt([total, product], io.StringIO("next\nwhere\n"), written, names={"total": total, "product": product})
    assert written.getvalue().startswith("total = a + b = -1.0, product = a * b = -6.0: 4 steps. Enter makes one;")
    assert "   product = -6.0, d(total, product)/dproduct = 1.0\n-> b = -3.0, " in written.getvalue()


# ---------------------------------------------------------------- a real terminal

PROGRAM = """
from tests.explain.console.test_debugger import neuron
from scalargrad import prompt
prompt(neuron())
print("left")
"""


CONTROLLED = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.main, secondary = pty.openpty()
        root = str(Path(scalargrad.__file__).parent.parent)
        variables = {
            "PYTHONPATH": root,
            "PYTHONSAFEPATH": "1",
            "TERM": "xterm",
            "PYTHONUTF8": "1",
            "INPUTRC": os.devnull,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLED, sys.executable, *arguments],
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            cwd=root,
            env={**os.environ, "NO_COLOR": "", **variables, **environment},
            start_new_session=True,
        )
        os.close(secondary)
        self.seen = ""

    def wait_for(self, text: str, press: str = "") -> str:
        """Read until a text comes, and return what came up to it; press a key again and again until it does."""
        for _ in range(60):
            self.type(press)
            while text not in self.seen and select.select([self.main], [], [], 1)[0]:
                self.seen += self._read()
            if text in self.seen:
                before, _, self.seen = self.seen.partition(text)
                return before
        raise AssertionError(f"{text!r} did not come: {self.seen!r}")

    def _read(self) -> str:
        try:
            return os.read(self.main, 65536).decode()
        except OSError:  # the program has closed its side
            raise AssertionError(self.seen) from None

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def close(self) -> int:
        """Wait for the program's end and return its exit status."""
        status = self.process.wait(30)
        os.close(self.main)
        return status


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    opened = Terminal("-c", PROGRAM, **getattr(request, "param", {}))
    opened.wait_for("(step) ")
    yield opened
    if opened.process.poll() is None:
        opened.process.kill()
        opened.close()


def test_in_a_terminal_it_completes_colours_and_ends(terminal: Terminal) -> None:
    """In a real terminal Enter steps, Tab completes, Control-C abandons a line and Control-D leaves."""
    terminal.type("\n")
    assert "\x1b[1m1/9\x1b[0m  do/dn += " in terminal.wait_for("(step) ")
    terminal.type("br\tw2\n")
    assert "breakpoint 1  into w2" in terminal.wait_for("(step) ")
    terminal.type("cont\n")
    assert "7/9" in terminal.wait_for("(step) ")
    terminal.type("foo\n")
    assert "\x1b[31mno command is called foo" in terminal.wait_for("(step) ")
    terminal.type("jump 0 ")
    terminal.wait_for("jump 0 ")  # an interrupt makes the terminal forget what readline has not read yet
    terminal.wait_for("interrupted: quit leaves", press="\x03")  # an interrupt before Python reads waits for a key
    terminal.wait_for("(step) ")
    terminal.type("\x04")
    terminal.wait_for("left")
    assert terminal.close() == 0


@pytest.mark.parametrize("terminal", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], indirect=True)
def test_there_are_no_colours_where_none_are_wanted(terminal: Terminal) -> None:
    """With NO_COLOR set, or on a dumb terminal, nothing is coloured."""
    terminal.type("step\n")
    assert "\x1b[1m" not in terminal.wait_for("(step) ")
    terminal.type("quit\n")
    terminal.wait_for("left")
    assert terminal.close() == 0


# ---------------------------------------------------------------- room


def test_lines_fit_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output is a terminal, names are shortened until a step fits its lines."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "76")
    monkeypatch.setenv("NO_COLOR", "1")
    a, b = Value(2.0, label="the price of a ticket to the moon"), Value(3.0, label="how often it is paid every year")
    written = Terminal()
    Prompt(steps((a * b).tanh()), stdin=io.StringIO("next\nnext\nlist\n"), stdout=written).run()
    lines = written.getvalue().splitlines()
    assert max(map(cells, lines[1:])) <= 76
    assert len(arithmetic(lines)) == 6


def test_list_counts_what_follows() -> None:
    """`list` says how many steps there are behind those that it lists."""
    assert session(neuron(), "list 1 4")[-1] == "   … 5 more: list shows those that follow"
    assert "more" not in session(neuron(), "list 1 9")[-1]
