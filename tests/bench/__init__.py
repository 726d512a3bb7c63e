"""The benchmarks' own plumbing: what a wrong figure would come from."""

from __future__ import annotations
