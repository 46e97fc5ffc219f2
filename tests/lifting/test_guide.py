"""The programs that the guide to lifting prints are the ones that its examples lift."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from scalargrad import Value, lift, nn

CHOOSES = True  # between arrays and plain floats, as for users
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "lifting.md"


def lifted() -> str:
    """The source of the guide's example."""
    model = nn.MLP(2, [16, 1], activation="tanh", rng=0)

    def loss(x: Any, y: Any) -> Any:
        return (model(x) - y) ** 2

    program = lift(loss, model.parameters(), target="numpy")
    program.value_and_grad([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
    return program.source


def smoothing() -> str:
    """The source of exponential smoothing."""
    noise = Value(0.5, label="noise")

    def smooth(measured: Any, mean: Any) -> Any:
        for z in measured:
            mean = mean + noise * (z - mean)
        return mean

    program = lift(smooth, [noise], target="python")
    program.value_and_grad([[1.0] * 30], [0.5])
    return program.source


def printed(page: str) -> list[str]:
    """The programs that a page prints."""
    return re.findall(r'```python\n("""value_and_grad of .*?\n)```', page, flags=re.DOTALL)


def test_the_guide_prints_the_program() -> None:
    """The guide shows what the examples' programs are today, to the letter."""
    assert printed(GUIDE.read_text(encoding="utf-8")) == [smoothing(), lifted()]


def test_another_program_is_seen() -> None:
    """Negative control: a page with one line changed shows another program."""
    page = f"```python\n{lifted()}```\n"
    assert printed(page) == [lifted()]
    assert printed(page.replace("np.tanh", "np.sinh")) != [lifted()]
