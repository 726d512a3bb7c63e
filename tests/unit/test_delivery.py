"""What a signed body says; nothing in it can make the intake fail."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import portone_server_sdk as official
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.portone.webhook import Verified
from worker.web.delivery import BILLING_KEY_TYPES, NOT_ACTIONABLE, PAYMENT_TYPES, kept_headers, read_delivery

VERIFIED = Verified("msg_1", 1)


def read(body: Any) -> Any:
    """Read a JSON body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_delivery(raw, {"webhook-id": "msg_1"}, VERIFIED)


def message(kind: str, **data: Any) -> dict[str, Any]:
    """Return a webhook body."""
    return {"type": kind, "timestamp": "2024-04-25T10:00:00.000Z", "data": data}


@pytest.mark.parametrize("kind", sorted(PAYMENT_TYPES))
def test_every_payment_type_points_to_its_payment(kind: str) -> None:
    delivery = read(
        message(kind, paymentId="pay1", transactionId="t1", storeId="s", cancellationId="c", new=1)
    )
    assert (delivery.webhook_type, delivery.subject_kind, delivery.subject_id) == (kind, "payment", "pay1")
    assert (delivery.provider_transaction_id, delivery.skip_reason) == ("t1", None)
    assert (delivery.event_at, delivery.secret_index) == ("2024-04-25T10:00:00.000Z", 1)


@pytest.mark.parametrize("kind", sorted(BILLING_KEY_TYPES))
def test_every_billing_key_type_points_to_its_key(kind: str) -> None:
    delivery = read(message(kind, billingKey="billing-key-1", storeId="store-2", new={}))
    assert (delivery.webhook_type, delivery.subject_kind, delivery.subject_id) == (
        kind,
        "billing_key",
        "billing-key-1",
    )
    assert (delivery.skip_reason, delivery.store_id) == (None, "store-2")


FORM = {"webhook-id": "msg_1", "content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"payment_id=p&tx_id=t&status=Paid", "legacy_version"),
        (b"payment_id=p&tx_id=t&total_amount=1000", "legacy_version"),
        (b"payment_id=p", "unparsable"),
        (b"type=Transaction.Paid&payment_id=p&status=Paid", "legacy_version"),
        (b'{"type":"Transaction.Paid","data":{"paymentId":"p"}}', "unparsable"),
        (b"\xff\xfe", "unparsable"),
        (b"a=1&" * 60, "unparsable"),
        (b"", "unparsable"),
    ],
)
def test_a_form_is_never_more_than_a_legacy_body(body: bytes, reason: str) -> None:
    delivery = read_delivery(body, FORM, VERIFIED)
    assert (delivery.webhook_type, delivery.subject_id, delivery.skip_reason) == (None, None, reason)
    assert delivery.body == body


def test_the_optional_fields_may_be_missing() -> None:
    delivery = read({"type": "Transaction.Paid", "data": {"paymentId": "pay1"}})
    assert (delivery.subject_id, delivery.event_at, delivery.skip_reason) == ("pay1", None, None)


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (message("Payment.Teleported", paymentId="p"), "Payment.Teleported", "unknown_type"),
        (message("Transaction.Confirm", paymentId="p", totalAmount=1), "Transaction.Confirm", "not_actionable"),
        (message("BillingKey.Issued"), "BillingKey.Issued", "unparsable"),
        (message("BillingKey.Issued", billingKey=["b"]), "BillingKey.Issued", "unparsable"),
        ({"payment_id": "p", "total_amount": 1}, None, "legacy_version"),
        (message("Transaction.Paid"), "Transaction.Paid", "unparsable"),
        (message("Transaction.Paid", paymentId=7), "Transaction.Paid", "unparsable"),
        (message("Transaction.Paid", paymentId="x" * 256), "Transaction.Paid", "unparsable"),
        (message("Transaction.Paid", paymentId="a\x00b"), "Transaction.Paid", "unparsable"),
        ({"type": "Transaction.Paid", "data": "p"}, "Transaction.Paid", "unparsable"),
        (message("T" * 101, paymentId="p"), None, "unparsable"),
        ({"payment_id": "p", "tx_id": "t", "status": "Paid"}, None, "legacy_version"),
        ({"payment_id": "p", "tx_id": "t", "total_amount": 1}, None, "legacy_version"),
        ({}, None, "unparsable"), ([], None, "unparsable"), (None, None, "unparsable"), ("x", None, "unparsable"),
        (b"", None, "unparsable"), (b"\xff\xfe", None, "unparsable"), (b"not json", None, "unparsable"),
        (b"[" * 100_000, None, "unparsable"), (b"1" * 5000, None, "unparsable"),
    ],
)  # fmt: skip
def test_what_cannot_be_acted_on_is_kept_with_its_reason(body: Any, kind: str | None, reason: str) -> None:
    delivery = read(body)
    assert (delivery.webhook_type, delivery.skip_reason) == (kind, reason)


def test_the_bytes_are_kept_as_they_came() -> None:
    raw = b' {"type" : "Transaction.Paid", "data":{"paymentId":"p"}}\n'
    assert read(raw).body == raw


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(raw: bytes) -> None:
    assert read(raw).body == raw


@settings(deadline=None)  # the machine may be busy
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "data", "paymentId", "timestamp", "transactionId"]), inner
            )
        ),
        max_leaves=10,
    )
)
def test_any_json_can_be_read(body: Any) -> None:
    delivery = read(body)
    assert delivery.skip_reason is not None or delivery.subject_kind in ("payment", "billing_key")


def test_credentials_of_somebody_are_not_kept_and_headers_are_bounded() -> None:
    headers = {"authorization": "Bearer x", "cookie": "a=b", "apikey": "k", "user-agent": "x" * 5000}
    headers |= {f"h{n}": "v" for n in range(100)}
    kept = kept_headers(headers)
    assert not {"authorization", "cookie", "apikey"} & kept.keys()
    assert len(kept["user-agent"]) == 1024
    assert len(kept) == 64


def test_the_types_are_those_of_the_official_sdk() -> None:
    """A type PortOne adds to its SDK has no decision here yet: act on it, or say that it is not actionable."""
    files = Path(official.__file__).parent.glob("_generated/webhook/webhook_*.py")
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    known = set(re.findall(r'"((?:Transaction|BillingKey)\.\w+)"', source))
    assert len(known) == 16
    assert known == PAYMENT_TYPES | BILLING_KEY_TYPES | NOT_ACTIONABLE
