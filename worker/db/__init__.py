"""The Supabase side: one client wrapper, and the typed calls of our SQL functions."""

from __future__ import annotations
