"""A PortOne that costs next to nothing: every payment is PAID, every answer comes after a fixed delay.

Every POST is answered with an empty object. The simulator (`sandbox.portone`) is for what is right: it keeps books, checks what it is
sent and sends webhooks, on the same two cores as the worker under test. This one answers from one rendered payment, byte for byte in
PortOne's shape, so that a figure is the worker's, not the simulator's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from urllib.parse import unquote

import uvloop

from worker.portone.snapshot import read_payment

AMOUNT = 1000
STORE_ID = "store-5e1f0000-0000-4000-8000-000000000001"
_ID = "@@payment-id@@"
_PAID = {
    "status": "PAID", "id": _ID, "transactionId": f"tx-{_ID}", "merchantId": "merchant-bench", "storeId": STORE_ID,
    "method": {"type": "PaymentMethodCard", "card": {"publisher": "KOOKMIN_CARD", "issuer": "KOOKMIN_CARD", "brand": "LOCAL",
      "type": "CREDIT", "ownerType": "PERSONAL", "bin": "540926", "name": "Card", "number": "540926******1234"},
      "approvalNumber": "00000000", "installment": {"month": 0, "isInterestFree": False}, "pointUsed": False},
    "channel": {"type": "TEST", "id": "channel-id-card", "key": "channel-key-card", "name": "card", "pgProvider": "TOSSPAYMENTS",
      "pgMerchantId": "tosstest"},
    "version": "V2", "requestedAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:02Z",
    "statusChangedAt": "2026-01-01T00:00:02Z", "orderName": "Widget",
    "amount": {"total": AMOUNT, "taxFree": 0, "vat": 91, "supply": 909, "discount": 0, "paid": AMOUNT, "cancelled": 0,
      "cancelledTaxFree": 0},
    "currency": "KRW", "customer": {}, "isCulturalExpense": False, "paidAt": "2026-01-01T00:00:02Z", "pgTxId": f"pg-{_ID}",
    "receiptUrl": "https://example.invalid/receipt",
}  # fmt: skip
_TEMPLATE = json.dumps(_PAID, separators=(",", ":")).encode()


def snapshot(payment_id: str) -> dict[str, object]:
    """What the worker makes of this PortOne's answer: for calls that are measured without a worker."""
    read = read_payment(json.loads(_TEMPLATE.replace(_ID.encode(), payment_id.encode())))
    if read is None:
        raise ValueError("the worker does not understand this payment")
    return dict(read.data)


class _Answering(asyncio.Protocol):
    def __init__(self, latency: float, counted: list[int]) -> None:
        self._latency = latency
        self._counted = counted
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        length = _content_length(head)
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        if head.startswith(b"POST"):
            content = b"{}"
        elif path.startswith(b"/payments/"):
            self._counted[0] += 1
            content = _TEMPLATE.replace(_ID.encode(), unquote(path.split(b"/")[2].decode()).encode())
        else:
            content = str(self._counted[0]).encode()
        answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
            content
        )
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer + content)
        else:
            self._transport.write(answer + content)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _serve(port: int, latency: float) -> None:
    counted = [0]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(latency, counted), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve until ended. `GET /ready` answers how many payments were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(given.port, given.latency_ms / 1000))


if __name__ == "__main__":
    main()
