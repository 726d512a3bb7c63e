"""Stand-ins for Supabase's two images, for machines that cannot pull them; see docs/deploy.md, Tests in containers."""

from __future__ import annotations
