"""Decides what the worker is tested against: a scripted PortOne, a scripted database, settings that are right."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx

from worker.db.calls import check_call
from worker.db.desk import Desk
from worker.db.installation import Installations
from worker.db.operator import Operator
from worker.db.queue import Queue
from worker.db.reconciliation import Reconciliation
from worker.db.user import UserRequests
from worker.db.vault import Vault
from worker.db.webhooks import WebhookLog
from worker.deps import Deps
from worker.http_pool import HttpPool
from worker.model import ExpectedPayment, Job, LastAttempt, Refund
from worker.portone.client import PortOneClient
from worker.portone.stores import Stores
from worker.seal import Sealer
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.portone.payments import Payments

STORE = "store-5e1f0000-0000-4000-8000-000000000001"
SECOND_STORE = "store-5e1f0000-0000-4000-8000-000000000002"
PAYMENT = "pay9f2c1b7e4d6a4e0f8b3a5c7d9e1f2a3b"
WEBHOOK_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SECOND_SECRET = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl"
OPERATION = "8022807d-d50c-477e-88d5-2008fbb10e57"
REFUND = "6c419eb8-297c-4352-994f-25ac6df35eda"

ENVIRONMENT = {
    "SUPABASE_URL": "http://127.0.0.1:54321",
    "SUPABASE_SECRET_KEY": "sb_secret_0123456789abcdefghijklmn",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_0123456789abcdefghij",
    "PORTONE_API_SECRET": "Q7xW2kL9mZ4vT1bN8cR5yH3jF6pD0sGaEuIo",
    "PORTONE_STORE_ID": STORE,
    "PORTONE_CHANNELS": '{"CARD": "channel-key-card", "VIRTUAL_ACCOUNT": "channel-key-vbank"}',
    "PORTONE_WEBHOOK_SECRETS": f"{WEBHOOK_SECRET},{SECOND_SECRET}",
    "ENVIRONMENT": "test",
    "DATA_ENCRYPTION_KEY": "k1:" + base64.b64encode(bytes(range(32))).decode(),
}

PAID: dict[str, Any] = {
    "status": "PAID", "id": PAYMENT, "transactionId": "0190d6f2-7c1e-7a40-9a53-5f0c2a1d7e11",
    "merchantId": "merchant-7e2a", "storeId": STORE,
    "channel": {
        "type": "TEST", "id": "channel-id-1", "key": "channel-key-card", "name": "toss-test",
        "pgProvider": "TOSSPAYMENTS", "pgMerchantId": "tosstest",
    },
    "version": "V2", "requestedAt": "2026-09-01T01:00:00Z", "updatedAt": "2026-09-01T01:00:31.123456789Z",
    "statusChangedAt": "2026-09-01T01:00:31Z", "orderName": "Widget x1", "currency": "KRW",
    "customer": {"id": "user-1", "name": "Hong", "email": "a@example.com"},
    "origin": {"platformType": "PC", "ipAddress": "203.0.113.7"},
    "method": {"type": "PaymentMethodCard", "card": {"number": "433012******1234"}, "approvalNumber": "12345678"},
    "amount": {
        "total": 11000, "taxFree": 0, "vat": 1000, "supply": 10000, "discount": 0, "paid": 11000, "cancelled": 0,
        "cancelledTaxFree": 0,
    },
    "paidAt": "2026-09-01T01:00:31Z", "pgTxId": "tviva1", "receiptUrl": "https://pg.example/r/1", "disputes": [],
}  # fmt: skip

CANCELLATION: dict[str, Any] = {
    "status": "SUCCEEDED", "id": "0190d701-1111-7a40-9a53-5f0c2a1d7e11", "pgCancellationId": "c-1", "totalAmount": 3000,
    "taxFreeAmount": 0, "vatAmount": 273, "reason": "customer request", "requestedAt": "2026-09-02T01:00:00Z",
    "cancelledAt": "2026-09-02T01:00:01Z", "trigger": "API",
}  # fmt: skip


def payment(status: str = "PAID", **fields: Any) -> dict[str, Any]:
    """Return a PortOne payment; ``fields`` replace top-level fields, None removes one."""
    body = copy.deepcopy(PAID) | {"status": status}
    for name, value in fields.items():
        body[name] = value
        if value is None:
            del body[name]
    return body


def partly_cancelled(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return a PARTIAL_CANCELLED payment with these cancellations."""
    done = sum(entry["totalAmount"] for entry in entries if entry["status"] == "SUCCEEDED")
    return payment(
        "PARTIAL_CANCELLED", amount=PAID["amount"] | {"cancelled": done}, cancellations=list(entries)
    )


def make_settings(**fields: Any) -> Settings:
    """Return valid settings; keyword arguments are field names."""
    values = {name.lower(): value for name, value in ENVIRONMENT.items()}
    return Settings(_env_file=None, **({"reconcile": False} | values | fields))  # type: ignore[call-arg]


