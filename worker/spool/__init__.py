"""Decides where signed webhooks wait when the database is away: fsynced files, drained in order, off by default."""

from __future__ import annotations
