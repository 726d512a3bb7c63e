"""Decides where the official document is, and skips with a reason where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.judge import RequestJudge

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "portone-v2.openapi.json"


@pytest.fixture(scope="session")
def judge() -> RequestJudge:
    """The official OpenAPI document of PortOne V2."""
    if not DOCUMENT.exists():
        pytest.skip(f"the official OpenAPI document {DOCUMENT.name} is not in ../shared")
    return RequestJudge(DOCUMENT)
