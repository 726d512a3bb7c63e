"""Decides how the database's answers to ``begin_attempts`` look in the refund tests."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx

from tests.unit.support import CANCELLATION, REFUND, FakeDatabase, FakePortOne, cancel_job, make_deps
from worker.operations.cancel_payment import cancel_payment

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Outcome

KEY = f"cancel-{REFUND}-1"
SUCCEEDED = httpx.Response(200, json={"cancellation": CANCELLATION})


def begun(decision: str, **fields: Any) -> Any:
    """Answer ``begin_attempts`` like the database: a send gives the body back."""

    def answer(params: dict[str, Any]) -> list[dict[str, Any]]:
        (attempt,) = params["attempts"]
        row = {
            "index": 1, "job_id": attempt["job_id"], "decision": decision, "attempt_number": 1, "idempotency_key": KEY,
            "body": attempt["body"], "sent_at": "2026-09-02T01:00:00Z", "detail": None,
        }  # fmt: skip
        return [row | fields]

    return answer


def stored(deps: Deps, body: bytes) -> str:
    """Return a sealed body as the database stores it."""
    return base64.b64encode(deps.sealer.seal(body, purpose=f"cancel:{REFUND}")).decode()


async def run(database: FakeDatabase, portone: FakePortOne, **job: Any) -> Outcome:
    """Run the operation and return its outcome."""
    outcome = await cancel_payment(make_deps(database, portone), cancel_job(**job))
    assert outcome is not None
    return outcome
