"""What the chaos run calls unfinished, asked of a real database: what was answered 200 and not acted on is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.books import read_open
from tests.sql.shop import paid_payment
from tests.sql.test_webhook_log import delivery

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop


def test_a_webhook_kept_as_bytes_only_is_read_open(shop: Shop, worker: Caller) -> None:
    paid_payment(shop, worker)
    assert read_open(shop.url) == []
    bare = delivery("wh-bare", webhook_type=None, skip_reason="unparsable")
    worker.call("record_webhooks", webhooks=[bare])
    assert read_open(shop.url) == ["webhook wh-bare was put aside as unparsable"]
