"""Decides whether one setting's value can be right, and says what to put there when it cannot."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from worker import settings_words as words
from worker.seal import KEY_BYTES
from worker.secret import Secret

PAY_METHODS = ("CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE", "EASY_PAY")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
# The placeholder of .env.example, `channel-key-...`, is none.
_CHANNEL_KEY = re.compile(r"channel-key-[A-Za-z0-9_-]+")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")

_CHANNELS_LIKE = 'JSON: {"CARD": "channel-key-…"}'
_STORES_LIKE = 'JSON: {"store-…": {"api_secret": "…", "webhook_secrets": ["whsec_…"]}}'


def comma_list(value: object) -> object:
    """Split ``"a, b"`` into ``("a", "b")``; other types pass through."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def channel_map(value: object) -> object:
    """Read ``{"CARD": "channel-key-…"}``; keys are our pay methods. Raises ``SettingWrong`` with the fix."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise words.SettingWrong(words.NOT_JSON, example=_CHANNELS_LIKE) from None
    if not isinstance(value, dict) or not value:
        raise words.SettingWrong(words.NO_CHANNEL, example=_CHANNELS_LIKE)
    for method, key in value.items():
        if method not in PAY_METHODS:
            raise words.SettingWrong(
                words.METHOD_UNKNOWN, method=str(method)[:40], methods=", ".join(PAY_METHODS)
            )
        if not isinstance(key, str) or not _CHANNEL_KEY.fullmatch(key):
            raise words.SettingWrong(words.METHOD_KEYLESS, method=method)
    return value


@dataclass(frozen=True, slots=True)
class StoreSecrets:
    """The credentials of one further store."""

    api_secret: Secret
    webhook_secrets: tuple[Secret, ...]


def store_map(value: object) -> object:
    """Read ``{"store-…": {"api_secret": "…", "webhook_secrets": ["whsec_…"]}}``. Raises ``SettingWrong`` with the fix.

    What is wrong is said without repeating any value: the values are secrets.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise words.SettingWrong(words.NOT_JSON, example=_STORES_LIKE) from None
    if not isinstance(value, dict):
        raise words.SettingWrong(words.NOT_OBJECT, example=_STORES_LIKE)
    stores: dict[str, StoreSecrets] = {}
    for name, entry in value.items():
        if isinstance(entry, StoreSecrets):
            stores[name] = entry
            continue
        try:
            store_id(str(name))
            stores[name] = _store_secrets(entry)
        except words.SettingWrong as wrong:
            raise words.SettingWrong(words.ENTRY, name=str(name)[:60], problem=wrong) from None
    return stores


def _store_secrets(entry: object) -> StoreSecrets:
    if not isinstance(entry, dict) or not set(entry) <= {"api_secret", "webhook_secrets"}:
        raise words.SettingWrong(words.OTHER_FIELDS, example=_STORES_LIKE)
    api_secret, webhook_secrets = entry.get("api_secret"), entry.get("webhook_secrets", [])
    if not isinstance(api_secret, str) or not api_secret:
        raise words.SettingWrong(words.NO_API_SECRET, example=_STORES_LIKE)
    portone_secret(api_secret)
    if not isinstance(webhook_secrets, list) or not all(isinstance(one, str) for one in webhook_secrets):
        raise words.SettingWrong(words.NO_SECRET_LIST, example=_STORES_LIKE)
    for one in webhook_secrets:
        webhook_secret(one)
    return StoreSecrets(Secret(api_secret), tuple(Secret(one) for one in webhook_secrets))


def channel_key(value: str) -> str:
    """Refuse values that are visibly no channel key."""
    if not _CHANNEL_KEY.fullmatch(value):
        raise words.SettingWrong(words.NOT_CHANNEL_KEY)
    return value


def hash_key(value: str) -> bytes:
    """Return the 32 bytes of a base64 key. Raises ``SettingWrong`` with the fix."""
    try:
        key = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise words.SettingWrong(words.NOT_HASH_KEY)
    return key


def http_origin(value: str, *, path_allowed: bool = False) -> str:
    """Return the URL without a trailing slash. Raises ``SettingWrong`` unless it is a plain http(s) URL."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise words.SettingWrong(words.NOT_URL)
    if parts.path.strip("/") and not path_allowed:
        raise words.SettingWrong(words.HAS_PATH)
    return value.rstrip("/")


def supabase_key(value: str, *, wanted: Literal["secret", "publishable"]) -> None:
    """Refuse the other kind of Supabase key (docs: API keys). Legacy JWT keys are told apart by their role claim."""
    role = _legacy_role(value)
    is_secret = value.startswith("sb_secret_") or role == "service_role"
    is_publishable = value.startswith("sb_publishable_") or role == "anon"
    if wanted == "secret" and not is_secret:
        raise words.SettingWrong(words.PUBLISHABLE_INSTEAD if is_publishable else words.NOT_SECRET_KEY)
    if wanted == "publishable" and not is_publishable:
        raise words.SettingWrong(words.SECRET_INSTEAD if is_secret else words.NOT_PUBLISHABLE_KEY)


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
        raise words.SettingWrong(words.WEBHOOK_SECRET_INSTEAD)
    if not _PRINTABLE.fullmatch(value):
        raise words.SettingWrong(words.NOT_API_SECRET)


def store_id(value: str) -> str:
    """Refuse values that are visibly not a V2 store id."""
    if value.startswith("imp"):
        raise words.SettingWrong(words.V1_STORE)
    if not value.startswith("store-") or not _PRINTABLE.fullmatch(value):
        raise words.SettingWrong(words.NOT_STORE)
    return value


def webhook_secret(value: str) -> bytes:
    """Return the key bytes of ``whsec_<base64>``. Raises ``SettingWrong`` with the fix."""
    encoded = value.removeprefix("whsec_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not key:
        raise words.SettingWrong(words.NOT_WEBHOOK_SECRET)
    return key


def encryption_keys(value: str) -> dict[str, bytes]:
    """Return key id to key bytes of ``<id>:<base64>[,<id>:<base64>…]``. Raises ``SettingWrong`` with the fix."""
    keys: dict[str, bytes] = {}
    for entry in (part.strip() for part in value.split(",") if part.strip()):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            key = b""
        if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
            raise words.SettingWrong(words.NOT_SEALING_KEY)
        if key_id in keys:
            raise words.SettingWrong(words.KEY_ID_TWICE, key_id=key_id)
        keys[key_id] = key
    if not keys:
        raise words.SettingWrong(words.NO_SEALING_KEY)
    return keys
