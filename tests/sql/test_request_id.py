"""The id of a request reaches the job it makes, and only an id of the agreed form does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        (json.dumps({"x-request-id": "shop-7f3a.42_x"}), "shop-7f3a.42_x"), (json.dumps({"x-request-id": "short"}), None),
        (json.dumps({"x-request-id": "has space"}), None), (json.dumps({"x-request-id": "a" * 65}), None), (json.dumps({"x-request-id": "-leading-dash"}), None),
        (json.dumps({"x-request-id": "two\nlines-of-it"}), None), (json.dumps({}), None), ("", None), ("not json", None),
    ],
)  # fmt: skip
def test_a_job_keeps_the_id_of_its_request(
    shop: Shop, worker: Caller, headers: str, kept: str | None
) -> None:
    user = shop.new_user()
    order = shop.new_order(user)
    caller = shop.user(user)
    caller.rows("select set_config('request.headers', %s, false)", headers)
    caller.one("request_payment", order_id=order, pay_method="CARD")
    payload = shop.setup.row("select payload from queue.jobs")["payload"]
    assert payload.get("request_id") == kept
    assert ("request_id" in payload) == (kept is not None)
