"""Decides whether app clients can do more than the migrations allow: somebody may have granted by hand.

Only our objects are judged, by name; what else a project keeps in ``public`` is its own business. ``private`` and
``queue`` are not exposed, so whatever stands open there is worth a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.checks.result import CheckResult, error, ok
from worker.db.calls import CALLS
from worker.db.relations import OUR_RELATIONS

if TYPE_CHECKING:
    from worker.db.installation import Installation

NAME: Final = "access"
_NAMED: Final = 5
# A shop that had a table of this name keeps its own rules for it.
_JUDGED: Final = OUR_RELATIONS - {"orders"}
_FIX: Final = "revoke it, or enable row level security; each object's migration says what is meant"


def check_access(installation: Installation) -> CheckResult:
    """Look for tables without row level security and for grants to anon and authenticated that no migration made."""
    problems = [
        f"{table} has no row level security" for table in installation.tables_without_rls if _ours(table)
    ]
    problems += [
        f"{role} may {privilege} {relation}"
        for relation, role, privilege in installation.client_grants
        if _ours(relation) and not (_exposed(relation) and privilege == "SELECT" and role == "authenticated")
    ]
    problems += [
        f"{role} may execute {function}"
        for function, role in installation.client_functions
        if not _may_execute(function, role)
    ]
    if not problems:
        return ok(NAME, "row level security is on and clients may do what the migrations say")
    more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    return error(NAME, "; ".join(sorted(problems)[:_NAMED]) + more, _FIX)


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
