"""The page in a real browser: Debian's chromium, driven by playwright, one browser for all that stands here."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from markupsafe import escape
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scalargrad import Value, nn, page, quiz, steps
from scalargrad.explain import page_data
from scalargrad.explain.html import document
from scalargrad.explain.html.document import content, pictures
from scalargrad.explain.names import gradient_name, numeral
from scalargrad.explain.walk.questions import DIGITS, Question
from scalargrad.misconceptions import close
from scalargrad.terminal import visible
from tests.explain.walk.test_questions import NO_NUMBERS, NUMBERS
from tests.nn.modules import EXAMPLES, results

from .test_document import LABELS, neuron, product

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",  # it opens nothing but files made here, and in a container it does not start otherwise
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# ---------------------------------------------------------------- the browser


def without_browser(environment: Mapping[str, str]) -> NoReturn:
    """Skip, and say how to get a browser; in CI, where there must be one, fail."""
    how = "the page is tested in a browser, and there is none: apt-get install chromium"
    if environment.get("CI"):
        pytest.fail(how)
    pytest.skip(how)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        without_browser(os.environ)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield started
        started.close()


class Visit:
    """Opens pages, and remembers whatever they say to the console and ask of the world."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser, self._folder = browser, folder
        self.said: list[str] = []
        self.asked: list[str] = []

    def __call__(self, text: str, at: int | str = "", *, clock: bool = False, **options: Any) -> Page:
        """Open a page in a window of its own; with a clock, its time is at a standstill but for `clock.run_for`."""
        path = self._folder / "page.html"
        path.write_text(text, encoding="utf-8")
        opened = self._browser.new_context(**options).new_page()
        opened.set_default_timeout(10_000)
        if clock:
            opened.clock.install()
        opened.on("console", lambda message: self.said.append(message.text))
        opened.on("pageerror", lambda error: self.said.append(str(error)))
        opened.on("dialog", lambda dialog: self.said.append(dialog.message))
        opened.on("request", lambda request: self.asked.append(request.url))
        self.file = path.as_uri()
        opened.goto(f"{self.file}#step={at}" if at != "" else self.file)
        return opened


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Open pages; in the end each was silent, and requested nothing but its own file."""
    made = Visit(browser, tmp_path)
    yield made
    for context in browser.contexts:
        context.close()
    assert made.said == []
    assert {url.partition("#")[0] for url in made.asked} <= {made.file}


@pytest.fixture(scope="module")
def neuron_page() -> str:
    return page(neuron())


def test_a_missing_browser_fails_in_ci_and_is_skipped_elsewhere() -> None:
    """Without a browser these tests fail where CI is set, and else skip; both say how to get one."""
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        without_browser({"CI": "true"})
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        without_browser({})


def test_noise_and_requests_are_seen(browser: Browser, tmp_path: Path) -> None:
    """Negative control: a page that logs, throws, and loads a picture is caught at all three."""
    visit = Visit(browser, tmp_path)
    opened = visit("<img src='file:///nowhere.png'><script>console.log('logged'); throw new Error('thrown')</script>")
    opened.wait_for_load_state()
    assert "logged" in visit.said
    assert "thrown" in visit.said
    assert "file:///nowhere.png" in visit.asked
    opened.context.close()


# ---------------------------------------------------------------- where a page stands

SHOWN = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const words = (text) => text.split(/\\s+/).join(" ").trim();
    return {
        told: [
            document.querySelector(".position").textContent,
            document.querySelector(".slider").value,
            location.hash.replace("#step=", ""),
            String(all(".backward tbody tr").filter((row) => row.checkVisibility({ visibilityProperty: true })).length),
        ],
        arithmetic: words(all(".arithmetic").find((part) => part.checkVisibility())?.innerText ?? ""),
        announcement: words(document.querySelector("[role=status]").innerText),
        edges: all(".edge.current").map((edge) => edge.id),
        row: all("tr.current th").map((cell) => cell.innerText),
        totals: Object.fromEntries(all("svg .gradient").map((text) => [text.parentNode.id, text.textContent])),
        ahead: all(".node.ahead").map((node) => node.id),
    };
}"""


def shown(opened: Page) -> dict[str, Any]:
    """Everything that a page shows of its position."""
    state: dict[str, Any] = opened.evaluate(SHOWN)
    return state


def short(x: float) -> str:
    return numeral(x).replace("-", "−")


def expected(at: int) -> dict[str, Any]:
    """The same, from the steps themselves."""
    walk = steps(neuron())
    totals = {f"graph_node{i}": walk.to(at).total(node) for i, node in enumerate(walk.order)}
    where = {
        "told": [str(at)] * 4,
        "totals": {node: "–" if total is None else numeral(total) for node, total in totals.items()},
        "ahead": [node for node, total in totals.items() if total is None],
    }
    if at == 0:
        arithmetic, announcement = "do/do = 1.0 the backward pass starts here", "Start: do/do = 1.0"
        return where | {"arithmetic": arithmetic, "announcement": announcement, "edges": [], "row": []}
    step = walk[at - 1]
    gradient, upstream = (gradient_name("o", name) for name in (step.names[2], step.names[1]))
    product = f"{short(step.upstream)} × {short(step.local)} = {short(step.product)}"
    change = f"{short(step.before)} → {short(step.after)}"
    return where | {
        "arithmetic": f"{gradient} += {short(step.upstream)} {upstream} × {short(step.local)} {step.because} "
        f"= {short(step.product)} {change}",
        "announcement": f"Step {at}: {gradient} gains {product}, from {change.replace('→', 'to')}",
        "edges": [f"graph_edge{walk.order.index(step.result)}_{step.position}"],
        "row": [str(at)],
    }


def stands_at(opened: Page, at: int) -> None:
    state, wanted = shown(opened), expected(at)
    state["ahead"] = sorted(state["ahead"])
    wanted["ahead"] = sorted(wanted["ahead"])
    assert state == wanted


