"""Every error code there is, provoked over HTTP: its status, the code in `details`, the field it is about, the fix."""

from __future__ import annotations

import re
import time
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.access.api import FRONT, Client
from tests.access.world import ACCOUNT
from tests.sql.shop import Row, claim, paid_payment, prepared_payment, snapshot, sync
from tests.sql.shop import settle as put_back
from tests.sql.test_default_card import new_card
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.supabase.project import Supabase
    from tests.access.world import World
    from tests.sql.shop import Caller, Shop

# Codes that no HTTP call can reach, and why.
OUT_OF_REACH = {
    "APPEND_ONLY": "no API role has the right to change history, so the trigger behind it is never asked",
    "OPERATION_NOT_UNDECIDED": "decide_by_hand is for the SQL editor: tests/sql/test_decide_by_hand.py",
    "CANCELLATION_NOT_LISTED": "the same",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A call and the refusal it gets."""

    code: str
    status: int
    field: str | None
    who: str
    function: str
    arguments: Row = field(default_factory=dict)
    """A text like `$paid` is filled in from the payments prepared below."""


def cancel(
    code: str,
    status: int,
    about: str | None,
    payment: str = "$paid",
    who: str = "service_role",
    **change: Any,
) -> Case:
    """A refund that is refused."""
    return Case(
        code,
        status,
        about,
        who,
        "request_cancellation",
        {"payment_id": payment, "amount": 100, "reason": "r"} | change,
    )


def settle(code: str, about: str | None, job: str = "$sync_job", **change: Any) -> Case:
    """An outcome that is refused."""
    return Case(
        code, 422, about, "service_role", "settle_jobs", {"outcomes": [job, {"verdict": "done"} | change]}
    )


def claims(code: str, about: str, **change: Any) -> Case:
    """A claim that is refused."""
    return Case(
        code,
        422,
        about,
        "service_role",
        "claim_jobs",
        {"worker": "w", "max": 1, "lease_seconds": 60} | change,
    )


def asks_to_pay(code: str, status: int, about: str | None, who: str = "owner", **change: Any) -> Case:
    """A payment that is refused."""
    return Case(
        code, status, about, who, "request_payment", {"order_id": "$order", "pay_method": "CARD"} | change
    )


CASES = (
    Case("SIGN_IN_REQUIRED", 403, None, "nobody", "get_operation", {"id": str(uuid.uuid4())}),
    Case("ADMIN_REQUIRED", 403, None, "owner", "read_webhook_body", {"id": 1}),
    Case("WEBHOOK_NOT_FOUND", 404, "id", "admin", "read_webhook_body", {"id": -1}),
    Case("OPERATION_NOT_FOUND", 404, "id", "owner", "get_operation", {"id": str(uuid.uuid4())}),
    Case("BILLING_KEY_NOT_FOUND", 404, "id", "owner", "set_default_billing_key", {"id": str(uuid.uuid4())}),
    Case("BILLING_KEY_INACTIVE", 409, "id", "owner", "set_default_billing_key", {"id": "$inactive_card"}),
    Case("BILLING_KEY_EXPIRED", 409, "id", "owner", "set_default_billing_key", {"id": "$expired_card"}),
    asks_to_pay("ORDER_ID_REQUIRED", 422, "order_id", order_id=""),
    asks_to_pay("ORDER_NOT_FOUND", 404, "order_id", who="other"),
    asks_to_pay("ORDER_ALREADY_PAID", 409, "order_id", order_id="$paid_order"),
    asks_to_pay("ORDER_HAS_NO_PRICE", 409, "order_id", order_id="$priceless_order"),
    asks_to_pay("PAY_METHOD_UNKNOWN", 422, "pay_method", pay_method="GOLD"),
    asks_to_pay("IDEMPOTENCY_KEY_INVALID", 422, "idempotency_key", idempotency_key="short"),
    asks_to_pay("IDEMPOTENCY_KEY_REUSED", 409, "idempotency_key", idempotency_key="$used_key", pay_method="EASY_PAY"),
    Case("PAYMENT_ID_REQUIRED", 422, "payment_id", "owner", "request_completion", {"payment_id": ""}),
    Case("PAYMENT_NOT_FOUND", 404, "payment_id", "other", "request_completion", {"payment_id": "$paid"}),
    cancel("CANCEL_NOT_ALLOWED", 403, "payment_id", who="owner"),
    cancel("PAYMENT_NOT_PAID", 409, "payment_id", "$ready"),
    cancel("PAYMENT_ALREADY_CANCELLED", 409, "payment_id", "$cancelled"),
    cancel("CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", 409, "amount", amount=1001),
    cancel("CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT", 409, "tax_free_amount", tax_free_amount=1),
    cancel("CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT", 409, "tax_free_amount", "$mixed", amount=900, tax_free_amount=100),
    cancel("TAX_FREE_AMOUNT_REQUIRED", 422, "tax_free_amount", "$mixed"),
    cancel("AMOUNT_NOT_WHOLE", 422, "amount", amount=0.5),
    cancel("AMOUNT_OUT_OF_RANGE", 422, "amount", amount=-5),
    cancel("AMOUNT_OUT_OF_RANGE", 422, "amount", amount=2**31),
    cancel("AMOUNT_OUT_OF_RANGE", 422, "tax_free_amount", tax_free_amount=2**31),
    cancel("AMOUNT_NOT_POSITIVE", 422, "amount", amount=0),
    cancel("REASON_REQUIRED", 422, "reason", reason=" "),
    cancel("REFUND_ACCOUNT_NOT_USED", 422, "refund_account_number", **ACCOUNT),
    cancel("REFUND_ACCOUNT_REQUIRED", 422, "refund_bank", "$virtual"),
    cancel("REFUND_BANK_UNKNOWN", 422, "refund_bank", "$virtual", **ACCOUNT | {"refund_bank": "MINE"}),
    cancel("REFUND_ACCOUNT_NUMBER_INVALID", 422, "refund_account_number", "$virtual", **ACCOUNT | {"refund_account_number": "1-2"}),
    cancel("REFUND_ACCOUNT_HOLDER_INVALID", 422, "refund_account_holder", "$virtual", **ACCOUNT | {"refund_account_holder": "x" * 51}),
    cancel("REFUND_ACCOUNT_PHONE_INVALID", 422, "refund_account_phone", "$virtual", **ACCOUNT, refund_account_phone="12"),
    cancel("CANCEL_DEADLINE_PASSED", 409, "payment_id", "$late"),
    Case("PAYMENT_TOKEN_REQUIRED", 422, "payment_token", "service_role", "request_confirmation", {"payment_id": "$ready", "payment_token": ""}),
    Case("PAYMENT_NOT_CONFIRMABLE", 409, "payment_id", "service_role", "request_confirmation", {"payment_id": "$paid", "payment_token": "t"}),
    Case("CONSENT_REQUIRED", 422, "consent", "owner", "request_billing_key_issue", {"consent": False}),
    Case("BILLING_KEY_REQUIRED", 422, "billing_key", "owner", "register_billing_key", {"billing_key": "", "issue_id": "x"}),
    Case("ISSUE_NOT_FOUND", 404, "issue_id", "owner", "register_billing_key", {"billing_key": "k", "issue_id": "x"}),
    Case("BILLING_KEY_ALREADY_REGISTERED", 409, "issue_id", "owner", "register_billing_key", {"billing_key": "k", "issue_id": "$used_issue"}),
    Case("BILLING_KEY_NOT_YOURS", 409, "billing_key", "owner", "register_billing_key", {"billing_key": "$taken_key", "issue_id": "$open_issue"}),
    Case("BILLING_KEY_ALREADY_DELETED", 409, "id", "owner", "delete_billing_key", {"id": "$deleted_card"}),
    Case("ORDER_HAS_OPEN_PAYMENT", 409, "order_id", "owner", "request_billing_payment", {"order_id": "$order", "billing_key_id": "$card"}),
    Case("TIME_TO_PAY_OUT_OF_RANGE", 422, "time_to_pay", "owner", "request_schedule", {"order_id": "$order", "billing_key_id": "$card", "time_to_pay": "2020-01-01T00:00:00Z"}),
    Case("CANCELLATION_NOT_FOUND", 404, "id", "admin", "stop_cancellation", {"id": str(uuid.uuid4())}),
    Case("CANCELLATION_NOT_PENDING", 409, "id", "admin", "stop_cancellation", {"id": "$reserved_refund"}),
    Case("CANCELLATION_NOT_STOPPABLE", 409, "id", "admin", "stop_cancellation", {"id": "$requested_refund"}),
    Case("SCHEDULE_NOT_FOUND", 404, "id", "owner", "revoke_schedule", {"id": str(uuid.uuid4())}),
    Case("SCHEDULE_IS_OVER", 409, "id", "service_role", "revoke_schedule", {"id": "$revoked_schedule"}),
    Case("PURPOSE_REQUIRED", 422, "purpose", "owner", "request_identity_verification", {"purpose": "?", "consent": True}),
    Case("IDENTITY_VERIFICATION_NOT_FOUND", 404, "id", "owner", "complete_identity_verification", {"id": str(uuid.uuid4())}),
    Case("STEP_UNKNOWN", 422, "step", "owner", "authorize_identity_call", {"id": "$identity", "step": "shout"}),
    Case("IDENTITY_VERIFICATION_EXPIRED", 409, "id", "owner", "authorize_identity_call", {"id": "$expired_identity", "step": "send"}),
    Case("IDENTITY_VERIFICATION_ALREADY_VERIFIED", 409, "id", "owner", "authorize_identity_call", {"id": "$verified_identity", "step": "send"}),
    Case("IDENTITY_NOT_USABLE", 409, "id", "service_role", "consume_identity_verification", {"id": str(uuid.uuid4()), "user_id": str(uuid.uuid4()), "purpose": "signup"}),
    Case("ERASE_WHAT", 422, "before", "service_role", "erase_identities", {}),
    Case("TOO_MANY_REQUESTS", 429, None, "busy", "request_billing_key_issue", {"consent": True}),
    Case("BATCH_REQUIRED", 422, "outcomes", "service_role", "settle_jobs", {"outcomes": None}),
    Case("BATCH_TOO_LARGE", 422, "leases", "service_role", "extend_leases", {"leases": [{}] * 501}),
    Case("ELEMENT_NOT_AN_OBJECT", 422, "jobs[1]", "service_role", "release_jobs", {"jobs": [[1]]}),
    Case("CLAIM_REQUIRED", 422, "jobs[1]", "service_role", "release_jobs", {"jobs": [{"job_id": 1}]}),
    Case(
        "TOO_MANY_LANES",
        422,
        None,
        "service_role",
        "enqueue_jobs",
        {"jobs": [{"job_kind": "noop", "idempotency_key": f"lane-{n:05}", "lane": f"x:{n}"} for n in range(101)]},
    ),
    Case("JOB_INVALID", 422, "jobs[1]", "service_role", "enqueue_jobs", {"jobs": [{"job_kind": "noop"}]}),
    claims("WORKER_REQUIRED", "worker", worker=""),
    claims("MAX_OUT_OF_RANGE", "max", max=501),
    claims("LEASE_OUT_OF_RANGE", "lease_seconds", lease_seconds=0),
    Case("JOB_SENDS_NO_MONEY", 422, "attempts[1]", "service_role", "begin_attempts", {"attempts": ["$sync_job"]}),
    Case("BODY_REQUIRED", 422, "attempts.body", "service_role", "begin_attempts", {"attempts": ["$cancel_job"]}),
    settle("VERDICT_UNKNOWN", "outcomes[1].verdict", verdict="perhaps"),
    settle("ATTEMPT_OUTCOME_UNKNOWN", "outcomes.attempt.outcome", "$cancel_job", attempt={"number": 1, "outcome": "maybe"}),
    settle("PREPARED_INCOMPLETE", "outcomes[1].prepared", "$prepare_job", prepared={"store_id": "s"}),
    settle("SNAPSHOT_FOR_ANOTHER_PAYMENT", "outcomes[1].snapshots", snapshots=[snapshot("another")]),
    settle("SNAPSHOT_INCOMPLETE", "snapshots", snapshots=["$snapshot", {"currency": None}]),
    settle("SNAPSHOT_UNREADABLE", "snapshots", snapshots=["$snapshot", {"paid_at": "yesterday"}]),
    settle("AMOUNT_OUT_OF_RANGE", "snapshots.total", snapshots=["$snapshot", {"total": 2**31}]),
    settle("AMOUNT_OUT_OF_RANGE", "snapshots.cancelled", snapshots=["$snapshot", {"cancelled": -1}]),
    settle("AMOUNT_NOT_WHOLE", "snapshots.tax_free", snapshots=["$snapshot", {"tax_free": 0.5}]),
    Case("FINDING_NOT_FOUND", 404, "id", "admin", "close_finding", {"id": -1, "how": "r"}),
    Case("ID_REQUIRED", 422, "ids[2]", "admin", "requeue_jobs", {"ids": [1, None], "reason": "r"}),
    Case("REPLAY_WHAT", 422, "ids", "admin", "replay_webhooks", {"reason": "r"}),
    Case("JOB_NOT_FOUND", 404, "id", "admin", "describe_job", {"id": -1}),
    Case("JOB_NOT_FOUND", 404, "id", "admin", "cancel_job", {"id": -1, "reason": "r"}),
    Case("JOB_IS_RUNNING", 409, "id", "admin", "cancel_job", {"id": "$running_job", "reason": "r"}),
    Case("JOB_IS_UNDECIDED", 409, "id", "admin", "cancel_job", {"id": "$undecided_job", "reason": "r"}),
    Case("SIGHTING_INVALID", 422, "sightings[1]", "service_role", "record_drift", {"sightings": [{"payment_id": "p"}]}),
    Case("WEBHOOK_INVALID", 422, "webhooks[1].body", "service_role", "record_webhooks", {"webhooks": [delivery("wh-bad") | {"body": "!"}]}),
)  # fmt: skip


@pytest.fixture(scope="module")
def prepared(api_shop: Shop, api_world: World) -> Row:
    """Payments and orders in every state the cases ask for, and claimed jobs of each kind."""
    worker, owner = api_shop.service(), api_world.owner
    claim(worker, most=500, lease=3600)  # whatever else is there stays out of the way
    paid, mixed = paid_payment(api_shop, worker), paid_payment(api_shop, worker, tax_free=400)
    virtual = paid_payment(api_shop, worker, pay_method="VIRTUAL_ACCOUNT")
    late = paid_payment(api_shop, worker)
    api_shop.setup.run(
        "update public.payments set paid_at = now() - interval '2 years' where payment_id = %s",
        late.payment_id,
    )
    cards = cards_and_identities(api_shop, owner)
    cancelled, ready = paid_payment(api_shop, worker), prepared_payment(api_shop, worker)
    sync(worker, cancelled.payment_id, snapshot(cancelled.payment_id, "CANCELLED", cancelled=1000))
    api_shop.setup.run(
        "update public.payments set user_id = %s where payment_id = %s", owner, paid.payment_id
    )
    api_shop.setup.run("update public.orders set user_id = %s where id = %s", owner, paid.order_id)
    order, priceless = api_shop.new_order(owner), api_shop.new_order(owner, currency="won")
    api_shop.user(owner).one(
        "request_payment", order_id=order, pay_method="CARD", idempotency_key="used-key-1"
    )
    inactive = new_card(api_shop, owner, is_active=False)
    expired = new_card(api_shop, owner, card_expiry_month=1, card_expiry_year=2020)
    worker.one("request_completion", payment_id=virtual.payment_id)
    worker.one("request_cancellation", payment_id=mixed.payment_id, amount=10, tax_free_amount=0, reason="r")
    jobs = {job["kind"]: {"job_id": job["id"], "claim": job["claim"]} for job in claim(worker, lease=3600)}
    tried = refund_that_was_tried(api_shop, worker)
    return {
        "paid": paid.payment_id, "mixed": mixed.payment_id, "virtual": virtual.payment_id,
        "cancelled": cancelled.payment_id, "ready": ready.payment_id, "order": order,
        "paid_order": paid.order_id, "priceless_order": priceless, "used_key": "used-key-1",
        "late": late.payment_id, **cards, **refunds(api_shop, mixed.payment_id, paid.payment_id),
        "inactive_card": inactive, "expired_card": expired, "snapshot": snapshot(virtual.payment_id),
        "running_job": jobs["sync_payment"]["job_id"], "undecided_job": tried, "sync_job": jobs["sync_payment"], "cancel_job": jobs["cancel_payment"], "prepare_job": jobs["prepare_payment"],
    }  # fmt: skip


def refund_that_was_tried(shop: Shop, worker: Caller) -> int:
    """The job of a refund that a worker has had in its hands and put back: it may have been sent."""
    paid = paid_payment(shop, worker)
    worker.one("request_cancellation", payment_id=paid.payment_id, amount=10, reason="r")
    (job,) = [job for job in claim(worker, lease=3600) if job["kind"] == "cancel_payment"]
    put_back(worker, job, "retry", retry_in_seconds=3600)
    return int(job["id"])


def refunds(shop: Shop, reserved: str, paid: str) -> Row:
    """A refund that was not sent, and one that PortOne has taken of a PG whose refunds cannot be stopped."""
    return {
        "reserved_refund": shop.setup.row(
            "select id::text as id from public.payment_cancellations where payment_id = %s", reserved
        )["id"],
        "requested_refund": shop.setup.row(
            "insert into public.payment_cancellations (payment_id, requester, amount, reason, cancellation_id, status, created_at, updated_at)"
            " values (%s, 'portone', 1, 'r', 'c-requested', 'requested', now(), now()) returning id::text as id",
            paid,
        )["id"],
    }


def cards_and_identities(shop: Shop, owner: str) -> Row:
    """Cards, schedules and verifications in the states the cases ask for."""
    card, deleted = new_card(shop, owner), new_card(shop, owner, is_active=False)
    shop.setup.run(
        "update public.billing_keys set issued_at = now() where id = any(%s::uuid[])", [card, deleted]
    )
    shop.setup.run("update public.billing_keys set deleted_at = now() where id = %s", deleted)
    used = shop.setup.row("select issue_id, billing_key from public.billing_keys where id = %s", card)
    ready = prepared_payment(shop, shop.service(), user_id=owner)
    revoked = shop.setup.row(
        "insert into public.payment_schedules (payment_id, order_id, user_id, billing_key_id, time_to_pay, status, created_at, updated_at)"
        " values (%s, %s, %s, %s, now(), 'revoked', now(), now()) returning id::text as id",
        ready.payment_id, ready.order_id, owner, card,
    )["id"]  # fmt: skip
    customer = shop.user(owner)
    issue = customer.row("select public.request_billing_key_issue(true) as made")["made"]["issueId"]
    identities = [
        shop.setup.row(
            "insert into public.identity_verifications (identity_verification_id, user_id, purpose, status, verified_at, consented_at, expires_at, created_at, updated_at)"
            " values (gen_random_uuid()::text, %s, 'signup', %s, %s, now(), now() + %s * interval '1 hour', now(), now()) returning id::text as id",
            owner, status, "2026-01-01T00:00:00Z" if status == "verified" else None, hours,
        )["id"]
        for status, hours in (("ready", 1), ("ready", -1), ("verified", 1))
    ]  # fmt: skip
    return {
        "card": card, "deleted_card": deleted, "used_issue": used["issue_id"], "taken_key": used["billing_key"], "open_issue": issue,
        "revoked_schedule": revoked, "identity": identities[0], "expired_identity": identities[1], "verified_identity": identities[2],
    }  # fmt: skip


def filled(value: Any, prepared: Row) -> Any:
    """The value with every `$name` replaced; `[$name, {…}]` is that object with changes."""
    if isinstance(value, str) and value.startswith("$"):
        return prepared[value[1:]]
    if isinstance(value, list):
        items = [filled(item, prepared) for item in value]
        if value and isinstance(value[0], str) and value[0].startswith("$"):
            merged: Row = {}
            for item in items:
                merged |= item
            return [merged]
        return items
    if isinstance(value, dict):
        return {name: filled(item, prepared) for name, item in value.items()}
    return value


@pytest.fixture(scope="module")
def everybody(supabase: Supabase, clients: dict[str, Client], api_shop: Shop) -> Iterator[dict[str, Client]]:
    """The usual clients, a token that names nobody, and somebody who has asked too often."""
    now = int(time.time())
    token = jwt.encode(
        {"role": "authenticated", "aud": "authenticated", "iat": now, "exp": now + 600},
        supabase.endpoint.jwt_secret,
        algorithm="HS256",
    )
    nobody = Client(supabase, key=supabase.endpoint.publishable_key, token=token)
    user_id = api_shop.new_user()
    hasty = api_shop.user(user_id)
    for _ in range(20):
        hasty.call("request_billing_key_issue", consent=True)
    busy = Client(supabase, key=supabase.endpoint.publishable_key, token=supabase.mint_jwt(user_id))
    yield clients | {"nobody": nobody, "busy": busy}
    nobody.close()
    busy.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.function}-{case.field}")
def test_refusal(prepared: Row, everybody: dict[str, Client], case: Case) -> None:
    answer = everybody[case.who].rpc(case.function, **filled(case.arguments, prepared))
    assert (answer.status, answer.code) == (case.status, case.code), answer
    assert answer.details.get("field") == case.field
    assert answer.body["code"] == f"PT{case.status}"
    assert answer.body["message"].endswith(".")
    assert answer.body["hint"]


def test_the_default_card_stays_on(api_shop: Shop, api_world: World, clients: dict[str, Client]) -> None:
    """The one refusal that comes from writing a table."""
    new_card(api_shop, api_world.owner)
    answer = clients["owner"].send("PATCH", "/billing_keys?is_default=is.true", {"is_active": False})
    assert (answer.status, answer.code, answer.details["field"]) == (
        409,
        "BILLING_KEY_IS_DEFAULT",
        "is_active",
    )


def test_a_new_payment_is_not_written_directly(prepared: Row, clients: dict[str, Client]) -> None:
    """The other one: only payments from before V2 may be, by a server from before V2."""
    answer = clients["service_role"].send(
        "PATCH", f"/payments?payment_id=eq.{prepared['paid']}", {"status": "failed"}
    )
    assert (answer.status, answer.code, answer.details["field"]) == (403, "PAYMENT_NOT_LEGACY", "payment_id")


def test_every_code_is_provoked(api_shop: Shop) -> None:
    sources = api_shop.setup.rows(
        "select prosrc from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)"
    )
    codes = {
        code for row in sources for code in re.findall(r"private\.fail\('\d+', '([A-Z_]+)'", row["prosrc"])
    }
    assert codes - {case.code for case in CASES} - {
        "BILLING_KEY_IS_DEFAULT",
        "PAYMENT_NOT_LEGACY",
    } == set(OUT_OF_REACH)


def test_both_fronts_answer_alike() -> None:
    """These files run on the front that SANDBOX_API names; the answers asserted are the same for both."""
    if FRONT != "postgrest":
        pytest.skip(
            "the API of this run is Supabase Lite; SANDBOX_API=postgrest with a postgrest executable runs the other half"
        )


def test_text_that_is_none(clients: dict[str, Client], api_world: World) -> None:
    """NUL and words for numbers are refused at the door, by the front or by PostgreSQL, and harm nobody."""
    for function, arguments in (
        ("request_completion", {"payment_id": "a\x00b"}),
        ("request_payment", {"order_id": "a\x00b", "pay_method": "CARD"}),
        ("get_operation", {"id": "no id"}),
        ("request_cancellation", {"payment_id": "x", "amount": "much"}),
    ):
        assert clients["owner"].rpc(function, **arguments).status >= 400
    huge = clients["owner"].rpc("request_completion", payment_id="x" * 200_000)
    assert (huge.status, huge.code) == (404, "PAYMENT_NOT_FOUND")
    body = b64encode(b"\x00\xff" * 100).decode()
    assert (
        clients["service_role"].rpc("record_webhooks", webhooks=[delivery(str(uuid.uuid4()), body=body)]).code
        == "ok"
    )
