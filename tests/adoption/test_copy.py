"""`portone-worker migrations copy`: after the newest, in order, once; nothing of theirs is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from worker.adoption import AdoptionRefused, plan, shipped_migrations, write
from worker.cli import app
from worker.sql_names import created_names

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = sorted(path.name for path in shipped_migrations().glob("*.sql"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's empty migrations folder."""
    made = tmp_path / "supabase" / "migrations"
    made.mkdir(parents=True)
    return made


def copy(folder: Path, *options: str) -> tuple[int, str, str]:
    """Runs the command: exit code, output, complaints."""
    result = CliRunner().invoke(app, ["migrations", "copy", str(folder), *options])
    return result.exit_code, result.stdout, result.stderr


def names(folder: Path) -> list[str]:
    """The migrations there, in the order in which the CLI applies them."""
    return sorted(path.name for path in folder.glob("*.sql"))


def test_into_an_empty_project_they_keep_their_stamps(folder: Path) -> None:
    assert copy(folder)[0] == 0
    assert names(folder) == SHIPPED


@pytest.mark.parametrize(
    "newest",
    [
        "20260301120000", "20251231235959", "20251226000050", "20241231235959", "0001", "3", "2025",
        "20250101", "20269999999999", "20260301120000123",
    ],
)  # fmt: skip
def test_they_come_after_the_newest_in_their_order(folder: Path, newest: str) -> None:
    theirs = ["20200101000000_first.sql", f"{newest}_newest.sql"]
    for name in theirs:
        (folder / name).write_text("select 1;\n")
    assert copy(folder)[0] == 0
    found = names(folder)
    assert set(found[:2]) == set(theirs)
    assert [name.partition("_")[2] for name in found[2:]] == [name.partition("_")[2] for name in SHIPPED]
    versions = [name.partition("_")[0] for name in found]
    assert versions == sorted(set(versions)), "the same order by version as by file name"


@pytest.mark.parametrize("newest", ["9", "99999999999999"])
def test_when_nothing_can_come_after_they_say_so(folder: Path, newest: str) -> None:
    (folder / f"{newest}_newest.sql").write_text("select 1;\n")
    code, _, complaint = copy(folder)
    assert (code, names(folder)) == (1, [f"{newest}_newest.sql"])
    assert f"No version comes after {newest}" in complaint


def test_a_second_time_changes_nothing(folder: Path) -> None:
    (folder / "20260301120000_mine.sql").write_text("select 1;\n")
    copy(folder)
    (folder / "20270101000000_later.sql").write_text("select 1;\n")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    code, output, _ = copy(folder)
    assert code == 0
    assert f"0 copied, {len(SHIPPED)} already there" in output
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_what_a_later_release_adds_comes_after_what_is_there(folder: Path, tmp_path: Path) -> None:
    copy(folder)
    (folder / "20270101000000_mine.sql").write_text("select 1;\n")
    release = tmp_path / "release"
    release.mkdir()
    for name in SHIPPED:
        (release / name).write_text((shipped_migrations() / name).read_text())
    (release / "20260601000000_new_thing.sql").write_text("create table public.new_thing (id bigint);\n")
    write(folder, plan(folder, source=release))
    assert names(folder)[-2:] == ["20270101000000_mine.sql", "20270101000001_new_thing.sql"]


def test_files_copied_by_hand_are_known_by_their_content(folder: Path) -> None:
    for name in SHIPPED:
        (folder / f"9{name}").write_text((shipped_migrations() / name).read_text())
    before = names(folder)
    code, output, _ = copy(folder)
    assert (code, names(folder)) == (0, before)
    assert f"0 copied, {len(SHIPPED)} already there" in output


def test_a_copy_somebody_changed_is_left_alone_and_named(folder: Path) -> None:
    copy(folder)
    changed = folder / SHIPPED[-1]
    changed.write_text(changed.read_text() + "select 'mine';\n")
    before = changed.read_text()
    code, output, _ = copy(folder)
    assert (code, changed.read_text()) == (0, before)
    assert f"{SHIPPED[-1]} (changed by you, left as it is)" in output


def test_a_copy_of_another_release_is_refused(folder: Path) -> None:
    copy(folder)
    other = folder / SHIPPED[3]
    other.write_text(other.read_text().replace("sha256:", "sha256:0", 1).replace("sha256:0", "sha256:", 1))
    marker, _, body = other.read_text().partition("\n")
    other.write_text(f"{marker[:-64]}{'0' * 64}\n{body}")
    code, _, complaint = copy(folder)
    assert code == 1
    assert f"{SHIPPED[3]} is {SHIPPED[3]} of another release" in complaint


COLLISIONS = {
    "create table webhook_logs (id bigint);": "public.webhook_logs",
    'CREATE TABLE IF NOT EXISTS "public"."billing_keys" (id bigint);': "public.billing_keys",
    "create or replace function public.request_payment(a int) returns int language sql as $$ select 1 $$;": "public.request_payment()",
    "create type payment_status as enum ('a');": "public.payment_status",
    "create index payments_user_id_idx on payments (user_id);": "public.payments_user_id_idx",
    "create policy payments_select_own on public.payments for select using (true);": "policy payments_select_own on public.payments",
    "create or replace view public.refunds_open as select 1;": "public.refunds_open",
}


@pytest.mark.parametrize("statement", COLLISIONS)
def test_collisions_are_named_and_nothing_is_copied(folder: Path, statement: str) -> None:
    (folder / "20240101000000_mine.sql").write_text(f"-- what was here before\n{statement}\n")
    code, _, complaint = copy(folder)
    assert code == 1
    assert f"{COLLISIONS[statement]} is created by 20240101000000_mine.sql and by " in complaint
    assert names(folder) == ["20240101000000_mine.sql"]
    assert copy(folder, "--allow-collisions")[0] == 0
    assert len(names(folder)) == len(SHIPPED) + 1


def test_what_only_looks_like_a_collision_is_none(folder: Path) -> None:
    (folder / "20240101000000_mine.sql").write_text(
        """
        create table if not exists public.orders (id bigint primary key);
        create table payments (id uuid primary key);
        create table shop.webhook_logs (id bigint);
        -- create table public.billing_keys (id bigint);
        /* create table public.payment_events (id bigint); */
        create function public.later() returns void language plpgsql as $$ begin
          create table public.drift_findings (id bigint); end $$;
        alter table public.billing_keys_of_mine add column webhook_logs text;
        """
    )
    assert copy(folder)[0] == 0


def test_names_are_read_from_text() -> None:
    assert created_names(
        """create unique index concurrently if not exists "My_Idx" on t (a);
        create materialized view s.v as select 1; create unlogged table T1 (a int);
        create trigger tr after insert or update of a, b on s.t for each row execute function f();"""
    ) == {"public.My_Idx", "s.v", "public.t1", "trigger tr on s.t"}


def test_a_dry_run_only_says(folder: Path) -> None:
    code, output, _ = copy(folder, "--dry-run")
    assert (code, names(folder)) == (0, [])
    assert f"{len(SHIPPED)} would be copied" in output


def test_no_folder_is_a_refusal(tmp_path: Path) -> None:
    code, _, complaint = copy(tmp_path / "nowhere")
    assert code == 1
    assert "is not a folder" in complaint


def test_half_a_copy_is_none(folder: Path, tmp_path: Path) -> None:
    copies = plan(folder, source=shipped_migrations())
    (folder / copies[5].target).write_text("somebody was faster")  # type: ignore[operator]
    with pytest.raises(AdoptionRefused, match="Nothing was copied"):
        write(folder, copies)
    assert names(folder) == [copies[5].target]
