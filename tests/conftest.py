"""How many examples a property is tried on: `HYPOTHESIS_PROFILE` chooses."""

import os
import sys
from collections.abc import Generator

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: each worker has one core, and threads would wait

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("deep", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """In the workers of pytest-xdist, `no_cover` pauses one of two tracers that pytest-cov starts: this, the other."""
    tracer = sys.gettrace()
    if item.get_closest_marker("no_cover"):
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The code on pages is not traced line by line, which takes several times as long; tests cover the package."""
    for item in items:
        if item.path.suffix == ".md":
            item.add_marker("no_cover")


collect_ignore = ["user_code"]  # programs, one of them wrong, that `test_user_code.py` runs and has checked
