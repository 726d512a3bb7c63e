"""Garbage meets the running worker and its database: no 5xx, nothing acknowledged that is not stored, nothing stored unsigned.

`unit/test_garbage.py` sends more of it to a scripted database; here a real one reads what got through. The stack is one
of its own: nobody else has to live with what is left in it.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error

from sandbox.portone.signature import signed_headers
from sandbox.setup.tls import certificates
from sandbox.stack.stack import running_stack
from tests.garbage import BODIES, HEADERS, NASTY
from tests.unit.support import FakeDatabase, make_deps
from worker.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.stack.stack import Stack

PATH = "/webhooks/portone"
JSON = {"content-type": "application/json"}
SOMEBODY = "5e1f0000-0000-4000-8000-00000000000a"
# The examples share the stack on purpose; the machine may be busy.
LIVE = {"deadline": None, "suppress_health_check": list(HealthCheck)}
# The document is needed before a worker runs; that it is the running one's is a test below.
_DOCUMENT = schemathesis.openapi.from_asgi("/openapi.json", create_app(make_deps(FakeDatabase()))).raw_schema
ROUTES = schemathesis.openapi.from_dict(_DOCUMENT)

Stored = Counter[tuple[str, bytes]]


class Garbage:
    """Sends webhooks to the worker and remembers which of them it acknowledged."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.acknowledged: Stored = Counter()
        self.http = httpx.Client(
            base_url=stack.worker_url, timeout=60, trust_env=False, verify=certificates()
        )
        self._numbers = itertools.count(1)

    def webhook(self, body: bytes, webhook_id: str | None = None) -> None:
        """Send a webhook with PortOne's signature, which must be acknowledged."""
        name = webhook_id or f"garbage-{next(self._numbers)}"
        headers = signed_headers([self.stack.webhook_secret], name, int(time.time()), body)
        answer = self.http.post(PATH, content=body, headers=JSON | headers)
        assert answer.status_code == 200, (answer.status_code, answer.text, body)
        self.acknowledged[name, body] += 1

    def signed_in(self, *, admin: bool) -> dict[str, str]:
        """Return the headers of somebody signed in, who does not wait for results."""
        claims = {"role": "admin"} if admin else None
        token = self.stack.supabase.mint_jwt(SOMEBODY, app_metadata=claims)
        return {"authorization": f"Bearer {token}", "prefer": "wait=0"}

    def stored(self) -> Stored:
        """Return every webhook in the database's log, as it was sent."""
        with psycopg.connect(self.stack.endpoint.admin_db_url) as connection:
            rows = connection.execute("select webhook_id, request_body from public.webhook_logs").fetchall()
        return Counter((name, bytes(body)) for name, body in rows)


@pytest.fixture(scope="module")
def garbage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Garbage]:
    """A worker with everything around it."""
    with running_stack(
        tmp_path_factory.mktemp("garbage"),
        prepare=lambda supabase: supabase.push(),  # without the seed, which has webhooks of its own
        worker_env={"RECONCILE": "false", "MAINTENANCE_INTERVAL_SECONDS": "0"},
    ) as stack:
        made = Garbage(stack)
        yield made
        made.http.close()


@pytest.fixture(autouse=True)
def _books_are_right(garbage: Garbage) -> Iterator[None]:
    """After every test: the log is what was acknowledged, byte for byte, and every process lives."""
    yield
    assert garbage.stored() == garbage.acknowledged
    garbage.stack.check()


@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
def test_every_known_nastiness_is_stored_byte_for_byte(garbage: Garbage, body: bytes) -> None:
    garbage.webhook(body)


@given(st.lists(BODIES, min_size=1, max_size=3))
@settings(max_examples=40, **LIVE)
def test_signed_garbage_is_stored_byte_for_byte(garbage: Garbage, bodies: list[bytes]) -> None:
    for body in bodies:
        garbage.webhook(body)


def test_one_id_over_different_bodies_is_stored_every_time(garbage: Garbage) -> None:
    for body in (b"\x00", b"{}", b"\x00", b"\xff"):
        garbage.webhook(body, "garbage-again")


@given(BODIES, HEADERS, st.sampled_from(["POST", "GET", "PUT"]))
@settings(max_examples=40, **LIVE)
def test_unsigned_garbage_is_refused(
    garbage: Garbage, body: bytes, headers: Mapping[str, str], method: str
) -> None:
    # An HTTP client puts no control characters on the wire; `unit/test_garbage.py` has them.
    printable = {
        name: "".join(sign for sign in value if sign.isprintable()) for name, value in headers.items()
    }
    sent = [*JSON.items(), *((name, value.encode("latin-1").strip()) for name, value in printable.items())]
    answer = garbage.http.request(method, PATH, content=body, headers=sent)  # type: ignore[arg-type]
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)


def test_the_routes_are_the_running_workers(garbage: Garbage) -> None:
    assert garbage.http.get("/openapi.json").json() == _DOCUMENT


def test_whoever_sends_the_garbage_is_let_in(garbage: Garbage) -> None:
    for admin in (False, True):
        answer = garbage.http.get(f"/operations/{SOMEBODY}", headers=garbage.signed_in(admin=admin))
        assert answer.status_code == 404, "the database looked, and found nothing"


@pytest.mark.parametrize("admin", [False, True], ids=["customer", "admin"])
@ROUTES.parametrize()
@settings(max_examples=4, **LIVE)
def test_no_route_answers_garbage_with_a_server_error(case: Any, garbage: Garbage, admin: bool) -> None:
    answer = case.call(base_url=garbage.stack.worker_url, headers=garbage.signed_in(admin=admin))
    case.validate_response(answer, checks=[not_a_server_error])
