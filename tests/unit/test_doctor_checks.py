"""The checks only `doctor` makes: keys, clocks, webhooks, channels, and migrations word for word."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.unit.support import FakeDatabase, make_deps, make_settings
from worker.checks.channels import check_channels
from worker.checks.publishable import check_publishable
from worker.checks.skew import check_skew
from worker.checks.unchanged import check_unchanged, digest, shipped_digests
from worker.checks.webhooks import check_arriving, check_secrets
from worker.db.installation import AppliedMigration, Installation
from worker.errors import DatabaseUnavailable, Rejected

if TYPE_CHECKING:
    from worker.checks.result import CheckResult

NOW = 1_800_000_000.0
GONE = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable")


def dated(seconds: float) -> httpx.MockTransport:
    """Services whose clocks are so far behind ours."""
    return httpx.MockTransport(
        lambda _request: httpx.Response(401, headers={"Date": formatdate(NOW - seconds, usegmt=True)})
    )


@pytest.mark.parametrize(
    ("behind", "state"),
    [(0, "ok"), (20, "ok"), (-20, "ok"), (60, "warning"), (-60, "warning"), (200, "error"), (-200, "error")],
)
async def test_a_clock_that_is_wrong(behind: float, state: str) -> None:
    result = await check_skew(make_settings(), transport=dated(behind), clock=lambda: NOW)
    assert result.state == state
    assert bool(result.fix) == (state != "ok")
    assert ("ahead of" in result.detail) == (state != "ok" and behind > 0)


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
async def test_nobody_says_what_time_it_is(headers: dict[str, str]) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, headers=headers))
    assert (await check_skew(make_settings(), transport=transport)).state == "warning"


def installation(*migrations: AppliedMigration) -> Installation:
    """A database with this history."""
    return Installation(1, migrations, 0.0, "17", frozenset(), frozenset(), frozenset(), None, None, 0, None)


def test_migrations_are_compared_by_their_words() -> None:
    text = "-- A table.\ncreate table a (b int);\n\nselect 1;\n"
    shipped = {"1_a.sql": digest(text), "2_b.sql": digest("select 2;")}
    kept = digest("-- A table.\ncreate table a (b int)select 1")
    same = AppliedMigration("1", "a", None, kept)
    copied = AppliedMigration("9", "a", "1_a.sql", kept)
    theirs = AppliedMigration("3", "own", None, "whatever")
    untold = AppliedMigration("2", "b", None, None)
    result = check_unchanged(installation(same, copied, theirs, untold), shipped)
    assert (result.state, result.detail) == ("ok", "2 compared with what this release ships")
    result = check_unchanged(installation(AppliedMigration("2", "b", None, digest("select 3;"))), shipped)
    assert result.state == "warning"
    assert "2_b.sql" in result.detail


def test_what_is_shipped_has_a_digest_each() -> None:
    digests = shipped_digests()
    assert len(digests) > 40
    assert len(set(digests.values())) == len(digests)


def test_webhook_secrets() -> None:
    assert check_secrets(make_settings()).state == "ok"
    assert "shorter than" in check_secrets(make_settings(portone_webhook_secrets="whsec_AAECAw==")).detail
    store = '{"store-5e1f0000-0000-4000-8000-000000000002": {"api_secret": "abc"}}'
    result = check_secrets(make_settings(portone_stores=store))
    assert result.state == "error"
    assert "000000000002" in result.detail


async def asked(check: Any, **answers: Any) -> CheckResult:
    """Run a check that reads the database."""
    deps = make_deps(FakeDatabase(**answers))
    result: CheckResult = await (
        check(deps.settings, deps.operator) if check is check_channels else check(deps.operator)
    )
    return result


async def test_webhooks_that_never_came() -> None:
    silent = await asked(check_arriving)
    assert silent.state == "warning"
    assert "/webhooks/portone" in silent.fix
    assert (await asked(check_arriving, webhook_logs=[{"created_at": "2026-11-25", "id": 1}])).state == "ok"
    assert (await asked(check_arriving, webhook_logs=GONE)).state == "warning"


async def test_channels_are_proven_by_payments() -> None:
    unproven = await asked(check_channels)
    assert unproven.state == "warning"
    assert "CARD, VIRTUAL_ACCOUNT" in unproven.detail

    right = {"payment_id": "p", "discrepancies": ["order_already_paid"]}
    assert (await asked(check_channels, payments=[right])).state == "ok"

    def newest(params: Any) -> list[dict[str, Any]]:
        assert (params["order"], params["limit"]) == ("created_at.desc", "1")
        return [right] if "vbank" in params["channel_key"] else [right | {"discrepancies": ["channel_kind"]}]

    wrong = await asked(check_channels, payments=newest)
    assert wrong.state == "error"
    assert "LIVE channel" in wrong.detail
    assert "CARD (payment p)" in wrong.detail
    assert "VIRTUAL_ACCOUNT" not in wrong.detail
    assert (await asked(check_channels, payments=GONE)).state == "warning"


@pytest.mark.parametrize(
    ("nobody", "state"),
    [(False, "ok"), (True, "error"), (Rejected("INVALID_TOKEN", "no"), "error"), (GONE, "warning")],
)
async def test_the_publishable_key(nobody: Any, state: str) -> None:
    assert (await check_publishable(make_deps(FakeDatabase(nobody=nobody)).users)).state == state
