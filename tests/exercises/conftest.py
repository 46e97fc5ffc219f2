"""Answers may declare operations: they are forgotten after each test."""

from __future__ import annotations

import pytest

from scalargrad.engine import declaration


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))
