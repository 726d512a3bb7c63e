"""Decides what API keys and user tokens of the embedded Supabase look like."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt

_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """A project's keys: two opaque API keys and the secret its user tokens are signed with."""

    publishable: str
    secret: str
    jwt_secret: str

    @staticmethod
    def generate() -> ProjectKeys:
        """Return fresh random keys in Supabase's shapes (`sb_publishable_…`, `sb_secret_…`)."""
        return ProjectKeys(
            publishable=f"sb_publishable_{secrets.token_urlsafe(24)}",
            secret=f"sb_secret_{secrets.token_urlsafe(24)}",
            jwt_secret=secrets.token_urlsafe(48),
        )


def mint_user_jwt(
    jwt_secret: str,
    user_id: str,
    *,
    issuer: str,
    app_metadata: dict[str, Any] | None = None,
    ttl_seconds: float = 3600,
) -> str:
    """Return an access token as Supabase Auth issues it for a signed-in user.

    A negative `ttl_seconds` makes one that has expired. Source of the claims: Supabase docs, "JWT
    claims reference".
    """
    now = int(time.time())
    claims = {
        "iss": issuer,
        "sub": user_id,
        "aud": "authenticated",
        "role": "authenticated",
        "iat": now,
        "exp": int(now + ttl_seconds),
        "aal": "aal1",
        "session_id": str(uuid.uuid4()),
        "is_anonymous": False,
        "app_metadata": {"provider": "email", "providers": ["email"], **(app_metadata or {})},
        "user_metadata": {},
    }
    return jwt.encode(claims, jwt_secret, algorithm=_ALGORITHM)


def mint_role_jwt(jwt_secret: str, role: str, *, ttl_seconds: float = 315_360_000) -> str:
    """Return a token that only names a role: what PostgREST understands instead of an API key."""
    now = int(time.time())
    claims = {"role": role, "iat": now, "exp": int(now + ttl_seconds)}
    return jwt.encode(claims, jwt_secret, algorithm=_ALGORITHM)
