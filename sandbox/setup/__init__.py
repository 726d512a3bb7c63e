"""Decides nothing: groups what every sandbox process needs (paths, ports, child processes)."""

from __future__ import annotations
