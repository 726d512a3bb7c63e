"""Decides whether one setting's value can be right, and says what to put there when it cannot."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from worker.seal import KEY_BYTES
from worker.secret import Secret

PAY_METHODS = ("CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE", "EASY_PAY")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def comma_list(value: object) -> object:
    """Split ``"a, b"`` into ``("a", "b")``; other types pass through."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def channel_map(value: object) -> object:
    """Read ``{"CARD": "channel-key-…"}``; keys are our pay methods. Raises ValueError with the fix."""
    example = 'write JSON such as {"CARD": "channel-key-…"}'
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"is not JSON; {example}") from None
    if not isinstance(value, dict) or not value:
        raise ValueError(f"is not a JSON object with at least one channel; {example}")
    for method, key in value.items():
        if method not in PAY_METHODS:
            raise ValueError(f"has the unknown pay method {str(method)[:40]!r}; use {', '.join(PAY_METHODS)}")
        if not isinstance(key, str) or not key.startswith("channel-key-"):
            raise ValueError(
                f"has no channel key for {method}; copy it from the PortOne console (channel-key-…)"
            )
    return value


@dataclass(frozen=True, slots=True)
class StoreSecrets:
    """The credentials of one further store."""

    api_secret: Secret
    webhook_secrets: tuple[Secret, ...]


def store_map(value: object) -> object:
    """Read ``{"store-…": {"api_secret": "…", "webhook_secrets": ["whsec_…"]}}``. Raises ValueError with the fix.

    What is wrong is said without repeating any value: the values are secrets.
    """
    example = 'write JSON such as {"store-…": {"api_secret": "…", "webhook_secrets": ["whsec_…"]}}'
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"is not JSON; {example}") from None
    if not isinstance(value, dict):
        raise ValueError(f"is not a JSON object; {example}")
    stores: dict[str, StoreSecrets] = {}
    for name, entry in value.items():
        if isinstance(entry, StoreSecrets):
            stores[name] = entry
            continue
        try:
            store_id(str(name))
            stores[name] = _store_secrets(entry, example)
        except ValueError as error:
            raise ValueError(f"entry {str(name)[:60]!r} {error}") from None
    return stores


def _store_secrets(entry: object, example: str) -> StoreSecrets:
    if not isinstance(entry, dict) or not set(entry) <= {"api_secret", "webhook_secrets"}:
        raise ValueError(f"has other fields than api_secret and webhook_secrets; {example}")
    api_secret, webhook_secrets = entry.get("api_secret"), entry.get("webhook_secrets", [])
    if not isinstance(api_secret, str) or not api_secret:
        raise ValueError(f"has no api_secret; {example}")
    portone_secret(api_secret)
    if not isinstance(webhook_secrets, list) or not all(isinstance(one, str) for one in webhook_secrets):
        raise ValueError(f"has no list of webhook_secrets; {example}")
    for one in webhook_secrets:
        webhook_secret(one)
    return StoreSecrets(Secret(api_secret), tuple(Secret(one) for one in webhook_secrets))


def channel_key(value: str) -> str:
    """Refuse values that are visibly no channel key."""
    if not value.startswith("channel-key-") or not _PRINTABLE.fullmatch(value):
        raise ValueError("is not a channel key; copy it from the PortOne console (channel-key-…)")
    return value


def hash_key(value: str) -> bytes:
    """Return the 32 bytes of a base64 key. Raises ValueError with the fix."""
    try:
        key = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("is not a 256-bit key; write the base64 of 32 random bytes")
    return key


def http_origin(value: str, *, path_allowed: bool = False) -> str:
    """Return the URL without a trailing slash. Raises ValueError unless it is a plain http(s) URL."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an http(s) URL; write it like https://example.com")
    if parts.path.strip("/") and not path_allowed:
        raise ValueError("has a path; keep only scheme, host and port")
    return value.rstrip("/")


def supabase_key(value: str, *, wanted: Literal["secret", "publishable"]) -> None:
    """Refuse the other kind of Supabase key (docs: API keys). Legacy JWT keys are told apart by their role claim."""
    role = _legacy_role(value)
    is_secret = value.startswith("sb_secret_") or role == "service_role"
    is_publishable = value.startswith("sb_publishable_") or role == "anon"
    if wanted == "secret" and not is_secret:
        kind = "the publishable key" if is_publishable else "not a Supabase key"
        raise ValueError(f"is {kind}; put the secret key here (sb_secret_…, dashboard: Settings > API keys)")
    if wanted == "publishable" and not is_publishable:
        kind = "a secret key, which bypasses row level security" if is_secret else "not a Supabase key"
        raise ValueError(f"is {kind}; put the publishable key here (sb_publishable_…)")


def is_legacy_key(value: str) -> bool:
    """Whether a Supabase key is a JWT, which PostgREST wants as bearer token too."""
    return _legacy_role(value) is not None


def _legacy_role(value: str) -> str | None:
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    role = claims.get("role") if isinstance(claims, dict) else None
    return role if isinstance(role, str) else None


def portone_secret(value: str) -> None:
    """Refuse values that are visibly not a V2 API secret."""
    if value.startswith("whsec_"):
        raise ValueError("is a webhook secret; put the V2 API secret from the PortOne console here")
    if not _PRINTABLE.fullmatch(value):
        raise ValueError("contains spaces or other characters no API secret has; copy it again")


def store_id(value: str) -> str:
    """Refuse values that are visibly not a V2 store id."""
    if value.startswith("imp"):
        raise ValueError("is a V1 merchant code; put the V2 store id here (store-…)")
    if not value.startswith("store-") or not _PRINTABLE.fullmatch(value):
        raise ValueError("is not a store id; copy it from the PortOne console (store-…)")
    return value


def webhook_secret(value: str) -> bytes:
    """Return the key bytes of ``whsec_<base64>``. Raises ValueError with the fix."""
    encoded = value.removeprefix("whsec_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not key:
        raise ValueError(
            "has an entry that is not base64; copy the webhook secret from the PortOne console (whsec_…)"
        )
    return key


def encryption_keys(value: str) -> dict[str, bytes]:
    """Return key id to key bytes of ``<id>:<base64>[,<id>:<base64>…]``. Raises ValueError with the fix."""
    fix = "write <key id>:<base64 of 32 random bytes>"
    keys: dict[str, bytes] = {}
    for entry in (part.strip() for part in value.split(",") if part.strip()):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            key = b""
        if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
            raise ValueError(f"is not a 256-bit key; {fix}")
        if key_id in keys:
            raise ValueError(f"uses the key id {key_id!r} twice; give each key its own id")
        keys[key_id] = key
    if not keys:
        raise ValueError(f"is empty; {fix}")
    return keys
