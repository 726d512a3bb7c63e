"""Lists: pages, filters, cursors, and the feed of money events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from sandbox.portone.control_client import SimulatorControl

    Pay = Callable[..., str]


def ask(api: httpx.Client, path: str, query: dict[str, Any]) -> dict[str, Any]:
    """List with the query form of ``requestBody``."""
    body: dict[str, Any] = api.get(path, params={"requestBody": json.dumps(query)}).json()
    return body


def ids(page: dict[str, Any]) -> list[str]:
    """Return the payment ids of a page."""
    return [item["id"] for item in page["items"]]


def test_pages(api: httpx.Client, pay: Pay) -> None:
    made = [pay() for _ in range(5)]
    first = ask(api, "/payments", {"page": {"number": 0, "size": 2}, "filter": {"sortOrder": "ASC"}})
    last = ask(api, "/payments", {"page": {"number": 2, "size": 2}, "filter": {"sortOrder": "ASC"}})
    assert (ids(first), ids(last)) == (made[:2], made[4:])
    assert last["page"] == {"number": 2, "size": 2, "totalCount": 5}
    assert ids(ask(api, "/payments", {})) == made[::-1]


def test_the_filter_says_pending_where_the_payment_says_pay_pending(
    api: httpx.Client, control: SimulatorControl, open_window: Pay, pay: Pay
) -> None:
    pending = open_window()
    control.pend(pending)
    paid = pay()
    assert ids(ask(api, "/payments", {"filter": {"status": ["PENDING"]}})) == [pending]
    assert ids(ask(api, "/payments", {"filter": {"status": ["PAID"]}})) == [paid]
    wrong = api.get("/payments", params={"requestBody": '{"filter": {"status": ["PAY_PENDING"]}}'})
    assert (wrong.status_code, wrong.json()["type"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"isTest": False}, [2]),
        ({"methods": ["EASY_PAY"]}, [1]),
        ({"pgProvider": ["TOSSPAYMENTS"]}, [0, 2]),
        ({"currency": "USD"}, []),
        ({"textSearch": [{"field": "ORDER_NAME", "value": "gadget"}]}, [1]),
        ({"textSearch": [{"field": "ALL", "value": "gadget"}]}, [1]),
        ({"version": "V1"}, []),
        ({"isScheduled": True}, []),
    ],
)
def test_filters(api: httpx.Client, pay: Pay, wanted: dict[str, Any], found: list[int]) -> None:
    made = [pay(), pay(1000, "easypay", "EASY_PAY", orderName="gadget"), pay(channel="live-card")]
    listed = ids(ask(api, "/payments", {"filter": {"sortOrder": "ASC", **wanted}}))
    assert listed == [made[index] for index in found]


def test_windows_of_time(api: httpx.Client, control: SimulatorControl, pay: Pay) -> None:
    old = pay()
    control.advance_clock(91 * 24 * 3600)
    new = pay()
    assert ids(ask(api, "/payments", {})) == [new], "90 days unless told otherwise"
    since = {"filter": {"from": "2020-01-01T00:00:00Z", "sortOrder": "ASC"}}
    assert ids(ask(api, "/payments", since)) == [old, new]
    api.post(f"/payments/{old}/cancel", json={"reason": "r", "amount": 1})
    assert set(ids(ask(api, "/payments", {}))) == {old, new}, "the status changed within the 90 days"
    assert ids(ask(api, "/payments", {"filter": {"timestampType": "CREATED_AT"}})) == [new]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/payments", '{"page": {"number": 59, "size": 1001}}', "page"),
        ("/payments", '{"page": {"size": 0}}', "page.size"),
        ("/payments", '{"filter": {"from": "yesterday"}}', "from"),
        ("/payments", "[]", "body"),
        ("/payments", "{", "body"),
        ("/payments-by-cursor", '{"size": 1001}', "size"),
        ("/payments-by-cursor", '{"cursor": "%%%"}', "cursor"),
        ("/payment-events-by-cursor", '{"until": "2026-01-01T00:00:00"}', "until"),
    ],
)
def test_malformed_queries(api: httpx.Client, path: str, query: str, field: str) -> None:
    response = api.get(path, params={"requestBody": query})
    assert (response.status_code, response.json()["type"]) == (400, "INVALID_REQUEST")
    assert field in response.json()["message"]


def test_the_query_may_come_as_a_body_and_the_parameter_wins(api: httpx.Client, pay: Pay) -> None:
    made = [pay(orderName="a b+c") for _ in range(3)]
    one = api.request("GET", "/payments", json={"page": {"size": 1}}).json()
    assert len(one["items"]) == 1
    both = api.request(
        "GET", "/payments", params={"requestBody": '{"page": {"size": 2}}'}, json={"page": {"size": 1}}
    )
    assert len(both.json()["items"]) == 2
    # The SDK's form encoding: a space becomes a plus sign.
    search = {"filter": {"sortOrder": "ASC", "textSearch": [{"field": "ORDER_NAME", "value": "a b+c"}]}}
    assert ids(ask(api, "/payments", search)) == made


def test_payments_by_cursor(api: httpx.Client, pay: Pay) -> None:
    made = [pay() for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while page := ask(api, "/payments-by-cursor", {"size": 2} | cursor)["items"]:
        seen += [item["payment"]["id"] for item in page]
        cursor = {"cursor": page[-1]["cursor"]}
    assert seen == made


def test_the_event_feed(api: httpx.Client, control: SimulatorControl, open_window: Pay, pay: Pay) -> None:
    payment_id = pay(1000)
    open_window()
    control.console_cancel(payment_id, amount=300)
    api.post(f"/payments/{payment_id}/cancel", json={"reason": "r"})
    events = [item["paymentEvent"] for item in ask(api, "/payment-events-by-cursor", {})["items"]]
    assert [(event["type"], event["eventAmount"]) for event in events] == [
        ("PAID", 1000),
        ("PARTIAL_CANCELLED", -300),
        ("CANCELLED", -700),
    ]
    assert [event["totalAmount"]["cancelled"] for event in events] == [0, 300, 1000], "as it was at the event"
    assert "cancellation" in events[1]
    rest = ask(
        api,
        "/payment-events-by-cursor",
        {"cursor": ask(api, "/payment-events-by-cursor", {})["items"][0]["cursor"]},
    )
    assert len(rest["items"]) == 2


def test_the_feed_goes_by_the_time_of_the_event(
    api: httpx.Client, control: SimulatorControl, pay: Pay
) -> None:
    payment_id = pay(1000)
    control.advance_clock(100 * 24 * 3600)
    control.chargeback(payment_id)
    (event,) = ask(api, "/payment-events-by-cursor", {})["items"]
    assert event["paymentEvent"]["eventAmount"] == -1000
    assert ask(api, "/payments-by-cursor", {})["items"] == []
