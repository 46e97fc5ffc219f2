"""Pages whose examples need a changed copy of the project: `tests/test_extending.py` runs them."""

collect_ignore = ["extending.md"]
