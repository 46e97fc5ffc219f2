"""What goes wrong in a learner's code becomes a sentence with the line; nothing else is called theirs."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from scalargrad import Value, exercise
from scalargrad.exercises import Exercise, Verdict, right, running
from scalargrad.exercises.running import numbers

NEURON = exercise("neuron")


def judged(source: str, **settings: Any) -> Verdict:
    verdict = NEURON.judge_code(source, **settings)
    assert not verdict
    return verdict


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "def neuron(x, w, b):\n    y = 1\n    return y / 0",
            ["line 3: return y / 0", "ZeroDivisionError: division by zero"],
        ),
        ("x = 1\nneuron = x.y", ["line 2: neuron = x.y", "AttributeError"]),
        ("def neuron(x, w, b):\n    assert False", ["line 2: assert False", "AssertionError"]),
        ("neuron = lambda x: 1", ["TypeError", "takes 1 positional argument but 3 were given"]),
        ("def neuron(x, w, b):\n    return neuron(x, w, b)", ["line 2", "RecursionError"]),
        ("x = 1\ndef neuron(:", ["cannot be read", "line 2: def neuron(:"]),
        ("neuron = '\0'", ["cannot be read"]),
        ("import sys\nsys.exit('bye')", ["leaves Python in line 2: sys.exit('bye')", "return the answer"]),
        ("def neuron(x, w, b):\n    quit()", ["leaves Python in line 2: quit()"]),
        ("Neuron = 1", ["no neuron", "keep this name"]),
        ("neuron = ...", ["neuron is ...", "filled in"]),
        ("def neuron(x, w, b):\n    return ...", ["neuron returns ...", "filled in"]),
        ("def neuron(x, w, b):\n    x[0] * w[0]", ["neuron returns None", "is a return missing?"]),
        ("neuron = 0.98", ["neuron is 0.98, and a function is wanted"]),
        ("def neuron(x, w, b):\n    return 'yes'", ["neuron returns 'yes', and a number is wanted"]),
        ("def neuron(x, w, b):\n    return {1: 2}", ["neuron returns {1: 2}"]),
        ("def neuron(x, w, b):\n    return 1j", ["neuron returns 1j"]),
        ("def neuron(x, w, b):\n    yield 1\n    1 / 0", ["line 3: 1 / 0", "ZeroDivisionError"]),
        ("def neuron(x, w, b):\n    x.clear()\n    return x, w, b", ["should return 1 number", "it returns 3"]),
        (
            "class Odd:\n    def __repr__(self):\n        return 1 / 0\ndef neuron(x, w, b):\n    return Odd()",
            ["line 3: return 1 / 0", "ZeroDivisionError"],
        ),
        ("import asyncio\nraise asyncio.CancelledError('no')", ["line 2: raise asyncio.", "CancelledError: no"]),
        ("class Own(BaseException): pass\nneuron = lambda *_: (_ for _ in ()).throw(Own())", ["line 2: ", "Own"]),
        ("def neuron(x, w, b):\n    raise GeneratorExit", ["line 2: raise GeneratorExit", "GeneratorExit"]),
        ("x = 1\nreturn x", ["cannot be read", "line 2: return x"]),
        ("neuron = " + "(" * 300, ["cannot be read", "((((…"]),
        ("def neuron(x, w, b):\n    return 10**400", ["neuron returns a number beyond the range of floats"]),
        ("def neuron(x, w, b):\n    return [1.0, -10**5000]", ["neuron returns a number beyond the range of floats"]),
        ("x = []\nx.append(x)\nneuron = lambda *_: x", ["neuron returns lists in lists in lists"]),
        (
            "class Forever:\n    def __iter__(self):\n        yield self\nneuron = lambda *_: Forever()",
            ["neuron returns lists in lists in lists"],
        ),
    ],
)
def test_an_error_is_a_sentence_with_its_line(source: str, said: list[str]) -> None:
    """Whatever a learner's code raises or leaves out, the verdict says it, with the line."""
    verdict = judged(source)
    assert all(part in str(verdict) for part in said), verdict
    assert verdict.misconception is None


def test_an_error_comes_with_its_call() -> None:
    """Who wrote a function for two inputs sees which call of the judge has another number of them."""
    source = "def neuron(x, w, b):\n    return 1 / (1 + 2.718281828459045 ** -(x[0] * w[0] + x[1] * w[1] + b))"
    said = judged(source).sentences[0]
    assert re.match(r"neuron\(\[[^,\]]*\], \[[^,\]]*\], [^,]*\): Your code raised an error in line 2", said)


def test_the_line_is_that_of_the_learner() -> None:
    """An error in a library that the learner's code calls is shown at the line that calls it."""
    text = str(judged("import json\n\ndef neuron(x, w, b):\n    return json.loads('{')"))
    assert "line 4: return json.loads('{')" in text
    assert "JSONDecodeError" in text
    text = str(judged("from scalargrad import Value\ndef neuron(x, w, b):\n    return Value('x')"))
    assert "line 3: return Value('x')" in text


