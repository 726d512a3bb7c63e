"""Decides which Supabase a run uses: `SANDBOX_API` = `lite` (default), `postgrest`, `docker` or `external`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.supabase.containers import ContainerSupabase
from sandbox.supabase.embedded import EmbeddedSupabase
from sandbox.supabase.external import ExternalSupabase
from sandbox.supabase.lite import LiteFront
from sandbox.supabase.postgrest import PostgrestFront

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.supabase.embedded import ApiFront
    from sandbox.supabase.endpoint import SupabaseEndpoint
    from sandbox.supabase.project import Supabase

_FRONTS: dict[str, Callable[[SupabaseEndpoint, Path, bool], ApiFront]] = {
    "lite": LiteFront,
    "postgrest": PostgrestFront,
}


def make_supabase(
    *, workdir: Path | None = None, detached: bool = False, project: Path = PROJECT_ROOT
) -> Supabase:
    """Return the Supabase that `SANDBOX_API` names; nothing runs yet.

    `workdir` takes the logs, `detached` lets it outlive us, `project` is the folder that holds
    `supabase/`. Raises `ValueError` for another word.
    """
    api = os.environ.get("SANDBOX_API", "lite")
    if api == "external":
        return ExternalSupabase(project=project)
    if api == "docker":
        return ContainerSupabase(workdir=workdir, detached=detached, project=project)
    if api in _FRONTS:
        return EmbeddedSupabase(_FRONTS[api], workdir=workdir, detached=detached, project=project)
    raise ValueError(f"SANDBOX_API is {api!r}; use lite, postgrest, docker or external")


@contextmanager
def embedded_supabase(workdir: Path | None = None, *, project: Path = PROJECT_ROOT) -> Iterator[Supabase]:
    """Yield the Supabase that `SANDBOX_API` names, not started yet; stop it at the end."""
    supabase = make_supabase(workdir=workdir, project=project)
    try:
        yield supabase
    finally:
        supabase.stop()
