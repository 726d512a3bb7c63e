"""What the tests about operators share: a job that died, and what was done by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sql.shop import claim, settle
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row

TIMEOUT = {"code": "PORTONE_TIMEOUT", "message": "PortOne did not answer in time."}


def ids(*numbers: int) -> str:
    """A bigint[] argument."""
    return "{" + ",".join(str(number) for number in numbers) + "}"


def state_of(owner: Caller, job_id: int) -> str:
    """Where a job is."""
    return str(owner.row("select public.describe_job(%s) ->> 'state' as state", job_id)["state"])


def actions(owner: Caller) -> list[Row]:
    """What operators did."""
    return owner.rows(
        "select action, subject, payment_id, actor, reason from public.operator_actions order by id"
    )


def dead_sync(worker: Caller, payment_id: str, webhook_id: str = "wh-1") -> int:
    """A webhook whose read-back died."""
    worker.call("record_webhooks", webhooks=[delivery(webhook_id, payment_id)])
    (job,) = claim(worker)
    settle(worker, job, "dead", error=TIMEOUT)
    return int(job["id"])
