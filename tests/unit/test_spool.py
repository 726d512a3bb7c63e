"""The spool: what was answered is on disk, drained in order, also after a kill; what is torn was never answered."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from worker.errors import DatabaseFault, DatabaseUnavailable, Misconfigured, Rejected
from worker.model import Delivery, Recorded
from worker.spool.drain import SET_ASIDE, DatabaseStillAway, Drain
from worker.spool.lines import decode, encode
from worker.spool.store import Spool, SpoolRefused
from worker.web.spooled import SpooledIngest

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


def delivery(number: int, body: bytes = b'{"type": "Transaction.Paid"}') -> Delivery:
    """The n-th delivery."""
    return Delivery(
        webhook_id=f"wh_{number}", webhook_type="Transaction.Paid", body=body, headers={"webhook-id": f"wh_{number}"},
        subject_id=f"pay{number}", subject_kind="payment", secret_index=1, secret_name="store-1/1", store_id="store-1",
    )  # fmt: skip


class Database:
    """Stores deliveries, or raises what it is told to."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.failure: Exception | None = None
        self.poison: dict[str, Exception] = {}
        self.calls = 0

    async def record(self, one: Delivery) -> Recorded:
        """As ``Ingest.record``."""
        self.calls += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        if one.webhook_id in self.poison:
            raise self.poison[one.webhook_id]
        duplicate = one.webhook_id in self.stored
        self.stored.append(one.webhook_id)
        return Recorded(1, "skipped" if duplicate else "received", duplicate, None)

    async def is_well(self) -> bool:
        """Whether other calls are answered."""
        return self.failure is None


AWAY = DatabaseUnavailable("DATABASE_NOT_REACHABLE", "away")


def drain_of(folder: Path, database: Database) -> Drain:
    """A drain of a process that writes nothing itself."""
    return Drain(Spool(folder, max_bytes=MIB), record=database.record, is_well=database.is_well)


def intake(folder: Path, database: Database, *, checked: bool = True) -> SpooledIngest:
    """The intake of one process, whose database was checked at its start or could not be."""
    made: Any = database
    event = asyncio.Event()
    if checked:
        event.set()
    return SpooledIngest(made, Spool(folder, max_bytes=MIB), is_well=database.is_well, checked=event)


def test_a_line_keeps_the_delivery() -> None:
    one = delivery(1, bytes(range(256)))
    spooled = decode(encode(one) + encode(delivery(2)))
    assert list(spooled.deliveries) == [one, delivery(2)]
    assert (list(spooled.damaged), spooled.torn_bytes) == ([], 0)


async def test_during_an_outage_webhooks_are_on_disk_and_reach_the_database_in_order(tmp_path: Path) -> None:
    database = Database()
    web = intake(tmp_path, database)
    assert (await web.record(delivery(0))).status == "received"
    database.failure = AWAY
    for number in range(1, 30):
        assert (await web.record(delivery(number))).status == "spooled"
    assert database.calls == 2, "after the first failure nobody waits for the database"
    await web.drain()
    assert database.stored == ["wh_0"]
    database.failure = None
    await web.drain()
    assert database.stored == [f"wh_{number}" for number in range(30)]
    assert os.listdir(tmp_path) == []
    assert (await web.record(delivery(30))).status == "received"
    await web.close()


@pytest.mark.parametrize(
    "failure", [AWAY, Misconfigured("DATABASE_KEY_REFUSED", "renew it"), DatabaseFault("F", "f")]
)
async def test_whatever_keeps_the_database_away_opens_the_spool(tmp_path: Path, failure: Exception) -> None:
    database = Database()
    database.failure = failure
    assert (await intake(tmp_path, database).record(delivery(1))).status == "spooled"


async def test_a_database_nobody_has_checked_gets_nothing_although_it_answers(tmp_path: Path) -> None:
    """It came back while the worker ran: it may be one whose migrations are not this worker's."""
    database = Database()
    web = intake(tmp_path, database, checked=False)
    assert (await web.record(delivery(1))).status == "spooled"
    await web.drain()
    assert (database.calls, database.stored) == (0, [])
    web.checked.set()
    await web.drain()
    assert database.stored == ["wh_1"]
    assert (await web.record(delivery(2))).status == "received"
    await web.close()