def test_every_step_is_shown_forwards_and_backwards(visit: Visit, neuron_page: str) -> None:
    """From the start to the end and back, each position shows the step just made and the totals so far."""
    opened = visit(neuron_page)
    stands_at(opened, 0)
    for at in range(1, 10):
        opened.keyboard.press("ArrowRight")
        stands_at(opened, at)
    for at in range(8, -1, -1):
        opened.keyboard.press("ArrowLeft")
        stands_at(opened, at)


@pytest.mark.parametrize(
    ("key", "button", "leads_to"),
    [
        ("Home", "First", {4: 0, 9: 0}),
        ("ArrowLeft", "Previous", {4: 3, 9: 8}),
        ("ArrowRight", "Next", {0: 1, 4: 5, 9: 9}),
        ("End", "Last", {0: 9, 4: 9, 9: 9}),
    ],
)
def test_a_key_and_a_button_make_the_same_move(
    visit: Visit, neuron_page: str, key: str, button: str, leads_to: dict[int, int]
) -> None:
    """Home, ←, →, End and their buttons lead to the start, back, on, to the end, and never beyond."""
    opened = visit(neuron_page)
    for at, target in leads_to.items():
        opened.get_by_role("slider").fill(str(at))
        opened.keyboard.press("Tab")  # leaves the slider, which has keys of its own
        opened.keyboard.press(key)
        stands_at(opened, target)
        opened.get_by_role("slider").fill(str(at))
        opened.get_by_role("button", name=button).click()
        stands_at(opened, target)


def test_the_slider_leads_anywhere(visit: Visit, neuron_page: str) -> None:
    """The slider shows the place it is pulled to, and a key pressed on it moves one step, not two."""
    opened = visit(neuron_page)
    slider = opened.get_by_role("slider", name="Step")
    slider.fill("7")
    stands_at(opened, 7)
    slider.press("ArrowLeft")
    stands_at(opened, 6)
    slider.press("End")
    stands_at(opened, 9)


def test_the_hash_leads_anywhere(visit: Visit, neuron_page: str) -> None:
    """`#step=7` shows step 7 whenever it changes, and beyond the end the end; what is no step changes nothing."""
    opened = visit(neuron_page)
    for at, leads_to in {"7": 7, "0": 0, "10": 9, "-1": 9, "x": 9, "": 9, "5": 5}.items():
        opened.evaluate(f"location.hash = 'step={at}'")
        opened.wait_for_function(f"location.hash === '#step={leads_to}'")
        stands_at(opened, leads_to)


@pytest.mark.parametrize(("at", "leads_to"), [("7", 7), ("10", 9), ("x", 0)])
def test_the_hash_is_read_as_the_page_opens(visit: Visit, neuron_page: str, at: str, leads_to: int) -> None:
    """A link to a step opens the page there; one to no step, at the start."""
    stands_at(visit(neuron_page, at), leads_to)


def test_a_link_of_the_ledger_leads_to_its_step(visit: Visit, neuron_page: str) -> None:
    """A click on a number in the ledger goes back to that step."""
    opened = visit(neuron_page, 9)
    opened.locator(".backward").get_by_role("link", name="3", exact=True).click()
    stands_at(opened, 3)


def test_moves_leave_no_trail(visit: Visit, neuron_page: str) -> None:
    """However many moves are made, the browser's back button leaves the page; a reload stays at the step."""
    opened = visit(neuron_page)
    before = opened.evaluate("history.length")
    for _ in range(3):
        opened.keyboard.press("ArrowRight")
    assert opened.evaluate("history.length") == before
    opened.reload()
    stands_at(opened, 3)


def test_it_works_in_a_frame(visit: Visit, neuron_page: str) -> None:
    """Shown inside another page, as notebooks do, it steps as well, and leaves that page's address alone."""
    opened = visit(f'<iframe width="1200" height="700" srcdoc="{escape(neuron_page)}"></iframe>', 7)
    frame = opened.frame_locator("iframe")
    for _ in range(5):
        frame.get_by_role("button", name="Next").click()
    expect(frame.locator(".position")).to_have_text("5")
    frame.locator(".backward").get_by_role("link", name="3", exact=True).click()
    expect(frame.locator(".position")).to_have_text("3")
    expect(frame.locator("tr.current th")).to_have_text("3")
    assert opened.url == f"{visit.file}#step=7"


# ---------------------------------------------------------------- the forward pass

