"""Tests that kill, cut and delay, and then compare the books."""

from __future__ import annotations