async def test_a_refusal_is_no_outage(tmp_path: Path) -> None:
    database = Database()
    database.failure = Rejected("WEBHOOK_INVALID", "no")
    with pytest.raises(Rejected):
        await intake(tmp_path, database).record(delivery(1))
    assert os.listdir(tmp_path) == []


WRITER = """
import asyncio, pathlib, sys
from tests.unit.test_spool import delivery
from worker.spool.store import Spool
async def main():
    spool = Spool(pathlib.Path(sys.argv[1]), max_bytes=1 << 20)
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 10):
        await spool.append(delivery(number))
        print(number, flush=True)
    await asyncio.sleep(100)
asyncio.run(main())
"""


def writer(folder: Path, first: int) -> subprocess.Popen[str]:
    """A process that has answered for ten deliveries and is then killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for number in range(first, first + 10):
        assert child.stdout.readline().strip() == str(number)
    return child


async def test_what_two_killed_processes_had_answered_is_drained_by_a_third(tmp_path: Path) -> None:
    children = [writer(tmp_path, 0), writer(tmp_path, 10)]
    database = Database()
    drain = drain_of(tmp_path, database)
    try:
        assert await drain.run_once() == 0, "their writers live and hold the files"
    finally:
        for child in children:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
    assert await drain.run_once() == 20
    assert database.stored == [f"wh_{number}" for number in range(20)]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kept", [0, 1, 9, 40, -1])
async def test_a_torn_end_is_dropped_and_the_rest_stored(tmp_path: Path, kept: int) -> None:
    torn = encode(delivery(3))[:kept]
    (tmp_path / "1-1-0.spool").write_bytes(encode(delivery(1)) + encode(delivery(2)) + torn)
    database = Database()
    assert await drain_of(tmp_path, database).run_once() == 2
    assert database.stored == ["wh_1", "wh_2"]
    assert os.listdir(tmp_path) == []


async def test_a_damaged_line_in_the_middle_is_kept_for_a_person(tmp_path: Path) -> None:
    damaged = encode(delivery(2)).replace(b"wh_2", b"wh_X")
    (tmp_path / "1-1-0.spool").write_bytes(encode(delivery(1)) + damaged + encode(delivery(3)))
    database = Database()
    await drain_of(tmp_path, database).run_once()
    assert database.stored == ["wh_1", "wh_3"]
    assert (tmp_path / SET_ASIDE).read_bytes() == damaged


async def test_a_drain_that_was_killed_begins_its_file_again(tmp_path: Path) -> None:
    lines = b"".join(encode(delivery(number)) for number in range(250))
    (tmp_path / "1-1-0.spool").write_bytes(lines)
    database = Database()
    drain = drain_of(tmp_path, database)
    database.poison["wh_150"] = AWAY
    with pytest.raises(DatabaseStillAway):
        await drain.run_once()
    database.poison.clear()
    assert await drain.run_once() == 250
    firsts = list(dict.fromkeys(database.stored))
    assert sorted(firsts, key=lambda name: int(name[3:])) == [f"wh_{number}" for number in range(250)]
    assert len(database.stored) > 250, "what had been stored came again, for the database to call a repeat"


async def test_poison_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    (tmp_path / "1-1-0.spool").write_bytes(b"".join(encode(delivery(number)) for number in range(5)))
    database = Database()
    database.poison = {
        "wh_1": DatabaseFault("DATABASE_FAULT", "500"),
        "wh_3": Rejected("WEBHOOK_INVALID", "no"),
    }
    await drain_of(tmp_path, database).run_once()
    assert database.stored == ["wh_0", "wh_2", "wh_4"]
    assert (tmp_path / SET_ASIDE).read_bytes() == encode(delivery(1)) + encode(delivery(3))


async def test_a_bad_moment_sets_nothing_aside(tmp_path: Path) -> None:
    """A lane that is held too long is no fault of its webhook: it was answered 200 and stays in the spool."""
    content = b"".join(encode(delivery(number)) for number in range(3))
    (tmp_path / "1-1-0.spool").write_bytes(content)
    database = Database()
    database.poison = {"wh_1": DatabaseFault("DATABASE_FAULT", "500", extra={"sqlstate": "57014"})}
    with pytest.raises(DatabaseStillAway):
        await drain_of(tmp_path, database).run_once()
    assert (tmp_path / "1-1-0.spool").read_bytes() == content
    assert os.listdir(tmp_path) == ["1-1-0.spool"]


async def test_the_bound_counts_every_file_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "somebody-elses.spool").write_bytes(b"x" * (MIB - 600))
    spool = Spool(tmp_path, max_bytes=MIB)
    await spool.append(delivery(1, b"x" * 10))
    with pytest.raises(SpoolRefused, match="WEBHOOK_SPOOL_MAX_BYTES"):
        await spool.append(delivery(2, b"x" * 400))
    await spool.retire()
    mine = [path for path in spool.files() if not path.name.startswith("somebody")]
    assert [len(decode(path.read_bytes()).deliveries) for path in mine] == [1]


async def test_a_full_disk_is_a_refusal_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, max_bytes=MIB)
    await spool.append(delivery(1))
    write = os.write

    def half(descriptor: int, block: Any) -> int:
        if len(block) > 20:
            return write(descriptor, block[:20])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(SpoolRefused, match="errno 28"):
        await spool.append(delivery(2, b"x" * 3))
    monkeypatch.setattr(os, "write", write)
    await spool.append(delivery(3))
    await spool.retire()
    contents = [decode(path.read_bytes()) for path in spool.files()]
    assert [one.webhook_id for content in contents for one in content.deliveries] == ["wh_1", "wh_3"]
    assert all(content.torn_bytes == 0 for content in contents)


async def test_many_at_once_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), fsync(descriptor)))
    spool = Spool(tmp_path, max_bytes=MIB)
    await asyncio.gather(*(spool.append(delivery(number)) for number in range(100)))
    await spool.retire()
    (path,) = spool.files()
    assert len(decode(path.read_bytes()).deliveries) == 100
    assert len(synced) < 10


async def test_a_folder_that_vanished_is_a_refusal_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, max_bytes=MIB)
    await spool.append(delivery(1))
    await spool.retire()
    for path in spool.files():
        path.unlink()
    folder.rmdir()
    for number in (2, 3):
        with pytest.raises(SpoolRefused, match="errno 2"):
            await asyncio.wait_for(spool.append(delivery(number)), 10)
    folder.mkdir()
    await spool.append(delivery(4))
    assert len(spool.files()) == 1


async def test_a_disk_that_takes_nothing_back_is_a_refusal_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, max_bytes=MIB)
    await spool.append(delivery(1))

    def broken(*_arguments: object) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        patched.setattr(os, "ftruncate", broken)
        with pytest.raises(SpoolRefused, match="errno 5"):
            await asyncio.wait_for(spool.append(delivery(2)), 10)
    await asyncio.wait_for(spool.append(delivery(3)), 10)
    assert len(spool.files()) == 2, "nothing more is written to the file that failed"


async def test_what_cannot_be_set_aside_stays_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, max_bytes=MIB)
    for number in (1, 2):
        await spool.append(delivery(number))
    await spool.retire()
    database = Database()
    database.failure = Rejected("WEBHOOK_INVALID", "no")
    write = os.write

    def half(descriptor: int, block: Any) -> int:
        if len(block) > 20:
            return write(descriptor, block[:20])
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(OSError, match="full"):
            await drain_of(tmp_path, database).run_once()
    assert len(spool.files()) == 1
    assert (tmp_path / SET_ASIDE).read_bytes() == b"", "half a line is taken back"
    await drain_of(tmp_path, database).run_once()
    assert spool.files() == []
    kept = decode((tmp_path / SET_ASIDE).read_bytes())
    assert [one.webhook_id for one in kept.deliveries] == ["wh_1", "wh_2"]
