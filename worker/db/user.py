"""Typed calls made with a user's own token: the worker asks on behalf of nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.db.reading import rows
from worker.errors import DatabaseFault, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.db.client import Database


class UserRequests:
    """Calls the client functions under row level security; returns ``payment_operations`` rows as they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def request(
        self, function: str, arguments: Mapping[str, object], *, token: str
    ) -> Mapping[str, object]:
        """Call a ``request_*`` function and return the operation. Raises ``Rejected`` with status and field."""
        operation = _operation(await self._database.call_as_user(function, arguments, token=token))
        if operation is None:
            raise DatabaseFault("DATABASE_FAULT", f"{function} returned no operation")
        return operation

    async def ask(
        self, function: str, arguments: Mapping[str, object], *, token: str
    ) -> Mapping[str, object]:
        """Call a function that answers with a JSON object instead of an operation. Raises as ``request``."""
        answer = await self._database.call_as_user(function, arguments, token=token)
        if not isinstance(answer, dict):
            raise DatabaseFault("DATABASE_FAULT", f"{function} returned no object")
        return answer

    async def readable_by_nobody(self, relation: str) -> bool:
        """Whether the publishable key alone reads a table. Raises ``Rejected`` when Supabase does not take the key."""
        return await self._database.nobody_may_read(relation)

    async def operation(self, operation_id: str, *, token: str) -> Mapping[str, object]:
        """Read one operation of the caller; somebody else's is as unknown as one that does not exist (404)."""
        operation = _operation(
            await self._database.call_as_user("get_operation", {"id": operation_id}, token=token)
        )
        if operation is None:
            raise Rejected("OPERATION_NOT_FOUND", "There is no such operation.", status=404)
        return operation


def _operation(answer: object) -> Mapping[str, object] | None:
    found = rows(answer)
    return found[0] if found and found[0].get("id") else None
