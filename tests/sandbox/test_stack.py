"""Decides that the whole stack starts, is described, restarts its worker and leaves nothing behind."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.process import ProcessDied
from sandbox.stack import state
from sandbox.stack.stack import Stack, running_stack

if TYPE_CHECKING:
    from sandbox.supabase.project import Supabase

_DOCUMENTED = {
    "api_url", "db_url", "admin_db_url", "publishable_key", "secret_key", "jwt_secret", "worker_url",
    "portone_url", "portone_control_url", "portone_api_secret", "webhook_secret", "pids", "shop_url",
    "console_url", "admin_email", "admin_password",
}  # fmt: skip


def _command(name: str, file: Path) -> subprocess.CompletedProcess[str]:
    code = f"from pathlib import Path; from sandbox.stack.up import {name}; raise SystemExit({name}(Path({str(file)!r})))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_up_describes_what_runs_and_down_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "stack.json"
    try:
        started = _command("up", file)
        assert started.returncode == 0, started.stdout + started.stderr
        known = json.loads(file.read_text())
        assert known.keys() >= _DOCUMENTED
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert {"postgres", "portone-simulator", "portone-worker", "shop"} <= known["pids"].keys()
        for name in (
            "worker_url",
            "portone_control_url",
            "secret_key",
            "shop_url",
            "console_url",
            "admin_password",
        ):
            assert known[name] in started.stdout
        assert httpx.get(f"{known['worker_url']}/health/ready", timeout=10).status_code == 200
        payments = httpx.get(
            f"{known['api_url']}/rest/v1/payments?limit=1",
            headers={"apikey": known["secret_key"]},
            timeout=10,
        )
        assert payments.status_code == 200

        assert httpx.get(known["shop_url"], timeout=10).status_code == 200
        told = httpx.get(f"{known['console_url']}config.json", timeout=10).json()
        assert told["supabaseUrl"] == known["shop_url"].rstrip("/")
        admin = httpx.post(
            f"{told['supabaseUrl']}/auth/v1/token?grant_type=password",
            headers={"apikey": told["supabasePublishableKey"]},
            json={"email": known["admin_email"], "password": known["admin_password"]},
            timeout=10,
        ).json()
        findings = httpx.get(
            f"{told['supabaseUrl']}/rest/v1/drift_findings?select=id",
            headers={
                "apikey": told["supabasePublishableKey"],
                "authorization": f"Bearer {admin['access_token']}",
            },
            timeout=10,
        )
        assert findings.json() != []  # the seed's, which only an admin sees

        # As printed: the settings are read by a shell, and the command line finds what runs.
        looked = subprocess.run(
            [
                "/bin/sh",
                "-c",
                f"set -a; . {known['worker_env']}; exec {sys.executable} -m worker doctor --json",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        )
        assert f"set -a; . {known['worker_env']}; set +a" in started.stdout
        assert looked.returncode == 0, looked.stdout + looked.stderr
        states = {check["name"]: check["state"] for check in map(json.loads, looked.stdout.splitlines())}
        assert states["migrations"] == states["access"] == "ok"
        assert stat.S_IMODE(Path(known["worker_env"]).stat().st_mode) == 0o600

        again = _command("up", file)
        assert again.returncode == 0
        assert "already running" in again.stdout
        assert json.loads(file.read_text())["pids"] == known["pids"]
    finally:
        ended = _command("down", file)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not file.exists()
    assert not Path(known["worker_env"]).exists()
    assert [name for name, pid in known["pids"].items() if state.started_at(pid)] == []
    assert not any(Path(folder).exists() for folder in known["folders"])
    assert "No stack is running" in _command("down", file).stdout


def test_down_spares_a_process_that_got_a_dead_ones_id(tmp_path: Path) -> None:
    file = tmp_path / "stack.json"
    stranger = {
        "pids": {"postgres": os.getpid()},
        "processes": {"postgres": {"started": "1", "stop_signal": 9}},
    }
    state.write({**stranger, "folders": []}, file)
    assert _command("down", file).returncode == 0
    assert not file.exists()


def test_the_worker_is_killed_and_restarted_at_the_same_address(supabase: Supabase, tmp_path: Path) -> None:
    with running_stack(tmp_path, supabase=supabase) as stack:
        address = stack.worker_url
        assert httpx.get(f"{address}/health/ready", timeout=10).status_code == 200
        assert httpx.get(f"{stack.portone_control_url}/clock", timeout=10).status_code == 200
        stack.kill_worker()
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{address}/health/live", timeout=10)
        stack.restart_worker()
        assert stack.worker_url == address
        assert httpx.get(f"{address}/health/ready", timeout=10).status_code == 200
        stack.check()
        assert stack.worker_log()
    assert stack.children() == []
    assert all(child.alive() for child in supabase.children()), "a given Supabase is left running"


def test_a_worker_with_a_wrong_setting_is_named_with_its_log(supabase: Supabase, tmp_path: Path) -> None:
    stack = Stack(tmp_path, supabase=supabase, worker_env={"ENVIRONMENT": "holiday"})
    with pytest.raises(ProcessDied, match=r"portone-worker ended[\s\S]*ENVIRONMENT"):
        stack.start()
    assert stack.children() == []


def test_settings_of_a_developer_do_not_reach_the_worker(
    supabase: Supabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "live")
    monkeypatch.setenv("NOTICE_URLS", "not a url")
    with running_stack(tmp_path, supabase=supabase) as stack:
        assert httpx.get(f"{stack.worker_url}/health/live", timeout=10).status_code == 200