FORWARD = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const words = (text) => text.split(/\\s+/).join(" ").trim();
    const values = all("svg .gradient").map((text) => {
        const texts = [...text.parentNode.querySelectorAll("text")];
        return [text.parentNode.id, [texts.at(-3).textContent, text.textContent]];
    });
    return {
        told: [document.querySelector(".count").innerText, location.hash],
        arithmetic: words(all(".arithmetic").find((part) => part.checkVisibility())?.innerText ?? ""),
        rows: all(".tables tbody tr").filter((row) => row.checkVisibility({ visibilityProperty: true })).length,
        cards: Object.fromEntries(values),
        ahead: all(".node.ahead").map((node) => node.id).sort(),
        lit: all(".edge.current, .node.read, .node.made").map((part) => part.id).sort(),
    };
}"""


def test_before_the_backward_pass_comes_the_forward_pass(visit: Visit, neuron_page: str) -> None:
    """← at the start of the backward pass walks back to the leaves; a forward step shows what is computed by then."""
    opened = visit(neuron_page)
    walk = steps(neuron())
    computed = [place for place, node in enumerate(walk.order) if node.op is not None]
    for made in range(len(computed), -1, -1):
        opened.keyboard.press("ArrowLeft")
        state = opened.evaluate(FORWARD)
        ahead = [f"graph_node{place}" for place in computed[made:]]
        assert state["told"] == [f"{made} of 5", f"#forward={made}"]
        assert state["ahead"] == sorted(ahead)
        assert state["rows"] == made
        assert state["cards"] == {
            f"graph_node{i}": ["–" if f"graph_node{i}" in ahead else numeral(node.data), "–"]
            for i, node in enumerate(walk.order)
        }
        if made:
            place, node = computed[made - 1], walk.order[computed[made - 1]]
            parts = [f"graph_edge{place}_{i}" for i in range(len(node.args))]
            parts += [f"graph_node{i}" for i in (place, *(walk.order.index(operand) for operand in node.args))]
            assert state["lit"] == sorted(parts)
    assert state["arithmetic"].startswith("x1 = 2.0 w1 = −3.0 x2 = 0.0 w2 = 1.0 and 1 more")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(FORWARD)["arithmetic"] == "v1 = 2.0 * (−3.0) x1 * w1 = −6.0"
    opened.keyboard.press("End")
    stands_at(opened, 0)
    opened.keyboard.press("Home")
    assert opened.evaluate(FORWARD)["told"] == ["0 of 5", "#forward=0"]
    opened.get_by_role("button", name="Backward").click()
    stands_at(opened, 0)
    opened.keyboard.press("f")
    opened.locator(f"#graph_node{computed[2]}").click()
    assert opened.evaluate(FORWARD)["told"][0] == "3 of 5"
    opened.keyboard.press("b")
    place = walk.order.index(walk.node("w1"))
    opened.locator(f"#graph_node{place}").click()
    stands_at(opened, walk.into("w1")[0].index + 1)


def test_a_page_opens_where_it_is_told(visit: Visit) -> None:
    """`at` and `forward` say where a page opens, in a frame too; the address of the page goes first."""
    stands_at(visit(page(neuron(), at=7)), 7)
    stands_at(visit(page(neuron(), at=7), 2), 2)
    opened = visit(f'<iframe width="1200" height="700" srcdoc="{escape(page(neuron(), forward=2))}"></iframe>')
    expect(opened.frame_locator("iframe").locator(".count")).to_have_text("2 of 5")
    assert visit(page(neuron(), forward=5)).evaluate(FORWARD)["told"] == ["5 of 5", "#forward=5"]


def test_the_stepper_is_a_module_for_any_element(visit: Visit) -> None:
    """Two in another page: each has its keys while it has focus, tells its steps, and can be led from outside."""
    data = page_data(steps(neuron()))
    other = page_data(product())
    markup, less = (
        content(each, [(picture, picture.drawing(each).fragment()) for picture in pictures(each)])
        for each in (data, other)
    )
    files = Path(document.__file__).parent
    module = (files / "stepper.js").read_text(encoding="utf-8")
    opened = visit(
        f"<!doctype html><style>{(files / 'stepper.css').read_text(encoding='utf-8')}</style>"
        "<div id=one class=stepper style='height:600px'></div><div id=two class=stepper style='height:600px'></div>"
        f"<script type=module>{module}\nwindow.mount = mount;</script>"
    )
    opened.wait_for_function("() => Boolean(window.mount)")
    opened.evaluate(
        """([markup, less]) => {
            window.told = [];
            const told = (step) => window.told.push(step);
            window.one = mount(document.getElementById("one"), { markup, at: 3, onStep: told });
            const onNode = (node) => (window.clicked = node);
            window.two = mount(document.getElementById("two"), { markup: less, onNode });
        }""",
        [markup, less],
    )
    positions = "[one.position, two.position]"
    step = steps(neuron())[2]
    assert opened.evaluate("told.pop()") == {
        "position": 3,
        "pass": "backward",
        "result": walk_place(step.result.label),
        "operand": walk_place(step.operand.label),
        "operands": None,
    }
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(positions) == [3, 0]
    opened.locator("#two [data-go=next]").click()
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(positions) == [3, 2]
    opened.locator("#two #graph_node1").click()
    assert opened.evaluate("[clicked, two.position]") == [1, 2]
    opened.evaluate("(node) => { one.light(node); one.toNode(node); }", walk_place("w1"))
    assert opened.evaluate(positions) == [steps(neuron()).into("w1")[0].index + 1, 2]
    assert opened.locator("#one .node.marked").get_attribute("id") == f"graph_node{walk_place('w1')}"
    opened.evaluate("one.light(null)")
    expect(opened.locator(".node.marked")).to_have_count(0)
    opened.evaluate("(markup) => two.replace(markup, -99)", markup)
    assert opened.evaluate("[two.position, two.lowest, two.highest]") == [-6, -6, 9]
    opened.evaluate("two.go(-4)")
    expect(opened.locator("#two .count")).to_have_text("2 of 5")
    opened.evaluate("two.unmount()")
    opened.locator("#two [data-go=next]").click()
    assert opened.evaluate("two.position") == -4


def walk_place(name: str | None) -> int:
    walk = steps(neuron())
    assert name is not None
    return walk.order.index(walk.node(name))


# ---------------------------------------------------------------- the quiz

QUIZ = """() => {
    const words = (text) => text.split(/\\s+/).join(" ").trim();
    const seen = (part) => part?.checkVisibility({ visibilityProperty: true });
    return {
        asked: words([...document.querySelectorAll(".arithmetic")].find(seen)?.innerText ?? ""),
        rows: [...document.querySelectorAll(".backward tbody tr")].filter(seen).length,
        lit: [...document.querySelectorAll(".edge.current, .node.result, .node.operand")].map((part) => part.id).sort(),
        totals: Object.fromEntries([...document.querySelectorAll("svg .gradient")].map((text) =>
            [text.parentNode.id, text.textContent])),
        verdict: document.querySelector(".verdict").textContent,
        score: document.querySelector(".score").textContent,
        isTyping: document.activeElement.classList.contains("typed"),
    };
}"""


def test_the_quiz_is_answered_by_keyboard_alone(visit: Visit) -> None:
    """Each contribution is hidden until it is known; answers, hint, reveal and score need no mouse and are honest."""
    walk = steps(neuron())
    opened = visit(str(quiz(neuron())))
    sentences = {behind.name: behind.sentence for behind in Question(walk[0]).mistakes}

    def type_in(text: str) -> dict[str, Any]:
        opened.keyboard.type(text)
        opened.keyboard.press("Enter")
        state: dict[str, Any] = opened.evaluate(QUIZ)
        return state

    for at, step in enumerate(walk):
        state = opened.evaluate(QUIZ)
        gradient, upstream = (gradient_name("o", name) for name in (step.names[2], step.names[1]))
        slope = step.because.partition(" = ")[0]
        assert state["asked"] == f"{gradient} += {short(step.upstream)} {upstream} × {slope} {step.computed} = ?"
        assert state["rows"] == at
        edge = f"graph_edge{walk.order.index(step.result)}_{step.position}"
        parts = [f"graph_node{walk.order.index(node)}" for node in (step.result, step.operand)]
        assert state["lit"] == sorted([edge, *parts])
        totals = [walk.to(at).total(node) for node in walk.order]
        assert state["totals"] == {f"graph_node{i}": "–" if x is None else numeral(x) for i, x in enumerate(totals)}
        assert state["isTyping"]
        answer = f"{step.product:.3g}".replace("-", "−").replace(".", ",")
        if at == 0:
            state = type_in("1")
            assert state["verdict"] == f"Wrong: {sentences['local gradient forgotten']}"
            assert state["rows"] == 0
            assert type_in("-1/2")["verdict"] == f"Wrong: {sentences['sign']}"
            assert type_in("17")["verdict"] == "Wrong: try again, or take the hint."
            assert type_in("1.2.3")["verdict"] == "Type a number, such as -0.5, −0,5 or -1/2."
            state = type_in("1/2")
            assert state["score"] == "score 0.5 of 1"
        elif at == 1:
            opened.keyboard.press("h")
            assert opened.evaluate(QUIZ)["verdict"] == "∂n/∂v3 = 1"
            state = type_in(answer)
            assert state["score"] == "score 1 of 2"
        elif at == 2:
            opened.keyboard.press("r")
            state = opened.evaluate(QUIZ)
            assert state["verdict"] == f"Revealed: do/db += {short(step.upstream)} × 1.0 = {short(step.product)}"
            assert state["score"] == "score 1 of 3"
        else:
            state = type_in(answer)
            assert state["score"] == f"score {at - 1} of {at + 1}"
        if at != 2:
            assert state["verdict"].startswith(f"Right: {gradient} += {short(step.upstream)} × ")
    end = opened.evaluate(QUIZ)
    assert end["verdict"].endswith("That was the last one: score 7 of 9.")
    assert end["rows"] == len(walk)
    assert "?" not in end["asked"]


def test_the_quiz_gives_nothing_away(visit: Visit) -> None:
    """No key, link or address leads beyond what is known; what is known, and the forward pass, can be looked at."""
    opened = visit(str(quiz(neuron(), at=3)), 9)
    frontier = opened.evaluate(QUIZ)
    assert (frontier["rows"], frontier["asked"][-1]) == (3, "?")
    opened.get_by_role("button", name="Last").click()
    opened.evaluate("location.hash = 'step=9'")
    for control in ("slider", "play"):  # they would run ahead
        expect(opened.locator(f".{control}")).to_be_hidden()
    assert opened.evaluate(QUIZ)["rows"] <= 3
    opened.get_by_role("button", name="Last").click()
    assert opened.evaluate(QUIZ)["asked"] == frontier["asked"]
    opened.get_by_role("button", name="Previous").click()
    assert opened.evaluate(QUIZ)["asked"].startswith("do/dv3 += 0.5 do/dn × 1.0")
    expect(opened.locator("form.answer")).to_be_hidden()
    opened.get_by_role("button", name="Forward").click()
    assert opened.evaluate(FORWARD)["told"][0] == "0 of 5"
    opened.get_by_role("button", name="Last").click()
    opened.get_by_role("button", name="Last").click()
    opened.get_by_role("button", name="Hint").click()
    assert opened.evaluate(QUIZ)["verdict"] == "∂v3/∂v1 = 1"
    opened.get_by_role("button", name="Reveal").click()
    assert opened.evaluate(QUIZ)["rows"] == 4
    expect(opened.get_by_label("The contribution")).to_be_focused()
    opened.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = ({QUIZ})(); }})")
    assert opened.pdf().startswith(b"%PDF")
    assert opened.evaluate("printed.rows") == 4


def test_the_page_reads_numbers_as_the_prompt_does(visit: Visit) -> None:
    """Every spelling that the prompt takes is the same number here, and what it refuses is none."""
    script = (Path(document.__file__).parent / "quiz.js").read_text(encoding="utf-8")
    opened = visit(f"<script type=module>{script}\nwindow.numberOf = numberOf; window.isClose = isClose;</script>")
    opened.wait_for_function("() => Boolean(window.numberOf)")
    read = opened.evaluate("(texts) => texts.map((text) => `${numberOf(text)}`)", list(NUMBERS))
    assert [float(text).hex() for text in read] == [x.hex() for x in NUMBERS.values()]
    assert opened.evaluate("(texts) => texts.map(numberOf)", NO_NUMBERS) == [None] * len(NO_NUMBERS)
    pairs = [(1.23, 1.2345), (1.2, 1.2345), (0.0, 1e-12), (0.0, 1e-3), (-1.0, 1.0), (1e300, 1.004e300)]
    assert opened.evaluate("(pairs) => pairs.map(([a, b]) => isClose(a, b))", pairs) == [
        close(a, b, rtol=DIGITS) for a, b in pairs
    ]


def test_a_quiz_without_scripts_says_what_it_needs(visit: Visit) -> None:
    """With scripts off nothing of the graph and the ledger is shown, but a sentence that says why."""
    opened = visit(str(quiz(neuron())), java_script_enabled=False)
    expect(opened.get_by_text("This quiz needs JavaScript")).to_be_visible()
    expect(opened.locator("main")).to_be_hidden()
    allowed = visit(str(quiz(neuron())))
    expect(allowed.get_by_text("This quiz needs JavaScript")).to_be_hidden()


# ---------------------------------------------------------------- playing


def test_play_makes_a_step_a_second_until_the_end(visit: Visit, neuron_page: str) -> None:
    """The space bar plays and pauses; at the end it stops by itself, and plays again from the start."""
    opened = visit(neuron_page, clock=True)
    opened.keyboard.press("Space")
    expect(opened.get_by_role("button", name="Pause")).to_be_visible()
    opened.clock.run_for(3000)
    stands_at(opened, 3)
    opened.keyboard.press("Space")
    opened.clock.run_for(3000)
    stands_at(opened, 3)
    opened.get_by_role("button", name="Play").click()
    opened.clock.run_for(10_000)
    stands_at(opened, 9)
    opened.get_by_role("button", name="Play").click()
    stands_at(opened, 0)
    opened.clock.run_for(1000)
    stands_at(opened, 1)


def test_a_move_ends_the_play(visit: Visit, neuron_page: str) -> None:
    """Who moves by hand is not moved on."""
    opened = visit(neuron_page, 4, clock=True)
    for key in ("ArrowLeft", "ArrowRight", "Home", "End"):
        opened.keyboard.press("Space")
        opened.keyboard.press(key)
        stood = shown(opened)
        opened.clock.run_for(5000)
        assert shown(opened) == stood
        expect(opened.get_by_role("button", name="Play")).to_be_visible()


def test_the_space_bar_presses_the_button_in_focus(visit: Visit, neuron_page: str) -> None:
    """On a button the space bar presses that button, and plays nothing."""
    opened = visit(neuron_page)
    opened.get_by_role("button", name="Next").focus()
    opened.keyboard.press("Space")
    stands_at(opened, 1)
    expect(opened.get_by_role("button", name="Play")).to_be_visible()


def test_keys_with_a_modifier_are_the_browsers(visit: Visit, neuron_page: str) -> None:
    """Alt with ← goes back in the history, and the like: the page leaves such keys alone, and takes its own."""
    opened = visit(neuron_page, 4)
    is_left_alone = """(keys) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...keys })
    )"""
    for modifier in ("altKey", "ctrlKey", "metaKey", "shiftKey"):
        assert opened.evaluate(is_left_alone, {"key": "ArrowLeft", modifier: True})
    assert opened.evaluate(is_left_alone, {"key": "a"})
    stands_at(opened, 4)
    assert not opened.evaluate(is_left_alone, {"key": "ArrowLeft"})
    stands_at(opened, 3)


# ---------------------------------------------------------------- without scripts, on paper, in the dark


def test_a_browser_reads_the_data(visit: Visit, neuron_page: str) -> None:
    """`JSON.parse` takes the plain data as it is, and `Number` makes every number of it, the odd ones too."""
    x = Value(0.0, label="x\ud800")
    odd = x.log() * Value(math.nan) + -0.0
    data = page_data(steps([odd, x], gradients=[math.inf, 0.1]))
    values = """(text) => JSON.parse(text).nodes.map((node) => Number(node.value))
        .map((x) => Object.is(x, -0) ? "-0" : `${x}`)"""
    assert visit(neuron_page).evaluate(values, json.dumps(data)) == ["0", "-Infinity", "NaN", "NaN", "-0", "NaN"]
    seeds = "(text) => JSON.parse(text).roots.map((root) => `${Number(root.seed)}`)"
    assert visit(neuron_page).evaluate(seeds, json.dumps(data)) == ["Infinity", "0.1"]


def test_several_values_have_a_page_to_step_through(visit: Visit) -> None:
    """The start shows each value's seed; from there on the steps are those of one pass."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    walk = steps([a + b, a * b], gradients=[1.0, 10.0])
    opened = visit(page(walk), 0)
    start = shown(opened)["arithmetic"]
    assert start == "1.0 f1 10.0 f2 the gradients that the backward pass starts with"
    opened.keyboard.press("End")
    totals = {name: float(text) for name, text in shown(opened)["totals"].items()}
    assert totals == {f"graph_node{walk.order.index(node)}": x for node, x in walk.last().totals().items()}


