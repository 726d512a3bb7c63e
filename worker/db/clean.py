"""Decides what foreign text may enter JSON for PostgreSQL: no NUL, no lone surrogates, no non-finite numbers.

``jsonb`` refuses ``\\u0000``, UTF-8 cannot carry a lone surrogate, JSON has no NaN. One such character from outside
must not make a whole batch fail.
"""

from __future__ import annotations

import json
import math

import orjson

_REPLACEMENT = "\ufffd"


def clean_text(value: str) -> str:
    """Return ``value`` with NUL and lone surrogates replaced by U+FFFD."""
    if "\x00" in value:
        value = value.replace("\x00", _REPLACEMENT)
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "".join(
            _REPLACEMENT if "\ud800" <= character <= "\udfff" else character for character in value
        )
    return value


def clean_json(value: object) -> object:
    """Return a JSON-safe copy of ``value``; numbers that JSON does not have become null."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def encode_json(value: object) -> bytes:
    """Return ``value`` as JSON that PostgreSQL takes: what ``clean_json`` makes of it, mostly without the copy.

    orjson writes null for numbers JSON does not have and refuses lone surrogates; only a NUL has to be looked for.
    """
    try:
        encoded = orjson.dumps(value)
    except TypeError:
        pass
    else:
        if b"\\u0000" not in encoded:
            return encoded
    return json.dumps(clean_json(value), ensure_ascii=False, allow_nan=False).encode()
