"""The lab in real browsers: stock Chromium and Firefox ESR, from a server and from a disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scalargrad import Value, ledger, steps
from scalargrad.explain.names import gradient_name, numeral

from .browsers import BROWSERS, SHAPES, Chromium, LabPage, opened

NEURON = """\
from scalargrad import Value, ledger
x1, x2 = Value(2.0), Value(0.0)
w1, w2 = Value(-3.0), Value(1.0)
b = Value(6.8813735870195432)
n = x1 * w1 + x2 * w2 + b
o = n.tanh()
o.backward()
print(ledger(o, width=200))
"""


@pytest.fixture(scope="module", params=[f"{browser}-{shape}" for browser in BROWSERS for shape in SHAPES])
def lab(request: pytest.FixtureRequest) -> Iterator[LabPage]:
    browser, shape = request.param.split("-")
    with opened(browser, shape) as page:
        yield page
        if isinstance(page.driver, Chromium):
            origin = page.address.rpartition("/")[0]
            assert page.driver.said == []
            assert [url for url in page.driver.requested if not url.startswith((origin, "blob:"))] == []


ACTIVE = "[...document.querySelectorAll('.cm-line')].findIndex((line) => line.classList.contains('is-active')) + 1"


NUMBERS = ".cm-lineNumbers .cm-gutterElement"


def active_line(lab: LabPage) -> int:
    return int(lab.evaluate(ACTIVE))


def position(lab: LabPage) -> str:
    return f"{lab.text('.count')} {lab.evaluate('document.querySelector(`.stepper`).dataset.pass')}"


def test_the_first_page_makes_the_point(lab: LabPage) -> None:
    """Opened without a link the lab has run a program: its output, its graph and its steps are there."""
    lab.open()
    assert lab.text(".output").strip() == "dL/da = 6.0"
    assert lab.count("figure .node") == 7
    assert lab.text(".arithmetic[data-when=start]").split()[-1] == "here"
    assert lab.text(".number-bar") == "Choose a number in the picture to change it."


@pytest.mark.parametrize("tolerance", [0.0, 1e-14], ids=["arithmetic", "tanh"])
def test_values_ledger_and_steps_are_those_of_cpython(lab: LabPage, tolerance: float) -> None:
    """What the program prints, and each number of each step: arithmetic to the last bit, tanh as libm rounds it."""
    program = NEURON if tolerance else NEURON.replace("n.tanh()", "(n - x1) / n - b")
    names: dict[str, Value] = {}
    exec(program.replace("print(", "str("), names)  # noqa: S102  # the program above
    lab.run(program)
    assert lab.text(".output").strip() == str(ledger(names["o"], names=names, width=200)).strip()
    walk = steps(names["o"], names=names)
    rows = lab.evaluate(
        "[...document.querySelectorAll('.backward tbody tr')].map((row) => ['gradient', 'upstream', 'local', 'product',"
        " 'after'].map((name) => { const cell = row.querySelector('.' + name);"
        " return cell.querySelector('[title]')?.title ?? cell.textContent; }))"
    )
    assert [row[0] for row in rows] == [gradient_name("o", walk.names[step.operand]) for step in walk]
    for row, step in zip(rows, walk, strict=True):
        numbers = [float(text.replace("−", "-")) for text in row[1:]]
        assert numbers == pytest.approx([step.upstream, step.local, step.product, step.after], rel=tolerance, abs=0.0)
    values = lab.texts(".forward tbody td.value")
    assert values == [numeral(node.data).replace("-", "−") for node in walk.order if node.op is not None]


def test_every_key_moves_the_walk_and_the_line_of_code(lab: LabPage) -> None:
    """The keys of the page work in the lab; the line that made the result of the step is marked."""
    lab.run(NEURON)
    lab.blur()
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "f", "ArrowRight", "ArrowRight", "End", "b"):
        lab.press(key)
        seen.append((position(lab), active_line(lab)))
    assert seen == [
        ("1 of 9 backward", 6),
        ("2 of 9 backward", 5),
        ("1 of 9 backward", 6),
        ("9 of 9 backward", 5),
        ("0 of 9 backward", 0),
        ("0 of 5 forward", 0),
        ("1 of 5 forward", 5),
        ("2 of 5 forward", 5),
        ("0 of 9 backward", 0),
        ("0 of 9 backward", 0),
    ]


def test_lines_and_nodes_lead_to_steps(lab: LabPage) -> None:
    """A click on a line goes to the first step into what it made, again to the next; a click on a node likewise."""
    lab.run(NEURON)
    number = (
        "[...document.querySelectorAll('.cm-lineNumbers .cm-gutterElement')].findIndex((e) => e.textContent === '5')"
    )
    nth = int(lab.evaluate(number))
    lab.click(".cm-lineNumbers .cm-gutterElement", nth)
    assert position(lab) == "1 of 9 backward"
    lab.click(".cm-lineNumbers .cm-gutterElement", nth)
    assert position(lab) == "2 of 9 backward"
    lab.click("#graph_node0")  # x1
    assert lab.text("tr.current .gradient") == "do/dx1"


def test_the_link_has_the_code_and_the_step(lab: LabPage) -> None:
    """What is opened by the link of the moment is at the same step of the same program."""
    lab.run(NEURON, step=4)
    assert position(lab) == "4 of 9 backward"
    lab.until("location.hash.endsWith('&step=4')")
    fragment = lab.evaluate("location.hash")
    lab.open(fragment.replace("step=4", "forward=3"))
    assert position(lab) == "3 of 5 forward"
    assert lab.evaluate("document.querySelector('.cm-content').innerText").startswith(
        "from scalargrad import Value, led"
    )


def test_a_mistake_is_shown_at_its_line_with_the_picture_up_to_it(lab: LabPage) -> None:
    """The message, the line in the editor, and what had been recorded; the next run is clean."""
    lab.run("from scalargrad import Value\na = Value(2.0)\nb = a * 3\nc = b // 2\n")
    assert "TypeError: // is not defined for Values" in lab.text(".output")
    assert lab.texts(".cm-line.is-wrong") == ["c = b // 2"]
    assert "ended with an error" in lab.text(".notice")
    assert lab.count("figure .node") == 3
    lab.run("from scalargrad import Value\nx = (1,\n")
    assert "SyntaxError: '(' was never closed" in lab.text(".output")
    assert lab.texts(".cm-line.is-wrong") == ["x = (1,"]
    lab.run(NEURON)
    assert lab.count(".is-wrong") == 0
    assert lab.text(".notice") == ""


def test_stop_ends_an_endless_loop_and_the_lab_goes_on(lab: LabPage) -> None:
    """A program that never ends, and one that prints without end, are stopped by Escape; then the next one runs."""
    for code in ("while True:\n    pass\n", "while True:\n    print('again and again')\n"):
        lab.start(code)
        lab.until("document.documentElement.dataset.state === 'busy'")
        lab.blur()
        lab.press("Escape")
        lab.until("document.querySelector('.output').textContent.endsWith('stopped\\n')")
        lab.run("print(6 * 7)\n")
        assert lab.text(".output").strip() == "42"


def test_what_a_learner_types_is_never_markup(lab: LabPage) -> None:
    """Labels, output and messages with tags are text."""
    bad = "<img src=x onerror=alert(1)><b>"
    code = "from scalargrad import Value\nx = Value(1.0, label=BAD)\ny = x * 2\nprint(BAD)\nraise ValueError(BAD)\n"
    lab.run(code.replace("BAD", repr(bad)))
    assert lab.text(".output").count(bad) >= 2
    assert lab.count("main img, main .output b b, figure b") == 0
    assert bad in "".join(lab.texts("figure title"))


def test_limits_are_explained(lab: LabPage) -> None:
    """A graph that is too large for a walk, output that is too long, a package that is not there: each says so."""
    lab.run("from scalargrad import Value\nx = Value(1.0)\ny = x\nfor _ in range(3000):\n    y = y + x\n")
    assert "6,000 steps, more than the 5,000" in lab.text(".notice")
    lab.run("import numpy\n")
    assert "No module named 'numpy'\nThe lab has Python's standard library, scalargrad and" in lab.text(".output")
    lab.run("for i in range(100_000):\n    print(i)\n")
    assert "more than 200,000 characters" in lab.text(".output")[-200:]


@pytest.mark.parametrize("width", [360, 768, 1366, 1920])
def test_nothing_is_wider_than_the_window(lab: LabPage, width: int) -> None:
    """On a phone, a tablet, a laptop and a projector nothing has to be scrolled sideways, and Run is in view."""
    lab.resize(width, 800)
    lab.run(NEURON)
    assert lab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert lab.evaluate("document.querySelector('.run').getBoundingClientRect().bottom <= innerHeight")
    lab.resize(1366, 800)


def test_roles_and_names(lab: LabPage) -> None:
    """Every control has a name; the editor, the output, the steps and the ledger are regions with names."""
    lab.run(NEURON)
    unnamed = (
        "[...document.querySelectorAll('button, select, input, [role=log], [role=img], section')].filter((element) =>"
        " element.checkVisibility() && !(element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent)"
        ".trim()).map((element) => element.outerHTML)"
    )
    assert lab.evaluate(unnamed) == []
    assert lab.evaluate("document.querySelector('[role=status].unseen').textContent").split()[0] == "Forward"
    assert lab.count("h1") == 1


def pointer(lab: LabPage, kind: str, x: int) -> None:
    lab.evaluate(
        "document.querySelector('#graph_node0 text').dispatchEvent(new PointerEvent("
        f"{kind!r}, {{ bubbles: true, cancelable: true, button: 0, clientX: {x} }}))"
    )


def test_a_leaf_is_dragged_and_code_and_walk_follow(lab: LabPage) -> None:
    """While it is dragged the numbers follow along the recorded graph; dropped, the changed code has run."""
    lab.run("from scalargrad import Value\na = Value(2.0)\nb = Value(-3.0)\nc = a * b\nprint(c.data)\n", step=2)
    runs = lab.evaluate("document.documentElement.dataset.runs")
    pointer(lab, "pointerdown", 100)
    pointer(lab, "pointermove", 140)
    lab.until("document.querySelector('.effect').textContent === 'c = −7.5, was −6.0'")
    assert lab.texts(".cm-line")[1] == "a = Value(2.5)"
    assert lab.texts(".backward td.local") == ["−3.0", "2.5"]
    assert lab.evaluate("document.documentElement.dataset.runs") == runs
    pointer(lab, "pointermove", 60)
    lab.until("document.querySelector('.effect').textContent === 'c = −4.5, was −6.0'")
    pointer(lab, "pointerup", 60)
    lab.until(f"document.documentElement.dataset.runs > {runs}")
    assert lab.text(".output").strip() == "-4.5"
    assert position(lab) == "2 of 2 backward"
    lab.click(".number-bar button", 1)
    lab.until("document.querySelector('.output').textContent.trim() === '-6.0'")
    assert lab.texts(".cm-line")[1] == "a = Value(2.0)"


def test_what_if_a_result_were_zero(lab: LabPage) -> None:
    """A result can be held at a number, typed or 0, and be let go; the code stays as it is."""
    lab.run(NEURON)
    code = lab.texts(".cm-line")
    lab.click(f"#graph_node{lab.texts('.forward td .name').index('n') + 5}")
    assert lab.text(".number-bar label") == "n ="
    lab.click(".number-bar button", 0)
    lab.until("document.querySelector('.effect').textContent.endsWith('o = 0.0, was 0.7071')")
    assert "n is held" in lab.text(".effect")
    assert lab.texts(".backward td.local")[1:3] == ["0.0", "0.0"]
    field = "document.querySelector('.number-bar input')"
    lab.evaluate(f"({field}.value = 'seven', {field}.dispatchEvent(new Event('change')))")
    assert lab.text(".effect") == "“seven” is no number"
    lab.evaluate(f"({field}.value = '-1e9', {field}.dispatchEvent(new Event('change')))")
    lab.until("document.querySelector('.effect').textContent.endsWith('o = −1.0, was 0.7071')")
    lab.click(".number-bar button", 1)
    lab.until("document.querySelector('.effect').textContent === ''")
    assert lab.texts(".forward td.value")[-1] == "0.7071"
    assert lab.texts(".cm-line") == code


NETWORK = """\
from scalargrad import Value, nn
model = nn.MLP(2, [2, 1], rng=0)
loss = (model([Value(1.0), Value(-2.0)]) - 1.0) ** 2
"""


def test_modules_fold_into_boxes_and_open_on_a_click(lab: LabPage) -> None:
    """A neuron is a box; opened, its nodes are there and the step stays; closed by its title, it is a box again."""
    lab.run(NETWORK, step=6)
    drawn = lab.count("figure .node")
    titles = lab.texts("figure .node title")
    box = next(title for title in titles if title.startswith("neurons.0"))
    lab.click("figure .node", titles.index(box))
    lab.until(f"document.querySelectorAll('figure .node').length > {drawn}")
    assert position(lab).startswith("6 of 28")
    frames = lab.texts("figure .cluster title")
    lab.click("figure .cluster text", next(i for i, title in enumerate(frames) if title.startswith("neurons.0")))
    lab.until(f"document.querySelectorAll('figure .node').length === {drawn}")
    assert position(lab).startswith("6 of 28")


def test_contributions_are_predicted(lab: LabPage) -> None:
    """In the quiz the next contribution is hidden; a wrong answer names what is behind it, a right one counts."""
    lab.run("from scalargrad import Value\na, b = Value(2.0), Value(-3.0)\nc = a * b * 10\n")
    lab.click(".predict")
    lab.until("document.querySelector('.answer') !== null")
    assert lab.count(".backward tr:not(.ahead) .product") == 0

    def answer(text: str) -> str:
        lab.evaluate(f"void (document.querySelector('.typed').value = {text!r})")
        lab.evaluate("document.querySelector('.answer').requestSubmit()")
        return lab.text(".verdict")

    assert answer("1").startswith("Wrong: ")
    assert answer("10").startswith("Right: ")
    assert lab.text(".score") == "score 0.5 of 1"
    lab.click(".reveal")
    assert lab.text(".verdict").startswith("Revealed: ")
    lab.click(".predict")
    lab.until("document.querySelector('.answer') === null")
    assert lab.count(".is-leaf") == 3


def test_an_exercise_is_judged(lab: LabPage) -> None:
    """An exercise comes with its text and its code; the judge names the misconception, and says when it is right."""
    lab.until("document.querySelectorAll('select[aria-label=Exercises] option').length > 20")
    lab.run("print(1)\n")
    lab.evaluate(
        "((menu) => { menu.value = 'rule-of-tanh'; menu.dispatchEvent(new Event('change')); })"
        "(document.querySelector('select[aria-label=Exercises]'))"
    )
    assert lab.text(".task h2").startswith("The rule of tanh")
    assert "def rule(out, x):" in lab.texts(".cm-line")[0]

    def judged(code: str) -> str:
        lab.run(code)
        lab.click(".judge")
        lab.until("document.querySelector('.output .verdict') !== null")
        return lab.text(".output")

    assert judged("def rule(out, x):\n    return out * out - 1\n").startswith("Not right yet: sign.")
    assert judged("def rule(out, x):\n    return 1 - out * out\n").startswith("Right.")
    lab.click(".task button")
    assert lab.evaluate("document.querySelector('.task').hidden")


def test_the_source_of_the_engine_can_be_read(lab: LabPage) -> None:
    """As on a machine, for whoever wants to see how it is done."""
    lab.run("import inspect\nfrom scalargrad.engine.graph import sweep\nprint(inspect.getsource(sweep)[:10])\n")
    assert lab.text(".output").strip() == "def sweep("


def test_laws_run_in_the_page(lab: LabPage) -> None:
    """Hypothesis is there, with its compiled part, and finds what is wrong."""
    law = "from hypothesis import given, strategies as st\n@given(st.floats(-2, 2))\ndef law(x):\n    assert x < 1\n"
    lab.run(law + "law()\n")
    assert "AssertionError" in lab.text(".output")
    assert "x=1.0" in lab.text(".output")
    lab.run(law.replace("x < 1", "x < 3") + "law()\nprint('held')\n")
    assert lab.text(".output").strip() == "held"