def test_without_scripts_all_is_there(visit: Visit, neuron_page: str) -> None:
    """With scripts off there is the graph with its gradients, the whole ledger in all columns, and no control."""
    opened = visit(neuron_page, java_script_enabled=False)
    rows = opened.locator("tbody tr")
    expect(rows).to_have_count(5 + 9)
    for cell in rows.locator("th, td").all():
        expect(cell).to_be_visible()
    for control in (".current.scripted", "button", "input"):
        expect(opened.locator(control).first).to_be_hidden()
    drawn = opened.locator("svg .gradient").all_text_contents()
    assert sorted(drawn) == sorted(expected(9)["totals"].values())


def test_without_scripts_the_hash_marks_its_row(visit: Visit, neuron_page: str) -> None:
    """With scripts off `#step=7` leads to row 7, by the browser's own means."""
    opened = visit(neuron_page, 7, java_script_enabled=False)
    assert opened.locator("tr:target th").all_text_contents() == ["7"]


def test_on_paper_all_is_there(visit: Visit, neuron_page: str) -> None:
    """Printed from step 2, the page shows the end, every row and column and no control; then step 2 again."""
    opened = visit(neuron_page, 2)
    opened.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = ({SHOWN})(); }})")
    assert opened.pdf().startswith(b"%PDF")
    printed = opened.evaluate("printed")
    on_paper = [printed[what] for what in ("totals", "ahead", "edges", "row")]
    assert on_paper == [expected(9)["totals"], [], [], []]
    stands_at(opened, 2)
    opened.keyboard.press("End")
    opened.emulate_media(media="print")
    for cell in opened.locator("tbody").locator("th, td").all():
        expect(cell).to_be_visible()
    expect(opened.locator(".current.scripted")).to_be_hidden()


