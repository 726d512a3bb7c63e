"""Decides from both books and from what was asked whether anything was lost, done twice, left different or left open.

Pure: reads nothing, so that it can be tried on fabricated books. Each finding is a sentence naming the operation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.chaos.compare import payment_differences, schedule_differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.chaos.books import Ours, Theirs
    from sandbox.chaos.ledger import Ask

_MONEY_MOVED = ("PAID", "PARTIAL_CANCELLED", "CANCELLED")
# Operations whose effect at PortOne must be there exactly when they succeeded.
_EXACT = frozenset({"charge_billing_key", "confirm_payment", "cancel_payment", "create_schedule"})
_AT_LEAST = frozenset({"stop_cancellation", "close_virtual_account", "revoke_schedule", "delete_billing_key"})


@dataclass
class Verdict:
    """Findings by what they mean; all four must be empty."""

    lost: list[str] = field(default_factory=list)
    double_effects: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    effects: int = 0

    @property
    def clean(self) -> bool:
        """Say whether nothing was found."""
        return not (self.lost or self.double_effects or self.diverged or self.stuck)


def effects_of(theirs: Theirs) -> Mapping[str, Counter[str]]:
    """Return for each kind of operation how often PortOne shows each mark."""
    paid = Counter(p["orderName"] for p in theirs.payments.values() if p["status"] in _MONEY_MOVED)
    refunds = Counter(
        entry["reason"]
        for payment in theirs.payments.values()
        for entry in payment.get("cancellations", [])
        if entry["status"] != "FAILED"
    )
    stopped = Counter(
        entry["reason"]
        for payment in theirs.payments.values()
        for entry in payment.get("cancellations", [])
        if entry["status"] == "FAILED"
    )
    schedules = theirs.schedules.values()
    return {
        "prepare_payment": paid,
        "charge_billing_key": paid,
        "confirm_payment": paid,
        "cancel_payment": refunds,
        "stop_cancellation": stopped,
        "close_virtual_account": Counter(
            p["orderName"] for p in theirs.payments.values() if p["status"] == "FAILED"
        ),
        "create_schedule": Counter(one["orderName"] for one in schedules),
        "revoke_schedule": Counter(one["orderName"] for one in schedules if one["status"] == "REVOKED"),
        "delete_billing_key": Counter(
            name for name, key in theirs.billing_keys.items() if key["status"] == "DELETED"
        ),
    }


def judge(
    asks: Sequence[Ask],
    acknowledged: Mapping[tuple[str, str], int],
    ours: Ours,
    theirs: Theirs,
    withheld: Iterable[tuple[str, str]] = (),
) -> Verdict:
    """Compare what was asked, what was acknowledged and both books; `withheld` are (type, payment) no worker ever heard."""
    verdict = Verdict()
    effects = effects_of(theirs)
    for ask in asks:
        _operation(verdict, ask, ours, effects)
    for name, count in effects["charge_billing_key"].items():
        if count > 1:
            verdict.double_effects.append(f"order {name} was paid {count} times")
    verdict.effects = sum(
        sum(effects[kind].values())
        for kind in ("prepare_payment", "cancel_payment", "close_virtual_account", "create_schedule",
                     "revoke_schedule", "delete_billing_key")
    )  # fmt: skip
    _unasked(verdict, asks, theirs)
    _webhooks(verdict, acknowledged, ours)
    _silence(verdict, {(payment_id, kind) for kind, payment_id in withheld}, ours)
    _orders(verdict, ours, theirs)
    refunds = defaultdict(list)
    for row in ours.cancellations:
        refunds[row["payment_id"]].append(row)
    for payment_id, body in theirs.payments.items():
        if payment_id in ours.payments:
            verdict.diverged += payment_differences(ours.payments[payment_id], refunds[payment_id], body)
        else:
            verdict.diverged.append(f"payment {payment_id} is at PortOne and not here")
    for payment_id, row in ours.payments.items():
        if payment_id not in theirs.payments and (
            row["paid_amount"] or row["cancelled_amount"] or refunds[payment_id]
        ):
            verdict.diverged.append(f"payment {payment_id} has money here and is not at PortOne")
    verdict.diverged += schedule_differences(ours.schedules, theirs.schedules)
    _keys(verdict, ours, theirs)
    verdict.stuck += ours.open
    return verdict


def _operation(verdict: Verdict, ask: Ask, ours: Ours, effects: Mapping[str, Counter[str]]) -> None:
    about = f"{ask.kind} {ask.mark}" + (f" killed at {ask.point}" if ask.point else "")
    seen = effects[ask.kind][ask.mark] if ask.kind in effects else 0
    if seen > 1 and ask.kind in _EXACT:
        verdict.double_effects.append(f"{about}: {seen} effects at PortOne")
    if ask.operation_id is None:
        if ask.refused not in ask.may_fail:
            verdict.lost.append(f"{about}: nobody accepted it ({ask.refused or 'no answer'})")
        return
    row = ours.operations.get(ask.operation_id)
    if row is None:
        verdict.lost.append(f"{about}: accepted as {ask.operation_id}, which does not exist")
        return
    if row["status"] == "succeeded" and seen == 0 and ask.kind in _EXACT | _AT_LEAST:
        verdict.lost.append(f"{about}: succeeded here, nothing at PortOne")
    if row["status"] == "failed":
        error = row["error"] or {}
        code = error.get("code")
        if code not in ask.may_fail:
            verdict.lost.append(
                f"{about}: ended as {code} although nothing forbade it: {error.get('message')}"
            )
        if seen and ask.kind in _EXACT:
            verdict.diverged.append(f"{about}: failed here as {code}, executed at PortOne")


def _unasked(verdict: Verdict, asks: Sequence[Ask], theirs: Theirs) -> None:
    """A refund over the API whose reason nobody gave: the shop's own, and one too many."""
    wanted = {ask.mark for ask in asks}
    for payment_id, body in theirs.payments.items():
        for entry in body.get("cancellations", []):
            ours = entry.get("trigger") == "API" and entry["status"] != "FAILED"
            if ours and entry["reason"] not in wanted:
                verdict.double_effects.append(
                    f"payment {payment_id}: refund {entry['reason']!r} was asked for by nobody"
                )


