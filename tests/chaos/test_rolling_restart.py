"""Two workers are restarted one after the other under load: every request is answered, nothing is lost."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import psycopg

from sandbox.setup.ports import LOOPBACK, free_port
from sandbox.setup.process import Child
from sandbox.setup.tls import certificates
from sandbox.stack.services import answers, worker_command, worker_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.demo.world import Purchase, World

SENDERS = 4


class TwoWorkers:
    """The stack's worker and a second one, as a load balancer sees them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.port = free_port()
        self.child = self._start()

    def _start(self) -> Child:
        stack = self.world.stack
        settings = worker_environment(self.port, stack.endpoint, stack.portone_url, stack._secrets)
        folder = stack.workdir / "second"
        folder.mkdir(exist_ok=True)
        child = Child(worker_command({**settings, "PORTONE_READ_TIMEOUT_SECONDS": "1.5"}, folder))
        child.wait_until(lambda: answers(f"http://{LOOPBACK}:{self.port}/health/live"), within=60)
        return child

    def urls(self) -> Iterator[str]:
        """Addresses in turn."""
        return itertools.cycle((self.world.stack.worker_url, f"http://{LOOPBACK}:{self.port}"))

    def restart_each(self) -> None:
        """SIGTERM to one, a new one, then the same with the other."""
        self.child.stop(within=40)
        self.child = self._start()
        self.world.stack.restart_worker()


class Load:
    """Senders of signed webhooks; a connection nobody accepts is tried at the other worker, as a balancer does."""

    def __init__(self, workers: TwoWorkers, purchase: Purchase) -> None:
        self._urls = workers.urls()
        self._key = base64.b64decode(workers.world.stack.webhook_secret.removeprefix("whsec_"))
        self._body = json.dumps(
            {
                "type": "Transaction.Paid",
                "timestamp": "2026-01-01T00:00:00Z",
                "data": {"paymentId": purchase.payment_id},
            }
        ).encode()
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.acknowledged: list[str] = []
        self.wrong: list[str] = []

    def _url(self) -> str:
        with self._lock:
            return next(self._urls)

    def send(self, sender: int) -> None:
        """Send until told to stop."""
        for number in itertools.count():
            if self.stop.is_set():
                return
            self._deliver(f"roll-{sender}-{number}")

    def _deliver(self, webhook_id: str) -> None:
        at = str(int(time.time()))
        digest = hmac.digest(self._key, f"{webhook_id}.{at}.".encode() + self._body, "sha256")
        headers = {
            "content-type": "application/json", "webhook-id": webhook_id, "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(), "connection": "close",
        }  # fmt: skip
        for _ in range(200):
            try:
                reply = httpx.post(
                    f"{self._url()}/webhooks/portone",
                    content=self._body,
                    headers=headers,
                    timeout=60,
                    trust_env=False,
                    verify=certificates(),
                )
            except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
                time.sleep(0.02)  # not accepted: the other worker, next
                continue
            if reply.status_code != 200:
                self.wrong.append(f"{webhook_id}: {reply.status_code} {reply.text[:100]}")
            self.acknowledged.append(webhook_id)
            return
        self.wrong.append(f"{webhook_id}: no worker accepted it")


def test_a_rolling_restart_answers_everybody_and_loses_nothing(world: World, paid: Purchase) -> None:
    workers = TwoWorkers(world)
    load = Load(workers, paid)
    try:
        with ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(load.send, sender) for sender in range(SENDERS)]
            try:
                workers.restart_each()
                before = len(load.acknowledged)
                world.wait(lambda: len(load.acknowledged) > before + 20, within=60)
            finally:
                load.stop.set()
            for sender in senders:
                sender.result()
        assert load.wrong == []
        with psycopg.connect(world.stack.endpoint.db_url, autocommit=True) as connection:
            world.wait(lambda: _waiting(connection) == 0, within=60)
            rows = connection.execute(
                "select webhook_id, status::text from public.webhook_logs where webhook_id like 'roll-%' and duplicate_of is null"
            ).fetchall()
            assert {webhook_id for webhook_id, _status in rows} == set(load.acknowledged)
            assert {status for _webhook_id, status in rows} == {"processed"}
            assert connection.execute(
                "select count(*) from queue.dead where resolved_at is null"
            ).fetchone() == (0,)
        assert len(load.acknowledged) > 50
        workers.child.stop(within=40)
        assert workers.child._process.returncode == 0, "a worker that is asked to stop ends by itself"
    finally:
        workers.child.kill()


def _waiting(connection: psycopg.Connection[tuple[int]]) -> int:
    """Jobs about payments and deliveries that are not done."""
    row = connection.execute(
        "select (select count(*) from queue.jobs where state <> 'scheduled') + (select count(*) from public.webhook_logs where status = 'received')"
    ).fetchone()
    assert row is not None
    return row[0]
