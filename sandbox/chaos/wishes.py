"""Decides how each operation is spelled at both doors: Supabase's RPC and the worker's routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Wish:
    """One operation somebody wants. `route` and `body` are the worker's spelling of `function` and `arguments`."""

    kind: str
    mark: str
    function: str
    arguments: dict[str, Any]
    method: str
    route: str
    body: dict[str, Any] = field(default_factory=dict)
    may_fail: tuple[str, ...] = ()


def pay(mark: str, order_id: str, method: str) -> Wish:
    """Pay an order in the payment window."""
    asked = {"order_id": order_id, "pay_method": method}
    return Wish("prepare_payment", mark, "request_payment", asked, "POST", "/payments", asked)


def complete(mark: str, payment_id: str) -> Wish:
    """The window has closed."""
    route = f"/payments/{payment_id}/complete"
    return Wish("complete_payment", mark, "request_completion", {"payment_id": payment_id}, "POST", route)


def confirm(mark: str, payment_id: str, token: str, tx_id: str) -> Wish:
    """Approve by hand."""
    told = {"payment_token": token, "tx_id": tx_id}
    route = f"/payments/{payment_id}/confirm"
    asked = {"payment_id": payment_id, **told}
    return Wish("confirm_payment", mark, "request_confirmation", asked, "POST", route, told)


def refund(
    mark: str, payment_id: str, amount: int, account: dict[str, str] | None, may_fail: tuple[str, ...]
) -> Wish:
    """Give money back; `account` has bank, number and holder_name."""
    asked: dict[str, Any] = {"amount": amount, "reason": mark}
    body = {**asked, **({"refund_account": account} if account else {})}
    named = {} if account is None else {
        "refund_bank": account["bank"], "refund_account_number": account["number"],
        "refund_account_holder": account["holder_name"],
    }  # fmt: skip
    return Wish(
        "cancel_payment", mark, "request_cancellation", {"payment_id": payment_id, **asked, **named},
        "POST", f"/payments/{payment_id}/cancel", body, may_fail,
    )  # fmt: skip


def close(mark: str, payment_id: str) -> Wish:
    """Close an unpaid virtual account."""
    told = {"reason": mark}
    route = f"/payments/{payment_id}/cancel"
    asked = {"payment_id": payment_id, **told}
    return Wish("close_virtual_account", mark, "request_cancellation", asked, "POST", route, told)


def register(mark: str, key: str, issue_id: str) -> Wish:
    """Save a card."""
    asked = {"billing_key": key, "issue_id": issue_id}
    return Wish("register_billing_key", mark, "register_billing_key", asked, "POST", "/billing-keys", asked)


def charge(mark: str, order_id: str, card_id: str) -> Wish:
    """Charge a saved card."""
    asked = {"order_id": order_id, "billing_key_id": card_id}
    return Wish(
        "charge_billing_key", mark, "request_billing_payment", asked, "POST", "/billing-payments", asked
    )


def schedule(mark: str, order_id: str, card_id: str, at: str) -> Wish:
    """Charge a saved card later."""
    asked = {"order_id": order_id, "billing_key_id": card_id, "time_to_pay": at}
    return Wish("create_schedule", mark, "request_schedule", asked, "POST", "/schedules", asked)


def revoke(mark: str, schedule_id: str, may_fail: tuple[str, ...]) -> Wish:
    """Take a schedule back."""
    route = f"/schedules/{schedule_id}"
    return Wish(
        "revoke_schedule", mark, "revoke_schedule", {"id": schedule_id}, "DELETE", route, {}, may_fail
    )


def delete(mark: str, card_id: str) -> Wish:
    """Delete a saved card."""
    route = f"/billing-keys/{card_id}"
    return Wish("delete_billing_key", mark, "delete_billing_key", {"id": card_id}, "DELETE", route)
