"""Typed calls about what is kept sealed: list, replace, erase. Nothing here opens anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.db.reading import rows, text, whole
from worker.errors import DatabaseFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.db.client import Database


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """The sealed CI and DI of one identity check, base64, and the id of the key they are under."""

    id: str
    key_id: str
    ci: str | None = field(repr=False)
    di: str | None = field(repr=False)


class Vault:
    """The worker's calls about sealed personal data."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_sealed(self, after: str | None, most: int) -> list[SealedIdentity]:
        """Return up to ``most`` sealed identities after an id, in id order."""
        answer = rows(await self._database.call("list_sealed", {"after": after, "max": most}))
        return [one for row in answer if (one := _sealed(row.get("id"), row.get("key_id"), row)) is not None]

    async def reseal(self, pairs: Sequence[tuple[SealedIdentity, SealedIdentity]]) -> int:
        """Replace (old, new) pairs where the old one is still there; return how many were replaced."""
        texts = [
            {"id": new.id, "old_key_id": old.key_id, "key_id": new.key_id, "ci": new.ci, "di": new.di}
            for old, new in pairs
        ]
        answer = rows(await self._database.call("reseal", {"texts": texts}))
        return sum(row.get("resealed") is True for row in answer)

    async def erase_identities(self, *, before: str | None, user_id: str | None) -> int:
        """Forget one batch of identity checks; return how many, 0 when none is left."""
        given = {"before": before, "user_id": user_id}
        answer = await self._database.call(
            "erase_identities", {name: value for name, value in given.items() if value is not None}
        )
        erased = whole(answer)
        if erased is None:
            raise DatabaseFault("DATABASE_FAULT", "erase_identities returned no number")
        return erased


def _sealed(identifier: object, key_id: object, row: object) -> SealedIdentity | None:
    found, key = text(identifier), text(key_id)
    if found is None or key is None or not isinstance(row, dict):
        return None
    return SealedIdentity(found, key, text(row.get("ci")), text(row.get("di")))
