"""Decides how a request body becomes bytes: compact UTF-8 JSON, the same bytes for the same values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode(body: Mapping[str, object]) -> bytes:
    """Return the JSON of ``body``; parts that are None are left out at the top level. Raises ValueError for NaN."""
    given = {name: value for name, value in body.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
