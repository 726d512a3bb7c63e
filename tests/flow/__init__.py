"""Tests over HTTP with the real worker, the simulator and a real database."""

from __future__ import annotations
