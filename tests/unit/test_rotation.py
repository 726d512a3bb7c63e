"""A key can be rotated and a person forgotten: in batches, again and again, without ever writing anything in clear."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.support import FakeDatabase, script
from worker.cli import app
from worker.db.vault import Vault
from worker.errors import DatabaseFault, Misconfigured
from worker.rotation import erase_identities, reseal_identities
from worker.seal import Sealer

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
BEFORE = Sealer({"k1": OLD})
AFTER = Sealer({"k2": NEW, "k1": OLD})


def row(identity: str, sealer: Sealer = BEFORE, **fields: Any) -> dict[str, Any]:
    """Return a row of ``list_sealed``."""
    sealed = {name: sealer.seal_text(f"{name}-{identity}", purpose=f"identity:{identity}:{name}")
              for name in ("ci", "di")}  # fmt: skip
    return {"id": identity, "key_id": sealer.key_id} | sealed | fields


def vault(*batches: list[dict[str, Any]]) -> tuple[Vault, FakeDatabase]:
    """Return the calls over a database with these batches."""
    database = FakeDatabase(
        list_sealed=script(*batches, []),
        reseal=lambda params: [{"id": one["id"], "resealed": True} for one in params["texts"]],
    )
    return Vault(database), database  # type: ignore[arg-type]


async def test_everything_old_is_sealed_again_and_opens_as_before() -> None:
    kept, database = vault([row("a"), row("b", AFTER)], [row("c", ci=None)])
    result = await reseal_identities(kept, AFTER)
    assert (result.resealed, result.current, result.unreadable) == (2, 1, 0)
    texts = [one for call in database.named("reseal") for one in call["texts"]]
    assert [(one["id"], one["old_key_id"], one["key_id"]) for one in texts] == [
        ("a", "k1", "k2"),
        ("c", "k1", "k2"),
    ]
    only_new = Sealer({"k2": NEW})
    opened = only_new.open(base64.b64decode(texts[0]["ci"]), purpose="identity:a:ci")
    assert opened == b"ci-a"
    assert texts[1]["ci"] is None
    assert [call["after"] for call in database.named("list_sealed")] == [None, "b", "c"]


async def test_what_cannot_be_opened_is_left_and_counted() -> None:
    swapped = row("b") | {"id": "a"}
    broken = row("c", di="not base64!")
    kept, database = vault([swapped, broken, row("d")])
    result = await reseal_identities(kept, AFTER)
    assert (result.resealed, result.unreadable) == (1, 2)
    assert [one["id"] for call in database.named("reseal") for one in call["texts"]] == ["d"]


async def test_a_key_that_is_still_needed_must_be_there() -> None:
    kept, _ = vault([row("a")])
    with pytest.raises(Misconfigured, match="DATA_ENCRYPTION_KEY"):
        await reseal_identities(kept, Sealer({"k2": NEW}))


async def test_erasing_goes_on_until_nothing_is_left() -> None:
    database = FakeDatabase(erase_identities=script(500, 3, 0))
    count = await erase_identities(
        Vault(database),  # type: ignore[arg-type]
        before="2026-01-01T00:00:00+00:00",
        user_id=None,
    )
    assert count == 503
    assert database.named("erase_identities") == [{"before": "2026-01-01T00:00:00+00:00"}] * 3


async def test_an_answer_that_is_no_number_is_not_zero() -> None:
    with pytest.raises(DatabaseFault):
        await erase_identities(Vault(FakeDatabase(erase_identities=None)), before=None, user_id="u")  # type: ignore[arg-type]


def test_the_commands_ask_first_and_want_to_know_what() -> None:
    nothing = CliRunner().invoke(app, ["identity", "erase"])
    assert nothing.exit_code == 2
    assert "--before" in nothing.output
    declined = CliRunner().invoke(app, ["identity", "erase", "--before", "2026-01-01"], input="n\n")
    assert declined.exit_code == 1
    for wrong in (["--before", "soon"], ["--user", "me"]):
        assert CliRunner().invoke(app, ["identity", "erase", *wrong]).exit_code == 2
    assert "rotate" in CliRunner().invoke(app, ["keys", "--help"]).output
