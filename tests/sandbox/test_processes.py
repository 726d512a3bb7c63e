"""Decides that a dead process is named with its log, and that none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.process import Child, Command, ProcessDied, child_env
from sandbox.supabase.open import embedded_supabase

if TYPE_CHECKING:
    from pathlib import Path

_SLEEP = "import time; time.sleep(600)"
_PARENT = """
import sys
from pathlib import Path
from sandbox.setup.process import Child, Command, child_env
child = Child(Command("sleeper", [sys.executable, "-c", {sleep!r}], Path({log!r}), child_env()))
print(child.pid, flush=True)
sys.stdin.read()
"""


def _python(code: str, log: Path, name: str = "subject") -> Command:
    return Command(name=name, argv=[sys.executable, "-c", code], log_path=log, env=child_env())


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = f"/proc/{pid}/stat"
    if not os.path.exists(stat):
        return False
    with open(stat) as handle:
        return handle.read().rpartition(")")[2].split()[0] == "Z"


def _wait_gone(pid: int, within: float = 20.0) -> bool:
    deadline = time.monotonic() + within
    while not _gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return _gone(pid)


def test_a_process_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    code = "import sys; print('line one'); print('the reason', file=sys.stderr); sys.exit(3)"
    child = Child(_python(code, tmp_path / "subject.log"))
    with pytest.raises(ProcessDied, match=r"subject ended \(exit code 3\)[\s\S]*the reason"):
        child.wait_until(lambda: False, within=20)
    child.stop()


def test_a_process_that_is_never_ready_is_named(tmp_path: Path) -> None:
    child = Child(_python(_SLEEP, tmp_path / "subject.log"))
    with pytest.raises(TimeoutError, match="subject was not ready"):
        child.wait_until(lambda: False, within=0.1)
    child.stop()
    assert not child.alive()


def test_a_killed_process_is_named_with_the_signal(tmp_path: Path) -> None:
    child = Child(_python(_SLEEP, tmp_path / "subject.log"))
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait_exit(20) == -signal.SIGKILL
    with pytest.raises(ProcessDied, match="signal SIGKILL"):
        child.check()
    child.stop()


def test_stopping_takes_grandchildren_along(tmp_path: Path) -> None:
    log = tmp_path / "subject.log"
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {_SLEEP!r}])\n"
        "print('grandchild', child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    child = Child(_python(code, log))
    child.wait_until(lambda: "grandchild" in log.read_text(), within=20)
    grandchild = int(log.read_text().split()[-1])
    child.stop()
    assert _wait_gone(grandchild)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None])
def test_children_die_with_their_parent_however_it_ends(tmp_path: Path, end: signal.Signals | None) -> None:
    code = _PARENT.format(sleep=_SLEEP, log=str(tmp_path / "sleeper.log"))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not _gone(pid)
        if end is not None:
            os.killpg(parent.pid, end)
        else:
            parent.communicate("")
    assert _wait_gone(pid)


def test_a_dead_database_is_named(tmp_path: Path) -> None:
    with embedded_supabase(tmp_path) as supabase:
        supabase.start_database()
        server = supabase.children()[0]
        os.kill(server.pid, signal.SIGKILL)
        server.wait_exit(20)
        with pytest.raises(
            ProcessDied, match=r"postgres ended \(signal SIGKILL\)[\s\S]*database system is ready"
        ):
            server.check()


def test_an_api_that_cannot_start_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_supabase(tmp_path) as supabase:
        supabase.start_database()
        supabase.push(only=[])
        broken = tmp_path / "broken.js"
        broken.write_text("console.log('cannot go on'); process.exit(7)")
        monkeypatch.setattr("sandbox.supabase.lite._SCRIPT", str(broken))
        monkeypatch.setenv("SANDBOX_API", "lite")
        with pytest.raises(ProcessDied, match=r"supabase-lite ended \(exit code 7\)[\s\S]*cannot go on"):
            supabase.start_api()


def test_nothing_is_left_after_the_end(tmp_path: Path) -> None:
    with embedded_supabase(tmp_path) as supabase:
        supabase.start_database()
        supabase.start_api()
        pids = [child.pid for child in supabase.children()]
        folders = supabase.folders()
        assert all(folder.is_dir() for folder in folders)
    assert len(pids) >= 2
    assert all(_wait_gone(pid) for pid in pids)
    assert not any(folder.exists() for folder in folders)