def _webhooks(verdict: Verdict, acknowledged: Mapping[tuple[str, str], int], ours: Ours) -> None:
    for (webhook_id, digest), count in acknowledged.items():
        kept = ours.webhooks.get((webhook_id, digest), 0)
        if kept < count:
            verdict.lost.append(f"webhook {webhook_id}: acknowledged {count} times, {kept} in webhook_logs")


def _silence(verdict: Verdict, withheld: set[tuple[str, str]], ours: Ours) -> None:
    """What was withheld is a finding, and nothing else is: whatever PortOne could deliver has come, and is known to have."""
    for payment_id, kind in sorted(withheld & ours.learned - ours.arrived):
        if (payment_id, kind) not in ours.overdue:
            verdict.lost.append(f"webhook {kind} of {payment_id}: never came, and nobody noticed")
    for (payment_id, kind), still in ours.overdue.items():
        if still and (payment_id, kind) not in withheld:
            verdict.stuck.append(
                f"finding webhook_overdue about {payment_id}: {kind}, though it was delivered"
            )


def _orders(verdict: Verdict, ours: Ours, theirs: Theirs) -> None:
    proofs = {
        row["order_id"]
        for row in ours.payments.values()
        if not row["discrepancies"]
        and theirs.payments.get(row["payment_id"], {}).get("status") in _MONEY_MOVED
    }
    for order_id, count in ours.settled.items():
        if count > 1:
            verdict.double_effects.append(f"order {order_id} was fulfilled {count} times")
        if order_id not in proofs:
            verdict.diverged.append(f"order {order_id} was fulfilled and nothing at PortOne pays for it")
    for row in ours.payments.values():
        proven = row["paid_amount"] > 0 and not row["discrepancies"]
        order_id = row["order_id"]
        if proven and ours.settled.get(order_id, 0) == 0:
            verdict.diverged.append(f"order {order_id} is paid and was never fulfilled")


def _keys(verdict: Verdict, ours: Ours, theirs: Theirs) -> None:
    for name, key in theirs.billing_keys.items():
        row = ours.billing_keys.get(name)
        if key["status"] not in ("ISSUED", "DELETED"):
            continue
        if row is None:
            verdict.diverged.append(f"billing key {name} is at PortOne and not here")
        elif (row["deleted_at"] is not None) != (key["status"] == "DELETED"):
            verdict.diverged.append(f"billing key {name} is {key['status']} at PortOne, here it is not")
