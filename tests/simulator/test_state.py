"""An exported state becomes the same simulator again, in another process too; chaos is repeatable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.portone.config import SimulatorConfig
from sandbox.portone.control_client import SimulatorControl, SimulatorRefused
from sandbox.portone.server import serve_in_process

from .test_billing import charge, issue
from .test_schedules import schedule
from .walk import SEND, STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.portone.server import RunningSimulator

    from .receiver import Receiver

    Pay = Callable[..., str]

KEY = {"Idempotency-Key": '"state-export-00000001"'}


def test_export_and_import(
    running: RunningSimulator, hooked: SimulatorControl, api: httpx.Client, receiver: Receiver, pay: Pay
) -> None:
    paid, account = pay(1000, "async"), pay(1000, "vbank", "VIRTUAL_ACCOUNT")
    cancelled = api.post(f"/payments/{paid}/cancel", json={"reason": "r"}, headers=KEY)
    key = issue(hooked)
    planned = schedule(api, "sched00001", key).json()["schedule"]["id"]
    api.post("/identity-verifications/iv1/send", json=SEND)
    hooked.settle()
    hooked.hold_webhooks()
    charge(api, "charge0001", key)
    hooked.advance_clock(3_600)
    state = json.loads(json.dumps(hooked.state()))
    paths = [f"/payments/{paid}", f"/payments/{account}", "/payments/charge0001", f"/billing-keys/{key}"]
    paths += [f"/payment-schedules/{planned}", "/identity-verifications/iv1", "/payment-events-by-cursor"]
    before = [api.get(path).json() for path in paths]
    with (
        serve_in_process(SimulatorConfig(api_secrets=("other",))) as other,
        SimulatorControl(other.url) as control,
        httpx.Client(
            base_url=other.url, headers={"Authorization": "PortOne other"}, trust_env=False
        ) as client,
    ):
        summary = control.import_state(state)
        assert {name: summary[name] for name in ("payments", "messages", "schedules")} == {
            name: state[name] for name in ("payments", "messages", "schedules")
        }
        assert [client.get(path).json() for path in paths] == before
        again = client.post(f"/payments/{paid}/cancel", json={"reason": "r"}, headers=KEY)
        assert again.content == cancelled.content, "idempotency keys travel too"
        assert control.run_schedule(planned)["status"] == "SUCCEEDED"
        receiver.take()
        assert [one["type"] for one in control.release_webhooks()][:1] == ["Transaction.Paid"]
        assert control.now() >= state["now"]
        assert running.api_secret not in json.dumps(state)


@pytest.mark.parametrize(
    "spoil",
    [
        {"format": 2},
        {"stores": {"store-none": {}}},
        {"messages": {"$": "Unknown", "fields": {}}},
        {"now": None},
    ],
)
def test_a_bad_import_changes_nothing(control: SimulatorControl, pay: Pay, spoil: dict[str, Any]) -> None:
    payment_id = pay()
    export = control.state()["export"]
    with pytest.raises(SimulatorRefused, match="export"):
        control.import_state({"export": export | spoil})
    assert control.payment(payment_id)["status"] == "PAID"


def test_chaos_adds_what_no_client_knows(
    running: RunningSimulator, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay()
    headers = {"Authorization": f"PortOne {running.api_secret}"}
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False) as client:

        def read() -> Any:
            return client.get(f"/payments/{payment_id}").json()

        calm = read()
        control.chaos(fields=1, enums=1, seed=3)
        wild = [read() for _ in range(5)]
        assert all(any(name.startswith("simChaos") for name in one) for one in wild)
        assert all(one["channel"]["pgProvider"] == "SIM_NEW_PGPROVIDER" for one in wild)
        assert all(one["status"] == "PAID" and one["method"]["type"] == "PaymentMethodCard" for one in wild)
        control.chaos(fields=1, enums=1, seed=3)
        assert [read() for _ in range(5)] == wild, "the same seed, the same disturbance"
        control.chaos(statuses=1, variants=1)
        assert (read()["status"], read()["method"]["type"]) == ("SIM_NEW_STATUS", "SIM_NEW_TYPE")
        control.calm()
        assert read() == calm
        assert client.get("/payments/none").json()["type"] == "PAYMENT_NOT_FOUND"
    with pytest.raises(SimulatorRefused, match="less than or equal to 1"):
        control.chaos(fields=2)
    assert control.state()["storeId"] == STORE