def test_a_printed_frame_cuts_nothing_off(visit: Visit, neuron_page: str) -> None:
    """In the frame of a printed page every row of the backward pass fits, from its first column to its last."""
    opened = visit(neuron_page, 2, viewport={"width": 560, "height": 680})
    opened.keyboard.press("End")
    opened.emulate_media(media="print")
    last = opened.locator("table.backward tbody tr").last
    expect(last).to_be_visible()
    box = last.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 560
    assert box["y"] + box["height"] <= 680


COLOURS = """() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255)
        .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const luminance = (colour) => channels(colour).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : colour;
    };
    const contrast = (element) => {
        const [dark, light] = [getComputedStyle(element).color, ground(element)].map(luminance).sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    const texts = [...document.querySelectorAll("body *:not(svg *, script)")].filter((element) =>
        [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
    return { paper: luminance(ground(document.body)), contrast: Math.min(...texts.map(contrast)), texts: texts.length };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_and_legible(visit: Visit, neuron_page: str, scheme: str) -> None:
    """The page follows the system's scheme and can be switched; every text has a contrast of 4.5 or more."""
    opened = visit(neuron_page, 5, color_scheme=scheme)
    looks = [opened.evaluate(COLOURS)]
    opened.get_by_role("button", name="Light or dark").click()
    looks.append(opened.evaluate(COLOURS))
    opened.get_by_role("button", name="Light or dark").click()
    looks.append(opened.evaluate(COLOURS))
    assert [look["paper"] > 0.5 for look in looks] == [(scheme == "light") == is_even for is_even in (1, 0, 1)]
    assert min(look["contrast"] for look in looks) >= 4.5
    assert min(look["texts"] for look in looks) > 100


