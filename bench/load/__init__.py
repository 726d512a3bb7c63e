"""Decides nothing: groups the load generators. Each runs in a process of its own and prepares every byte beforehand."""

from __future__ import annotations
