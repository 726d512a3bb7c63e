"""Decides nothing: the steps of the journey, each a function of a world and a story."""

from __future__ import annotations
