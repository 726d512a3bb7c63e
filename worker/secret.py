"""Decides how a secret prints: never more than its public prefix and a few characters."""

from __future__ import annotations

from pydantic import SecretStr

_VISIBLE = 4
_PREFIXES = ("sb_secret_", "sb_publishable_", "whsec_")


class Secret(SecretStr):
    """A setting that prints as ``sb_secret_abcd…``; short values print as ``…`` only."""

    def _display(self) -> str:
        value = self.get_secret_value()
        prefix = next((known for known in _PREFIXES if value.startswith(known)), "")
        rest = value[len(prefix) :]
        return f"{prefix}{rest[:_VISIBLE] if len(rest) > 4 * _VISIBLE else ''}…"
