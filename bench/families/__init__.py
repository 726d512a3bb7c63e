"""Decides nothing: one module a family of figures; `bench.registry` lists them."""

from __future__ import annotations
