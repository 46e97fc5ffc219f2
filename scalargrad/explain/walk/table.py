"""The steps around the cursor and the totals so far, as a table: text for a terminal, HTML for a notebook.

    steps of L = -8.0: 2 of 6 made
       1  ∂L/∂d += ∂L/∂L · ∂L/∂d = 1.0 × -2.0 = -2.0   (0.0 → -2.0)
    →  2  ∂L/∂f += ∂L/∂L · ∂L/∂f = 1.0 × 4.0 = 4.0   (0.0 → 4.0)
          L = d * f, so ∂L/∂f = d
       3  ∂L/∂e += ∂L/∂d · ∂d/∂e = -2.0 × 1.0 = -2.0   (0.0 → -2.0)
    totals: L 1.0   d -2.0   f 4.0   c –   e –   b –   a –

The arrow marks the step made last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...terminal import Text, html_table, table
from ..names import numeral
from .step import Step

DIGITS = 6  # of a total


class StepTable(NamedTuple):
    """What the table shows: some of the steps, how many of all are made, and totals by name, with how many more."""

    heading: str
    steps: Sequence[Step]
    made: int
    totals: Sequence[tuple[str, float | None]]
    more: int

    def text(self) -> str:
        """Return the lines that a terminal shows."""
        totals = "   ".join(f"{name} {total}" for name, total in self._totals())
        more = f"   {self._more()}" if self.more else ""
        rows = [Text(table([], self._rows(), numbers={1}))] if self.steps else []
        return "\n".join([self.heading, *rows, f"totals: {totals}{more}"])

    def html(self) -> str:
        """Return the fragment that a notebook shows."""
        from html import escape

        names, totals = [name for name, _ in self._totals()], [total for _, total in self._totals()]
        steps = html_table([], self._rows(), numbers={1})
        caption = f"totals   {self._more()}" if self.more else "totals"
        below = html_table(names, [totals], numbers=range(len(totals)), caption=caption)
        return f'<div class="scalargrad-steps"><p>{escape(self.heading)}</p>{steps}{below}</div>'

    def _rows(self) -> list[list[str]]:
        rows = []
        for step in self.steps:
            is_last_made = step.index + 1 == self.made
            rows.append(["→" if is_last_made else " ", str(step.index + 1), str(step)])
            if is_last_made:
                rows.append([" ", "", step.reason])
        return rows

    def _totals(self) -> list[tuple[str, str]]:
        return [(name, "–" if total is None else numeral(total, DIGITS)) for name, total in self.totals]

    def _more(self) -> str:
        return f"and {self.more:,} more"
