"""Decides what the sandbox's Supabase offers to the rest: one class, one endpoint, one way in."""

from __future__ import annotations
