"""Decides whether app clients can do more than the migrations allow: somebody may have granted by hand.

Only our objects are judged, by name; what else a project keeps in ``public`` is its own business. ``private`` and
``queue`` are not exposed, so whatever stands open there is worth a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok
from worker.db.calls import CALLS
from worker.db.relations import OUR_RELATIONS
from worker.language import AS_TOLD, Words, said, with_more

if TYPE_CHECKING:
    from worker.db.installation import Installation

NAME: Final = "access"
_NAMED: Final = 5
# A shop that had a table of this name keeps its own rules for it.
_JUDGED: Final = OUR_RELATIONS - {"orders"}
_NO_RLS: Final = Words("{table} has no row level security", "{table}에 RLS가 꺼져 있습니다")
_MAY: Final = Words(
    "{role} may {privilege} {relation}", "{role}에게 {relation}의 {privilege} 권한이 있습니다"
)
_EXECUTES: Final = Words("{role} may execute {function}", "{role}에게 {function} 실행 권한이 있습니다")
_WELL: Final = Words(
    "row level security is on and clients may do what the migrations say",
    "RLS가 켜져 있고 앱의 권한이 마이그레이션과 같습니다",
)
_FIX: Final = Words(
    "revoke it, or enable row level security; each object's migration says what is meant",
    "권한을 회수하거나 RLS를 켜세요. 올바른 권한은 각 객체의 마이그레이션에 있습니다",
)


def check_access(installation: Installation) -> CheckResult:
    """Look for tables without row level security and for grants to anon and authenticated that no migration made."""
    problems = [said(_NO_RLS, table=table) for table in installation.tables_without_rls if _ours(table)]
    problems += [
        said(_MAY, role=role, privilege=privilege, relation=relation)
        for relation, role, privilege in installation.client_grants
        if _ours(relation) and not (_exposed(relation) and privilege == "SELECT" and role == "authenticated")
    ]
    problems += [
        said(_EXECUTES, role=role, function=function)
        for function, role in installation.client_functions
        if not _may_execute(function, role)
    ]
    if not problems:
        return ok(NAME, _WELL)
    return error(NAME, AS_TOLD, _FIX, told=with_more(sorted(problems), _NAMED, between="; "))


def _exposed(name: str) -> bool:
    return name.startswith("public.")


def _ours(relation: str) -> bool:
    return not _exposed(relation) or relation.removeprefix("public.") in _JUDGED


def _may_execute(function: str, role: str) -> bool:
    if function.startswith("private."):
        return True  # not exposed; what public functions pass on to asks private.caller() first
    if function.startswith("queue."):
        return False
    call = CALLS.get(function.removeprefix("public."))
    return call is None or (call.caller in ("user", "both") and role == "authenticated")
