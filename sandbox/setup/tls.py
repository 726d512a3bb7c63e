"""Decides that HTTP clients of one process share what they know about certificates.

Reading the machine's certificates takes 24 ms of processor time, and httpx does it for every client it makes; a test
run makes thousands, nearly all of them for loopback addresses without TLS.
"""

from __future__ import annotations

import ssl
from functools import cache


@cache
def certificates() -> ssl.SSLContext:
    """Return the context to pass as `verify`: the machine's certificates, checked as always."""
    return ssl.create_default_context()
