"""Whatever PortOne adds to an answer, every reader of the worker still reads it: new fields, words, variants, oddities.

PortOne warns that fields, enum values and variants may appear at any time (docs: compatibility). Each reader gets the
same real answers, disturbed at random anywhere inside; what is known must stay as it was, and nothing may be raised but
``Transient``, which means "not readable, look again".
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.card_support import BILLING_KEY, KEY, SCHEDULE, SCHEDULE_ID, VERIFIED
from tests.unit.support import CANCELLATION, PAYMENT, STORE, FakePortOne, partly_cancelled, portone_stores
from worker.db.clean import clean_json
from worker.errors import Transient
from worker.portone.billing_key_reading import read_billing_key
from worker.portone.identities import read_identity
from worker.portone.schedules import read_schedule
from worker.portone.snapshot import read_payment
from worker.readings import BillingKeyReading, IdentityReading, ScheduleReading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.portone.stores import Store

strange = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
ANSWERS: dict[str, dict[str, Any]] = {
    "payment": partly_cancelled(CANCELLATION),
    "billing key": BILLING_KEY,
    "schedule": SCHEDULE,
    "identity": VERIFIED,
}
READERS: dict[str, Callable[[object], Any]] = {
    "payment": read_payment,
    "billing key": read_billing_key,
    "schedule": read_schedule,
    "identity": lambda body: read_identity(body, store_id=STORE),
}
# Without these nobody could say what an answer is about.
INDISPENSABLE = {
    "payment": {("id",), ("status",), ("amount",), ("amount", "total"), ("amount", "cancelled")},
    "billing key": {("billingKey",), ("status",)},
    "schedule": {("id",), ("paymentId",), ("status",)},
    "identity": {("id",), ("status",)},
}
Path = tuple[str | int, ...]


def places(value: Any, at: Path = ()) -> list[Path]:
    """Return where something stands in an answer, objects and lists included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, entry in inner for place in places(entry, (*at, name)))]


def holder(body: Any, place: Path) -> Any:
    """Return what holds a place."""
    for step in place[:-1]:
        body = body[step]
    return body


def plain(reading: Any) -> Any:
    """Return everything a reading says."""
    if reading is None:
        return None
    parts = {name: getattr(reading, name) for name in reading.__dataclass_fields__}
    return json.loads(json.dumps(clean_json(parts), default=str))


@pytest.mark.parametrize("kind", sorted(ANSWERS))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_new_fields_anywhere_change_nothing(kind: str, data: st.DataObject) -> None:
    body = copy.deepcopy(ANSWERS[kind])
    objects = [place for place in places(body) if isinstance(_at(body, place), dict)]
    for place in data.draw(st.lists(st.sampled_from(objects), min_size=1, max_size=4)):
        _at(body, place)[f"simNew{data.draw(st.text(max_size=6))}"] = data.draw(strange)
    assert plain(READERS[kind](body)) == plain(READERS[kind](ANSWERS[kind]))


@pytest.mark.parametrize("kind", sorted(ANSWERS))
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_anything_may_stand_anywhere(kind: str, data: st.DataObject) -> None:
    body = copy.deepcopy(ANSWERS[kind])
    chosen = data.draw(st.sampled_from([place for place in places(body) if place]))
    holder(body, chosen)[chosen[-1]] = data.draw(strange)
    reading = READERS[kind](body)
    if chosen not in INDISPENSABLE[kind]:
        assert reading is not None, chosen
    json.dumps(plain(reading), allow_nan=False).encode()


@pytest.mark.parametrize("kind", sorted(ANSWERS))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(word=st.text(min_size=1, max_size=20), data=st.data())
def test_a_word_nobody_knows_is_a_word(kind: str, word: str, data: st.DataObject) -> None:
    """New statuses, types and enum values: the answer stays readable, and a status is handed over as it came."""
    body = copy.deepcopy(ANSWERS[kind])
    words = [place for place in places(body) if isinstance(_at(body, place), str) and place]
    chosen = data.draw(st.sampled_from([place for place in words if place not in {("id",), ("billingKey",)}]))
    holder(body, chosen)[chosen[-1]] = word
    reading = READERS[kind](body)
    assert reading is not None
    if chosen == ("status",):
        assert reading.status == word


@pytest.mark.parametrize("kind", sorted(ANSWERS))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(body=strange)
def test_an_answer_that_is_something_else_is_none(kind: str, body: Any) -> None:
    assert READERS[kind](body) is None


CALLS: dict[str, Callable[[Store], Awaitable[Any]]] = {
    "payment": lambda store: store.payments.get(PAYMENT),
    "billing key": lambda store: store.billing_keys.get(KEY),
    "schedule": lambda store: store.schedules.get(SCHEDULE_ID),
    "schedules": lambda store: store.schedules.find(PAYMENT, billing_key=KEY, time_to_pay="2026-10-01T00:00:00Z"),
    "cancel": lambda store: store.payments.cancel(PAYMENT, body=b"{}", idempotency_key="cancel-0123456789"),
    "created schedule": lambda store: store.schedules.create(PAYMENT, body=b"{}", idempotency_key="schedule-0123456789"),
    "charge": lambda store: store.charges.charge(PAYMENT, body=b"{}", idempotency_key="charge-0123456789"),
    "close": lambda store: store.payments.close_virtual_account(PAYMENT, idempotency_key="close-0123456789"),
    "delete": lambda store: store.billing_keys.delete(KEY, reason="r", requester="ADMIN", idempotency_key="delete-0123456789"),
}  # fmt: skip


@pytest.mark.parametrize("call", sorted(CALLS))
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(body=strange)
async def test_no_answer_to_a_call_raises_anything_but_unreadable(call: str, body: Any) -> None:
    fake = FakePortOne()
    fake.gets = fake.posts = [httpx.Response(200, content=json.dumps(body))] * 30
    try:
        found = await CALLS[call](portone_stores(fake).main)
    except Transient:
        return
    # A read that could be understood is about what was asked for; strange answers never are.
    assert not isinstance(found, BillingKeyReading | ScheduleReading | IdentityReading)


async def test_a_list_is_read_past_the_entries_nobody_understands() -> None:
    odd: list[Any] = [
        None,
        7,
        "x",
        {},
        {"id": 1},
        SCHEDULE | {"status": None},
        SCHEDULE | {"paymentId": "another"},
    ]
    fake = FakePortOne()
    fake.gets = [
        httpx.Response(200, json={"items": [*odd, SCHEDULE | {"new": {"a": []}}], "page": "?", "more": 1})
    ]
    found = await CALLS["schedules"](portone_stores(fake).main)
    assert found.schedule_id == SCHEDULE_ID


def _at(body: Any, place: Path) -> Any:
    for step in place:
        body = body[step]
    return body
