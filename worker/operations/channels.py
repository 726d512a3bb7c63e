"""Decides which store and channel a job goes through, and refuses a test channel in a live shop and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import Rejected

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job


def kind_problem(deps: Deps, kind: str | None) -> Rejected | None:
    """Return why this channel kind (LIVE, TEST or unknown) must not be used here, or None.

    A TEST channel takes no money (docs: channel.type): in a live shop it would give goods away.
    """
    wanted = deps.settings.channel_kind
    if kind == wanted:
        return None
    return Rejected(
        "CHANNEL_KIND_MISMATCH",
        f"This shop runs {wanted} channels; the channel used is {kind or 'of an unknown kind'}.",
        extra={"hint": "Correct payment_channels or ENVIRONMENT; nothing was charged."},
    )


def channel_problem(deps: Deps, job: Job) -> Rejected | None:
    """Return why the channel the database chose must not be used, or None; without one the settings decide."""
    return None if job.channel is None else kind_problem(deps, job.channel.kind)
