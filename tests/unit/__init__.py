"""Tests of the worker without a database, a network or a second process, unless a test says so."""

from __future__ import annotations
