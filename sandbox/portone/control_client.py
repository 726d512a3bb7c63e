"""Decides nothing: one method per route of the control API, for tests and the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from sandbox.setup.tls import certificates

from .control_calls import MoreCalls

if TYPE_CHECKING:
    from types import TracebackType


class SimulatorRefused(Exception):
    """The control API refused; ``status`` and ``payload`` are its answer."""

    def __init__(self, status: int, payload: dict[str, Any]) -> None:
        super().__init__(f"{status} {payload.get('type')}: {payload.get('message')}")
        self.status = status
        self.payload = payload


class SimulatorControl(MoreCalls):
    """Synchronous client of ``/_sim``; every method raises SimulatorRefused on a refusal.

    ``url`` is either the simulator's base URL or its control URL.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 90) -> None:
        base = url.rstrip("/")
        base = base if base.endswith("/_sim") else base + "/_sim"
        self._client = httpx.Client(
            base_url=base, timeout=timeout_seconds, trust_env=False, verify=certificates()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def open_store(self, store_id: str, **store: Any) -> dict[str, Any]:
        """Open a further store (apiSecrets?, webhookUrls?, webhookSecrets?, channels?); its secrets are in the answer."""
        return self._object("PUT", f"/stores/{quote(store_id, safe='')}", store)

    def api_secrets(self, *secrets: str, **options: Any) -> None:
        """The console issues or expires V2 API secrets: from now on a store takes these (storeId?)."""
        self._object("PUT", "/api-secrets", {"secrets": list(secrets), **options})

    # -- buyer, PG, console ---------------------------------------------------------------------------------------

    def open_window(self, **window: Any) -> dict[str, Any]:
        """Play the browser SDK's requestPayment; ``{txId, …}``, or ``{code, message, …}`` when it refuses."""
        return self._object("POST", "/windows", window)

    def payment(self, payment_id: str) -> dict[str, Any]:
        """Return the payment as GET would show it, without a trace in the request log."""
        return self._object("GET", f"/payments/{quote(payment_id, safe='')}/get")

    def approve(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """The PG approves (transactionId?, late?, discount?)."""
        return self._act(payment_id, "approve", options)

    def pend(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """The PG decides later."""
        return self._act(payment_id, "pend", options)

    def fail(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """The PG refuses (pgCode?, pgMessage?)."""
        return self._act(payment_id, "fail", options)

    def issue_virtual_account(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """The PG issues an account (bank?)."""
        return self._act(payment_id, "issue-virtual-account", options)

    def expire_virtual_account(self, payment_id: str) -> dict[str, Any]:
        """The account's time is over now."""
        return self._act(payment_id, "expire-virtual-account", {})

    def payment_token(self, payment_id: str) -> str | None:
        """Return the token of a manual approval that waits for confirm, None without one."""
        token: str | None = self._object("GET", f"/payments/{quote(payment_id, safe='')}/token")[
            "paymentToken"
        ]
        return token

    def deposit(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """The buyer pays into the account."""
        return self._act(payment_id, "deposit", options)

    def console_cancel(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """A person cancels in the PortOne console (amount?, reason?)."""
        return self._act(payment_id, "console-cancel", options)

    def chargeback(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """The card company takes money back (amount?)."""
        return self._act(payment_id, "chargeback", options)

    def complete_cancellation(self, payment_id: str, cancellation_id: str, outcome: str) -> dict[str, Any]:
        """End a REQUESTED cancellation as SUCCEEDED or FAILED."""
        return self._act(
            payment_id, "complete-cancellation", {"cancellationId": cancellation_id, "outcome": outcome}
        )

    def refund_payout(self, payment_id: str, outcome: str) -> dict[str, Any]:
        """End the bank transfer behind a virtual-account refund."""
        return self._act(payment_id, "refund-payout", {"outcome": outcome})

    def dispute(self, payment_id: str, **options: Any) -> dict[str, Any]:
        """The card holder disputes (reason?)."""
        return self._act(payment_id, "dispute", options)

    def resolve_dispute(self, payment_id: str) -> dict[str, Any]:
        """The open dispute ends."""
        return self._act(payment_id, "resolve-dispute", {})

    # -- webhooks -------------------------------------------------------------------------------------------------

    def webhooks(self, **filters: str) -> list[dict[str, Any]]:
        """Return all messages, oldest first (paymentId?, type?)."""
        rows: list[dict[str, Any]] = self._json("GET", "/webhooks", params=filters)
        return rows

    def webhook_settings(self, **settings: Any) -> dict[str, Any]:
        """Change the console's webhook page (urls?, secrets?, version?, contentType?, mode?, environment?, storeId?)."""
        return self._object("POST", "/webhooks/settings", settings)

    def hold_webhooks(self) -> None:
        """Keep new messages back until ``release_webhooks``."""
        self.webhook_settings(mode="hold")

    def deliver_webhooks(self) -> None:
        """Deliver new messages at once again; held ones stay held."""
        self.webhook_settings(mode="deliver")

    def release_webhooks(self, **options: Any) -> list[dict[str, Any]]:
        """Deliver what is held (order?, duplicate?, drop?, delay_seconds?); the replies in order of delivery."""
        delivered: list[dict[str, Any]] = self._json("POST", "/webhooks/release", options)["delivered"]
        return delivered

    def redeliver(self, message_id: str) -> dict[str, Any]:
        """Send a message again; the receiver's ``{status, body}``."""
        return self._object("POST", f"/webhooks/{message_id}/redeliver", {})

    def send_webhook(self, **message: Any) -> dict[str, Any]:
        """Send any message, forged ones included; the receiver's ``{status, body}``."""
        return self._object("POST", "/webhooks/send", message)

    def settle(self, timeout_seconds: float = 30) -> None:
        """Wait until every due delivery was attempted; raises TimeoutError when it takes longer."""
        if not self._json("POST", "/webhooks/settle", {"timeout_seconds": timeout_seconds})["settled"]:
            raise TimeoutError(f"webhooks were still on their way after {timeout_seconds} s")

    # -- clock, faults, log, state --------------------------------------------------------------------------------

    def advance_clock(self, seconds: float) -> str:
        """Move the clock forward, making due re-sends; the new time."""
        now: str = self._json("POST", "/clock", {"advance_seconds": seconds})["now"]
        return now

    def now(self) -> str:
        """Return simulated time."""
        now: str = self._json("GET", "/clock")["now"]
        return now

    def add_fault(self, kind: str, path: str, *, method: str = "*", times: int = 1, **options: Any) -> None:
        """Disturb the next ``times`` matching requests."""
        self._json(
            "POST", "/faults", {"method": method, "path": path, "kind": kind, "times": times, **options}
        )

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults still to come."""
        rows: list[dict[str, Any]] = self._json("GET", "/faults")["faults"]
        return rows

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._json("DELETE", "/faults")

    def requests(self, **filters: str) -> list[dict[str, Any]]:
        """Return the PortOne calls received, oldest first (path?, method?)."""
        rows: list[dict[str, Any]] = self._json("GET", "/requests", params=filters)
        return rows

    def state(self) -> dict[str, Any]:
        """Return a summary of everything, and ``export`` for ``import_state``."""
        return self._object("GET", "/state")

    def assumptions(self, **changes: Any) -> dict[str, Any]:
        """Change assumptions about undocumented behaviour, and return all of them with their sources."""
        return self._object("POST", "/assumptions", changes)

    def reset(self) -> None:
        """Forget everything, back to the start configuration and real time."""
        self._json("POST", "/reset", {})

    def _act(self, payment_id: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._object("POST", f"/payments/{quote(payment_id, safe='')}/{action}", body)

    def _object(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        payload: dict[str, Any] = self._json(method, path, body)
        return payload

    def _json(self, method: str, path: str, body: Any = None, *, params: dict[str, str] | None = None) -> Any:
        reply = self._client.request(method, path, json=body, params=params)
        payload = reply.json()
        if reply.status_code >= 400:
            raise SimulatorRefused(reply.status_code, payload)
        return payload
