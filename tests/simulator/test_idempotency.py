"""Idempotency keys: byte-identical replay, one execution, 409 while running, expiry on the movable clock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl

    Pay = Callable[..., str]

KEY = "cancel-0123456789abcdef-1"


def cancel(api: httpx.Client, payment_id: str, key: str | None = f'"{KEY}"', **body: Any) -> httpx.Response:
    """Ask for a cancellation under a key."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post(
        f"/payments/{payment_id}/cancel", json={"reason": "test", "amount": 100} | body, headers=headers
    )


def cancelled(control: SimulatorControl, payment_id: str) -> int:
    """Return the cancelled amount."""
    return int(control.payment(payment_id)["amount"]["cancelled"])


def test_a_repeat_gets_the_same_bytes_and_cancels_once(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000)
    first, second = cancel(api, payment_id), cancel(api, payment_id)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert cancelled(control, payment_id) == 100
    assert [row["replayed"] for row in control.requests(path=f"/payments/{payment_id}/cancel")] == [
        False,
        True,
    ]


def test_without_a_key_every_call_counts(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    cancel(api, payment_id, key=None)
    cancel(api, payment_id, key=None)
    assert cancelled(control, payment_id) == 200


def test_errors_are_replayed_too(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    control.add_fault("pg_provider", "/payments/*/cancel")
    first, second = cancel(api, payment_id), cancel(api, payment_id)
    assert first.json()["type"] == "PG_PROVIDER"
    assert second.content == first.content
    assert cancel(api, payment_id, key='"cancel-0123456789abcdef-2"').status_code == 200


def test_409_while_the_first_runs(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    control.add_fault("delay", "/payments/*/cancel", seconds=0.5)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cancel, api, payment_id)
        while not control.requests(path=f"/payments/{payment_id}/cancel"):
            pass
        during = cancel(api, payment_id)
        assert (during.status_code, during.json()["type"]) == (409, "IDEMPOTENCY_OUTSTANDING_REQUEST")
        assert first.result().status_code == 200
    assert cancel(api, payment_id).content == first.result().content
    assert cancelled(control, payment_id) == 100


def test_a_reply_that_was_lost_is_found_again(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    control.add_fault("html_500_after_commit", "/payments/*/cancel")
    assert cancel(api, payment_id).status_code == 500
    assert cancel(api, payment_id).json()["cancellation"]["status"] == "SUCCEEDED"
    assert cancelled(control, payment_id) == 100


@pytest.mark.parametrize(("mode", "status"), [("reject_400", 400), ("reject_422", 422), ("replay", 200)])
def test_the_same_key_on_another_request(
    api: httpx.Client, control: SimulatorControl, pay: Pay, mode: str, status: int
) -> None:
    control.assumptions(idempotency_key_reuse=mode)
    payment_id = pay(1000)
    cancel(api, payment_id)
    assert cancel(api, payment_id, amount=200).status_code == status
    assert cancelled(control, payment_id) == 100


def test_a_key_protects_for_three_hours(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    cancel(api, payment_id)
    control.advance_clock(3 * 3600 - 60)
    cancel(api, payment_id)
    assert cancelled(control, payment_id) == 100
    control.advance_clock(120)
    cancel(api, payment_id)
    assert cancelled(control, payment_id) == 200


@pytest.mark.parametrize("key", [KEY, '"short"', '"' + "x" * 257 + '"', '"in"side-the-key-12345"', f'"{KEY}'])
def test_malformed_keys_are_refused(api: httpx.Client, control: SimulatorControl, pay: Pay, key: str) -> None:
    payment_id = pay(1000)
    response = cancel(api, payment_id, key=key)
    assert (response.status_code, response.json()["type"]) == (400, "INVALID_REQUEST")
    assert "Idempotency-Key" in response.json()["message"]
    assert cancelled(control, payment_id) == 0


@pytest.mark.parametrize("key", ['"' + "x" * 16 + '"', '"' + "x" * 256 + '"'])
def test_keys_at_the_limits(api: httpx.Client, pay: Pay, key: str) -> None:
    assert cancel(api, pay(1000), key=key).status_code == 200


def test_bare_keys_can_be_accepted(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    control.assumptions(unquoted_idempotency_key="accept")
    payment_id = pay(1000)
    cancel(api, payment_id, key=KEY)
    cancel(api, payment_id)
    assert cancelled(control, payment_id) == 100


def test_get_ignores_it(api: httpx.Client, pay: Pay) -> None:
    payment_id = pay()
    response = api.get(f"/payments/{payment_id}", headers={"Idempotency-Key": "bad"})
    assert response.status_code == 200
