"""Decides how the whole stands in lines a person can take in at once, and which of them are trouble.

The limits are those of ops/prometheus/alerts.yml, where an alert says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.db.reading import mapping, number, rows, text, whole
from worker.language import Words, said
from worker.story.figures import brief, span

if TYPE_CHECKING:
    from collections.abc import Mapping

LATE_READY_SECONDS: Final = 60.0
LATE_WEBHOOK_SECONDS: Final = 60.0
STATES: Final = ("ready", "running", "waiting", "backoff", "scheduled", "dead")

_NAMES: Final[dict[str, Words]] = {
    "throughput": Words("throughput", "처리량"),
    "webhooks": Words("webhooks, last hour", "웹훅 (1시간)"),
    "lag": Words("webhook lag", "웹훅 지연"),
    "jobs": Words("jobs", "작업"),
    "oldest": Words("oldest ready job", "가장 오래된 대기 작업"),
    "dead": Words("dead jobs", "중단된 작업"),
    "refunds": Words("open refunds", "진행 중인 환불"),
    "unknown": Words("outcome unknown", "결과를 모르는 요청"),
    "drift": Words("findings", "확인 사항"),
}
_RATE = Words("{rate} jobs a minute ({failed} refused in 5 min)", "분당 {rate}건 (5분간 거절 {failed}건)")
_WEBHOOKS = Words(
    "{received} received, {processed} done, {skipped} nothing to do, {failed} failed, {waiting} waiting",
    "수신 {received}, 처리 {processed}, 처리 불필요 {skipped}, 실패 {failed}, 대기 {waiting}",
)
_LAG = Words(
    "half within {p50}, 95 % within {p95}, longest {longest}", "중앙값 {p50}, 95% {p95}, 최대 {longest}"
)
_OLDEST = Words("{age}", "{age}")
_REFUNDS = Words(
    "{open}, of them {unknown} without an answer; oldest {age}",
    "{open}건, 응답 없음 {unknown}건; 가장 오래된 것 {age}",
)
_NOTHING = Words("none", "없음")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the overview; ``trouble`` means that a person should look."""

    name: str
    title: str
    value: str
    trouble: bool = False


def standing(status: Mapping[str, object]) -> list[Figure]:
    """Return the lines of ``service_status``, in the order a person asks."""
    jobs, finished = rows(status.get("jobs")), mapping(status.get("finished"))
    webhooks, refunds = mapping(status.get("webhooks")), mapping(status.get("refunds"))
    oldest = oldest_ready(status)
    dead = sum(whole(job.get("jobs")) or 0 for job in jobs if job.get("state") == "dead")
    findings = {kind: whole(count) or 0 for kind, count in mapping(status.get("findings")).items()}
    unknown = whole(status.get("unknown_outcomes")) or 0
    return [
        _figure("throughput", said(_RATE, rate=_rate(finished), failed=whole(finished.get("failed")) or 0)),
        _figure("webhooks", said(_WEBHOOKS, **webhooks), trouble=bool(whole(webhooks.get("failed")))),
        _figure("lag", _lag(webhooks), trouble=(number(webhooks.get("oldest_waiting_seconds")) or 0) > LATE_WEBHOOK_SECONDS),
        _figure("jobs", _by_state(jobs)),
        _figure("oldest", said(_NOTHING) if oldest is None else said(_OLDEST, age=span(oldest)),
                trouble=(oldest or 0) > LATE_READY_SECONDS),
        _figure("dead", str(dead) if dead else said(_NOTHING), trouble=dead > 0),
        _figure("refunds", _refunds(refunds)),
        _figure("unknown", str(unknown) if unknown else said(_NOTHING)),
        _figure("drift", ", ".join(f"{kind} {count}" for kind, count in sorted(findings.items())) or said(_NOTHING),
                trouble=bool(findings)),
    ]  # fmt: skip


def oldest_ready(status: Mapping[str, object]) -> float | None:
    """Return how long the oldest job that could run now has waited for a worker, in seconds; None when there is none."""
    ages = [
        number(job.get("oldest_seconds")) for job in rows(status.get("jobs")) if job.get("state") == "ready"
    ]
    return max((age for age in ages if age is not None), default=None)


def _figure(name: str, value: str, *, trouble: bool = False) -> Figure:
    return Figure(name, said(_NAMES[name]), value, trouble)


def _rate(finished: Mapping[str, object]) -> str:
    ended = (whole(finished.get("done")) or 0) + (whole(finished.get("failed")) or 0)
    minutes = (number(finished.get("seconds")) or 300) / 60
    return f"{ended / minutes:,.1f}"


def _lag(webhooks: Mapping[str, object]) -> str:
    if number(webhooks.get("lag_p50_seconds")) is None:
        return said(_NOTHING)
    names = {"p50": "lag_p50_seconds", "p95": "lag_p95_seconds", "longest": "lag_max_seconds"}
    return said(_LAG, **{name: _seconds(number(webhooks.get(column))) for name, column in names.items()})


def _seconds(value: float | None) -> str:
    return brief(value or 0) if (value or 0) < 60 else span(value or 0)


def _by_state(jobs: list[Mapping[str, object]]) -> str:
    counts = {
        state: sum(whole(job.get("jobs")) or 0 for job in jobs if text(job.get("state")) == state)
        for state in STATES
    }
    return ", ".join(
        f"{state} {count:,}" for state, count in counts.items() if count and state != "dead"
    ) or said(_NOTHING)


def _refunds(refunds: Mapping[str, object]) -> str:
    count = whole(refunds.get("open")) or 0
    if not count:
        return said(_NOTHING)
    age = span(number(refunds.get("oldest_seconds")) or 0)
    return said(_REFUNDS, open=count, unknown=whole(refunds.get("unknown")) or 0, age=age)
