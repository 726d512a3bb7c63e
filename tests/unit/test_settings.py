"""Wrong settings say which variable and what to put there; secrets never print."""

from __future__ import annotations

import base64
import json
import os
import re

import pytest

from tests.unit.support import ENVIRONMENT, SECOND_STORE, STORE, WEBHOOK_SECRET, make_settings
from worker.errors import Misconfigured
from worker.settings import load_settings


def legacy_key(role: str) -> str:
    """Return an old style JWT key."""
    claims = base64.urlsafe_b64encode(json.dumps({"role": role}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.c2ln"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a worker that is set up right, and nothing else."""
    for name in list(os.environ):
        if name not in ("PATH", "HOME", "TMPDIR"):
            monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def refusal() -> str:
    """Load the settings and return the refusal."""
    with pytest.raises(Misconfigured) as caught:
        load_settings(None)
    return caught.value.message


def test_defaults_are_real_payments(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings(None)
    assert settings.mock_payments is False
    assert settings.portone_api_url == "https://api.portone.io"
    assert settings.portone_read_timeout_seconds >= 60
    assert settings.portone_channels["CARD"] == "channel-key-card"
    assert [secret.key for secret in settings.webhook_keys()] == [bytes(range(32)), bytes(range(32, 64))]
    assert [secret.name for secret in settings.webhook_keys()] == [f"{STORE}/0", f"{STORE}/1"]


def test_empty_values_count_as_unset(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOG_FILE", "")
    environment.setenv("PORTONE_STORE_ID", "")
    assert refusal() == "PORTONE_STORE_ID: is not set; see .env.example for what belongs here"


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_every_required_variable_is_named_when_missing(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    assert refusal().startswith(f"{name}: is not set")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SUPABASE_URL", "ftp://x", "SUPABASE_URL: is not an http"),
        ("SUPABASE_URL", "http://x/rest/v1", "SUPABASE_URL: has a path"),
        ("SUPABASE_SECRET_KEY", "sb_publishable_abcdefghijk", "SUPABASE_SECRET_KEY: is the publishable key"),
        ("SUPABASE_SECRET_KEY", legacy_key("anon"), "SUPABASE_SECRET_KEY: is the publishable key"),
        ("SUPABASE_SECRET_KEY", "nonsense", "SUPABASE_SECRET_KEY: is not a Supabase key"),
        ("SUPABASE_PUBLISHABLE_KEY", "sb_secret_abcdefghijk", "SUPABASE_PUBLISHABLE_KEY: is a secret key"),
        ("SUPABASE_PUBLISHABLE_KEY", legacy_key("service_role"), "SUPABASE_PUBLISHABLE_KEY: is a secret key"),
        ("PORTONE_API_SECRET", WEBHOOK_SECRET, "PORTONE_API_SECRET: is a webhook secret"),
        ("PORTONE_API_SECRET", "a b", "PORTONE_API_SECRET: contains spaces"),
        ("PORTONE_STORE_ID", "imp12345", "PORTONE_STORE_ID: is a V1 merchant code"),
        ("PORTONE_STORE_ID", "shop", "PORTONE_STORE_ID: is not a store id"),
        ("PORTONE_CHANNELS", "card", "PORTONE_CHANNELS: is not JSON"),
        ("PORTONE_CHANNELS", "[]", "PORTONE_CHANNELS: is not a JSON object"),
        ("PORTONE_CHANNELS", '{"BITCOIN": "channel-key-1"}', "PORTONE_CHANNELS: has the unknown pay method"),
        ("PORTONE_CHANNELS", '{"CARD": 1}', "PORTONE_CHANNELS: has no channel key for CARD"),
        ("PORTONE_CHANNELS", '{"CARD": "channel-key-..."}', "PORTONE_CHANNELS: has no channel key for CARD"),
        ("PORTONE_WEBHOOK_SECRETS", ",", "PORTONE_WEBHOOK_SECRETS: is empty"),
        ("PORTONE_WEBHOOK_SECRETS", "whsec_!!", "PORTONE_WEBHOOK_SECRETS: has an entry that is not base64"),
        ("PORTONE_STORES", "store-2", "PORTONE_STORES: is not JSON"),
        ("PORTONE_STORES", "[]", "PORTONE_STORES: is not a JSON object"),
        ("PORTONE_STORES", '{"imp1": {"api_secret": "x"}}', "PORTONE_STORES: entry 'imp1' is a V1"),
        ("PORTONE_STORES", '{"store-2": {}}', "PORTONE_STORES: entry 'store-2' has no api_secret"),
        ("PORTONE_STORES", '{"store-2": "s"}', "PORTONE_STORES: entry 'store-2' has other fields"),
        (
            "PORTONE_STORES",
            '{"store-2": {"secret": "s"}}',
            "PORTONE_STORES: entry 'store-2' has other fields",
        ),
        (
            "PORTONE_STORES",
            '{"store-2": {"api_secret": "s", "webhook_secrets": "whsec_"}}',
            "PORTONE_STORES: entry 'store-2' has no list",
        ),
        (
            "PORTONE_STORES",
            '{"store-2": {"api_secret": "s", "webhook_secrets": ["!!"]}}',
            "PORTONE_STORES: entry 'store-2' has an entry that is not base64",
        ),
        ("PORTONE_STORES", f'{{"{STORE}": {{"api_secret": "s"}}}}', "PORTONE_STORES: names PORTONE_STORE_ID"),
        ("PORTONE_BILLING_CHANNEL", "card", "PORTONE_BILLING_CHANNEL: is not a channel key"),
        ("IDENTITY_HASH_KEY", "c2hvcnQ=", "IDENTITY_HASH_KEY: is not a 256-bit key"),
        ("PORTONE_IDENTITY_CHANNEL", "channel-key-1", "IDENTITY_HASH_KEY: PORTONE_IDENTITY_CHANNEL needs it"),
        ("TRUSTED_PROXY_HOPS", "-1", "TRUSTED_PROXY_HOPS: must be at least 0"),
        ("DATA_ENCRYPTION_KEY", "k1:c2hvcnQ=", "DATA_ENCRYPTION_KEY: is not a 256-bit key"),
        ("DATA_ENCRYPTION_KEY", "A" * 44, "DATA_ENCRYPTION_KEY: is not a 256-bit key"),
        ("ENVIRONMENT", "prod", "ENVIRONMENT: must be one of 'test', 'live'"),
        ("WORKER_CONCURRENCY", "0", "WORKER_CONCURRENCY: must be at least 1"),
        ("NOTICE_URLS", "example.com/hook", "NOTICE_URLS: is not an http"),
        ("PORTONE_READ_TIMEOUT_SECONDS", "10", "PORTONE_READ_TIMEOUT_SECONDS: PortOne asks for at least 60"),
        ("PORTONE_API_URL", "http://127.0.0.1:1", "PORTONE_API_URL: only https://api.portone.io"),
        ("MOCK_PAYMENTS", "true", "PORTONE_API_URL: MOCK_PAYMENTS=true needs the simulator"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_fix(
    environment: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    environment.setenv(name, value)
    message = refusal()
    assert message.startswith(expected)
    assert "\n" not in message


def test_several_problems_are_several_lines(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("ENVIRONMENT")
    environment.setenv("PORT", "70000")
    assert [line.split(":")[0] for line in refusal().splitlines()] == ["ENVIRONMENT", "PORT"]


def test_mock_payments_are_never_live(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MOCK_PAYMENTS", "true")
    environment.setenv("PORTONE_API_URL", "http://127.0.0.1:1")
    environment.setenv("ENVIRONMENT", "live")
    assert refusal().startswith("MOCK_PAYMENTS: mock payments are never live")


def test_crash_points_are_never_live(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "live")
    environment.setenv("PORTONE_WORKER_CRASH_AT", "settle.before")
    assert refusal().startswith("PORTONE_WORKER_CRASH_AT: crash points are for tests")


def test_a_refused_value_is_never_repeated(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SUPABASE_SECRET_KEY", "sb_publishable_donotprintthis")
    environment.setenv("DATA_ENCRYPTION_KEY", "k1:donotprintthis")
    assert "donotprint" not in refusal()


def test_a_further_store_has_secrets_of_its_own_and_prints_none(environment: pytest.MonkeyPatch) -> None:
    value = {"api_secret": "donotprintthis-0123456789", "webhook_secrets": [WEBHOOK_SECRET]}
    environment.setenv("PORTONE_STORES", json.dumps({SECOND_STORE: value}))
    settings = load_settings(None)
    assert settings.portone_stores[SECOND_STORE].api_secret.get_secret_value() == value["api_secret"]
    assert [secret.name for secret in settings.webhook_keys()][2:] == [f"{SECOND_STORE}/0"]
    assert "donotprintthis" not in repr(settings)
    assert repr(bytes(range(8)))[2:-1] not in repr(settings.webhook_keys())


def test_secrets_of_a_further_store_are_never_repeated(environment: pytest.MonkeyPatch) -> None:
    entry = {"api_secret": "donot printthis", "webhook_secrets": []}
    environment.setenv("PORTONE_STORES", json.dumps({SECOND_STORE: entry}))
    assert "contains spaces" in refusal()
    assert "printthis" not in refusal()


def test_secrets_print_at_most_six_characters() -> None:
    printed = repr(make_settings())
    for name in ("SUPABASE_SECRET_KEY", "PORTONE_API_SECRET", "DATA_ENCRYPTION_KEY"):
        secret = re.sub(r"^(sb_secret_|whsec_)", "", ENVIRONMENT[name])
        assert secret[:7] not in printed
    assert "sb_secret_0123…" in printed


def test_the_channel_kind_follows_the_environment() -> None:
    assert make_settings(environment="test").channel_kind == "TEST"
    assert make_settings(environment="live").channel_kind == "LIVE"