def test_pale_text_would_be_seen(visit: Visit, neuron_page: str) -> None:
    """Negative control: grey on white is measured as too pale."""
    opened = visit(neuron_page, 5, color_scheme="light")
    opened.evaluate("document.querySelector('h1').style.color = '#999999'")
    assert opened.evaluate(COLOURS)["contrast"] < 3


def test_who_wants_no_motion_gets_none(visit: Visit, neuron_page: str) -> None:
    """The lit edge moves, but not for users who prefer reduced motion."""
    animation = "getComputedStyle(document.querySelector('.edge.current path')).animationName"
    assert visit(neuron_page, 5).evaluate(animation) != "none"
    assert visit(neuron_page, 5, reduced_motion="reduce").evaluate(animation) == "none"


# ---------------------------------------------------------------- who does not see it


def test_a_screen_reader_is_told_all(visit: Visit, neuron_page: str) -> None:
    """Headings, groups, controls with their names, a status, a picture and a table: nothing but what is on the page."""
    opened = visit(neuron_page, 2)
    expect(opened.locator("body")).to_match_aria_snapshot("""
        - banner:
          - heading "The gradients of o, step by step" [level=1]
          - paragraph: /^o = tanh\\(n\\) = 0\\.7071\\. Each result contributes to the gradient of each operand/
          - button "Light or dark"
        - main:
          - region "Current step":
            - status: "Step 2: do/dv3 gains 0.5 × 1.0 = 0.5, from 0.0 to 0.5"
            - group "Steps":
              - group "Pass":
                - button "Forward"
                - button "Backward" [pressed]
              - button "First"
              - button "Previous"
              - button "Play"
              - button "Next"
              - button "Last"
              - slider "Step": "2"
              - text: 2 of 9
          - group "Size of the graph":
            - button "Smaller"
            - button "The whole graph"
            - button "Larger"
          - img "The graph of o, with the values and gradients of the step"
          - region "Ledger":
            - table:
              - rowgroup:
                - row "step gradient + upstream × local after"
              - rowgroup:
                - row "1 do/dn 1.0 0.5 0.5"
                - row "2 do/dv3 0.5 1.0 0.5"
    """)


def test_the_focus_goes_round_and_is_seen(visit: Visit, neuron_page: str) -> None:
    """The tab key visits every control in the order of the page, each with an outline."""
    opened = visit(neuron_page, 1)
    visited = []
    for _ in range(14):
        opened.keyboard.press("Tab")
        name, style = opened.evaluate(
            "[document.activeElement.ariaLabel ?? document.activeElement.innerText,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert style == "solid", name
        visited.append(name)
    moves = ["Forward", "Backward", "First", "Previous", "Play", "Next", "Last"]
    assert visited == ["Light or dark", *moves, "Step", "Smaller", "The whole graph", "Larger", "Ledger", "1"]


# ---------------------------------------------------------------- how large the graph is

OUTSIDE = """() => {
  const figure = document.querySelector("figure");
  return Math.max(0, figure.scrollWidth - figure.clientWidth) + Math.max(0, figure.scrollHeight - figure.clientHeight);
}"""
WIDTH = "document.querySelector('.picture:not([hidden]) svg').getBoundingClientRect().width"
LETTERS = "document.querySelector('.node.operand text').getBoundingClientRect().height"


@pytest.fixture(scope="module")
def network_page() -> str:
    return page(nn.MLP(2, [3, 1], "tanh", rng=0)([Value(1.0), Value(-2.0)]))


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (420, 800)])
def test_a_network_starts_whole_and_its_steps_are_legible(
    visit: Visit, network_page: str, size: tuple[int, int]
) -> None:
    """A network's boxes are in sight at the start and at the end; at a step its cards are large, and in sight."""
    opened = visit(network_page)
    opened.set_viewport_size({"width": size[0], "height": size[1]})
    assert opened.evaluate(OUTSIDE) <= 1
    opened.keyboard.press("m")
    opened.keyboard.press("ArrowRight")
    for _ in range(5):
        opened.keyboard.press("ArrowRight")
        assert opened.evaluate(LETTERS) >= 12
        inside = opened.evaluate(
            "(() => { const [a, b] = [document.querySelector('.edge.current'), document.querySelector('figure')]"
            ".map((e) => e.getBoundingClientRect()); return a.right > b.left && a.left < b.right; })()"
        )
        assert inside
    opened.keyboard.press("m")
    opened.keyboard.press("End")
    assert opened.evaluate(OUTSIDE) <= 1


def test_the_reader_chooses_the_size(visit: Visit, network_page: str) -> None:
    """Buttons and keys make the graph larger, smaller and whole, and it stays so at the next steps."""
    opened = visit(network_page, 3)
    opened.keyboard.press("m")
    before = opened.evaluate(WIDTH)
    opened.get_by_label("Larger").click()
    larger = opened.evaluate(WIDTH)
    assert larger == pytest.approx(1.25 * before, rel=0.05)
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(WIDTH) == pytest.approx(larger, rel=0.05)
    opened.keyboard.press("-")
    assert opened.evaluate(WIDTH) == pytest.approx(before, rel=0.05)
    opened.get_by_label("The whole graph").click()
    assert opened.evaluate(OUTSIDE) <= 1
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(OUTSIDE) <= 1
    opened.keyboard.press("+")
    assert opened.evaluate(WIDTH) < before


