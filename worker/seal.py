"""Decides how bank details, CI and DI are stored: AES-256-GCM and keyed hashes, usable only with the worker's keys.

The exact bytes sent to PortOne must survive a crash, because a repeat under the same idempotency key has to be
identical. They hold an account number, so the database only ever sees ``v1:<key id>:<nonce><ciphertext>``.
"""

from __future__ import annotations

import base64
import hmac
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from worker.errors import Misconfigured, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"v1"


class Sealer:
    """Seals with the first key, opens with any: that is how a key is rotated."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """``keys`` maps key id to 32 bytes, in order of preference; at least one."""
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))

    @property
    def key_id(self) -> str:
        """The key that seals now."""
        return self._current

    def seal(self, body: bytes, *, purpose: str) -> bytes:
        """Return the sealed form of ``body``; it opens only with the same ``purpose`` (for example the refund's id)."""
        nonce = os.urandom(_NONCE_BYTES)
        header = b"%s:%s:" % (_VERSION, self._current.encode())
        return header + nonce + self._keys[self._current].encrypt(nonce, body, header + purpose.encode())

    def seal_text(self, value: str, *, purpose: str) -> str:
        """Return the sealed form of a text as base64, the way it travels in JSON."""
        return base64.b64encode(self.seal(value.encode(), purpose=purpose)).decode("ascii")

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Return the exact bytes that were sealed.

        Raises ``Misconfigured`` when the key id is not configured any more, ``Rejected`` (SEALED_BODY_UNREADABLE) when
        the bytes are not ours, were altered, or belong to another purpose.
        """
        version, _, rest = sealed.partition(b":")
        key_id, separator, payload = rest.partition(b":")
        if version != _VERSION or not separator or len(payload) <= _NONCE_BYTES:
            raise Rejected("SEALED_BODY_UNREADABLE", "The stored request body has an unknown format.")
        cipher = self._keys.get(key_id.decode("ascii", "replace"))
        if cipher is None:
            lost = repr(key_id.decode("ascii", "replace")[:32])
            raise Misconfigured(
                "ENCRYPTION_KEY_MISSING",
                f"DATA_ENCRYPTION_KEY: a stored request was sealed with key id {lost}, which is not configured; "
                "append it to the list.",
                korean=f"DATA_ENCRYPTION_KEY: 저장된 요청을 암호화한 키 {lost}이(가) 없습니다. 목록 뒤에 추가하세요.",
            )
        header = sealed[: len(version) + len(key_id) + 2]
        try:
            return cipher.decrypt(payload[:_NONCE_BYTES], payload[_NONCE_BYTES:], header + purpose.encode())
        except InvalidTag:
            raise Rejected("SEALED_BODY_UNREADABLE", "The stored request body cannot be opened.") from None


class Fingerprint:
    """Tells whether two people are the same one without saying who: HMAC-SHA256 under a key of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, value: str) -> str:
        """Return the 64 hex digits of a value."""
        return hmac.digest(self._key, value.encode(), "sha256").hex()
