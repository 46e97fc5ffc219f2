"""From text to functions and back: what a person types, and a recorded graph as the Python that makes it."""
