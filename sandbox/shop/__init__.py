"""Decides nothing: groups what a browser needs to try the stack: the checkout example's pages and a way to the API."""

from __future__ import annotations
