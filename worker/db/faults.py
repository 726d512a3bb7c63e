"""Decides what an unsuccessful answer of PostgREST means for the worker.

Our SQL functions raise only ``PT400 … PT503``, whose HTTP status PostgREST passes on (docs: raise errors with HTTP
status codes). Everything else is a constraint that fired, a wrong key, a missing function, or an outage.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from worker.errors import DatabaseFault, DatabaseUnavailable, Misconfigured, Rejected, WorkerError

if TYPE_CHECKING:
    from worker.http_answers import Answer

_GATEWAY = frozenset({502, 503, 504, 520, 521, 522, 523, 524})
# PostgREST's own codes for "no connection to the database" and "no schema cache yet".
_NOT_CONNECTED = ("PGRST000", "PGRST001", "PGRST002", "PGRST003")
# SQLSTATE classes that say nothing about what was sent: connection, rollback (deadlock), resources, a lock not had,
# cancelled (statement timeout) or shut down, the system below.
_PASSING = ("08", "40", "53", "55P03", "57", "58")
_MISSING_FUNCTION = ("PGRST202", "PGRST203", "42883")


def unreachable(function: str) -> DatabaseUnavailable:
    """Return the error for a call that got no answer at all."""
    return DatabaseUnavailable("DATABASE_NOT_REACHABLE", f"database not reachable (calling {function})")


def database_error(answer: Answer, *, function: str, as_user: bool) -> WorkerError:
    """Return the error for an HTTP answer that is not 2xx."""
    body = _body(answer)
    code = body.get("code") if isinstance(body.get("code"), str) else ""
    status = answer.status_code
    if isinstance(code, str) and code.startswith("PT4"):
        return _refused(body, status)
    if status == 429:
        return DatabaseUnavailable("DATABASE_BUSY", f"database busy (calling {function})", status=status)
    if code in _NOT_CONNECTED or status in _GATEWAY or code == "PT503":
        return DatabaseUnavailable(
            "DATABASE_NOT_REACHABLE",
            f"database not reachable (HTTP {status} calling {function})",
            status=status,
        )
    if status in (401, 403):
        return _denied(function, status, as_user=as_user)
    if code in _MISSING_FUNCTION:
        return Misconfigured(
            "DATABASE_FUNCTION_MISSING",
            f"Supabase has no function {function} as this worker calls it; run `supabase db push` with this release.",
            status=status,
            korean=f"Supabase에 이 작업자가 부르는 함수 {function}이(가) 없습니다. 이 버전의 마이그레이션으로 `supabase db push`를 실행하세요.",
        )
    if status >= 500:
        return DatabaseFault(
            "DATABASE_FAULT",
            f"database failed (HTTP {status} calling {function})",
            status=status,
            extra={"sqlstate": code},
        )
    return Rejected(
        "DATABASE_REFUSED",
        f"the database refused {function}",
        status=status,
        extra={"sqlstate": code or str(status)},
    )


def is_passing(error: DatabaseFault) -> bool:
    """Whether PostgreSQL itself says that the fault lies with the moment and not with what was sent."""
    return str(error.extra.get("sqlstate", "")).startswith(_PASSING)


def no_right(answer: Answer) -> bool:
    """Whether PostgREST knew who asked and the database said that this role has no right (42501)."""
    return _body(answer).get("code") == "42501"


def _denied(function: str, status: int, *, as_user: bool) -> WorkerError:
    if as_user and status == 401:
        return Rejected(
            "INVALID_TOKEN", "The access token is missing, expired or not valid for this project.", status=401,
            extra={"hint": "Sign in again and send the new access token as `Authorization: Bearer <token>`."},
        )  # fmt: skip
    if as_user:
        return Rejected(
            "FORBIDDEN", "This user may not do that.", status=403, extra={"message_ko": "권한이 없습니다."}
        )
    return Misconfigured(
        "DATABASE_KEY_REFUSED",
        f"SUPABASE_SECRET_KEY: Supabase refused it for {function} (HTTP {status}); copy the current secret key.",
        status=status,
        korean=f"SUPABASE_SECRET_KEY: Supabase가 거부했습니다({function}, HTTP {status}). 현재 시크릿 키를 다시 복사하세요.",
    )


def _refused(body: dict[str, object], status: int) -> Rejected:
    details = body.get("details")
    extra: dict[str, object] = {}
    if isinstance(details, str):
        try:
            parsed = json.loads(details)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, dict):
            extra = {str(key): value for key, value in parsed.items()}
    code = extra.pop("code", None)
    hint = body.get("hint")
    if isinstance(hint, str) and hint:
        extra["hint"] = hint
    message = body.get("message")
    return Rejected(
        code if isinstance(code, str) and code else "REFUSED",
        message if isinstance(message, str) else "The request was refused.",
        status=status,
        extra=extra,
    )


def _body(answer: Answer) -> dict[str, object]:
    try:
        value = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
