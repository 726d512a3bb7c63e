"""Decides how long a login lasts: access token 30 minutes, refresh token one day (PortOne docs: login by API secret)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .clock import SECOND
from .errors import PortOneError

if TYPE_CHECKING:
    from .clock import Clock
    from .identifiers import Identifiers

_ACCESS: Final = 30 * 60 * SECOND
_REFRESH: Final = 24 * 3_600 * SECOND


@dataclass(slots=True)
class Token:
    """One token: the API secret it stands for and its end."""

    secret: str
    ends_at: int


class Tokens:
    """Tokens handed out; each login or refresh makes the earlier refresh tokens of that secret useless."""

    def __init__(self, clock: Clock, ids: Identifiers) -> None:
        self._clock = clock
        self._ids = ids
        self.access: dict[str, Token] = {}
        self.refresh: dict[str, Token] = {}

    def login(self, secret: str) -> dict[str, str]:
        """Return ``{accessToken, refreshToken}`` for an API secret that was already checked."""
        for old in [name for name, token in self.refresh.items() if token.secret == secret]:
            del self.refresh[old]
        now = self._clock.now()
        access, refresh = self._ids.token("sim-access-"), self._ids.token("sim-refresh-")
        self.access[access] = Token(secret, now + _ACCESS)
        self.refresh[refresh] = Token(secret, now + _REFRESH)
        return {"accessToken": access, "refreshToken": refresh}

    def renew(self, refresh: str) -> dict[str, str]:
        """Return new tokens; raises UNAUTHORIZED for a refresh token that is unknown, replaced or too old."""
        token = self.refresh.get(refresh)
        if token is None or token.ends_at <= self._clock.now():
            raise PortOneError("UNAUTHORIZED", "refreshToken: is unknown, replaced or expired; log in again")
        return self.login(token.secret)

    def secret_of(self, access: str) -> str | None:
        """Return the API secret an access token stands for, None when it is unknown or too old."""
        token = self.access.get(access)
        return None if token is None or token.ends_at <= self._clock.now() else token.secret

    def clear(self) -> None:
        """Forget all tokens."""
        self.access.clear()
        self.refresh.clear()
