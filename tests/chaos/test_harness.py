"""The parts `make chaos` is made of: the names of its points, the relay, the zygote, the search for leaks, the report."""

from __future__ import annotations

import http.server
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.chaos.judge import Verdict
from sandbox.chaos.leaks import found_in
from sandbox.chaos.ledger import Ask, Kill, Ledger
from sandbox.chaos.matrix import MATRIX, WINDOW
from sandbox.chaos.network import WEBHOOKS, Network
from sandbox.chaos.relay import Plan, Relay, Request
from sandbox.chaos.report import Summary, recovery
from sandbox.setup.ports import free_port
from sandbox.stack.forks import Zygote
from sandbox.stack.services import child_environment
from worker.crash_steps import STEPS, WEBHOOK_STEPS, crash_hooks
from worker.runner.handlers import HANDLERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Nobody asks for these: what one does not find the next one does. A webhook asked for twice is a repeat like any other.
_LEFT_OUT = {"sweep_payments", "compare_payments", "resend_webhook"}


def test_the_matrix_has_every_kind_of_job_and_only_steps_the_worker_has() -> None:
    assert MATRIX.keys() == HANDLERS.keys() - _LEFT_OUT | {"webhook"}
    for kind, steps in MATRIX.items():
        known = WEBHOOK_STEPS if kind == "webhook" else STEPS
        assert set(steps) <= known.keys()
        assert "after_settle" in steps or kind == "webhook"
    assert set(STEPS) == {step for kind, steps in MATRIX.items() for step in steps if kind != "webhook"}


def test_every_call_that_moves_money_is_also_found_after_portones_window() -> None:
    money = {kind for kind, steps in MATRIX.items() if "after_begin" in steps}
    assert WINDOW.keys() == money
    for kind, steps in WINDOW.items():
        assert set(steps) <= set(MATRIX[kind])


def test_without_a_crash_point_nothing_watches_the_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORTONE_WORKER_CRASH_AT", raising=False)
    assert crash_hooks("portone") == crash_hooks("database") == {}


class Behind:
    """A server behind a relay that counts what it got, and what the relay shall do."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.heard: list[int] = []
        self.relayed: list[Request] = []
        self._server = _Answering()
        # The first target takes no connection: the relay goes on to the next, as a load balancer does.
        self._relay = Relay(
            free_port(), lambda: (free_port(), self._server.port), lambda _r: self.plan, self._note
        )

    def _note(self, request: Request, status: int) -> None:
        self.relayed.append(request)
        self.heard.append(status)

    def post(self) -> httpx.Response:
        return httpx.post(f"{self._relay.url}/path?x=1", content=b"body", timeout=10)

    def close(self) -> None:
        self._relay.close()
        self._server.close()


class _Answering:
    """Answers every POST with 200 and its own body."""

    def __init__(self) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def behind() -> Iterator[Behind]:
    """A relay before a server."""
    made = Behind()
    yield made
    made.close()


def test_the_relay_passes_on_what_it_gets(behind: Behind) -> None:
    assert behind.post().text == "body"
    assert [(r.method, r.path, r.body) for r in behind.relayed] == [("POST", "/path?x=1", b"body")]


def test_a_cut_exchange_happened_and_a_refused_one_did_not(behind: Behind) -> None:
    behind.plan = Plan(cut=True)
    with pytest.raises(httpx.TransportError):
        behind.post()
    assert behind.heard == [200]
    behind.plan = Plan(refuse=True)
    with pytest.raises(httpx.TransportError):
        behind.post()
    assert behind.heard == [200]


def test_a_repeated_request_arrives_twice_and_is_answered_once(behind: Behind) -> None:
    behind.plan = Plan(copies=2)
    assert behind.post().text == "body"
    assert behind.heard == [200, 200]


def test_the_recorder_counts_only_what_was_acknowledged() -> None:
    ledger = Ledger()
    network = Network(1, ledger)
    webhook = Request("POST", WEBHOOKS, {"webhook-id": "wh-1"}, b"", b"{}")
    for status in (200, 503, 200):
        network.heard(webhook, status)
    network.heard(Request("POST", "/payments", {}, b"", b"{}"), 200)
    assert list(ledger.acknowledged.values()) == [2]


def test_a_webhook_lost_for_good_stays_lost_when_the_network_is_good_again() -> None:
    ledger = Ledger()
    network = Network(1, ledger)
    network.bad = True
    body = b'{"type": "Transaction.Paid", "data": {"paymentId": "pay-1"}}'
    sent = [Request("POST", WEBHOOKS, {"webhook-id": f"wh-{number}"}, b"", body) for number in range(300)]
    for webhook in sent:
        network.front(webhook)
    network.bad = False
    lost = [webhook for webhook in sent if network.front(webhook).refuse]
    assert {webhook.headers["webhook-id"] for webhook in lost} == ledger.withheld.keys()
    assert set(ledger.withheld.values()) == {("Transaction.Paid", "pay-1")}
    assert 0 < len(lost) == ledger.mischief["webhook lost for good"] < 30


def test_a_zygotes_copies_are_processes_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "copied.py").write_text(
        "import os, sys, time\n"
        "def main():\n"
        "    print(sys.argv, os.environ['WHO'], flush=True)\n"
        "    while os.environ['WHO'] == 'stays': time.sleep(0.01)\n"
        "    raise SystemExit(3)\n"
    )
    env = child_environment()
    env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    log = tmp_path / "log"
    with Zygote("copied:main", env, tmp_path / "zygote.log") as zygote:
        goes = zygote.start(["name", "argument"], env={**env, "WHO": "goes"}, cwd=tmp_path, log=log)
        stays = zygote.start(["name"], env={**env, "WHO": "stays"}, cwd=tmp_path, log=log)
        assert goes.wait_exit() == 3
        assert goes.pid != stays.pid
        stays.wait_until(lambda: "stays" in log.read_text())
        assert stays.code is None
        stays.kill()
        assert stays.wait_exit() == -signal.SIGKILL
    assert "['name', 'argument'] goes" in log.read_text()


def test_a_planted_word_is_found_and_not_repeated() -> None:
    found = found_in(
        [("worker-1.log", "… 남궁카오스 …"), ("the terminal", "clean")], ["남궁카오스", "whsec_x"]
    )
    assert len(found) == 1
    assert "worker-1.log" in found[0]
    assert "남궁카오스" not in found[0]


def test_recovery_is_a_nearest_rank_percentile() -> None:
    kills = [Kill("w", 1, 0.0, recovered_at=second) for second in (1.0, 2.0, 3.0, 4.0)]
    assert (recovery(kills, 0.5), recovery(kills, 0.99)) == (2_000, 4_000)
    assert recovery([Kill("w", 1, 0.0)], 0.5) is None


def test_any_finding_makes_a_run_bad() -> None:
    ledger = Ledger(asks=[Ask("cancel_payment", "refund 1")])
    good = Summary(1)
    good.add(ledger, Verdict(effects=1), [], [])
    assert good.good
    for verdict, leaked, errors in (
        (Verdict(lost=["x"]), [], []), (Verdict(double_effects=["x"]), [], []), (Verdict(diverged=["x"]), [], []),
        (Verdict(stuck=["x"]), [], []), (Verdict(), ["x"], []), (Verdict(), [], ["x"]),
    ):  # fmt: skip
        bad = Summary(1)
        bad.add(ledger, verdict, leaked, errors)
        assert not bad.good
