"""Decides what no output may hold, and looks for it: secrets, tokens, and every made-up name, phone, account and key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from sandbox.chaos.arena import METRICS_TOKEN
from sandbox.chaos.verified import verified_at_portone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.chaos.arena import Arena

_SHORTEST = 6
# The surroundings' own output; Supabase Lite prints its keys when it starts.
_NOT_OURS = ("portone-simulator.log", "postgres.log", "supabase-lite.log")


def verify_somebody(arena: Arena) -> set[str]:
    """Have a customer's identity verified by SMS through the worker; return what was private about it."""
    customer = arena.world.customer("verified")
    check = verified_at_portone(arena, customer, "198.51.100.7")
    completed = customer.post(f"/identity-verifications/{check['id']}/complete")
    if completed.status != 200:
        raise AssertionError(f"the verification was not completed: HTTP {completed.status} {completed.code}")
    return check["private"]


def private_words(arena: Arena, words: Iterable[str]) -> list[str]:
    """Return everything no output may hold: `words`, the stack's secrets, tokens, keys and cards PortOne knows."""
    endpoint = arena.stack.endpoint
    secrets = [
        endpoint.secret_key, endpoint.publishable_key, endpoint.jwt_secret, *arena.stack.secret_values(), METRICS_TOKEN,
        str(arena.world.admin.token),
    ]  # fmt: skip
    keys = [key["billingKey"] for key in arena.portone.billing_keys()]
    found = {*secrets, *keys, *words}
    return sorted(word for word in found if len(word) >= _SHORTEST or not word.isascii())


def leaks(arena: Arena, words: Iterable[str], printed: str) -> list[str]:
    """Name every output that holds one of the words: worker logs, zygote, API front, metrics, our own terminal."""
    return found_in(_outputs(arena, printed), words)


def found_in(outputs: Iterable[tuple[str, str]], words: Iterable[str]) -> list[str]:
    """Name each output, given as (name, text), that holds one of the words, without repeating the word."""
    wanted = [(word, f"{word[:3]}… ({len(word)} characters)") for word in words]
    return [f"{name} has {hidden}" for name, text in outputs for word, hidden in wanted if word in text]


def _outputs(arena: Arena, printed: str) -> Iterator[tuple[str, str]]:
    for path in sorted(arena.stack.workdir.rglob("*.log")):
        if path.name not in _NOT_OURS:
            yield path.name, path.read_text(errors="replace")
    yield "the terminal", printed
    for port in arena.fleet.targets():
        reply = httpx.get(
            f"http://127.0.0.1:{port}/metrics",
            headers={"authorization": f"Bearer {METRICS_TOKEN}"},
            timeout=20,
        )
        yield "/metrics", reply.raise_for_status().text
    yield "operations' errors", _errors(arena)


def _errors(arena: Arena) -> str:
    """Return what the worker wrote into error columns: people copy these into chats."""
    with arena.admin() as connection:
        rows = connection.execute(
            "select error from public.payment_operations where error is not null "
            "union all select error from queue.dead union all select last_error from queue.jobs "
            "union all select error from public.webhook_logs where error is not null"
        ).fetchall()
    return json.dumps([row[0] for row in rows], ensure_ascii=False)
