"""Decides nothing: groups the narrated journey of `make demo`, whose steps are also tests."""

from __future__ import annotations
