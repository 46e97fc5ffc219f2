"""A figure of matplotlib that shows itself in a notebook, whether or not pyplot is imported."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure that a notebook shows as a picture: of a plain one it shows the repr until pyplot is imported."""

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()
