"""Every PortOne error type has one branch; what is not known is an unknown outcome, never a refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Conflict, Misconfigured, Rejected, Transient
from worker.portone.faults import FAULTS, fault, retry_after


def answer(status: int, kind: str) -> bytes:
    """Return an error body."""
    return json.dumps({"type": kind, "message": "메시지"}).encode()


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_each_known_type_goes_to_its_branch(kind: str) -> None:
    status, branch = FAULTS[kind]
    error = fault(status, answer(status, kind), {})
    assert type(error) is branch
    assert error.code == kind


@pytest.mark.parametrize("kind", sorted(set(FAULTS) - {"UNAUTHORIZED"}))
def test_a_known_type_with_another_status_comes_from_something_in_between(kind: str) -> None:
    error = fault(500, answer(500, kind), {})
    assert isinstance(error, Transient)
    assert error.outcome_unknown


def test_the_cancel_endpoint_is_covered_completely() -> None:
    # OpenAPI: cancelPayment, its error union.
    assert {
        "INVALID_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "PAYMENT_NOT_FOUND", "PAYMENT_NOT_PAID", "PG_PROVIDER",
        "PAYMENT_ALREADY_CANCELLED", "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN", "MAX_CANCEL_COUNT_REACHED",
        "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT",
        "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT", "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT",
        "NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT", "PROMOTION_DISCOUNT_RETAIN_OPTION_SHOULD_NOT_BE_CHANGED",
    } <= FAULTS.keys()  # fmt: skip


def test_a_declined_card_is_final_and_an_outage_is_not() -> None:
    declined = fault(502, b'{"type":"PG_PROVIDER","pgCode":"REJECT","pgMessage":"limit"}', {})
    assert isinstance(declined, Rejected)
    assert declined.as_error()["pg_code"] == "REJECT"
    assert isinstance(fault(502, b"<html>Bad Gateway</html>", {}), Transient)


def test_an_outstanding_request_keeps_its_key() -> None:
    error = fault(409, answer(409, "IDEMPOTENCY_OUTSTANDING_REQUEST"), {})
    assert isinstance(error, Transient)
    assert error.outcome_unknown


@pytest.mark.parametrize("body", [answer(401, "UNAUTHORIZED"), b"", b"<html>", b'{"type":"SOMETHING"}'])
def test_401_is_always_a_setting(body: bytes) -> None:
    error = fault(401, body, {})
    assert isinstance(error, Misconfigured)
    assert error.message.startswith("PORTONE_API_SECRET:")


def test_state_that_moved_is_a_conflict() -> None:
    for kind in ("ALREADY_PAID", "PAYMENT_ALREADY_CANCELLED", "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"):
        assert isinstance(fault(409, answer(409, kind), {}), Conflict)


@given(st.integers(300, 599).filter(lambda status: status != 401), st.binary(max_size=60))
def test_anything_else_is_an_unknown_outcome(status: int, body: bytes) -> None:
    error = fault(status, body, {})
    assert isinstance(error, Transient)
    assert error.outcome_unknown


@pytest.mark.parametrize(
    "body",
    [b"null", b"[]", b'"x"', b'{"type":null}', b'{"type":["PG_PROVIDER"]}', b'{"type":{}}', b"[" * 100000],
)
def test_odd_json_does_not_crash(body: bytes) -> None:
    assert isinstance(fault(502, body, {}), Transient)


def test_retry_after_is_honoured_when_it_is_seconds() -> None:
    limited = fault(429, b"", {"retry-after": "7"})
    assert isinstance(limited, Transient)
    assert (limited.code, limited.retry_in) == ("PORTONE_RATE_LIMITED", 7)
    for value, expected in (
        ("99999", 3600.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-1", None),
        ("²", None),
    ):
        assert retry_after({"retry-after": value}) == expected
