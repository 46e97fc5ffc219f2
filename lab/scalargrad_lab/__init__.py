"""What the lab does in Python: it runs the learner's program and describes what it recorded, as plain data."""

import sys

from .answering import answer as answer

if sys.platform == "emscripten":
    from lab_graphviz import render  # the page gives this module to Python

    from .picture import use_graphviz

    use_graphviz(render)
