"""What the shop can ask of PortOne: one file each, ``async (deps, job) -> Outcome``, ending by reading PortOne back."""

from __future__ import annotations
