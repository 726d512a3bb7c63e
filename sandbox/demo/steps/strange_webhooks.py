"""Step 7: forged, replayed, unknown and orphaned webhooks are each answered and kept as they deserve."""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.demo.story import Story
    from sandbox.demo.world import World

_OLD_SECONDS = 600


def strange_webhooks_are_handled(world: World, story: Story) -> None:
    """Send one of each and look at answers and logs."""
    portone, books = world.portone, world.books
    purchase = world.prepared(world.customer(), 5_000)
    data = {
        "paymentId": purchase.payment_id,
        "storeId": purchase.window["storeId"],
        "transactionId": "tx-forged",
    }
    story.tell("Somebody forges `Transaction.Paid`: well made, but signed with another secret")
    forger = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    forged = portone.send_webhook(type="Transaction.Paid", data=data, secret=forger)
    story.expect("answer", forged["status"], 401)
    story.tell("Somebody replays a genuine one from ten minutes ago")
    old = portone.send_webhook(type="Transaction.Paid", data=data, timestamp=int(time.time()) - _OLD_SECONDS)
    story.expect("answer", old["status"], 400)
    kept = [row for message in (forged, old) for row in books.webhooks(message["id"])]
    status = books.payment(purchase.payment_id)["status"]
    story.expect("rows in webhook_logs · the payment", (len(kept), status), (0, "ready"))

    story.tell("PortOne invents a new event type")
    unknown = portone.send_webhook(type="Transaction.Teleported", data=data)
    story.expect("answer", unknown["status"], 200)
    (row,) = books.webhooks(unknown["id"])
    story.expect("kept as", (row["status"], row["skip_reason"]), ("skipped", "unknown_type"))

    story.tell("A genuine webhook names a payment nobody knows")
    stranger = f"stranger{uuid.uuid4().hex[:12]}"
    orphan = portone.send_webhook(type="Transaction.Paid", data={**data, "paymentId": stranger})
    story.expect("answer", orphan["status"], 200)
    books.wait_quiet(stranger)
    (seen,) = world.admin.select(
        "webhook_logs", "status,skip_reason,subject_id", webhook_id=f"eq.{orphan['id']}"
    )
    story.expect(
        "settled, as an admin sees it", seen,
        {"status": "skipped", "skip_reason": "payment_not_found", "subject_id": stranger},
    )  # fmt: skip
