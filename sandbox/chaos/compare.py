"""Decides when one payment and one schedule are the same in both books."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.chaos.books import Row

_STATUS = {
    "READY": ("ready", "expired"),
    "PAY_PENDING": ("pay_pending",),
    "VIRTUAL_ACCOUNT_ISSUED": ("virtual_account_issued",),
    "FAILED": ("failed",),
    "PAID": ("paid",),
    "PARTIAL_CANCELLED": ("partial_cancelled",),
    "CANCELLED": ("cancelled",),
}
_SETTLED = ("PAID", "PARTIAL_CANCELLED", "CANCELLED")


def payment_differences(row: Row, refunds: Sequence[Row], body: Row) -> list[str]:
    """Compare a row of `payments` and its refunds with the payment as PortOne prints it."""
    settled = body["status"] in _SETTLED
    total = body["amount"]["total"] if settled else 0
    cancelled = body["amount"]["cancelled"] if settled else 0
    entries = body.get("cancellations", [])
    held = sum(e["totalAmount"] for e in entries if e["status"] == "REQUESTED")
    pairs: dict[str, tuple[object, object]] = {
        "transaction": (row["provider_transaction_id"], body["transactionId"]),
        "paid": (row["paid_amount"], total),
        "cancelled": (row["cancelled_amount"], cancelled),
        "held": (row["reserved_amount"], held),
        "left": (row["cancellable_amount"], total - cancelled - held),
        "refunds": (
            {
                r["cancellation_id"]: (r["amount"], r["status"].upper())
                for r in refunds
                if r["cancellation_id"]
            },
            {e["id"]: (e["totalAmount"], e["status"]) for e in entries},
        ),
    }
    found = [
        f"{name}: ours {ours}, PortOne's {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]
    if row["status"] not in _STATUS[body["status"]]:
        found.insert(0, f"status: ours {row['status']}, PortOne's {body['status']}")
    return [f"payment {body['id']}: {sentence}" for sentence in found]


def schedule_differences(ours: Sequence[Row], theirs: Mapping[str, Row]) -> list[str]:
    """Compare every schedule; one that PortOne never made must have failed here."""
    found = []
    known = {row["schedule_id"]: row for row in ours if row["schedule_id"] is not None}
    for name, body in theirs.items():
        row = known.get(name)
        if row is None:
            found.append(f"schedule {name} of {body['paymentId']} is at PortOne and not here")
        elif row["status"].upper() != body["status"]:
            found.append(f"schedule {name}: ours {row['status']}, PortOne's {body['status']}")
    for name, row in known.items():
        if name not in theirs:
            found.append(f"schedule {name} of {row['payment_id']} is here and not at PortOne")
    return found
