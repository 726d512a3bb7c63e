"""Decides nothing: groups `make chaos`, which breaks everything around the worker and then compares the books."""

from __future__ import annotations
