"""Decides nothing: names the development-only half of the project (never imported by the worker)."""

from __future__ import annotations
