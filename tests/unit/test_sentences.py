"""Every code a customer or a shop owner may meet says what happened, in English and in Korean."""

from __future__ import annotations

import re

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
