"""Signatures equal the published vectors of Standard Webhooks as PortOne uses them."""

from __future__ import annotations

import base64

import pytest

from sandbox.portone.signature import sign, signed_headers

FIRST = "whsec_" + base64.b64encode(bytes(range(0x20))).decode()
SECOND = "whsec_" + base64.b64encode(bytes(range(0x20, 0x40))).decode()
STORE = "store-ae356798-3d20-4969-b739-14c6b0e1a667"
STAMP = 1714039200
PAID = (
    b'{"type":"Transaction.Paid","timestamp":"2024-04-25T10:00:00.000Z","data":{"storeId":"'
    + STORE.encode()
    + b'","paymentId":"example-payment-id","transactionId":"55451513-9763-4a7a-bb43-78a4c65be843"}}'
)
ISSUED = (
    b'{"type":"BillingKey.Issued","timestamp":"2024-04-25T10:00:00.000Z","data":{"storeId":"'
    + STORE.encode()
    + b'","billingKey":"billing-key-75ae3cab-6afe-422d-bf34-3a7b1762451d"}}'
)


def test_one_secret() -> None:
    assert len(PAID) == 218
    assert sign(FIRST, "msg_test_0001", STAMP, PAID) == "v1,YU2ktxm+HklqkqXkOSAzSZ871FFI5ZEvM8eEWqehQl4="


def test_the_prefix_is_optional() -> None:
    bare = FIRST.removeprefix("whsec_")
    assert sign(bare, "msg_test_0001", STAMP, PAID) == sign(FIRST, "msg_test_0001", STAMP, PAID)


def test_two_secrets_sign_side_by_side() -> None:
    headers = signed_headers([FIRST, SECOND], "msg_test_0002", STAMP, ISSUED)
    assert headers == {
        "webhook-id": "msg_test_0002",
        "webhook-timestamp": "1714039200",
        "webhook-signature": "v1,1R9KGQF2fcbEWfLsOYYOoIyevK7sj4r7b7qozlczcNg= "
        "v1,pnLJfJhDpk3KutTM1PkwPjKAz1Afl77H2kSpjbRpHG0=",
    }


def test_every_part_counts() -> None:
    good = sign(FIRST, "msg_test_0001", STAMP, PAID)
    assert good != sign(SECOND, "msg_test_0001", STAMP, PAID)
    assert good != sign(FIRST, "msg_test_0002", STAMP, PAID)
    assert good != sign(FIRST, "msg_test_0001", STAMP + 1, PAID)
    assert good != sign(FIRST, "msg_test_0001", STAMP, PAID + b"\n")


def test_a_secret_that_is_not_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        sign("whsec_!!!", "msg", STAMP, b"{}")
