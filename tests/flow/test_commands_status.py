"""`status` tells what the database says, and its exit code whether a person should look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flow.command_line import CommandLine

if TYPE_CHECKING:
    from sandbox.demo.shopper import Shopper
    from sandbox.demo.world import World


def test_the_whole_on_one_screen(world: World, mina: Shopper) -> None:
    cli = CommandLine(world)
    world.paid(mina, 12_000)
    shown = cli("status")
    for said in (
        "jobs a minute",
        "webhooks, last hour",
        "half within",
        "oldest ready job",
        "dead jobs",
        "open refunds",
        "findings",
    ):
        assert said in shown.output
    assert "처리량" in cli("--lang", "ko", "status").output
    status = cli("status", "--json")
    assert status.exit_code == shown.exit_code
    assert '"unknown_outcomes"' in status.stdout


def test_a_dead_job_is_trouble(world: World, mina: Shopper) -> None:
    cli = CommandLine(world)
    key = f"status-{mina.user_id}"
    world.server.rpc(
        "enqueue_jobs", jobs=[{"idempotency_key": key, "job_kind": "send_letter", "payload": {}}]
    )
    # Other tests leave trouble too: wait for this one.
    dead = "select 1 from queue.dead where kind = 'send_letter' and resolved_at is null"
    world.wait(lambda: bool(world.books.rows(dead)), within=60)
    assert "! dead jobs" in cli("status").output
    assert cli("status").exit_code == 1
    found = {(job["kind"], job["state"]) for job in cli.json("status", exit_code=1)["jobs"]}
    assert ("send_letter", "dead") in found
    world.books.rows(
        "update queue.dead set resolved_at = private.now() where kind = 'send_letter' returning id"
    )
