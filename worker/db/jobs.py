"""Decides how a claimed row becomes a ``Job``: context parsed once, unknown words kept as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.db.contexts import (
    read_approval,
    read_attempt,
    read_card,
    read_channel,
    read_identity,
    read_payment,
    read_refund,
    read_schedule,
    read_schedule_ids,
)
from worker.db.reading import mapping, text, whole
from worker.model import Job

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_job(row: Mapping[str, object]) -> Job | None:
    """Return the job of a ``claim_jobs`` row; None when it has no usable id or claim."""
    job_id, claim, kind = whole(row.get("id")), whole(row.get("claim")), text(row.get("kind"))
    if job_id is None or claim is None or kind is None:
        return None
    context = mapping(row.get("context"))
    return Job(
        id=job_id,
        claim=claim,
        kind=kind,
        lane=text(row.get("lane")),
        failures=whole(row.get("failures")) or 0,
        payload=mapping(row.get("payload")),
        operation_id=text(row.get("operation_id")),
        payment=read_payment(mapping(context.get("payment"))),
        refund=read_refund(mapping(context.get("cancellation"))),
        attempt=read_attempt(mapping(context.get("attempt"))),
        channel=read_channel(mapping(context.get("channel"))),
        card=read_card(mapping(context.get("billing_key"))),
        schedule=read_schedule(mapping(context.get("schedule"))),
        schedule_ids=read_schedule_ids(context.get("schedules")),
        identity=read_identity(mapping(context.get("identity"))),
        approval=read_approval(mapping(context.get("secret"))),
    )