class FakeDatabase:
    """Answers calls from ``answers``: a value, an exception, a function of the arguments, or a list of those."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"run_maintenance": {"more": False}} | answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tokens: list[str] = []

    async def call(self, function: str, params: Any) -> object:
        """As ``worker.db.client.Database.call``."""
        check_call(function, params, "worker")
        return await self._answer(function, params)

    async def _answer(self, function: str, params: Any) -> object:
        self.calls.append((function, json.loads(json.dumps(params))))
        await asyncio.sleep(0)
        answer = self.answers[function]
        if isinstance(answer, list) and answer and isinstance(answer[0], Scripted):
            answer = answer.pop(0).answer
        if callable(answer):
            answer = answer(params)
            if isinstance(answer, Awaitable):
                answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def call_as_user(self, function: str, params: Any, *, token: str) -> object:
        """As ``worker.db.client.Database.call_as_user``."""
        check_call(function, params, "user")
        self.tokens.append(token)
        return await self._answer(function, params)

    async def read(self, relation: str, columns: Any, filters: Any) -> object:
        """As ``worker.db.client.Database.read``; answered under the name of the relation, nothing by default."""
        self.answers.setdefault(relation, [])
        return await self._answer(relation, {"columns": list(columns), **filters})

    async def nobody_may_read(self, relation: str) -> bool:
        """As ``worker.db.client.Database.nobody_may_read``: nobody may, unless told otherwise."""
        self.answers.setdefault("nobody", False)
        return bool(await self._answer("nobody", {"relation": relation}))

    def named(self, function: str) -> list[dict[str, Any]]:
        """Return the arguments of every call of one function."""
        return [params for name, params in self.calls if name == function]


class Scripted:
    """One answer of a sequence."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer


def script(*answers: Any) -> list[Scripted]:
    """Return answers to be given one after the other."""
    return [Scripted(answer) for answer in answers]


def settle_all(params: Any) -> list[dict[str, Any]]:
    """Answer ``settle_jobs`` as the database does when everything is accepted."""
    return [
        {"index": index, "job_id": element["job_id"], "accepted": True, "reason": None, "operation_ids": []}
        for index, element in enumerate(params["outcomes"], 1)
    ]


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until the condition holds; the test's own timeout is the bound."""
    while not condition():  # noqa: ASYNC110  what is waited for is the state of the code under test
        await asyncio.sleep(0.002)


Responder = Callable[[httpx.Request], httpx.Response]


class FakePortOne:
    """Answers HTTP requests in the order they were scripted; a GET without a script answers ``self.payment``."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self.payment: dict[str, Any] | None = payment() if state is None else state
        self.posts: list[httpx.Response | Exception | Responder] = []
        self.gets: list[httpx.Response | Exception | Responder] = []
        self.requests: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Transport handler."""
        self.requests.append(request)
        scripted = self.gets if request.method == "GET" else self.posts
        if scripted:
            answer = scripted.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer(request) if callable(answer) else answer
        if request.method == "GET" and self.payment is not None:
            return httpx.Response(200, json=self.payment)
        return problem(404, "PAYMENT_NOT_FOUND")

    def sent(self, method: str) -> list[httpx.Request]:
        """Return the requests of one method."""
        return [request for request in self.requests if request.method == method]


def problem(status: int, kind: str, **fields: Any) -> httpx.Response:
    """Return a PortOne error."""
    return httpx.Response(status, json={"type": kind, "message": "…", **fields})


def portone_payments(fake: FakePortOne) -> Payments:
    """Return the real client in front of a fake PortOne."""
    return portone_stores(fake).main.payments


def portone_stores(fake: FakePortOne) -> Stores:
    """Return the real clients in front of a fake PortOne: the main store, and one with a secret of its own."""
    pool = HttpPool(timeout=httpx.Timeout(5), concurrency=1, transport=httpx.MockTransport(fake.handle))

    def client(store_id: str, secret: str, setting: str) -> PortOneClient:
        return PortOneClient(
            base_url="https://portone.test", api_secret=secret, store_id=store_id, pool=pool, setting=setting
        )

    second = client(SECOND_STORE, "t" * 40, f"PORTONE_STORES.{SECOND_STORE}.api_secret")
    return Stores(client(STORE, "s" * 40, "PORTONE_API_SECRET"), {SECOND_STORE: second})


def make_deps(database: Any = None, portone: FakePortOne | None = None, **settings: Any) -> Deps:
    """Return real dependencies over fakes."""
    chosen = make_settings(**settings)
    fake: Any = database if database is not None else FakeDatabase()
    return Deps(
        settings=chosen,
        stores=portone_stores(portone or FakePortOne()),
        queue=Queue(
            fake, worker="test:1", lease_seconds=chosen.lease_seconds, channel_kind=chosen.channel_kind
        ),
        webhooks=WebhookLog(fake),
        users=UserRequests(fake),
        vault=Vault(fake),
        reconciliation=Reconciliation(fake),
        desk=Desk(fake),
        installations=Installations(fake),
        operator=Operator(fake),
        sealer=Sealer(chosen.sealing_keys()),
    )


def make_job(kind: str = "sync_payment", job_id: int = 1, **fields: Any) -> Job:
    """Return a claimed job about ``PAYMENT``."""
    values: dict[str, Any] = {
        "id": job_id, "claim": 1, "kind": kind, "lane": f"payment:{PAYMENT}", "failures": 0,
        "payload": {"payment_id": PAYMENT}, "operation_id": OPERATION,
        "payment": ExpectedPayment(PAYMENT, True, "paid", None, 11000, 0, "KRW", "CARD"),
    }  # fmt: skip
    return Job(**(values | fields))


def make_refund(**fields: Any) -> Refund:
    """Return a reserved refund of 3,000."""
    values: dict[str, Any] = {
        "id": REFUND, "amount": 3000, "tax_free_amount": 0, "reason": "customer request", "requester": "ADMIN",
        "cancellation_id": None, "refund_account": None,
    }  # fmt: skip
    return Refund(**(values | fields))


def cancel_job(outcome: str | None = "none", **fields: Any) -> Job:
    """Return a cancel job; ``outcome`` "none" = never sent, None or "unknown" = sent before."""
    attempt = None if outcome == "none" else LastAttempt(1, outcome)
    return make_job("cancel_payment", refund=fields.pop("refund", make_refund()), attempt=attempt, **fields)
