"""Decides how processor time and memory of processes are read: from /proc, children that ended included."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process, its living descendants and those it has already buried."""
    return sum(_own_cpu(one) for one in family(pid))


def rss_mb(pid: int) -> float:
    """Resident megabytes of one process; 0 when it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo.extend(parents.get(one, ()))
    return found


def _own_cpu(pid: int) -> float:
    stat = _stat(pid)
    # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted from the state (field 3) here.
    return sum(int(value) for value in stat[11:15]) / _TICK if stat else 0.0


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


@dataclass(slots=True)
class Spent:
    """Processor seconds of each named process while something ran."""

    seconds: dict[str, float] = field(default_factory=dict)


@contextmanager
def spending(pids: Mapping[str, int]) -> Iterator[Spent]:
    """Yield what the named processes spend inside; filled at the end."""
    spent = Spent()
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    yield spent
    spent.seconds = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
