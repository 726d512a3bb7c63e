"""Decides how sealed personal data moves to the newest key, and how it is forgotten: batch by batch, safe to run again."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.db.vault import SealedIdentity
from worker.errors import Rejected

if TYPE_CHECKING:
    from worker.db.vault import Vault
    from worker.seal import Sealer

_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a run did; ``unreadable`` ones were altered or belong to another row and were left alone."""

    resealed: int
    current: int
    unreadable: int


def identity_purpose(identity_id: str, name: str) -> str:
    """What a CI or DI is sealed for: it opens only as this value of this identity check."""
    return f"identity:{identity_id}:{name}"


async def reseal_identities(vault: Vault, sealer: Sealer) -> Rotation:
    """Seal every CI and DI again that is not under the sealer's current key.

    Raises ``Misconfigured`` when a key that is still needed is not configured any more.
    """
    resealed = current = unreadable = 0
    after: str | None = None
    while batch := await vault.list_sealed(after, _AT_ONCE):
        after = batch[-1].id
        old = [one for one in batch if one.key_id != sealer.key_id]
        current += len(batch) - len(old)
        pairs = []
        for one in old:
            try:
                pairs.append((one, _again(sealer, one)))
            except Rejected:
                unreadable += 1
        if pairs:
            resealed += await vault.reseal(pairs)
    return Rotation(resealed, current, unreadable)


async def erase_identities(vault: Vault, *, before: str | None, user_id: str | None) -> int:
    """Forget identity checks until none of those asked for is left; return how many."""
    erased = 0
    while count := await vault.erase_identities(before=before, user_id=user_id):
        erased += count
    return erased


def _again(sealer: Sealer, one: SealedIdentity) -> SealedIdentity:
    def moved(value: str | None, name: str) -> str | None:
        if value is None:
            return None
        purpose = identity_purpose(one.id, name)
        try:
            sealed = base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise Rejected("SEALED_BODY_UNREADABLE", "A stored value is not base64.") from None
        return base64.b64encode(sealer.seal(sealer.open(sealed, purpose=purpose), purpose=purpose)).decode()

    return SealedIdentity(one.id, sealer.key_id, moved(one.ci, "ci"), moved(one.di, "di"))
