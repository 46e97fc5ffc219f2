"""The cases of `torch_modules.py` in which rows look at rows: one head and several, causal, and another context.

What a case is called on is a list of rows: those that look, and then those of the context, if there is one. What it
returns is one row: the outputs, and then how much each head looks at each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scalargrad import nn

PARTS = ("q", "k", "v")  # what PyTorch calls the weights of the queries, keys and values


class Setting(NamedTuple):
    """An attention, and the lengths of the sequences that it is given."""

    width: int
    heads: int = 1
    rows: int = 3
    causal: bool = False
    context: int = 0  # the length of another sequence, if there is one
    context_width: int | None = None

    @property
    def inputs(self) -> tuple[int, int]:
        """The shape of what it is called on; of the wider rows only the first numbers are read."""
        return self.rows + self.context, max(self.width, self.context_width or 0)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter, by PyTorch's name and in its order."""
        width, read = self.width, self.context_width or self.width
        shapes: dict[str, tuple[int, ...]] = {"in_proj_weight": (3 * width, width)}
        if read != width:
            shapes = {f"{part}_proj_weight": (width, width if part == "q" else read) for part in PARTS}
        shapes |= {"in_proj_bias": (3 * width,), "out_proj.weight": (width, width), "out_proj.bias": (width,)}
        return shapes

    def theirs(self, torch: Any) -> Any:
        """PyTorch's module, as a function of the rows to one row of numbers."""
        setting, read = self, self.context_width or self.width

        class Attention(torch.nn.MultiheadAttention):  # type: ignore[misc]  # torch is given
            def forward(self, given: Any) -> Any:
                rows = given[: setting.rows, : setting.width]
                context = given[setting.rows :, :read] if setting.context else rows
                blocked = torch.ones(len(rows), len(context)).triu(1).bool() if setting.causal else None
                outputs, weights = super().forward(
                    rows, context, context, attn_mask=blocked, average_attn_weights=False
                )
                return torch.cat([outputs.flatten(), weights.flatten()])

        return Attention(self.width, self.heads, kdim=read, vdim=read)


CASES = {
    "attention": Setting(4),
    "attention, two heads": Setting(4, heads=2),
    "attention, as many heads as numbers": Setting(3, heads=3, rows=4),
    "attention, causal": Setting(6, heads=3, rows=5, causal=True),
    "attention, a single row": Setting(2, rows=1, causal=True),
    "attention, another context": Setting(4, heads=2, context=5),
    "attention, a wider context": Setting(4, heads=2, rows=2, context=3, context_width=5),
}


class Looking:
    """Our attention with PyTorch's parameters."""

    def __init__(self, setting: Setting, state: Mapping[str, Any]) -> None:
        self.setting, width = setting, setting.width
        if "in_proj_weight" in state:
            weights = [state["in_proj_weight"][start : start + width] for start in range(0, 3 * width, width)]
        else:
            weights = [state[f"{part}_proj_weight"] for part in PARTS]
        biases = [state["in_proj_bias"][start : start + width] for start in range(0, 3 * width, width)]
        self.module = nn.Attention(
            width,
            setting.heads,
            setting.causal,
            context_width=setting.context_width,
            weights=[*weights, state["out_proj.weight"]],
            biases=[*biases, state["out_proj.bias"]],
        )

    def parameters(self) -> list[Any]:
        """All parameters that were given."""
        return list(self.module.parameters())

    def __call__(self, given: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the outputs and the attention weights, in one row."""
        setting = self.setting
        sequences = [[row[: setting.width] for row in given[: setting.rows]]]
        if setting.context:
            sequences.append([row[: self.module.context_width] for row in given[setting.rows :]])
        outputs, weights = self.module(*sequences), self.module.attention_weights(*sequences)
        return [entry for matrix in (outputs, *weights) for row in matrix for entry in row]
