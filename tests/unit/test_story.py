"""A payment's story: what waits for what is said right, in both languages, whatever the database sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.language import LANGUAGES, Words, language_of, said, speak
from worker.story import words
from worker.story.figures import between, clock, moment, money, span
from worker.story.standing import oldest_ready, standing
from worker.story.timeline import happened
from worker.story.waiting import still_open

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = "2026-11-25T12:00:00.000000Z"
EARLIER = "2026-11-25T11:00:00.000000Z"
LATER = "2026-11-25T12:03:00.000000Z"


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Each test begins in English."""
    speak("en")
    yield
    speak("en")


def story(**parts: Any) -> dict[str, Any]:
    """What explain_payment answers, with these parts."""
    empty: dict[str, Any] = {
        "now": NOW,
        "payment": {"currency": "KRW"},
        "timeline": [],
        "refunds": [],
        "sends": [],
        "jobs": [],
        "findings": [],
    }
    return empty | parts


def job(state: str, **fields: Any) -> dict[str, Any]:
    """A job of the payment's lane."""
    return {
        "id": 7,
        "kind": "cancel_payment",
        "state": state,
        "failures": 0,
        "created_at": EARLIER,
        "run_at": None,
        "error": None,
    } | fields


def test_nothing_open_is_nothing() -> None:
    assert still_open(story()) == []


def test_who_waits_for_whom() -> None:
    first = job(
        "backoff", id=6, failures=4, run_at=LATER, error={"code": "PORTONE_TIMEOUT", "message": "Too slow."}
    )
    told = still_open(story(jobs=[first, job("waiting")]))
    assert [one.sentence for one in told] == [
        "refund (job 6) failed 4 times, runs again in 3 min",
        "refund (job 7) waits for job 6",
    ]
    assert told[0].notes == ("last error: Too slow. (PORTONE_TIMEOUT)",)
    assert {one.level for one in told} == {"waits"}


def test_a_ready_job_nobody_takes_is_trouble() -> None:
    (late,) = still_open(story(jobs=[job("ready")]))
    assert late.level == "trouble"
    assert "No worker takes it" in late.notes[0]
    (fresh,) = still_open(story(jobs=[job("ready", created_at=NOW)]))
    assert fresh.level == "waits"


def test_what_needs_a_person_comes_first() -> None:
    dead = job("dead", reason="portone_timeout")
    finding = {"kind": "discrepancy", "first_seen_at": EARLIER}
    told = still_open(story(jobs=[job("running", worker="w", id=1), dead], findings=[finding]))
    assert [one.level for one in told] == ["trouble", "trouble", "waits"]
    assert "portone-worker jobs retry 7" in " ".join(note for one in told for note in one.notes)


@pytest.mark.parametrize(
    ("until", "said_so"),
    [(LATER, "The same request is repeated with the same key until"), (EARLIER, "Nothing is sent any more")],
)
def test_an_unknown_refund_says_whether_it_is_still_repeated(until: str, said_so: str) -> None:
    refund = {"id": "r1", "status": "unknown", "amount": 5000, "held_amount": 5000}
    (one,) = still_open(story(refunds=[refund], sends=[{"cancellation": "r1", "repeatable_until": until}]))
    assert one.sentence == "refund of 5,000 KRW sent, the answer was lost"
    assert said_so in one.notes[0]
    assert one.notes[1] == "5,000 KRW stays held meanwhile."


def test_refunds_that_ended_are_not_open() -> None:
    assert still_open(story(refunds=[{"id": "r", "status": "succeeded", "amount": 1}])) == []


def test_words_nobody_knows_are_told_as_they_are() -> None:
    entry = {"at": NOW, "source": "event", "what": "something_new", "detail": {}}
    other = {"at": NOW, "source": "machine", "what": "beep", "detail": None}
    assert [line.sentence for line in happened(story(timeline=[entry, other]))] == ["something new", "beep"]
    assert still_open(story(jobs=[job("levitating")])) == []


