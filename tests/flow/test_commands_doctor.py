"""`doctor` against the running stack: well where it is well, and each broken thing is named with its fix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.flow.command_line import CommandLine

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


@pytest.fixture
def cli(world: World) -> CommandLine:
    """The command line of the running stack."""
    return CommandLine(world)


def checks(cli: CommandLine, *arguments: str, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and the checks by name."""
    result = cli("doctor", "--json", *arguments, **settings)
    listed = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, {check["name"]: check for check in listed}


def test_a_healthy_installation(world: World, mina: Shopper, cli: CommandLine) -> None:
    for method in ("CARD", "VIRTUAL_ACCOUNT", "EASY_PAY"):
        purchase = world.prepared(mina, 3_000, method)
        world.open_window(purchase)
        if method == "VIRTUAL_ACCOUNT":
            world.portone.issue_virtual_account(purchase.payment_id)
            world.portone.deposit(purchase.payment_id)
        else:
            world.portone.approve(purchase.payment_id)
        world.quiet(purchase)
    code, found = checks(cli)
    states = {name: check["state"] for name, check in found.items()}
    # Tests move the clock of the database; that is what this check is for.
    assert states.pop("clock") in ("ok", "warning")
    assert {name: state for name, state in states.items() if state != "ok"} == {}, found
    assert code == 0
    for name in (
        "settings", "mode", "webhook secrets", "clock skew", "database", "publishable key", "migrations",
        "migrations unchanged", "access", "queue", "channels", "webhooks arriving",
    ):  # fmt: skip
        assert name in found
    assert found["migrations unchanged"]["detail"].split()[0] == found["migrations"]["detail"].split()[1]
    assert "정상" in cli("--lang", "ko", "doctor").output


def test_settings_that_are_wrong_are_listed_and_exit_3(cli: CommandLine) -> None:
    result = cli("doctor", PORTONE_STORE_ID="imp1", SUPABASE_SECRET_KEY="sb_publishable_0123456789abcdefghij")
    assert result.exit_code == 3
    assert "setting PORTONE_STORE_ID" in result.output
    assert "setting SUPABASE_SECRET_KEY" in result.output
    assert "Errors: 2" in result.output


def test_a_key_supabase_does_not_take(cli: CommandLine) -> None:
    code, found = checks(cli, SUPABASE_PUBLISHABLE_KEY="sb_publishable_0123456789abcdefghij")
    assert (code, found["publishable key"]["state"]) == (1, "error")
    code, found = checks(cli, SUPABASE_SECRET_KEY="sb_secret_0123456789abcdefghijkl")
    assert (code, found["database"]["state"]) == (1, "error")
    assert "SUPABASE_SECRET_KEY" in found["database"]["fix"]


def test_a_secret_portone_does_not_take(world: World, cli: CommandLine) -> None:
    code, found = checks(cli, PORTONE_API_SECRET="not-the-secret-of-this-store-0123456789")
    (store,) = [check for name, check in found.items() if name.startswith("portone ")]
    assert (code, store["state"]) == (1, "error")
    assert "PORTONE_API_SECRET" in store["fix"]


def test_a_migration_that_was_changed_before_the_push(world: World, cli: CommandLine) -> None:
    change = "update supabase_migrations.schema_migrations set statements[1] = %s || statements[1] where name = 'create_clock' returning name"
    assert world.books.rows(change, "select 1 as changed_here; ") == [{"name": "create_clock"}]
    try:
        _, found = checks(cli)
        assert found["migrations unchanged"]["state"] == "warning"
        assert "_create_clock.sql" in found["migrations unchanged"]["detail"]
        assert checks(cli, "--strict")[0] == 1
    finally:
        world.books.rows(
            "update supabase_migrations.schema_migrations set statements[1] = substr(statements[1], 26) where name = 'create_clock' returning name"
        )
    assert checks(cli)[1]["migrations unchanged"]["state"] == "ok"


def test_a_database_that_is_away(cli: CommandLine) -> None:
    code, found = checks(cli, SUPABASE_URL="http://127.0.0.1:9")
    assert (code, found["database"]["state"]) == (1, "error")
    assert "migrations" not in found
