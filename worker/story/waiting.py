"""Decides what of a payment is still open, what it waits for, and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from worker.db.reading import mapping, rows, text
from worker.language import said
from worker.story import words
from worker.story.figures import between, clock, money, span
from worker.story.timeline import kind_of, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Level = Literal["waits", "trouble"]
# A ready job is taken within seconds by any worker that runs.
_LATE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Open:
    """One thing that has not ended; ``trouble`` needs a person, ``waits`` ends by itself. ``notes`` say why and what to do."""

    level: Level
    sentence: str
    notes: tuple[str, ...] = ()


def still_open(story: Mapping[str, object]) -> list[Open]:
    """Return what is open about a payment (``explain_payment``), what needs a person first."""
    found = [*_findings(story), *_refunds(story), *_jobs(story), *_webhooks(story)]
    return sorted(found, key=lambda one: one.level != "trouble")


def _findings(story: Mapping[str, object]) -> Iterator[Open]:
    for finding in rows(story.get("findings")):
        kind = text(finding.get("kind")) or ""
        age = _age(finding.get("first_seen_at"), story)
        yield Open(
            "trouble", said(words.FINDING, kind=kind, age=age), (said(words.FINDING_ADVICE, kind=kind),)
        )


def _refunds(story: Mapping[str, object]) -> Iterator[Open]:
    currency = mapping(story.get("payment")).get("currency")
    for refund in rows(story.get("refunds")):
        status = text(refund.get("status")) or ""
        if status not in ("reserved", "requested", "unknown"):
            continue
        notes = [_what_next(refund, status, story)] if status != "reserved" else []
        if refund.get("held_amount"):
            notes.append(said(words.HELD, amount=money(refund.get("held_amount"), currency)))
        sentence = said(words.REFUNDS[status], amount=money(refund.get("amount"), currency))
        yield Open("waits", sentence, tuple(notes))


def _what_next(refund: Mapping[str, object], status: str, story: Mapping[str, object]) -> str:
    if status == "requested":
        return said(words.PG_WORKS)
    until = max(
        (
            text(send.get("repeatable_until")) or ""
            for send in rows(story.get("sends"))
            if send.get("cancellation") == refund.get("id")
        ),
        default="",
    )
    left = between(story.get("now"), until)
    return (
        said(words.REPEATED, until=clock(until)) if left is not None and left > 0 else said(words.READ_ONLY)
    )


def _jobs(story: Mapping[str, object]) -> Iterator[Open]:
    jobs = rows(story.get("jobs"))
    first = next((job.get("id") for job in jobs if job.get("state") in ("ready", "running", "backoff")), "?")
    for job in jobs:
        state = text(job.get("state")) or ""
        known = words.JOB.get(state)
        if known is None:
            continue
        age = between(job.get("created_at"), story.get("now")) or 0.0
        sentence = said(
            known,
            kind=kind_of(job.get("kind")), id=job.get("id"), age=span(age), worker=job.get("worker"), first=first,
            failures=job.get("failures"), reason=job.get("reason"),
            next=span(between(story.get("now"), job.get("run_at")) or 0.0),
        )  # fmt: skip
        notes = [said(words.LAST_ERROR, why=why(job.get("error")))] if job.get("error") else []
        late = state == "ready" and age > _LATE_SECONDS
        if late:
            notes.append(said(words.NO_WORKER))
        if state == "dead":
            notes.append(said(words.DEAD_ADVICE, id=job.get("id")))
        yield Open("trouble" if late or state == "dead" else "waits", sentence, tuple(notes))


def _webhooks(story: Mapping[str, object]) -> Iterator[Open]:
    for entry in rows(story.get("timeline")):
        kind, _, status = (text(entry.get("what")) or "").rpartition(" ")
        if entry.get("source") == "webhook" and status == "received":
            yield Open("waits", said(words.WEBHOOK_WAITS, kind=kind))


def _age(since: object, story: Mapping[str, object]) -> str:
    return span(between(since, story.get("now")) or 0.0)
