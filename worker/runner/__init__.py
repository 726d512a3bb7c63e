"""Turns claimed jobs into settled outcomes: claim, run under lease, settle in batches, stop gracefully."""

from __future__ import annotations