LOOPS = [
    "def neuron(x, w, b):\n    while True:\n        pass",
    "from itertools import count\ndef neuron(x, w, b):\n    for _ in count():\n        x.append(1)",
    "while True:\n    try:\n        1 / 0\n    except Exception:\n        pass",
    "from itertools import count\ndef neuron(x, w, b):\n    return [i for i in count()]",
    "from itertools import count\ndef neuron(x, w, b):\n    return sum(i for i in count() if False)",
    "from itertools import count\ndef neuron(x, w, b):\n    return {i: j for i in x for j in count()}",
    "from itertools import count\nneuron = {1 for i in count()}",
    "async def wait():\n    pass\ni = 1\nwhile i:\n    i += 1\nelse:\n    neuron = 1",
]


@pytest.mark.parametrize("source", LOOPS)
def test_a_loop_without_end_is_ended(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop ends after many turns, also in a function that is called later, and the verdict says where."""
    monkeypatch.setattr(running, "TURNS", 1000)
    text = str(judged(source))
    assert "does not end: after 1,000 turns" in text
    assert " in line " in text


def test_a_slow_loop_is_ended() -> None:
    """A loop ends when the time is up, which the caller sets."""
    assert "after 0 seconds" in str(judged(LOOPS[0], seconds=0))


def test_a_loop_that_ends_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: as many turns as allowed are none too many, and one more is."""
    monkeypatch.setattr(running, "TURNS", 1000)
    long = exercise("choose-a-rate")
    assert long.judge_code("for _ in range(1000):\n    rate = 0.5")
    assert not long.judge_code("for _ in range(1001):\n    rate = 0.5")
    assert long.judge_code("rate = max(0.5 for i in range(1000) if i % 2)")
    assert not long.judge_code("rate = max(0.5 for i in range(1001) if i % 2)")


def test_ctrl_c_ends_the_answer_alone() -> None:
    """Ctrl-C in a learner's function ends it, and becomes a verdict that asks for a loop without end."""

    def neuron(*_: object) -> float:
        raise KeyboardInterrupt

    text = str(NEURON.judge(neuron))
    assert "You stopped your code in line " in text
    assert "raise KeyboardInterrupt" in text


def test_an_error_of_the_judge_is_not_called_the_learners() -> None:
    """Negative control: what the judge itself raises is no verdict."""

    def judging(_: object) -> Verdict:
        raise KeyError("a fault of the judge")

    with pytest.raises(KeyError, match="a fault of the judge"):
        replace(NEURON, _judging=judging).judge(1)


def test_answers_do_not_share_their_arguments() -> None:
    """An answer that changes its arguments does not change those of other cases, nor what is right."""

    def neuron(inputs: list[float], weights: list[float], bias: float) -> Value:
        total = Value(bias)
        while inputs:
            total = total + inputs.pop() * weights.pop()
        return total.sigmoid()

    assert NEURON.judge(neuron)
    assert NEURON.judge(neuron)


def test_code_runs_under_its_own_name() -> None:
    """Source code runs as a script would, and tracebacks show its lines under the name that it is given."""
    program = "if __name__ == '__main__':\n    neuron = lambda x, w, b: 1 / 0\n"
    assert "line 2: neuron = lambda x, w, b: 1 / 0" in str(judged(program, filename="mine.py"))
    assert linecache.getline("mine.py", 1) == "if __name__ == '__main__':\n"


def test_a_byte_order_mark_is_no_code() -> None:
    """Source that begins with a byte order mark is read as without it; elsewhere the mark is an error."""
    assert exercise("choose-a-rate").judge_code("\ufeffrate = 0.5")
    assert not exercise("choose-a-rate").judge_code("rate = \ufeff0.5")


def test_lists_may_be_in_lists() -> None:
    """Negative control: numbers some lists deep, and large ones that a float can hold, are read."""
    assert numbers([[[[[[[1, 10**300]]]]]]], "it is") == [1.0, 1e300]


def test_numbers_are_taken_from_whatever_holds_them() -> None:
    """A number, a Value, or anything with several of them, nested in any way; an endless source is cut short."""
    numpy = pytest.importorskip("numpy")
    assert numbers(True, "it is") == [1.0]
    assert numbers(numpy.float32(0.5), "it is") == [0.5]
    assert numbers([Value(2), (3, numpy.array([[4.0], [5.0]])), (x for x in (6,))], "it is") == [2, 3, 4, 5, 6]
    assert len(numbers(count(), "it is")) == running.MOST


def accepting(answer: object) -> Verdict:
    return right(repr(answer))


def test_what_is_judged_is_what_has_the_name() -> None:
    """The judge is given what the source calls by the exercise's name, whatever that is."""
    judging: Callable[[Any], Verdict] = accepting
    task = Exercise("two", 1, "Two", "Give 2.", "two = ...", "two", judging)
    assert str(task.judge_code("one = 1\ntwo = one + one")) == "Right.\n2"
