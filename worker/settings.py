"""Decides which environment variables exist and what a wrong one says; nothing else reads the environment.

Every problem is one line: the variable, what is wrong, what to put there.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from worker import settings_words as words
from worker.crash import VARIABLE as CRASH_VARIABLE
from worker.crash import armed_crash_point
from worker.errors import Misconfigured
from worker.model import ChannelKind  # noqa: TC001  pydantic reads it
from worker.secret import Secret
from worker.settings_checks import (
    StoreSecrets,
    channel_key,
    channel_map,
    comma_list,
    encryption_keys,
    hash_key,
    http_origin,
    portone_secret,
    store_id,
    store_map,
    supabase_key,
    webhook_secret,
)
from worker.settings_words import problem_of

PORTONE_API_URL = "https://api.portone.io"
_OFFICIAL_READ_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """One secret a webhook may be signed with; ``name`` is ``<store>/<index>``, for logs."""

    name: str
    store_id: str
    key: bytes = field(repr=False)


class Settings(BaseSettings):
    """All configuration of the worker; field names in upper case are the variables."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        env_file_encoding="utf-8",
    )

    supabase_url: str
    supabase_public_url: str | None = None
    supabase_secret_key: Secret
    supabase_publishable_key: Secret
    portone_api_secret: Secret
    portone_store_id: str
    portone_channels: Annotated[dict[str, str], NoDecode]
    portone_webhook_secrets: Annotated[tuple[Secret, ...], NoDecode]
    portone_stores: Annotated[dict[str, StoreSecrets], NoDecode] = Field(default_factory=dict)
    portone_billing_channel: str | None = None
    portone_identity_channel: str | None = None
    portone_api_url: str = PORTONE_API_URL
    environment: Literal["test", "live"]
    mock_payments: bool = False
    data_encryption_key: Secret
    identity_hash_key: Secret | None = None
    trusted_proxy_hops: int = Field(default=0, ge=0, le=5)
    notice_urls: Annotated[tuple[str, ...], NoDecode] = ()
    metrics_token: Secret | None = Field(default=None, min_length=16)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    worker_concurrency: int = Field(default=50, ge=1, le=200)
    lease_seconds: int = Field(default=60, ge=5, le=3600)
    shutdown_grace_seconds: float = Field(default=25, ge=0, le=600)
    portone_read_timeout_seconds: float = Field(default=65, gt=0, le=600)
    webhook_spool_dir: str | None = None
    webhook_spool_max_bytes: int = Field(default=256 * 1024 * 1024, ge=1024 * 1024)
    maintenance_interval_seconds: float = Field(default=600, ge=0, le=86400)
    startup_timeout_seconds: float = Field(default=30, ge=0, le=600)
    reconcile: bool = True
    log_file: str | None = None
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def channel_kind(self) -> ChannelKind:
        """The channel kind a payment must have to be believed (docs: channel.type; a test channel pays with no money)."""
        return "LIVE" if self.environment == "live" else "TEST"

    @property
    def browser_url(self) -> str:
        """Where browsers find Supabase: elsewhere than the worker where that has an inner address (containers)."""
        return self.supabase_public_url or self.supabase_url

    @property
    def database_timeout_seconds(self) -> float:
        """Longest wait for Supabase: above its 8 s statement limit, below a third of the lease where that allows."""
        return max(4.0, min(10.0, self.lease_seconds / 3))

    @property
    def worker_name(self) -> str:
        """Who claims jobs, for people reading the queue table."""
        return f"{socket.gethostname()[:40]}:{os.getpid()}"

    def webhook_keys(self) -> tuple[WebhookKey, ...]:
        """Return the decoded webhook secrets of every store, the main one first, in configured order."""
        secrets = {self.portone_store_id: self.portone_webhook_secrets}
        secrets |= {name: store.webhook_secrets for name, store in self.portone_stores.items()}
        return tuple(
            WebhookKey(f"{name}/{index}", name, webhook_secret(secret.get_secret_value()))
            for name, several in secrets.items()
            for index, secret in enumerate(several)
        )

    def identity_key(self) -> bytes:
        """Return the key of the identity hashes. Raises ``Misconfigured`` where it was never set."""
        if self.identity_hash_key is None:
            raise Misconfigured(
                "IDENTITY_HASH_KEY_MISSING",
                "IDENTITY_HASH_KEY: identity checks need it; write the base64 of 32 random bytes and keep it for ever.",
                korean="IDENTITY_HASH_KEY: 본인인증에 필요합니다. 임의의 32바이트를 base64로 넣고 계속 보관하세요.",
            )
        return hash_key(self.identity_hash_key.get_secret_value())

    def sealing_keys(self) -> dict[str, bytes]:
        """Return key id to 32 key bytes; the first one seals."""
        return encryption_keys(self.data_encryption_key.get_secret_value())

    @field_validator("portone_stores", mode="before")
    @classmethod
    def _stores(cls, value: object) -> object:
        return store_map(value)

    @field_validator("portone_billing_channel", "portone_identity_channel")
    @classmethod
    def _channel(cls, value: str | None) -> str | None:
        return value if value is None else channel_key(value)

    @field_validator("identity_hash_key")
    @classmethod
    def _hash_key(cls, value: Secret | None) -> Secret | None:
        if value is not None:
            hash_key(value.get_secret_value())
        return value

    @field_validator("portone_webhook_secrets", "notice_urls", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return comma_list(value)

    @field_validator("portone_channels", mode="before")
    @classmethod
    def _channels(cls, value: object) -> object:
        return channel_map(value)

    @field_validator("supabase_url", "portone_api_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        return http_origin(value)

    @field_validator("supabase_public_url")
    @classmethod
    def _public_origin(cls, value: str | None) -> str | None:
        return http_origin(value) if value is not None else None

    @field_validator("notice_urls", "cors_origins")
    @classmethod
    def _urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if entry != "*":
                http_origin(entry, path_allowed=True)
        return value

    @field_validator("supabase_secret_key")
    @classmethod
    def _secret_key(cls, value: Secret) -> Secret:
        supabase_key(value.get_secret_value(), wanted="secret")
        return value

    @field_validator("supabase_publishable_key")
    @classmethod
    def _publishable_key(cls, value: Secret) -> Secret:
        supabase_key(value.get_secret_value(), wanted="publishable")
        return value

    @field_validator("portone_api_secret")
    @classmethod
    def _api_secret(cls, value: Secret) -> Secret:
        portone_secret(value.get_secret_value())
        return value

    @field_validator("portone_store_id")
    @classmethod
    def _store(cls, value: str) -> str:
        return store_id(value)

    @field_validator("portone_webhook_secrets")
    @classmethod
    def _webhook_secrets(cls, value: tuple[Secret, ...]) -> tuple[Secret, ...]:
        if not value:
            raise words.SettingWrong(words.NO_WEBHOOK_SECRET)
        for secret in value:
            webhook_secret(secret.get_secret_value())
        return value

    @field_validator("data_encryption_key")
    @classmethod
    def _encryption_key(cls, value: Secret) -> Secret:
        encryption_keys(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _belong_together(self) -> Settings:
        if self.portone_store_id in self.portone_stores:
            raise words.SettingWrong(words.STORE_TWICE)
        if self.portone_identity_channel is not None and self.identity_hash_key is None:
            raise words.SettingWrong(words.HASH_KEY_NEEDED)
        return self

    @model_validator(mode="after")
    def _modes(self) -> Settings:
        if self.mock_payments and self.environment == "live":
            raise words.SettingWrong(words.MOCK_LIVE)
        if self.mock_payments and self.portone_api_url == PORTONE_API_URL:
            raise words.SettingWrong(words.MOCK_URL)
        if not self.mock_payments and self.portone_api_url != PORTONE_API_URL:
            raise words.SettingWrong(words.OFFICIAL_URL, url=PORTONE_API_URL)
        if not self.mock_payments and self.portone_read_timeout_seconds < _OFFICIAL_READ_TIMEOUT_SECONDS:
            raise words.SettingWrong(words.READ_TIMEOUT)
        if self.environment == "live" and armed_crash_point() is not None:
            raise words.SettingWrong(words.CRASH_LIVE, variable=CRASH_VARIABLE)
        return self


def load_settings(env_file: str | None = ".env") -> Settings:
    """Read the environment, and ``env_file`` for what the environment lacks.

    Raises ``Misconfigured`` whose message has one line per wrong variable; values are never repeated in it.
    """
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings adds it
    except ValidationError as error:
        lines = [
            _line(str(part["loc"][0]) if part["loc"] else "", problem_of(part["type"], part.get("ctx", {})))
            for part in error.errors()
        ]
    raise Misconfigured("SETTINGS_INVALID", "\n".join(lines))


def _line(field: str, problem: str) -> str:
    return f"{field.upper()}: {problem}" if field else problem
