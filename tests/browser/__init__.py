"""Driven in headless Chromium by `make test-browser`; not part of `make test`."""

from __future__ import annotations
