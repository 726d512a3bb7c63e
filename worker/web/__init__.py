"""HTTP: PortOne's webhooks and the users' payment requests. Routes only; every decision is elsewhere."""

from __future__ import annotations
