"""PortOne's payments are read with every field missing, unknown or of a wrong type, and nothing crashes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import CANCELLATION, PAID, PAYMENT, STORE, partly_cancelled, payment
from worker.db.clean import clean_json
from worker.portone.snapshot import read_payment

KEYS = {
    "payment_id", "transaction_id", "store_id", "status", "requested_at", "updated_at", "status_changed_at", "paid_at",
    "failed_at", "cancelled_at", "total", "tax_free", "discount", "paid", "cancelled", "cancelled_tax_free", "currency",
    "order_name", "channel_kind", "channel_key", "pg_provider", "pg_tx_id", "pay_method", "virtual_account", "failure",
    "receipt_url", "disputes", "cancellations",
}  # fmt: skip

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def data(body: dict[str, Any]) -> dict[str, Any]:
    """Return the normalized snapshot."""
    snapshot = read_payment(body)
    assert snapshot is not None
    assert set(snapshot.data) == KEYS
    return dict(snapshot.data)


def test_paid_card() -> None:
    read = data(PAID)
    assert read["payment_id"] == PAYMENT
    assert (read["total"], read["tax_free"], read["cancelled"], read["currency"]) == (11000, 0, 0, "KRW")
    assert (read["channel_kind"], read["channel_key"], read["pg_provider"]) == (
        "TEST",
        "channel-key-card",
        "TOSSPAYMENTS",
    )
    assert (read["pay_method"], read["virtual_account"], read["failure"]) == ("CARD", None, None)
    assert read["updated_at"] == "2026-09-01T01:00:31.123456789Z"
    assert (read["disputes"], read["cancellations"], read["store_id"]) == ([], [], STORE)


def test_personal_data_stays_outside() -> None:
    text = json.dumps(data(PAID))
    for secret in ("Hong", "a@example.com", "203.0.113.7", "433012"):
        assert secret not in text


def test_ready_without_channel_and_method() -> None:
    read = data(payment("READY", channel=None, method=None, paidAt=None, disputes=None))
    assert (read["status"], read["channel_kind"], read["pay_method"], read["paid_at"]) == (
        "READY",
        None,
        None,
        None,
    )


def test_virtual_account() -> None:
    method = {
        "type": "PaymentMethodVirtualAccount", "bank": "SHINHAN", "accountNumber": "56211112222333",
        "remitteeName": "Shop", "expiredAt": "2026-09-03T14:59:59Z", "refundStatus": "A_NEW_ONE",
    }  # fmt: skip
    read = data(payment("VIRTUAL_ACCOUNT_ISSUED", method=method))
    assert read["pay_method"] == "VIRTUAL_ACCOUNT"
    assert read["virtual_account"] == {
        "bank": "SHINHAN", "account_number": "56211112222333", "remittee_name": "Shop",
        "expired_at": "2026-09-03T14:59:59Z", "refund_status": "A_NEW_ONE",
    }  # fmt: skip


def test_failed() -> None:
    read = data(payment("FAILED", failedAt="2026-09-01T01:00:31Z", failure={"pgCode": "REJECT", "new": 1}))
    assert read["failure"] == {"reason": None, "pg_code": "REJECT", "pg_message": None}


def test_partial_cancellation_and_what_is_left() -> None:
    requested = CANCELLATION | {"id": "c2", "status": "REQUESTED", "totalAmount": 500, "cancelledAt": None}
    failed = CANCELLATION | {"id": "c3", "status": "FAILED", "totalAmount": 700}
    snapshot = read_payment(partly_cancelled(CANCELLATION, requested, failed))
    assert snapshot is not None
    # total 11,000 - cancelled 3,000 - requested 500; a failed one counts for nothing
    assert snapshot.cancellable == 7500
    assert snapshot.has_cancellation("c2")
    assert not snapshot.has_cancellation("c4")
    assert snapshot.data["cancellations"][0] == {  # type: ignore[index]
        "id": CANCELLATION["id"], "status": "SUCCEEDED", "amount": 3000, "tax_free": 0, "vat": 273,
        "reason": "customer request", "trigger": "API", "requested_at": "2026-09-02T01:00:00Z",
        "cancelled_at": "2026-09-02T01:00:01Z", "pg_cancellation_id": "c-1", "receipt_url": None,
    }  # fmt: skip


def test_unknown_words_are_kept_or_null_but_never_fatal() -> None:
    read = data(
        payment(
            "SUSPENDED",
            channel={"type": "STAGING", "pgProvider": "NEW_PG"},
            method={"type": "PaymentMethodTelepathy"},
            cancellations=[CANCELLATION | {"status": "PAUSED", "trigger": "ROBOT"}, "not an object", None],
            disputes=[{"status": "WEIRD"}, 3],
        )
    )
    assert (read["status"], read["channel_kind"], read["pay_method"]) == ("SUSPENDED", None, None)
    assert [entry["status"] for entry in read["cancellations"]] == ["PAUSED"]
    assert read["disputes"] == [{"status": "WEIRD", "created_at": None, "resolved_at": None}]


@pytest.mark.parametrize(
    "when",
    ["yesterday", "2026-13-01T00:00:00Z", "2026-09-01T01:00:00", "2026-W01-1", 12345, {"a": 1}, "2026-09-01"],
)
def test_a_time_the_database_could_not_read_is_null(when: object) -> None:
    assert data(payment(statusChangedAt=when))["status_changed_at"] is None


@pytest.mark.parametrize(
    "body",
    [
        None, [], "PAID", {}, payment(id=None), payment(id=5), payment(id=""), payment() | {"status": 7},
        payment(amount=None), payment(amount=[]), payment(amount={"total": 1}), payment(amount={"total": "1", "cancelled": 0}),
        payment(amount={"total": 1.5, "cancelled": 0}), payment(amount={"total": True, "cancelled": 0}),
    ],
)  # fmt: skip
def test_without_id_status_or_amounts_there_is_no_snapshot(body: object) -> None:
    assert read_payment(body) is None


@given(st.sampled_from(sorted(PAID)), json_values)
def test_any_field_may_hold_anything(field: str, value: object) -> None:
    snapshot = read_payment(payment() | {field: value})
    if field not in ("id", "status", "amount"):
        assert snapshot is not None
    if snapshot is not None:
        json.dumps(clean_json(dict(snapshot.data)), allow_nan=False).encode("utf-8")


@given(st.dictionaries(st.text(max_size=12).filter(lambda name: name not in PAID), json_values, max_size=5))
def test_unknown_fields_change_nothing(extra: dict[str, object]) -> None:
    known = {"failedAt", "cancelledAt", "failure", "cancellations"}
    assert data(payment() | {k: v for k, v in extra.items() if k not in known}) == data(payment())


@given(st.dictionaries(st.sampled_from(sorted(CANCELLATION)), json_values, max_size=4))
def test_a_cancellation_may_hold_anything(changes: dict[str, object]) -> None:
    snapshot = read_payment(partly_cancelled(CANCELLATION) | {"cancellations": [CANCELLATION | changes]})
    assert snapshot is not None
    assert len(snapshot.cancellations) == 1
