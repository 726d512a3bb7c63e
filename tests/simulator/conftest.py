"""Decides what every simulator test starts from: one running simulator, reset, with a receiver of webhooks."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from portone_server_sdk import PaymentClient

from sandbox.portone.config import SimulatorConfig
from sandbox.portone.control_client import SimulatorControl
from sandbox.portone.server import RunningSimulator, serve_in_process

from .openapi import Contract
from .receiver import Receiver, ReceiverServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "portone-v2.openapi.json"


@pytest.fixture(scope="session")
def running() -> Iterator[RunningSimulator]:
    """One simulator for the whole session."""
    with serve_in_process(SimulatorConfig(seed=7)) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def _receiver() -> Iterator[Receiver]:
    server = ReceiverServer()
    yield server.receiver
    server.stop()


@pytest.fixture(scope="session")
def _control(running: RunningSimulator) -> Iterator[SimulatorControl]:
    with SimulatorControl(running.control_url) as client:
        yield client


@pytest.fixture
def receiver(_receiver: Receiver) -> Receiver:
    """Return the receiver, empty."""
    _receiver.received.clear()
    _receiver.answers.clear()
    return _receiver


@pytest.fixture
def control(_control: SimulatorControl) -> SimulatorControl:
    """Return the control client of a simulator that was just reset and has no webhook address."""
    _control.reset()
    return _control


@pytest.fixture
def hooked(control: SimulatorControl, receiver: Receiver) -> SimulatorControl:
    """Return the control client of a simulator that sends its webhooks to ``receiver``."""
    control.webhook_settings(urls=[receiver.url])
    return control


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return the official OpenAPI document; skips where it is absent."""
    if not DOCUMENT.exists():
        pytest.skip(f"the official OpenAPI document is not at {DOCUMENT.name} in ../shared")
    return Contract(DOCUMENT)


@pytest.fixture(scope="session")
def _judge() -> Callable[[httpx.Response], None] | None:
    """Every reply of every test is judged where the document is present, not only in the OpenAPI tests."""
    return Contract(DOCUMENT).judge if DOCUMENT.exists() else None


@pytest.fixture(scope="session")
def _api(running: RunningSimulator, _judge: Any) -> Iterator[httpx.Client]:
    hooks = {"response": [_lenient(_judge)]} if _judge else {}
    headers = {"Authorization": f"PortOne {running.api_secret}"}
    with httpx.Client(base_url=running.url, headers=headers, event_hooks=hooks, trust_env=False) as client:
        yield client


@pytest.fixture
def api(_api: httpx.Client, control: SimulatorControl) -> httpx.Client:
    """Return an authorized HTTP client; its replies are checked against the OpenAPI document."""
    return _api


@pytest.fixture(scope="session")
def _sdk(running: RunningSimulator, _judge: Any) -> Iterator[PaymentClient]:
    client = PaymentClient(secret=running.api_secret, base_url=running.url, store_id=running.config.store_id)
    transports = [part._sync_client for part in (client, client.billing_key, client.payment_schedule)]
    for transport in transports:
        if _judge:
            transport.event_hooks = {"response": [_lenient(_judge)]}
    yield client
    for transport in transports:
        transport.close()


@pytest.fixture
def sdk(_sdk: PaymentClient, control: SimulatorControl) -> PaymentClient:
    """Return PortOne's official Python SDK, pointed at the simulator."""
    return _sdk


@pytest.fixture
def open_window(control: SimulatorControl, running: RunningSimulator) -> Callable[..., str]:
    """Return a function that opens a payment window and returns the payment id."""
    numbers = itertools.count(1)

    def open_(total: int = 1000, channel: str = "card", method: str = "CARD", **more: Any) -> str:
        window = {
            "paymentId": f"pay{next(numbers):09d}",
            "storeId": running.config.store_id,
            "channelKey": f"channel-key-{channel}",
            "orderName": "Widget x1",
            "totalAmount": total,
            "currency": "KRW",
            "payMethod": method,
        }
        answer = control.open_window(**(window | more))
        assert "code" not in answer, answer
        return str(answer["paymentId"])

    return open_


@pytest.fixture
def pay(control: SimulatorControl, open_window: Callable[..., str]) -> Callable[..., str]:
    """Return a function that pays by card, easy pay or virtual account and returns the payment id."""

    def pay_(total: int = 1000, channel: str = "card", method: str = "CARD", **more: Any) -> str:
        payment_id = open_window(total, channel, method, **more)
        if method == "VIRTUAL_ACCOUNT":
            control.issue_virtual_account(payment_id)
            control.deposit(payment_id)
        else:
            control.approve(payment_id)
        return payment_id

    return pay_


def _lenient(judge: Callable[[httpx.Response], None]) -> Callable[[httpx.Response], None]:
    """Leave out what is not PortOne's answer: scripted faults, unknown paths, and the undocumented 409 and 422."""

    def check(response: httpx.Response) -> None:
        response.read()
        if not response.headers["content-type"].startswith("application/json"):
            return
        word = response.json().get("type")
        if word in (
            "IDEMPOTENCY_OUTSTANDING_REQUEST",
            "SIM_NO_SUCH_ROUTE",
            "SIM_METHOD_NOT_ALLOWED",
            "SCRIPTED",
        ):
            return
        if response.status_code != 422:
            judge(response)

    return check
