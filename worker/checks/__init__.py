"""Decides whether this worker may run here: one check a file, each a small function with a ``CheckResult``."""

from __future__ import annotations
