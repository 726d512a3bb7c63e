"""Decides nothing: groups the benchmarks. They measure the project from outside; nothing imports them."""

from __future__ import annotations
