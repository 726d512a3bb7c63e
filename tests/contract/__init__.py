"""What the worker sends to PortOne, judged by PortOne's own OpenAPI document."""

from __future__ import annotations
