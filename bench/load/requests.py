"""Decides the bytes of each kind of load: signed webhooks as PortOne sends them, single calls as supabase-js sends them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

STORE_ID = "store-5e1f0000-0000-4000-8000-000000000001"


def build(plan: dict[str, Any]) -> list[bytes]:
    """Return the requests of a plan. Raises `KeyError` for an unknown kind."""
    return {"webhooks": webhooks, "calls": calls}[plan["kind"]](plan)


def webhooks(plan: dict[str, Any]) -> list[bytes]:
    """Signed `Transaction.Paid` deliveries, each of a payment of its own unless `per_payment` says how many share one.

    `first` is the number of the first payment, `prefix` begins the payment ids, `secret` is `whsec_…`.
    """
    key = base64.b64decode(plan["secret"].removeprefix("whsec_"))
    head = (
        f"POST {plan['path']} HTTP/1.1\r\nhost: {plan['host']}:{plan['port']}\r\ncontent-type: application/json\r\n"
        "user-agent: portone-webhook\r\naccept: */*\r\n"
    )
    now = int(time.time())
    made = []
    first, share = plan.get("first", 0), plan.get("per_payment", 1)
    for number in range(first, first + plan["count"]):
        webhook_id = f"{plan['prefix']}wh{number:012d}"
        body = webhook_body(f"{plan['prefix']}{number // share:08d}")
        signed = hmac.digest(key, f"{webhook_id}.{now}.".encode() + body, hashlib.sha256)
        signature = base64.b64encode(signed).decode()
        made.append(
            f"{head}webhook-id: {webhook_id}\r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,{signature}\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
    return made


def webhook_body(payment_id: str) -> bytes:
    """PortOne docs: webhook, version 2024-04-25."""
    return json.dumps(
        {
            "type": "Transaction.Paid",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "data": {"paymentId": payment_id, "transactionId": f"tx-{payment_id}", "storeId": STORE_ID},
        }
    ).encode()


def calls(plan: dict[str, Any]) -> list[bytes]:
    """The same POST again and again; `{n}` in the body becomes the number of the call."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in plan["headers"].items())
    made = []
    first = plan.get("first", 0)
    for number in range(first, first + plan["count"]):
        body = plan["body"].replace("{n}", str(number)).encode()
        made.append(
            f"POST {plan['path']} HTTP/1.1\r\nhost: {plan['host']}:{plan['port']}\r\ncontent-type: application/json\r\n"
            f"{headers}content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
    return made
