"""Two commands for IPython and Jupyter, by `%load_ext scalargrad`.

    %step loss          a prompt on the backward pass of a Value
    %explain loss       its graph and every step of its backward pass
    %%explain           the same for the last line of a cell

An expression here is the user's own Python in the user's own session, and IPython evaluates it.
Nothing of IPython is imported before it asks for these commands.
"""

from __future__ import annotations

import ast
from copy import copy
from typing import Any

from ..terminal import html_lines
from .console.debugger import prompt
from .drawing.collapse import everything
from .drawing.picture import TooLarge
from .drawing.sketch import Look, drawn
from .text import ledger, tree
from .walk.data import graph_data
from .walk.steps import Steps, as_steps

LARGEST = 300  # nodes of a drawing


def load_ipython_extension(shell: Any) -> None:
    """Add `%step`, `%explain` and `%%explain` to an IPython shell: what `%load_ext scalargrad` calls.

    >>> class Shell:
    ...     def register_magic_function(self, function, kind, name):
    ...         print(kind, name)
    >>> load_ipython_extension(Shell())
    line step
    line_cell explain
    """

    def step(line: str) -> None:
        """Step through the backward pass of a Value: `%step loss`."""
        from IPython.core.error import UsageError

        if not line:
            raise UsageError("%step needs a Value to step through, as in: %step loss")
        prompt(_steps(shell, shell.ev(line), line))

    def explain(line: str, cell: str | None = None) -> Explanation:
        """Show the graph and the backward pass of a Value: `%explain loss`, or `%%explain` for a cell's last line."""
        from IPython.core.error import UsageError

        if cell is not None:
            if line:
                raise UsageError(f"%%explain takes a cell and nothing beside it, got {line}")
            return Explanation(_steps(shell, _run(shell, cell), "the last line of the cell"))
        if not line:
            raise UsageError("%explain needs a Value to explain, as in: %explain loss")
        return Explanation(_steps(shell, shell.ev(line), line))

    shell.register_magic_function(step, "line", "step")
    shell.register_magic_function(explain, "line_cell", "explain")


def _steps(shell: Any, given: Any, what: str) -> Steps:
    """The steps of what an expression gives, in the names of the session's variables; steps as they are."""
    from IPython.core.error import UsageError

    try:
        return as_steps(given, None if isinstance(given, Steps) else shell.user_ns)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what}: {error}") from None


def _run(shell: Any, cell: str) -> object:
    """Run a cell as IPython does, and return the value of its last line."""
    source = shell.transform_cell(cell)
    program = ast.parse(source)
    last = program.body.pop() if program.body else None
    if not isinstance(last, ast.Expr):
        from IPython.core.error import UsageError

        made = _assigned(last)
        wanted = f"the line {ast.unparse(made)}" if made else "a line such as loss"
        raise UsageError(f"%%explain shows the value of the cell's last line: end the cell with {wanted}")
    name = shell.compile.cache(source)
    exec(shell.compile(program, name, "exec"), shell.user_ns)  # noqa: S102  # the user's cell, in the user's session
    expression = ast.Expression(last.value)
    return eval(shell.compile(expression, name, "eval"), shell.user_ns)  # noqa: S307  # likewise


def _assigned(statement: ast.stmt | None) -> ast.expr | None:
    """What a statement gives a value to."""
    if isinstance(statement, ast.Assign):
        return statement.targets[-1]
    return statement.target if isinstance(statement, (ast.AnnAssign, ast.AugAssign)) else None


class Explanation:
    """A graph and all steps of its backward pass: as text, and with a drawing in a notebook."""

    def __init__(self, walk: Steps) -> None:
        self.walk = copy(walk).last()

    def __repr__(self) -> str:
        return f"{tree(self.walk)!r}\n\n{ledger(self.walk)!r}"

    def _repr_html_(self) -> str:
        from html import escape

        walk = self.walk
        try:
            if len(walk.order) > LARGEST:
                raise TooLarge(f"{len(walk.order):,} nodes are too many for a drawing here: see scalargrad.draw")
            data, totals = graph_data(walk.graph), walk.totals()
            look = Look(gradients=[totals.get(node) for node in walk.order])
            drawing = drawn(data, everything(data["nodes"]), look)._repr_html_()
        except (ImportError, TooLarge) as error:
            drawing = f"<p>{escape(str(error))}</p>"
        return f"{drawing}{html_lines(str(tree(walk)))}{html_lines(str(ledger(walk)))}"