def test_modules_have_frames(visit: Visit, network_page: str) -> None:
    """The graph of a network shows the frames of its modules, layers and neurons by name."""
    opened = visit(network_page)
    names = opened.evaluate(
        "[...document.querySelectorAll('.picture:not(.folded) .cluster text')].map((text) => text.textContent)"
    )
    above = """() => [...document.querySelectorAll(".picture:not(.folded)")].every((picture) => {
        const [edges, titles] = [".edge", ".cluster"].map((parts) => [...picture.querySelectorAll(parts)]);
        return edges.at(-1).compareDocumentPosition(titles[0]) & Node.DOCUMENT_POSITION_FOLLOWING;
    })"""
    assert opened.evaluate(above)  # no arrow crosses a title
    assert visit(network_page, java_script_enabled=False).locator(".cluster ~ .edge").count() > 0  # as Graphviz draws
    assert len(names) == 1 + 2 + 4
    assert {"MLP", "layers.0 (Layer)", "neurons.2 (Neuron)"} <= {name.replace("\xa0", " ") for name in names}


FOLDED = """() => {
    const picture = [...document.querySelectorAll(".picture")].find((picture) => !picture.hidden);
    const all = (selector) => [...picture.querySelectorAll(selector)].map((part) => part.id).sort();
    return {
        isFolded: picture.classList.contains("folded"),
        lit: all(".edge.current, .node.operand, .node.result"),
        ahead: all(".node.ahead"),
        totals: Object.fromEntries([...picture.querySelectorAll(".gradient")].map((text) =>
            [text.parentNode.id.replace(/^[a-z]+_/, ""), text.textContent])),
    };
}"""


def test_a_large_network_opens_as_boxes_that_open_on_a_click(visit: Visit) -> None:
    """A graph of many nodes opens with modules as boxes; a click, m or a button shows every node, at the same step."""
    output = network(5)
    walk = steps(output)
    opened = visit(page(output), viewport={"width": 1280, "height": 720})
    folded = opened.evaluate(FOLDED)
    assert folded["isFolded"]
    assert 5 + 5 + 1 <= len(folded["totals"]) < 30
    assert len(walk.order) > 100
    shown_in_boxes = [int(name.removeprefix("node")) for name in folded["totals"]]
    for at in (1, 2, 30, 75, len(walk)):
        opened.get_by_role("slider").fill(str(at))
        state = opened.evaluate(FOLDED)
        totals = walk.totals(at)
        assert state["totals"] == {
            f"node{place}": numeral(totals[walk.order[place]]) if walk.order[place] in totals else "–"
            for place in shown_in_boxes
        }
        assert state["ahead"] == sorted(f"folded_node{i}" for i in shown_in_boxes if walk.order[i] not in totals)
        assert state["lit"]
    opened.get_by_role("slider").fill("30")
    box = opened.locator(".picture.folded .node").filter(has_text="neurons.3").first
    box.click()
    state = opened.evaluate(FOLDED)
    step = walk[29]
    result = walk.order.index(step.result)
    assert not state["isFolded"]
    assert len(state["totals"]) > 100
    assert f"graph_edge{result}_{step.position}" in state["lit"]
    assert state["totals"][f"node{walk.order.index(step.operand)}"] == numeral(step.after)
    expect(opened.locator(".position")).to_have_text("30")
    opened.locator(".picture:not(.folded) .cluster text").filter(has_text="neurons").first.click(force=True)
    assert opened.evaluate(FOLDED)["isFolded"]
    opened.keyboard.press("m")
    assert not opened.evaluate(FOLDED)["isFolded"]
    opened.get_by_role("button", name="Modules as boxes").click()
    again = opened.evaluate(FOLDED)
    assert again["isFolded"]
    assert again["totals"]["node" + str(len(walk.order) - 1)] == "1.0"
    opened.keyboard.press("f")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(FOLDED)["totals"] == dict.fromkeys(folded["totals"], "–")


@pytest.mark.parametrize("kind", ["Convolution", "LSTM", "Attention"])
def test_the_page_of_a_module_shows_its_frame_and_steps_through_it(visit: Visit, kind: str) -> None:
    """It opens with the module's name and class on its frame or box, and the last step ends at the gradients."""
    model, given = EXAMPLES[kind]()
    walk = steps(results(model(given)), names={"model": model})
    opened = visit(page(walk))
    picture = opened.locator(".picture:not([hidden])")
    expect(picture.locator("text", has_text=re.compile(rf"^model( \({kind}\))?$"))).to_be_visible()
    opened.keyboard.press("End")
    expect(opened.locator(".position")).to_have_text(str(len(walk)))
    totals = opened.evaluate(FOLDED)["totals"]
    reached = {f"node{walk.order.index(node)}": numeral(total) for node, total in walk.totals(len(walk)).items()}
    assert {name: reached[name] for name in totals} == totals
    assert f"node{walk.order.index(results(given)[0])}" in totals


def test_a_small_graph_has_one_picture(visit: Visit, neuron_page: str) -> None:
    """Negative control: with few nodes there is nothing to fold, no button, and m does nothing."""
    opened = visit(neuron_page, 3)
    expect(opened.get_by_role("button", name="Modules as boxes")).to_have_count(0)
    opened.keyboard.press("m")
    expect(opened.locator(".picture")).to_have_count(1)


# ---------------------------------------------------------------- labels


