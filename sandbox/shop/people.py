"""Decides how the shop is prepared: its products and its way to order, its channels, an admin who can sign in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import psycopg
from psycopg.types.json import Jsonb

from sandbox.setup.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.supabase.endpoint import SupabaseEndpoint

SHOP_SQL = PROJECT_ROOT / "examples" / "checkout" / "shop.sql"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in with a password."""

    id: str
    email: str
    password: str


def open_shop(db_url: str, *, store_id: str, channels: Mapping[str, str]) -> None:
    """Apply the example's SQL as role postgres; `channels` names those of saved cards and identity checks by purpose."""
    with psycopg.connect(db_url) as connection:
        connection.execute(SHOP_SQL.read_bytes())
        for purpose, channel_key in channels.items():
            connection.execute(
                "insert into public.payment_channels (store_id, channel_key, channel_kind, purpose)"
                " values (%s, %s, 'TEST', %s) on conflict (channel_key) do nothing",
                (store_id, channel_key, purpose),
            )


def sign_up(endpoint: SupabaseEndpoint, email: str, *, admin: bool = False) -> Account:
    """Sign somebody up at Supabase Auth with a password made for the occasion; `admin` gives the role on top.

    Raises `RuntimeError` where there is no Auth service (SANDBOX_API=postgrest).
    """
    password = secrets.token_urlsafe(9)
    answer = httpx.post(
        f"{endpoint.api_url}/auth/v1/signup",
        headers={"apikey": endpoint.publishable_key},
        json={"email": email, "password": password},
        timeout=30.0,
    )
    if answer.status_code != 200:
        raise RuntimeError(f"signing up {email} was refused: {answer.status_code} {answer.text}")
    user_id = str(answer.json()["user"]["id"])
    if admin:
        # As on hosted Supabase: only the server sets app_metadata.
        with psycopg.connect(endpoint.admin_db_url) as connection:
            connection.execute(
                "update auth.users set raw_app_meta_data = %s where id = %s",
                (Jsonb({"provider": "email", "providers": ["email"], "role": "admin"}), user_id),
            )
    return Account(user_id, email, password)
