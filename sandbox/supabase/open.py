"""Decides which Supabase a run uses: `SANDBOX_API` = `lite` (default), `postgrest` or `external`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.embedded import EmbeddedSupabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_embedded(
    *, workdir: Path | None = None, detached: bool = False, project: Path = PROJECT_ROOT
) -> EmbeddedSupabase:
    """Return an embedded Supabase with the API front `SANDBOX_API` names; nothing runs yet.

    Raises `ValueError` for another word.
    """
    api = os.environ.get("SANDBOX_API", "lite")
    if api == "lite":
        from sandbox.supabase.lite import LiteFront

        return EmbeddedSupabase(LiteFront, workdir=workdir, detached=detached, project=project)
    if api == "postgrest":
        from sandbox.supabase.postgrest import PostgrestFront

        return EmbeddedSupabase(PostgrestFront, workdir=workdir, detached=detached, project=project)
    raise ValueError(f"SANDBOX_API is {api!r}; use lite, postgrest or external")


@contextmanager
def embedded_supabase(
    workdir: Path | None = None, *, project: Path = PROJECT_ROOT
) -> Iterator[EmbeddedSupabase]:
    """Yield an embedded Supabase, not started yet; stop everything at the end."""
    supabase = make_embedded(workdir=workdir, project=project)
    try:
        yield supabase
    finally:
        supabase.stop()