@pytest.fixture(scope="module")
def elements_of_product(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> int:
    opened = Visit(browser, tmp_path_factory.mktemp("product"))(page(product()), 1)
    count: int = opened.evaluate("document.querySelectorAll('*').length")
    opened.context.close()
    return count


RIGHT = "(slot) => slot.getBoundingClientRect().right"


@pytest.mark.parametrize("label", LABELS, ids=range(len(LABELS)))
def test_a_label_is_text_and_nothing_else(visit: Visit, elements_of_product: int, label: str) -> None:
    """Whatever a label is, no element comes of it, and the step shows its text."""
    opened = visit(page(product(label)), 1)
    assert opened.evaluate("document.querySelectorAll('*').length") == elements_of_product
    gradient = gradient_name(f"{visible(label)}#2", visible(label))
    slot = opened.locator(".arithmetic [data-slot=gradient]")
    assert slot.text_content() == gradient
    if len(gradient) > 16:  # it has a box, which leaves the middle out, and a title
        slot.hover()
        assert slot.get_attribute("title") == gradient
        end = slot.locator(".tail")
        assert end.evaluate("end => end.getBoundingClientRect().right") <= slot.evaluate(RIGHT) + 1
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_policy_stops_what_gets_in_all_the_same(browser: Browser, tmp_path: Path, neuron_page: str) -> None:
    """A second line of defence: markup put into the page by force runs nothing and loads nothing."""
    visit = Visit(browser, tmp_path)
    opened = visit(neuron_page)
    hostile = "<img src=x onerror=document.title='run'><b style='color: red'>b</b>"
    opened.evaluate("(markup) => document.body.insertAdjacentHTML('beforeend', markup)", hostile)
    opened.evaluate("new Promise((done) => setTimeout(done))")
    assert opened.title() != "run"
    assert sum("Content Security Policy" in message for message in visit.said) >= 2
    opened.context.close()


# ---------------------------------------------------------------- room


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_it_fits_any_width(visit: Visit, neuron_page: str, width: int) -> None:
    """From a telephone to a projector nothing sticks out sideways, and the page opens at its top, at every step."""
    opened = visit(neuron_page, 9, viewport={"width": width, "height": 720})
    assert opened.evaluate("scrollY") == 0
    for _ in range(9):
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        opened.keyboard.press("ArrowLeft")


LEDGER = """() => {
    const outer = document.querySelector(".tables").getBoundingClientRect();
    const seen = (part) => part.checkVisibility({ visibilityProperty: true });
    const parts = [...document.querySelectorAll(".backward tbody :is(.after, .tail)")].filter(seen);
    const outside = parts.filter((part) => part.getBoundingClientRect().right > outer.right
        || part.getBoundingClientRect().left < outer.left);
    return [parts.length, outside.length, [...document.querySelectorAll("th.spacious")].filter(seen).length];
}"""


CROOKED = """[...document.querySelectorAll(".backward tbody tr.current > *")].filter((cell) => {
    const head = document.querySelectorAll(".backward thead th")[cell.cellIndex].getBoundingClientRect();
    return Math.abs(cell.getBoundingClientRect().left - head.left) > 1;
}).map((cell) => cell.textContent)"""  # cells of the current row that are not in their columns


def test_the_ledger_shows_totals_and_the_ends_of_names_in_any_room(visit: Visit, network_page: str) -> None:
    """Totals, and the ends of long names, are in sight from a notebook's frame to a projector, whatever is left out."""
    opened = visit(network_page, 20)
    columns = []
    for width, height in [(900, 680), (1366, 768), (1920, 1080), (2600, 1400)]:
        opened.set_viewport_size({"width": width, "height": height})
        opened.keyboard.press("ArrowRight")
        number, outside, spacious = opened.evaluate(LEDGER)
        assert number >= 2 * 20
        assert outside == 0
        assert opened.evaluate(CROOKED) == []
        columns.append(spacious)
    assert columns == sorted(columns)
    assert columns[0] == 0
    opened.set_viewport_size({"width": 900, "height": 680})
    opened.keyboard.press("ArrowRight")
    loose = "document.querySelector('.tables').classList.remove('tight', 'tighter')"
    assert opened.evaluate(f"() => {{ {loose}; return ({LEDGER})(); }}")[1] > 0  # negative control, before it tightens
    opened.evaluate("document.querySelector('tr.current').style.display = 'flex'")  # negative control
    assert opened.evaluate(CROOKED) != []


CUT = """() => {
    const tails = [...document.querySelectorAll(".forward tbody .tail")].filter((part) => part.checkVisibility());
    const right = (part) => part.getBoundingClientRect().right;
    return [tails.length, tails.filter((tail) => right(tail) > right(tail.closest("td"))).length];
}"""


def test_formulas_of_the_forward_pass_keep_to_their_column(visit: Visit, network_page: str) -> None:
    """In a narrow table names and formulas share the room, and no formula reaches into the numbers beside it."""
    opened = visit(network_page)
    opened.set_viewport_size({"width": 900, "height": 680})
    opened.keyboard.press("f")
    opened.keyboard.press("ArrowRight")
    number, cut = opened.evaluate(CUT)
    assert number > 20
    assert cut == 0
    wide = "document.querySelectorAll('.forward .wide').forEach((cell) => { cell.style.width = '100%'; })"
    opened.evaluate(wide)  # negative control
    assert opened.evaluate(CUT)[1] > 0


def network(width: int) -> Value:
    output: Value = nn.MLP(2, [width, width, 1], rng=0)([1.0, 2.0])
    return output


def test_what_is_current_is_in_sight(visit: Visit) -> None:
    """In a whole graph and a ledger that are larger than the window, the lit edge and the current row are in view."""
    opened = visit(page(network(5)), viewport={"width": 1280, "height": 720})
    opened.keyboard.press("m")
    slider = opened.get_by_role("slider")
    last = int(slider.get_attribute("max") or 0)
    assert last > 100
    for at in range(1, last, 17):
        slider.fill(str(at))
        for current in (".edge.current", "tr.current"):
            expect(opened.locator(current)).to_be_in_viewport()
    assert opened.evaluate("scrollY") == 0


def test_a_step_costs_the_same_in_a_large_page(visit: Visit) -> None:
    """How much of the page a step changes does not depend on how many steps there are."""
    changes = """() => {
        const seen = new MutationObserver(() => {});
        seen.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
        document.querySelector("[data-go=next]").click();
        return seen.takeRecords().length;
    }"""
    small, large = (visit(page(network(width)), 20).evaluate(changes) for width in (2, 10))
    assert 10 < large < 1.5 * small
