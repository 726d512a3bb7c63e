"""Every code a customer or a shop owner may meet says what happened, in English and in Korean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.support import problem
from worker.errors import Rejected
from worker.portone.faults import FAULTS, fault
from worker.sentences import OWN, PORTONE, english, korean

HANGUL = re.compile(r"[가-힣]")


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_each_error_type_of_portone_has_both(code: str) -> None:
    said = korean(code)
    assert said is not None
    assert HANGUL.search(said)
    assert code == "UNAUTHORIZED" or english(code)


def test_no_sentence_is_written_twice_or_for_nothing() -> None:
    assert PORTONE.keys() <= FAULTS.keys()
    sentences = [text for pair in PORTONE.values() for text in pair]
    assert len(set(sentences)) == len(sentences)
    assert all(HANGUL.search(text) for text in OWN.values())
    assert not any(HANGUL.search(pair[0]) for pair in PORTONE.values())


@pytest.mark.parametrize("code", sorted(set(FAULTS) - {"UNAUTHORIZED"}))
def test_the_sentence_is_what_the_operation_says(code: str) -> None:
    status = FAULTS[code][0]
    error = fault(status, problem(status, code).content, {}).as_error()
    assert (error["code"], error["message"], error["message_ko"]) == (code, english(code), korean(code))


def test_what_the_database_says_in_korean_wins() -> None:
    refusal = Rejected("PAYMENT_NOT_PAID", "no", extra={"message_ko": "기한이 지났습니다."})
    assert refusal.as_error()["message_ko"] == "기한이 지났습니다."
    assert "message_ko" not in Rejected("SOMETHING_NEW", "no").as_error()


def codes_of_client_functions() -> set[str]:
    """Return every error the comments of functions that app clients may call promise."""
    folder = Path(__file__).resolve().parents[2] / "supabase" / "migrations"
    sql = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql")))
    clients = set(re.findall(r"grant execute on function public\.(\w+)\([^)]*\) to authenticated", sql))
    comments = re.findall(r"comment on function public\.(\w+)\([^)]*\) is\s*'((?:[^']|'')*)'", sql)
    assert {"request_payment", "request_cancellation"} <= clients
    listed = [text.partition("Errors:")[2] for name, text in comments if name in clients]
    return {code for text in listed for code in re.findall(r"\b[A-Z][A-Z0-9_]{3,}\b", text)}


def test_every_refusal_a_customer_may_meet_has_a_korean_sentence() -> None:
    codes = codes_of_client_functions()
    assert len(codes) > 20
    assert {code for code in codes if korean(code) is None} == set()
