"""States the version of the payment worker, and nothing else.

The worker reads jobs from Supabase through PostgREST, talks to PortOne V2 over HTTP and receives PortOne's webhooks.
"""

from __future__ import annotations

__version__ = "0.1.0"
