"""The control API, the assumptions, and the command line say what is wrong and do what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

from sandbox.portone.__main__ import main
from sandbox.portone.assumptions import SOURCES, Assumptions, Label
from sandbox.portone.clock import SECOND
from sandbox.portone.config import SimulatorConfig
from sandbox.portone.control_client import SimulatorControl, SimulatorRefused
from sandbox.portone.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.portone.server import RunningSimulator

    Pay = Callable[..., str]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/windows", {}, "paymentId"),
        ("/windows", {"totalAmount": 0}, "totalAmount"),
        ("/clock", {"advance_seconds": -1}, "advance_seconds"),
        ("/clock", {"seconds": 1}, "seconds"),
        ("/faults", {"path": "/x", "kind": "explode"}, "kind"),
        ("/faults", {"path": "/x", "kind": "delay", "times": 0}, "times"),
        ("/webhooks/settings", {"mode": "later"}, "mode"),
        ("/webhooks/settings", {"secrets": []}, "secrets"),
        ("/webhooks/settings", {"secrets": ["whsec_!"]}, "secret"),
        ("/webhooks/release", {"order": "random"}, "order"),
        ("/assumptions", {"nonsense": 1}, "nonsense"),
        ("/assumptions", {"webhook_success": "3xx"}, "webhook_success"),
        ("/assumptions", {"max_attempts": "many"}, "max_attempts"),
        ("/assumptions", {"unknown_fields": 1}, "unknown_fields"),
        ("/assumptions", {"webhook_waits_minutes": []}, "webhook_waits_minutes"),
    ],
)
def test_a_refusal_names_the_field(
    control: SimulatorControl, path: str, body: dict[str, Any], field: str
) -> None:
    with pytest.raises(SimulatorRefused) as refused:
        control._json("POST", path, body)
    assert refused.value.status == 422
    assert field in str(refused.value)


def test_what_does_not_exist_is_404(control: SimulatorControl, pay: Pay) -> None:
    for act in (
        lambda: control.approve("nothing"),
        lambda: control.approve(pay(), transactionId="nothing"),
        lambda: control.redeliver("nothing"),
    ):
        with pytest.raises(SimulatorRefused) as refused:
            act()
        assert refused.value.status == 404


def test_sending_without_an_address(control: SimulatorControl) -> None:
    with pytest.raises(SimulatorRefused, match="url"):
        control.send_webhook(type="Transaction.Paid")


def test_unauthorized_calls(api: httpx.Client, running: RunningSimulator, pay: Pay) -> None:
    payment_id = pay()
    for value in (None, "PortOne wrong", f"Bearer {running.api_secret}", running.api_secret, "PortOne"):
        headers = {} if value is None else {"Authorization": value}
        reply = httpx.get(f"{running.url}/payments/{payment_id}", headers=headers, trust_env=False)
        assert (reply.status_code, reply.json()["type"]) == (401, "UNAUTHORIZED")


def test_unknown_paths_and_methods(api: httpx.Client) -> None:
    assert api.get("/billing-keys/x").status_code == 404
    assert api.delete("/payments/x").status_code == 405


def test_the_request_log(api: httpx.Client, control: SimulatorControl) -> None:
    key = {"Idempotency-Key": '"prepare-0123456789"'}
    api.post("/payments/pay000001/pre-register", json={"totalAmount": 5}, headers=key)
    (row,) = control.requests(path="/payments/pay000001/pre-register", method="POST")
    assert (row["status"], row["idempotency_key"]) == (200, '"prepare-0123456789"')
    assert json.loads(row["body"]) == {"totalAmount": 5}
    assert control.requests(method="GET") == []


def test_reset_forgets_everything(api: httpx.Client, hooked: SimulatorControl, pay: Pay) -> None:
    payment_id = pay()
    hooked.add_fault("status", "/payments/*")
    hooked.assumptions(max_attempts=1)
    moved = hooked.advance_clock(3600)
    hooked.reset()
    assert api.get(f"/payments/{payment_id}").status_code == 404
    assert hooked.webhooks() == []
    assert hooked.assumptions()["max_attempts"]["value"] == 10
    assert hooked.state()["webhooks"]["urls"]["TEST"] == []
    assert hooked.now() < moved


def test_the_clock_moves_when_told(control: SimulatorControl) -> None:
    first = control.now()
    assert control.advance_clock(90 * 24 * 3600)[:7] > first[:7]


async def test_the_clock_moves_by_exactly_what_is_told_however_long_a_delivery_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database's clock is moved by the same beside it: what a slow webhook takes must not come between them."""
    simulator = Simulator(SimulatorConfig())
    real = 1_700_000_000 * SECOND

    async def slow_delivery() -> None:
        nonlocal real
        real += 5 * SECOND

    monkeypatch.setattr(simulator.clock, "_wall", lambda: real)
    monkeypatch.setattr(simulator.courier, "finish_running", slow_delivery)
    await simulator.advance(7)
    assert simulator.clock.offset == 7 * SECOND
    await simulator.courier.close()


def test_every_assumption_has_a_source() -> None:
    assert {field.name for field in fields(Assumptions)} == set(SOURCES)
    assert all(label in get_args(Label) and note for label, note in SOURCES.values())


def test_unknown_fields_can_be_switched_on(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay()
    control.assumptions(unknown_fields=True)
    assert "simulatorUnknownField" in control.payment(payment_id)


def test_a_foreign_store_can_be_forbidden_on_get(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay()
    control.assumptions(foreign_store_on_get="forbidden")
    reply = api.get(f"/payments/{payment_id}", params={"storeId": "store-other"})
    assert (reply.status_code, reply.json()["type"]) == (403, "FORBIDDEN")


def test_the_command_prints_one_line_and_answers() -> None:
    command = [sys.executable, "-m", "sandbox.portone", "--port", "0", "--api-secret", "s3cret"]
    command += ["--assume", "max_attempts=3"]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        reply = httpx.get(
            f"{line['url']}/banks", headers={"Authorization": "PortOne s3cret"}, trust_env=False
        )
        assert (reply.status_code, line["pid"]) == (200, process.pid)
        with SimulatorControl(line["control_url"]) as control:
            assert control.assumptions()["max_attempts"]["value"] == 3
        process.terminate()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--assume", "nonsense=1"], "nonsense"),
        (["--assume", "max_attempts"], "NAME=JSON"),
        (["--assume", "max_attempts={"], "not JSON"),
        (["--webhook-secret", "a", "--webhook-secret", "b", "--webhook-secret", "c"], "at most two"),
    ],
)
def test_bad_options(capsys: pytest.CaptureFixture[str], arguments: list[str], word: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port", "0", *arguments])
    assert ended.value.code == 2
    assert word in capsys.readouterr().err
