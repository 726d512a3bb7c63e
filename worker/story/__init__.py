"""Tells a payment's story to a person: what happened, what waits for what, what needs somebody. Reads only."""

from __future__ import annotations
