"""A small site with a page of each kind, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from website.build import build

INDEX = """\
# Small

A site of *three* pages. Here is [a chapter](tour/01_neuron.md#predict), [code](../code.py) and [`exp`][scalargrad.exp].

![A dot](dot.svg)
"""
CHAPTER = r"""# A neuron

What is $x_1 w_1 + b$? A price of $5 or $6 is no formula, and neither is `$x$`.

## Predict

$$
\frac{\partial o}{\partial n}
  = 1 - o^2
$$

```pycon
>>> from scalargrad import Value, ledger
>>> a, b = Value(2.0), Value(-3.0)
>>> o = a * b
>>> o.backward()
>>> a.grad
-3.0

```

<!-- a comment -->

<!-- draw: o -->

<!-- page: o -->

<!-- table: ledger(o) -->

```text
<!-- draw: this_is_text -->
```

```pycon
>>> o = o + 1  # directives above this line do not see it
>>> class Table:
...     def _repr_html_(self):
...         return "<table><tr><td>\n1</td></tr></table>"

```

<!-- table: o.data, "<>" -->

<!-- figure: Table() -->

<details markdown="1"><summary>Answer</summary>

It is `2 * a`, as [here](../index.md):

```pycon
>>> answer = 2 * a
>>> answer.data
4.0

```

</details>

Go on with [the next chapter](02_end.md).
"""
END = """\
# The end

That was all: see [the beginning](01_neuron.md).
"""
REFERENCE = """\
# Reference

::: scalargrad.exp

::: scalargrad.grad

::: scalargrad.nn.MLP
"""
ORDER = """\
nav:
  - Start: index.md
  - Tour:
    - tour/*.md
  - reference.md
  - project
"""
PAGES = {
    "docs/index.md": INDEX,
    "docs/tour/01_neuron.md": CHAPTER,
    "docs/tour/02_end.md": END,
    "docs/reference.md": REFERENCE,
    "docs/.nav.yml": ORDER,
    "docs/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="9"/></svg>',
    "code.py": "print('# hello')\n",
}


def written(root: Path, pages: dict[str, str]) -> Path:
    """The root, with pages in it."""
    for name, text in pages.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = written(tmp_path_factory.mktemp("small").resolve(), PAGES)
    written(root, {"site/lab/scalargrad_lab.html": "the lab", "site/old.html": "of an earlier build"})
    build(root / "docs", root / "site", root)
    return root / "site"
