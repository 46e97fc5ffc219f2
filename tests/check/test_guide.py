"""The guide to testing gradients: its test file runs as it stands, and fails where it should."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

GUIDE = (Path(__file__).parents[2] / "docs" / "testing_gradients.md").read_text(encoding="utf-8")
(TEST_FILE,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
(REPORT,) = re.findall(r"^```\n(Failing test case: .*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
RULE = "scalargrad.divide(1, 1 + abs(x)) ** 2"


def run(pytester: pytest.Pytester, text: str) -> pytest.RunResult:
    """What pytest says of the file in a project of its own, in a process of its own."""
    pytester.makepyfile(test_mine=text)
    return pytester.runpytest_subprocess("--hypothesis-seed=0", "-p", "no:cacheprovider", "-W", "error")


def test_the_test_file_of_the_guide_passes(pytester: pytest.Pytester) -> None:
    """Copied into an empty project, every test of it passes, without a warning."""
    assert TEST_FILE.count("\ndef test_") == 6
    run(pytester, TEST_FILE).assert_outcomes(passed=6)


def test_a_wrong_rule_fails_the_test_file(pytester: pytest.Pytester) -> None:
    """Negative control: with a wrong rule all tests fail that use it, and the report is the one the guide shows."""
    assert TEST_FILE.count(RULE) == 1
    result = run(pytester, TEST_FILE.replace(RULE, "scalargrad.divide(1, 1 + abs(x))"))
    result.assert_outcomes(passed=1, failed=5)
    output = result.stdout.str()
    assert "softsign: breaks partials" in output
    assert "the rule of softsign in x is wrong" in output
    assert all(line.strip() in output for line in REPORT.splitlines())
