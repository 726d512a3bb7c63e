"""Faults: what happened before the reply was lost has happened, and nothing else."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.portone.control_client import SimulatorControl

    Pay = Callable[..., str]

CANCEL = "/payments/*/cancel"


def cancel(api: httpx.Client, payment_id: str) -> httpx.Response:
    """Cancel 100 without a key."""
    return api.post(f"/payments/{payment_id}/cancel", json={"reason": "r", "amount": 100})


def cancelled(control: SimulatorControl, payment_id: str) -> int:
    """Return the cancelled amount."""
    return int(control.payment(payment_id)["amount"]["cancelled"])


def test_a_dropped_reply_was_committed(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    control.add_fault("drop_reply_after_commit", CANCEL, method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        cancel(api, payment_id)
    assert cancelled(control, payment_id) == 100
    (row,) = control.requests(path=f"/payments/{payment_id}/cancel")
    assert (row["status"], row["fault"]) == (None, "drop_reply_after_commit")
    assert cancel(api, payment_id).status_code == 200, "the fault was for one request"


def test_a_reset_before_did_nothing(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    control.add_fault("reset_before", CANCEL)
    with pytest.raises(httpx.NetworkError):
        cancel(api, payment_id)
    assert cancelled(control, payment_id) == 0


def test_html_after_commit(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    control.add_fault("html_500_after_commit", CANCEL)
    response = cancel(api, payment_id)
    assert response.status_code == 500
    assert response.headers["content-type"].startswith("text/html")
    assert cancelled(control, payment_id) == 100


def test_a_scripted_status_comes_before_everything(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000)
    control.add_fault(
        "status", CANCEL, status=429, body={"type": "SCRIPTED"}, headers={"Retry-After": "7"}, times=2
    )
    for _ in range(2):
        response = cancel(api, payment_id)
        assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert cancelled(control, payment_id) == 0
    assert cancel(api, payment_id).status_code == 200


def test_delays(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    """A caller that gives up early finds nothing done before the commit, and everything done after it."""
    payment_id = pay(1000)
    control.add_fault("delay_after_commit", CANCEL, seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        api.post(f"/payments/{payment_id}/cancel", json={"reason": "r", "amount": 100}, timeout=0.2)
    assert cancelled(control, payment_id) == 100
    control.add_fault("delay", CANCEL, seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        api.post(f"/payments/{payment_id}/cancel", json={"reason": "r", "amount": 100}, timeout=0.2)
    assert cancelled(control, payment_id) == 100


def test_faults_meet_only_their_method_and_path(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000)
    control.add_fault("status", f"/payments/{payment_id}", method="GET", body={"type": "SCRIPTED"})
    assert cancel(api, payment_id).status_code == 200
    assert api.get(f"/payments/{payment_id}").status_code == 503
    control.add_fault("status", "/payments/*")
    control.clear_faults()
    assert api.get(f"/payments/{payment_id}").status_code == 200


def test_half_a_request_is_none(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    """A caller that dies while it sends: its key is not used up by the part that came."""
    payment_id = pay(1000)
    body = json.dumps({"reason": "r", "amount": 100}).encode()
    request = api.build_request(
        "POST", f"/payments/{payment_id}/cancel", content=body,
        headers={"idempotency-key": '"half-a-request-0001"', "content-type": "application/json"},
    )  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((request.url.host, request.url.port or 80)) as dying:
        line = f"POST {request.url.raw_path.decode()} HTTP/1.1\r\n"
        dying.sendall((line + head + "\r\n").encode() + body[:10])
    assert api.send(request).status_code == 200
    assert cancelled(control, payment_id) == 100
    assert len(control.requests(path=f"/payments/{payment_id}/cancel")) == 1
