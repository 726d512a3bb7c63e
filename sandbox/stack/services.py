"""Decides how the simulator and the worker are started as processes and what they are told."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.ports import LOOPBACK
from sandbox.setup.process import QUIET_ENV, Command
from sandbox.setup.tls import certificates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.supabase.endpoint import SupabaseEndpoint

# Defaults of the simulator, which opens these channels for this store.
STORE_ID = "store-5e1f0000-0000-4000-8000-000000000001"
CHANNELS = {
    "CARD": "channel-key-card",
    "VIRTUAL_ACCOUNT": "channel-key-vbank",
    "EASY_PAY": "channel-key-easypay",
}
BILLING_CHANNEL = "channel-key-billing"
IDENTITY_CHANNEL = "channel-key-danal-ci"

# What a child may take over from our environment: a developer's own SUPABASE_URL must not leak in.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class StackSecrets:
    """Secrets the simulator and the worker share; made anew for every stack."""

    portone_api_secret: str
    webhook_secret: str
    data_encryption_key: str
    identity_hash_key: str

    @staticmethod
    def generate() -> StackSecrets:
        """Return fresh random secrets in the shapes PortOne and the worker expect."""
        return StackSecrets(
            portone_api_secret=secrets.token_urlsafe(48),
            webhook_secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            data_encryption_key="sandbox:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            identity_hash_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        )


def simulator_command(port: int, worker_url: str, shared: StackSecrets, log_dir: Path) -> Command:
    """Return the command of the PortOne simulator, which sends its webhooks to the worker."""
    return Command(
        name="portone-simulator",
        argv=[
            sys.executable, "-m", "sandbox.portone", "--host", LOOPBACK, "--port", str(port),
            "--store-id", STORE_ID, "--webhook-url", f"{worker_url}/webhooks/portone",
        ],
        log_path=log_dir / "portone-simulator.log",
        env=child_environment(
            SIMULATOR_API_SECRET=shared.portone_api_secret, SIMULATOR_WEBHOOK_SECRET=shared.webhook_secret
        ),
        cwd=PROJECT_ROOT,
    )  # fmt: skip


def worker_environment(
    port: int, endpoint: SupabaseEndpoint, portone_url: str, shared: StackSecrets
) -> dict[str, str]:
    """Return the worker's settings (see .env.example) for this stack."""
    return {
        "SUPABASE_URL": endpoint.api_url,
        "SUPABASE_SECRET_KEY": endpoint.secret_key,
        "SUPABASE_PUBLISHABLE_KEY": endpoint.publishable_key,
        "PORTONE_API_SECRET": shared.portone_api_secret,
        "PORTONE_STORE_ID": STORE_ID,
        "PORTONE_CHANNELS": json.dumps(CHANNELS),
        "PORTONE_BILLING_CHANNEL": BILLING_CHANNEL,
        "PORTONE_IDENTITY_CHANNEL": IDENTITY_CHANNEL,
        "IDENTITY_HASH_KEY": shared.identity_hash_key,
        "PORTONE_WEBHOOK_SECRETS": shared.webhook_secret,
        "PORTONE_API_URL": portone_url,
        "ENVIRONMENT": "test",
        "MOCK_PAYMENTS": "true",
        "DATA_ENCRYPTION_KEY": shared.data_encryption_key,
        "HOST": LOOPBACK,
        "PORT": str(port),
        "LOG_FORMAT": "json",
    }


def worker_command(settings: Mapping[str, str], log_dir: Path) -> Command:
    """Return the command of the worker, HTTP and jobs in one process.

    It runs in `log_dir`, so that a developer's `.env` in the project is not read.
    """
    return Command(
        name="portone-worker",
        argv=[sys.executable, "-m", "worker", "serve"],
        log_path=log_dir / "portone-worker.log",
        env=child_environment(**settings),
        cwd=log_dir,
    )


def answers(url: str) -> bool:
    """Say whether a GET of `url` is answered with 200."""
    try:
        return httpx.get(url, timeout=5.0, trust_env=False, verify=certificates()).status_code == 200
    except httpx.TransportError:
        return False


def child_environment(**settings: str) -> dict[str, str]:
    """Return the whole environment of a child: what it may inherit, and `settings`."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **QUIET_ENV, "PYTHONPATH": str(PROJECT_ROOT), "PYTHONUNBUFFERED": "1", **settings}
