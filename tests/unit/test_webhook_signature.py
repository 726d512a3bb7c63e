"""Signature checks agree with PortOne's own SDK, byte for byte; refusals say 400 or 401."""

from __future__ import annotations

import base64
import hmac

import portone_server_sdk.webhook as sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import SECOND_SECRET, WEBHOOK_SECRET
from worker.portone.webhook import WebhookRefused, verify_webhook
from worker.settings_checks import webhook_secret

NOW = 1714039200
FIRST, SECOND = webhook_secret(WEBHOOK_SECRET), webhook_secret(SECOND_SECRET)
PAID_BODY = (
    b'{"type":"Transaction.Paid","timestamp":"2024-04-25T10:00:00.000Z","data":{"storeId":'
    b'"store-ae356798-3d20-4969-b739-14c6b0e1a667","paymentId":"example-payment-id","transactionId":'
    b'"55451513-9763-4a7a-bb43-78a4c65be843"}}'
)
KEY_BODY = (
    b'{"type":"BillingKey.Issued","timestamp":"2024-04-25T10:00:00.000Z","data":{"storeId":'
    b'"store-ae356798-3d20-4969-b739-14c6b0e1a667","billingKey":"billing-key-75ae3cab-6afe-422d-bf34-3a7b1762451d"}}'
)
PAID_SIGNATURE = "v1,YU2ktxm+HklqkqXkOSAzSZ871FFI5ZEvM8eEWqehQl4="
KEY_SIGNATURES = (
    "v1,1R9KGQF2fcbEWfLsOYYOoIyevK7sj4r7b7qozlczcNg= v1,pnLJfJhDpk3KutTM1PkwPjKAz1Afl77H2kSpjbRpHG0="
)


def headers(
    signature: str = PAID_SIGNATURE, *, webhook_id: str = "msg_test_0001", timestamp: str = str(NOW)
) -> dict[str, str]:
    """Return the three headers."""
    return {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def signed(body: bytes, secret: bytes, *, webhook_id: str = "m", timestamp: str = str(NOW)) -> dict[str, str]:
    """Return headers as the sender makes them, written independently of the worker."""
    digest = hmac.new(secret, f"{webhook_id}.{timestamp}.".encode() + body, "sha256").digest()
    return headers("v1," + base64.b64encode(digest).decode(), webhook_id=webhook_id, timestamp=timestamp)


def refusal(body: bytes, given: dict[str, str], now: float = NOW) -> str:
    """Return the reason of the refusal."""
    with pytest.raises(WebhookRefused) as caught:
        verify_webhook(body, given, secrets=[FIRST, SECOND], now=now)
    return caught.value.reason


def sdk_accepts(body: bytes, given: dict[str, str], secret: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Ask the official SDK."""
    monkeypatch.setattr("portone_server_sdk.webhook.time.time", lambda: NOW)
    try:
        sdk.verify(secret, body.decode(), given)
    except sdk.WebhookVerificationError:
        return False
    return True


def test_published_vector() -> None:
    assert len(PAID_BODY) == 218
    verified = verify_webhook(PAID_BODY, headers(), secrets=[FIRST], now=NOW)
    assert (verified.webhook_id, verified.secret_index) == ("msg_test_0001", 0)


@pytest.mark.parametrize(
    ("secrets", "index"), [([FIRST], 0), ([SECOND], 0), ([FIRST, SECOND], 0), ([b"x", SECOND], 1)]
)
def test_rotation_either_secret_verifies_and_the_match_is_named(secrets: list[bytes], index: int) -> None:
    given = headers(KEY_SIGNATURES, webhook_id="msg_test_0002")
    assert verify_webhook(KEY_BODY, given, secrets=secrets, now=NOW).secret_index == index


@pytest.mark.parametrize(
    ("offset", "reason"), [(-301, "too_old"), (301, "too_new"), (-300, None), (300, None), (0, None)]
)
def test_the_window_is_300_seconds_inclusive(
    offset: int, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = signed(PAID_BODY, FIRST, timestamp=str(NOW + offset))
    assert sdk_accepts(PAID_BODY, given, WEBHOOK_SECRET, monkeypatch) is (reason is None)
    if reason is None:
        assert verify_webhook(PAID_BODY, given, secrets=[FIRST], now=NOW).secret_index == 0
    else:
        assert refusal(PAID_BODY, given) == reason


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_required(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = headers()
    del given[missing]
    assert refusal(PAID_BODY, given) == "malformed_headers"
    assert not sdk_accepts(PAID_BODY, given, WEBHOOK_SECRET, monkeypatch)


@pytest.mark.parametrize("timestamp", ["", "now", "1714039200.0", "0x10", "1" * 30, "²", "17140 39200"])
def test_a_timestamp_that_is_no_number_is_malformed(timestamp: str) -> None:
    assert refusal(PAID_BODY, headers(timestamp=timestamp)) == "malformed_headers"


@pytest.mark.parametrize("webhook_id", ["", "a\x00b", "a\nb", "x" * 256])
def test_an_id_that_cannot_be_stored_is_malformed(webhook_id: str) -> None:
    assert refusal(PAID_BODY, signed(PAID_BODY, FIRST, webhook_id=webhook_id)) == "malformed_headers"


@pytest.mark.parametrize(
    "signature",
    [
        "v1,",
        "v1",
        "v2," + PAID_SIGNATURE[3:],
        PAID_SIGNATURE[3:],
        "v1,%%%%",
        "v1,AAAA",
        "garbage",
        " ",
        "v1,é",
    ],
)
def test_signatures_that_do_not_match_are_401(signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(PAID_BODY, headers(signature)) == "no_matching_signature"
    assert not sdk_accepts(PAID_BODY, headers(signature), WEBHOOK_SECRET, monkeypatch)


@pytest.mark.parametrize(
    "signature",
    [
        "v2,AAAA " + PAID_SIGNATURE,
        "v1,AAAA  " + PAID_SIGNATURE,
        PAID_SIGNATURE + " junk",
        PAID_SIGNATURE + ",more",
    ],
)
def test_one_good_signature_among_others_is_enough(signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sdk_accepts(PAID_BODY, headers(signature), WEBHOOK_SECRET, monkeypatch)
    assert verify_webhook(PAID_BODY, headers(signature), secrets=[FIRST], now=NOW).secret_index == 0


@pytest.mark.parametrize("change", [b"", b" ", b"\n"])
def test_one_changed_byte_breaks_it(change: bytes) -> None:
    body = PAID_BODY[:-1] + change if not change else PAID_BODY + change
    assert refusal(body, headers()) == "no_matching_signature"


@given(st.binary(max_size=300), st.sampled_from([FIRST, SECOND]))
def test_any_bytes_can_be_signed_and_the_other_secret_never_matches(body: bytes, secret: bytes) -> None:
    given_headers = signed(body, secret)
    other = FIRST if secret is SECOND else SECOND
    assert verify_webhook(body, given_headers, secrets=[other, secret], now=NOW).secret_index == 1
    with pytest.raises(WebhookRefused):
        verify_webhook(body, given_headers, secrets=[other], now=NOW)
