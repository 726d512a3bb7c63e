"""Decides nothing: tests of the sandbox itself (database, API front, processes, stack)."""

from __future__ import annotations
