"""The PortOne V2 side: HTTP client, tolerant reading of payments, fault table, webhook verification."""

from __future__ import annotations
