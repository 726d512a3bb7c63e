"""Decides the numbered steps of every job and webhook at which a test may kill this process: what it does over HTTP.

A point is ``<job kind>.<step>`` (``cancel_payment.after_send``) or ``webhook.<step>``. The hooks watch our own HTTP
clients from outside, so no operation knows about them, and are installed only where a crash is armed.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.crash import armed_crash_point, crash_if_armed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    import httpx

    # What httpx calls before a request and after the head of its answer.
    Hook = Callable[[Any], Coroutine[Any, Any, None]]

Peer = Literal["portone", "database"]
# Numbers as people say them: "killed at step 4". A send changes something at PortOne, a read does not.
STEPS: Final[Mapping[str, int]] = {
    "before_read": 1,
    "after_read": 2,
    "before_begin": 3,
    "lost_begin_reply": 4,
    "after_begin": 5,
    "before_send": 6,
    "after_send": 7,
    "after_reply": 8,
    "before_settle": 9,
    "lost_settle_reply": 10,
    "after_settle": 11,
}
WEBHOOK_STEPS: Final[Mapping[str, int]] = {"before_record": 1, "lost_record_reply": 2, "after_record": 3}

# Before the request, request sent and no answer heard, answer heard.
_Moments = tuple[str, str | None, str]
_READ: Final[_Moments] = ("before_read", None, "after_read")
_SEND: Final[_Moments] = ("before_send", "after_send", "after_reply")
_DATABASE: Final[Mapping[str, _Moments]] = {
    "begin_attempts": ("before_begin", "lost_begin_reply", "after_begin"),
    "settle_jobs": ("before_settle", "lost_settle_reply", "after_settle"),
    "record_webhooks": ("before_record", "lost_record_reply", "after_record"),
}
_SENT: Final = "http11.send_request_body.complete"

_kind: ContextVar[str] = ContextVar("crash_steps_kind", default="")
_kinds: dict[int, str] = {}


def job_entered(job_id: int, kind: str) -> None:
    """Say whose steps follow in this task, and whose a later settle of this job is."""
    if armed_crash_point() is not None:
        _kind.set(kind)
        _kinds[job_id] = kind


def crash_hooks(peer: Peer) -> dict[str, list[Hook]]:
    """Return httpx event hooks that crash at the armed step; none where nothing is armed."""
    if armed_crash_point() is None:
        return {}
    steps_of = _portone_steps if peer == "portone" else _database_steps

    async def before(request: httpx.Request) -> None:
        subjects, (first, sent, _) = steps_of(request)
        _crash(subjects, first)
        if sent is not None:

            async def trace(event: str, _info: object) -> None:
                if event == _SENT:
                    _crash(subjects, sent)

            request.extensions = {**request.extensions, "trace": trace}

    async def after(response: httpx.Response) -> None:
        subjects, (_, _, last) = steps_of(response.request)
        _crash(subjects, last)

    return {"request": [before], "response": [after]}


def _portone_steps(request: httpx.Request) -> tuple[Sequence[str], _Moments]:
    return (_kind.get(),), _READ if request.method == "GET" else _SEND


def _database_steps(request: httpx.Request) -> tuple[Sequence[str], _Moments]:
    function = request.url.path.rpartition("/")[2]
    moments = _DATABASE.get(function)
    if moments is None:
        return (), _READ
    if function == "record_webhooks":
        return ("webhook",), moments
    if function == "begin_attempts":
        return (_kind.get(),), moments
    outcomes = json.loads(request.content)["outcomes"]
    return [_kinds.get(outcome["job_id"], "") for outcome in outcomes], moments


def _crash(subjects: Sequence[str], step: str) -> None:
    for subject in subjects:
        crash_if_armed(f"{subject}.{step}")
