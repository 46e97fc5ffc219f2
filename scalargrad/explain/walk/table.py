"""A table of the steps around the cursor and of the totals so far: text for a terminal, HTML for a notebook.

    steps of L = -8.0: 2 of 6 made
       1  dL/dd += dL/dL · ∂L/∂d = 1.0 × -2.0 = -2.0   (0.0 → -2.0)
    →  2  dL/df += dL/dL · ∂L/∂f = 1.0 × 4.0 = 4.0   (0.0 → 4.0)
          L = d * f, so ∂L/∂f = d
       3  dL/de += dL/dd · ∂d/∂e = -2.0 × 1.0 = -2.0   (0.0 → -2.0)
    totals: L 1.0   d -2.0   f 4.0   c –   e –   b –   a –

The arrow marks the last step that was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...terminal import Text, cells, cut, html_table, table
from ..names import shown
from .step import Step

INDENT = 8  # blanks before a line of totals that goes on


class StepTable(NamedTuple):
    """What the table shows.

    Attributes:
        heading: what the steps are of, and how many of them have been made.
        steps: those in view.
        made: how many have been made.
        size: how many there are.
        totals: the gradients so far, by name.
        more: how many more totals there are.
        digits: of each number; None for all.
    """

    heading: str
    steps: Sequence[Step]
    made: int
    size: int
    totals: Sequence[tuple[str, float | None]]
    more: int
    digits: int | None

    def text(self, width: int | None = None) -> str:
        """Return the lines that a terminal shows.

        Args:
            width: how many cells a line may have; None for any.
        """
        rows = [Text(table([], self._rows(width), numbers={1}))] if self.steps else []
        totals = [f"{name} {total}" for name, total in self._totals()] + ([self._more()] if self.more else [])
        lines = [f"totals: {''.join(totals[:1])}"]
        for total in totals[1:]:
            longer = f"{lines[-1]}   {total}"
            if width is None or cells(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(" " * INDENT + total)
        return "\n".join([self.heading if width is None else cut(self.heading, width), *rows, *lines])

    def html(self) -> str:
        """Return the fragment that a notebook shows."""
        from html import escape

        names, totals = [name for name, _ in self._totals()], [total for _, total in self._totals()]
        steps = html_table([], self._rows() if self.steps else [], numbers={1})
        caption = f"totals   {self._more()}" if self.more else "totals"
        below = html_table(names, [totals], numbers=range(len(totals)), caption=caption)
        return f'<div class="scalargrad-steps"><p>{escape(self.heading)}</p>{steps}{below}</div>'

    def _rows(self, width: int | None = None) -> list[list[str]]:
        room = None if width is None else width - len("→  ") - len(str(self.steps[-1].index + 1)) - len("  ")
        rows = []
        first, last = self.steps[0].index, self.steps[-1].index
        if first:
            rows.append([" ", "", f"… {_counted(first)} before"])
        for step in self.steps:
            is_last_made = step.index + 1 == self.made
            rows.append(["→" if is_last_made else " ", str(step.index + 1), step.line(room)])
            if is_last_made:
                rows.append([" ", "", step.reason_line(room)])
        if last + 1 < self.size:
            rows.append([" ", "", f"… {_counted(self.size - last - 1)} after"])
        return rows

    def _totals(self) -> list[tuple[str, str]]:
        return [(name, shown(total, self.digits)) for name, total in self.totals]

    def _more(self) -> str:
        return f"and {self.more:,} more"


def _counted(steps: int) -> str:
    return f"{steps:,} step{'s' if steps > 1 else ''}"
