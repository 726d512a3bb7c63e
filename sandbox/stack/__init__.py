"""Decides nothing: groups the whole stack (Supabase, simulator, worker) and its two commands."""

from __future__ import annotations
