"""Decides how the user routes are tested: the whole app over a scripted database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from tests.unit.support import JWT, OPERATION, PAYMENT, FakeDatabase, make_deps
from worker.errors import DatabaseUnavailable, Rejected
from worker.web.app import create_app

if TYPE_CHECKING:
    from worker.deps import Deps

AUTH = {"authorization": f"Bearer {JWT}"}
PENDING = {"id": OPERATION, "kind": "prepare_payment", "status": "pending", "result": None, "error": None}
DONE = PENDING | {"status": "succeeded", "result": {"paymentId": PAYMENT}}
FAILED = PENDING | {"status": "failed", "error": {"code": "PG_PROVIDER"}}
GONE = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")
EXPIRED = Rejected("INVALID_TOKEN", "expired", status=401)
CANCEL = f"/payments/{PAYMENT}/cancel"


class Bench:
    """The whole app over a scripted database."""

    def __init__(self, answers: dict[str, Any] | None = None, **settings: Any) -> None:
        every = dict.fromkeys(
            ("request_payment", "request_completion", "request_cancellation", "get_operation"), DONE
        )
        self.database = FakeDatabase(**(every | (answers or {})))
        self.deps: Deps = make_deps(self.database, **settings)
        transport = httpx.ASGITransport(create_app(self.deps), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test", headers=AUTH)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST JSON."""
        return await self.client.post(path, json=body, headers=headers)


GOOD_PAYMENT = {"order_id": "o1", "pay_method": "CARD"}
