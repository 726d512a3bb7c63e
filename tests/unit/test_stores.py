"""Each store is spoken to with its own secret, each job goes to its subject's store, and a 401 says whose secret it is."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.card_support import saved_card
from tests.unit.support import (
    PAYMENT,
    SECOND_STORE,
    STORE,
    FakePortOne,
    make_deps,
    make_job,
    payment,
    portone_stores,
    problem,
)
from worker.db.jobs import read_job
from worker.errors import Misconfigured
from worker.model import ExpectedPayment
from worker.operations.prepare_payment import prepare_payment
from worker.operations.sync_payment import sync_payment
from worker.subjects import Channel

MAIN, SECOND = "PortOne " + "s" * 40, "PortOne " + "t" * 40


def expected(**fields: Any) -> ExpectedPayment:
    """Return a payment of 11,000 won."""
    values: dict[str, Any] = {
        "payment_id": PAYMENT, "known": False, "status": "preparing", "channel_key": None, "amount": 11000,
        "tax_free_amount": 0, "currency": "KRW", "pay_method": "CARD",
    }  # fmt: skip
    return ExpectedPayment(**(values | fields))


@pytest.mark.parametrize(
    ("store_id", "secret"), [(None, MAIN), (STORE, MAIN), (SECOND_STORE, SECOND), ("store-covered-by-main", MAIN)]
)  # fmt: skip
async def test_a_payment_is_read_in_its_store_with_that_stores_secret(
    store_id: str | None, secret: str
) -> None:
    portone = FakePortOne()
    job = make_job(payment=expected(store_id=store_id))
    await sync_payment(make_deps(portone=portone), job)
    (request,) = portone.requests
    assert request.headers["authorization"] == secret
    assert request.url.params["storeId"] == (store_id or STORE)


async def test_a_webhook_about_an_unknown_payment_is_read_in_the_store_it_named() -> None:
    portone = FakePortOne()
    job = make_job(payment=None, payload={"payment_id": PAYMENT, "store_id": SECOND_STORE})
    await sync_payment(make_deps(portone=portone), job)
    assert portone.requests[0].url.params["storeId"] == SECOND_STORE


@pytest.mark.parametrize(
    ("store_id", "setting"),
    [(STORE, "PORTONE_API_SECRET"), (SECOND_STORE, f"PORTONE_STORES.{SECOND_STORE}.api_secret")],
)
async def test_a_401_says_which_stores_secret_to_renew(store_id: str, setting: str) -> None:
    portone = FakePortOne()
    portone.gets = [problem(401, "UNAUTHORIZED")]
    with pytest.raises(Misconfigured) as caught:
        await portone_stores(portone).of(store_id).payments.get(PAYMENT)
    assert caught.value.message.startswith(f"{setting}: PortOne refused it for {store_id}")
    assert "s" * 40 not in caught.value.message


async def test_the_databases_channel_decides_where_a_payment_is_prepared() -> None:
    portone = FakePortOne()
    portone.posts = [httpx.Response(200, json={})]
    channel = Channel(SECOND_STORE, "channel-key-second", "TEST", "KCP")
    outcome = await prepare_payment(
        make_deps(portone=portone), make_job("prepare_payment", payment=expected(), channel=channel)
    )
    assert json.loads(portone.requests[0].content)["storeId"] == SECOND_STORE
    prepared: Any = outcome.to_json()["prepared"]
    assert (prepared["store_id"], prepared["channel_key"]) == (SECOND_STORE, "channel-key-second")


@pytest.mark.parametrize("kind", ["LIVE", None, "TOMORROW"])
async def test_a_channel_of_the_other_kind_prepares_nothing(kind: str | None) -> None:
    portone = FakePortOne()
    channel = Channel(STORE, "channel-key-card", kind, None)
    outcome = await prepare_payment(
        make_deps(portone=portone), make_job("prepare_payment", payment=expected(), channel=channel)
    )
    assert (outcome.verdict, (outcome.error or {})["code"]) == ("failed", "CHANNEL_KIND_MISMATCH")
    assert portone.requests == []


def test_a_claimed_row_becomes_a_job_with_everything_it_is_about() -> None:
    context = {
        "payment": {"payment_id": PAYMENT, "store_id": SECOND_STORE, "order_name": "Widget"},
        "channel": {"store_id": STORE, "channel_key": "channel-key-1", "kind": "TEST", "pg_provider": None},
        "billing_key": {"id": "b1", "user_id": "u1", "billing_key": "key", "issue_id": "i1"},
        "schedule": {"id": "s1", "payment_id": PAYMENT, "time_to_pay": "2026-10-01T00:00:00Z", "schedule_id": None},
        "schedules": [{"schedule_id": "x"}, {"schedule_id": None}, {"schedule_id": "x"}, "nonsense"],
        "identity": {"id": "i1", "identity_verification_id": "iv1"},
        "secret": {"payment_token": "token", "tx_id": None},
        "attempt": {"number": 2, "outcome": "succeeded"},
    }  # fmt: skip
    job = read_job({"id": 1, "claim": 1, "kind": "charge_billing_key", "payload": {}, "context": context})
    assert job is not None
    assert (job.store_id, job.schedule_ids) == (SECOND_STORE, ("x",))
    assert job.card is not None
    assert job.channel is not None
    assert job.schedule is not None
    assert job.identity is not None
    assert job.approval is not None
    assert (job.card.billing_key, job.channel.channel_key) == ("key", "channel-key-1")
    assert (job.schedule.id, job.identity.identity_verification_id) == ("s1", "iv1")
    assert job.approval.payment_token == "token"
    assert job.attempt is not None
    assert "token" not in repr(job)


@pytest.mark.parametrize(
    "context", [None, [], "x", {"channel": 1, "billing_key": [], "schedules": {}, "secret": {}}]
)
def test_an_odd_context_is_an_empty_one(context: Any) -> None:
    job = read_job({"id": 1, "claim": 1, "kind": "x", "payload": {}, "context": context})
    assert job is not None
    assert (job.channel, job.card, job.schedule, job.identity, job.approval) == (None,) * 5
    assert job.schedule_ids == ()


def test_a_key_we_have_never_heard_of_is_still_a_subject() -> None:
    row = {"id": 1, "claim": 1, "kind": "sync_billing_key", "payload": {}}
    job = read_job(row | {"context": {"billing_key": {"id": None, "billing_key": "key"}}})
    assert job is not None
    assert job.card is not None
    assert (job.card.id, job.card.billing_key) == (None, "key")


def test_the_store_is_the_subjects_before_the_channels() -> None:
    channel = Channel("store-of-channel", "channel-key-1", "TEST", None)
    job = make_job(payment=None, card=saved_card(store_id=SECOND_STORE), channel=channel)
    assert job.store_id == SECOND_STORE
    assert make_job(payment=None, channel=channel).store_id == "store-of-channel"
    assert make_job(payment=expected(store_id=STORE), channel=channel).store_id == STORE
    assert payment()["storeId"] == STORE


def _by_store(**stores: httpx.Response) -> FakePortOne:
    """Answer reads by the store they name; the others do not know the payment."""
    portone = FakePortOne()
    names = {STORE: "main", SECOND_STORE: "second"}
    portone.gets = [
        lambda request: stores.get(names.get(request.url.params["storeId"], ""), problem(404, "PAYMENT_NOT_FOUND"))
    ] * 9  # fmt: skip
    return portone


async def test_a_payment_its_store_does_not_know_is_looked_for_in_the_others() -> None:
    paid = payment(storeId=SECOND_STORE)
    portone = _by_store(second=httpx.Response(200, json=paid))
    outcome = await sync_payment(make_deps(portone=portone), make_job(payment=expected(store_id=STORE)))
    assert [one.data["store_id"] for one in outcome.snapshots] == [SECOND_STORE]
    assert [one.headers["authorization"] for one in portone.requests] == [MAIN, SECOND]


async def test_a_webhook_that_names_another_store_leads_there_while_ours_took_no_money() -> None:
    ours, theirs = payment("READY"), payment(storeId=SECOND_STORE)
    job = make_job(
        payment=expected(store_id=STORE), payload={"payment_id": PAYMENT, "store_id": SECOND_STORE}
    )
    portone = _by_store(main=httpx.Response(200, json=ours), second=httpx.Response(200, json=theirs))
    outcome = await sync_payment(make_deps(portone=portone), job)
    assert [one.status for one in outcome.snapshots] == ["PAID"]
    paid_here = _by_store(main=httpx.Response(200, json=payment()), second=httpx.Response(200, json=theirs))
    outcome = await sync_payment(make_deps(portone=paid_here), job)
    assert [one.data["store_id"] for one in outcome.snapshots] == [STORE]
    assert len(paid_here.requests) == 1, "ours took the money: nothing else is asked"


@pytest.mark.parametrize("elsewhere", [payment("READY", storeId=SECOND_STORE), None])
async def test_what_took_no_money_elsewhere_is_nothing(elsewhere: Any) -> None:
    portone = _by_store(**({"second": httpx.Response(200, json=elsewhere)} if elsewhere else {}))
    outcome = await sync_payment(make_deps(portone=portone), make_job(payment=expected(store_id=STORE)))
    assert (outcome.verdict, outcome.not_found, outcome.snapshots) == ("done", True, ())


async def test_a_store_that_may_not_be_read_does_not_keep_the_rest_from_being_said() -> None:
    portone = _by_store(main=httpx.Response(200, json=payment("READY")), second=problem(403, "FORBIDDEN"))
    job = make_job(
        payment=expected(store_id=STORE), payload={"payment_id": PAYMENT, "store_id": SECOND_STORE}
    )
    outcome = await sync_payment(make_deps(portone=portone), job)
    assert [one.status for one in outcome.snapshots] == ["READY"]
