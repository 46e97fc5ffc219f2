"""The guide to testing gradients: its test file runs as it stands, and fails where it should."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "testing_gradients.md").read_text(encoding="utf-8")
(TEST_FILE,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
(REPORT,) = re.findall(r"^```\n(Failing test case: .*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
RULE = "scalargrad.divide(1, 1 + abs(x)) ** 2"


def run(pytester: pytest.Pytester, text: str) -> pytest.RunResult:
    """What pytest says of the file in a project of its own, in a process of its own."""
    pytester.makepyfile(test_mine=text)
    return pytester.runpytest_subprocess("--hypothesis-seed=0", "-p", "no:cacheprovider", "-W", "error")


def test_the_test_file_of_the_guide_passes(pytester: pytest.Pytester) -> None:
    """Copied into an empty project, every test of it passes, without a warning."""
    assert TEST_FILE.count("\ndef test_") == 7
    run(pytester, TEST_FILE).assert_outcomes(passed=7)


def test_a_wrong_rule_fails_the_test_file(pytester: pytest.Pytester) -> None:
    """Negative control: with a wrong rule all tests fail that use it, and the report is the one the guide shows."""
    assert TEST_FILE.count(RULE) == 1
    result = run(pytester, TEST_FILE.replace(RULE, "scalargrad.divide(1, 1 + abs(x))"))
    result.assert_outcomes(passed=2, failed=5)
    output = result.stdout.str()
    assert "softsign: breaks partials" in output
    assert "the rule of softsign in x is wrong" in output
    assert all(line.strip() in output for line in REPORT.splitlines())


def test_the_summary_of_pytest_says_what_is_wrong(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest's summary has one line for a failing check: the error's name, and what is wrong."""
    monkeypatch.setenv("COLUMNS", "200")
    result = run(pytester, SUMMARIES)
    result.assert_outcomes(failed=4)
    summary = result.stdout.str().partition("short test summary info")[2]
    for line in (
        "test_rule - scalargrad.GradientMismatch: WRONG: the rule of bad in x (1 disagrees)",
        "test_graph - scalargrad.GradientMismatch: WRONG: df/dx is 0.5, measured 1 (1 disagrees)",
        "test_by_hand - scalargrad.GradientMismatch: WRONG: df/dx is 1, measured 2 (1 disagrees)",
        "test_laws - scalargrad.check.laws.LawBroken: bad: breaks partials",
    ):
        assert line in summary
    assert "def assert_gradients" not in result.stdout.str()  # the lines of the test alone
    assert "def raise_if_wrong" not in result.stdout.str()


SUMMARIES = """
import scalargrad
from scalargrad import assert_gradients, gradcheck
from scalargrad.check.laws import check_primitive

@scalargrad.primitive(partials=[lambda out, x: 3 * x])
def bad(x):
    return x * x

def test_rule():
    assert_gradients(bad, 0.5)

def test_graph():
    gradcheck(lambda x: x * x.data, 0.5).raise_if_wrong()

def test_by_hand():
    assert_gradients(lambda x: x * x, 1.0, gradient=lambda x: x)

def test_laws():
    check_primitive(bad, examples=5).raise_if_wrong()
"""
