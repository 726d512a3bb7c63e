"""What reading PortOne cannot decide, a person decides, with a reason that is kept; never that money moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.sql.shop import Refused, amounts, cancellation, claim, settle, snapshot
from tests.sql.test_read_back_decides import CALLS, WINDOW, ended, findings, left_dead, undecided
from tests.sql.test_views import documented

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Shop


def by_hand(owner: Caller, *arguments: Any) -> str:
    """Decides by hand; the code of the refusal, or how the operation stands."""
    marks = ", ".join(["%s::uuid", "%s", "%s"][: len(arguments)])
    try:
        return str(
            owner.row(f"select (private.decide_by_hand({marks})).status::text as status", *arguments)[
                "status"
            ]
        )
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize("kind", [*CALLS, "cancel_payment"])
def test_a_person_may_decide_that_it_never_happened(
    shop: Shop, worker: Caller, owner: Caller, kind: str
) -> None:
    call = undecided(shop, worker, kind)
    assert by_hand(owner, call["operation"], " ") == "REASON_REQUIRED"
    assert by_hand(owner, shop.new_user(), "who?") == "OPERATION_NOT_FOUND"
    assert by_hand(owner, call["operation"], "support says no") == "failed"
    assert ended(worker, call) == ("failed", "NOT_EXECUTED")
    assert [how for _, how in findings(owner)] == ["support says no"]
    assert (left_dead(owner), amounts(owner, call["payment"])[2]) == (0, 0)
    assert by_hand(owner, call["operation"], "again") == "OPERATION_NOT_UNDECIDED"


def test_a_person_may_say_which_cancellation_a_refund_is(shop: Shop, worker: Caller, owner: Caller) -> None:
    call = undecided(shop, worker, "cancel_payment")
    assert by_hand(owner, call["operation"], "this one", "c-2") == "CANCELLATION_NOT_LISTED"
    shop.advance(WINDOW + 61)
    entries = [cancellation(name, 300, requested_at="2099-01-01T00:00:00Z") for name in ("c-1", "c-2")]
    (job,) = claim(worker)
    seen = snapshot(
        call["payment"],
        "PARTIAL_CANCELLED",
        cancelled=600,
        cancellations=entries,
        updated_at="2099-01-01T00:00:00Z",
    )
    settle(worker, job, snapshots=[seen])
    assert ended(worker, call) == ("pending", None), "two fit"
    assert by_hand(owner, call["operation"], "this one", "c-2") == "succeeded"
    assert amounts(owner, call["payment"]) == (1000, 600, 0, 400)
    assert {how for _, how in findings(owner)} == {"this one"}


def test_the_two_lines_of_the_operators_guide_run_as_written(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    never, this_one = [line for line in documented() if "decide_by_hand" in line]
    call = undecided(shop, worker, "cancel_payment")

    def run(statement: str, cancellation_id: str = "") -> None:
        filled = statement.replace("<operation id>", str(call["operation"]))
        owner.connection.execute(filled.replace("<PortOne cancellation id>", cancellation_id).encode())

    with pytest.raises(psycopg.Error, match="PortOne lists no cancellation with this id"):
        run(this_one, "c-1")
    run(never)
    assert ended(worker, call) == ("failed", "NOT_EXECUTED")