def test_sends_stand_where_they_happened() -> None:
    entry = {"at": EARLIER, "source": "operation", "what": "cancel_payment requested", "detail": {}}
    send = {"kind": "cancel_payment", "number": 2, "outcome": None, "sent_at": LATER, "error": {"code": None}}
    lines = happened(story(timeline=[entry], sends=[send]))
    assert [line.source for line in lines] == ["operation", "send"]
    assert lines[1].sentence == "sent to PortOne: refund, try 2: nothing known yet"
    assert lines[0].sentence == "refund asked for by the shop's server"


def catalogue() -> Iterator[tuple[str, Words]]:
    """Every sentence of the story."""
    for name, value in vars(words).items():
        if isinstance(value, Words):
            yield name, value
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", each) for key, each in value.items() if isinstance(each, Words))


def test_both_languages_say_the_same_things() -> None:
    sentences = dict(catalogue())
    assert len(sentences) > 50
    for name, sentence in sentences.items():
        places = [{part.split("}")[0] for part in text.split("{")[1:]} for text in (sentence.en, sentence.ko)]
        assert places[0] >= places[1], name
        assert any("가" <= character <= "힣" for character in sentence.ko), name


@pytest.mark.parametrize(
    ("environment", "wanted", "spoken"),
    [
        ({}, None, "en"), ({"LANG": "ko_KR.UTF-8"}, None, "ko"), ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, None, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ko_KR"}, None, "ko"), ({"LANG": "ko_KR"}, "en", "en"), ({}, "ko", "ko"), ({"LC_ALL": "", "LANG": "ko"}, None, "ko"),
    ],
)  # fmt: skip
def test_the_locale_decides_unless_told(environment: dict[str, str], wanted: str | None, spoken: str) -> None:
    assert language_of(environment, wanted) == spoken
    assert spoken in LANGUAGES


def test_figures() -> None:
    assert [money(48000, "KRW"), money(1050, "USD"), money(None, "KRW"), money(5, None)] == [
        "48,000 KRW",
        "10.50 USD",
        "",
        "5 KRW",
    ]
    assert [span(0), span(41), span(125), span(7800), span(90_000)] == [
        "0 s",
        "41 s",
        "2 min",
        "2 h 10 min",
        "1 d 1 h",
    ]
    assert moment("2026-11-25 12:00:00+00") == moment("2026-11-25T12:00:00Z")
    assert [clock(None), clock("yesterday"), between(EARLIER, NOW), between(None, NOW)] == [
        "",
        "",
        3600.0,
        None,
    ]
    speak("ko")
    assert [span(41), span(7800)] == ["41초", "2시간 10분"]


def test_the_overview_marks_trouble_only() -> None:
    calm = {"jobs": [{"kind": "k", "state": "ready", "jobs": 3, "oldest_seconds": 2}], "finished": {"seconds": 300, "done": 600, "failed": 0}, "webhooks": {"received": 1, "processed": 1, "skipped": 0, "failed": 0, "waiting": 0, "lag_p50_seconds": 0.1, "lag_p95_seconds": 0.2, "lag_max_seconds": 70}, "refunds": {"open": 1, "unknown": 0, "oldest_seconds": 5}, "unknown_outcomes": 0, "findings": {}}  # fmt: skip
    figures = {figure.name: figure for figure in standing(calm)}
    assert [figure.name for figure in figures.values() if figure.trouble] == []
    assert figures["throughput"].value.startswith("120.0 jobs a minute")
    assert figures["lag"].value == "half within 0.10 s, 95 % within 0.20 s, longest 1 min"
    bad = calm | {
        "jobs": [
            {"kind": "k", "state": "ready", "jobs": 3, "oldest_seconds": 200},
            {"kind": "k", "state": "dead", "jobs": 1, "oldest_seconds": 9},
        ],
        "findings": {"discrepancy": 2},
    }
    assert {figure.name for figure in standing(bad) if figure.trouble} == {"oldest", "dead", "drift"}
    assert oldest_ready(bad) == 200
    assert said(Words("a {b}", "가 {b}"), b=1) == "a 1"
