"""Decides how each entry of ``payment_timeline``, and each send, reads as a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.db.reading import mapping, rows, text
from worker.language import Words, language, said
from worker.sentences import korean
from worker.story import words
from worker.story.figures import between, brief, money, span

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened; ``at`` is RFC 3339, ``source`` who says so."""

    at: str
    source: str
    sentence: str


def happened(story: Mapping[str, object]) -> list[Line]:
    """Return the lines of a payment's story (``explain_payment``), oldest first."""
    currency = mapping(story.get("payment")).get("currency")
    lines = [
        Line(text(entry.get("at")) or "", text(entry.get("source")) or "", _sentence(entry, currency))
        for entry in rows(story.get("timeline"))
    ]
    lines += [Line(text(send.get("sent_at")) or "", "send", _send(send)) for send in rows(story.get("sends"))]
    # Stable: what the database put in one moment stays in its order.
    return sorted(lines, key=lambda line: line.at)


def kind_of(kind: object) -> str:
    """Return what a job or an operation is about."""
    name = text(kind) or ""
    return said(words.KINDS[name]) if name in words.KINDS else name.replace("_", " ")


def why(error: object) -> str:
    """Return an error as a person reads it: the sentence in their language, and the code to look up."""
    known = mapping(error)
    code = text(known.get("code")) or text(known.get("pg_code")) or ""
    sentence = text(known.get("message")) or text(known.get("pg_message")) or ""
    if language() == "ko":
        sentence = text(known.get("message_ko")) or korean(code) or sentence
    return f"{sentence} ({code})" if code and sentence else sentence or code


def _sentence(entry: Mapping[str, object], currency: object) -> str:
    what, detail = text(entry.get("what")) or "", mapping(entry.get("detail"))
    match entry.get("source"):
        case "operation":
            return _operation(what, detail)
        case "cancellation":
            return _refund(what, detail, currency)
        case "webhook":
            return _webhook(what, detail, text(entry.get("at")))
        case "event":
            return _event(what, detail, currency)
        case _:
            return what


def _operation(what: str, detail: Mapping[str, object]) -> str:
    kind, _, end = what.rpartition(" ")
    if end == "requested":
        user = text(detail.get("requested_by"))
        who = said(words.SHOP) if user is None else said(words.USER, user=user)
        return said(words.ASKED, kind=kind_of(kind), who=who)
    if end == "failed":
        return said(words.FAILED, kind=kind_of(kind), why=why(detail.get("error")))
    return said(words.SUCCEEDED, kind=kind_of(kind)) if end == "succeeded" else what


def _refund(what: str, detail: Mapping[str, object], currency: object) -> str:
    status = what.rpartition(" ")[2]
    known = words.REFUNDS.get(status)
    if known is None:
        return what
    sentence = said(known, amount=money(detail.get("amount"), currency))
    reason = text(detail.get("reason"))
    parts = [sentence, *([said(words.REASON, reason=reason)] if reason else [])]
    return ", ".join([*parts, *([why(detail["failure"])] if detail.get("failure") else [])])


def _webhook(what: str, detail: Mapping[str, object], at: str | None) -> str:
    kind, _, status = what.rpartition(" ")
    known = words.WEBHOOKS.get(status)
    if known is None:
        return what
    lag = between(at, detail.get("processed_at"))
    reason = text(detail.get("skip_reason")) or why(detail.get("error"))
    return said(known, kind=kind, lag=_short(lag), why=reason)


def _short(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return brief(seconds) if seconds < 10 else span(seconds)


def _event(what: str, detail: Mapping[str, object], currency: object) -> str:
    if what == "status_changed":
        # An event that carries PortOne's total was made from what PortOne said.
        from_portone = "total" in detail or detail.get("source") == "portone"
        sentence = words.STATUS_CHANGED if from_portone else words.STATUS_SET
        return said(sentence, to=status_of(detail.get("to")), before=status_of(detail.get("from")))
    known = words.EVENTS.get(what)
    if known is None:
        return what.replace("_", " ")
    named = detail.get("discrepancies")
    listed = ", ".join(map(str, named)) if isinstance(named, list) else ""
    return said(known, amount=money(detail.get("amount"), currency), what=listed)


def status_of(status: object) -> str:
    """Return a payment's status in words."""
    name = text(status) or ""
    return said(words.STATUSES.get(name, Words(name, name)))


def _send(send: Mapping[str, object]) -> str:
    outcome = said(words.OUTCOMES.get(text(send.get("outcome")) or "", words.OUTCOMES[""]))
    sentence = said(words.SENT, kind=kind_of(send.get("kind")), number=send.get("number"), outcome=outcome)
    error = mapping(send.get("error"))
    return f"{sentence}, {why(error)}" if error.get("code") else sentence
