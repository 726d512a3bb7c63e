"""Decides how our migrations join those of a project: stamped after the newest there, in order, once, nothing replaced.

Works on files only; the database is not asked. What is shipped is the package's ``migrations`` folder.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.language import Words, said
from worker.sql_names import created_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Source: the Supabase CLI takes files of this form for migrations, in the order of their names.
_FILE_NAME: Final = re.compile(r"^(\d+)_(.+)\.sql$")
_MARKER: Final = re.compile(r"^-- portone-supabase: (\S+) sha256:([0-9a-f]{64})\n")
_STAMP: Final = "%Y%m%d%H%M%S"
# Tables an older shop has already: ours are made only when absent, and the first file checks their columns.
_MAY_EXIST: Final = frozenset({"public.orders", "public.payments"})

_NO_MIGRATIONS: Final = Words(
    "This installation has no migrations in it: install the package anew.",
    "설치된 패키지에 마이그레이션이 없습니다. 다시 설치하세요.",
)
_NO_FOLDER: Final = Words(
    "{folder} is not a folder: name your project's supabase/migrations.",
    "{folder}은(는) 폴더가 아닙니다. 프로젝트의 supabase/migrations를 지정하세요.",
)
_NOT_WRITTEN: Final = Words(
    "{file}: {problem}. Nothing was copied.", "{file}: {problem}. 아무것도 복사하지 않았습니다."
)
_OTHER_RELEASE: Final = Words(
    "{there} is {name} of another release, and a shipped migration does not change. "
    "Install the release it came from, or ask why they differ.",
    "{there}은(는) 다른 릴리스의 {name}입니다. 배포된 마이그레이션은 바뀌지 않습니다. "
    "원래 릴리스를 설치하거나 왜 다른지 확인하세요.",
)
_HERE: Final = Words("already here as {there}", "이미 있음: {there}")
_HERE_CHANGED: Final = Words(
    "already here as {there} (changed by you, left as it is)", "이미 있음: {there} (직접 바꾼 내용 그대로 둠)"
)
_NO_VERSION: Final = Words(
    "No version comes after {newest}: rename that migration, then copy again.",
    "{newest} 뒤에 올 수 있는 버전이 없습니다. 그 마이그레이션의 이름을 바꾼 뒤 다시 복사하세요.",
)
_BOTH: Final = Words(
    "  {name} is created by {theirs} and by {ours}", "  {name}: {theirs}와(과) {ours}이(가) 모두 만듭니다"
)
_COLLISIONS: Final = Words(
    "Your migrations create objects that ours create too:\n{found}\n"
    "Rename yours first. If they are gone by now, say --allow-collisions. Nothing was copied.",
    "같은 객체를 만드는 마이그레이션이 있습니다:\n{found}\n"
    "먼저 이름을 바꾸세요. 지금은 없는 객체라면 --allow-collisions를 붙이세요. 아무것도 복사하지 않았습니다.",
)


class AdoptionRefused(Exception):
    """Nothing was written; the message says what stands in the way and what to do, in the language in use."""

    def __init__(self, reason: Words, /, **values: object) -> None:
        super().__init__(said(reason, **values))


@dataclass(frozen=True, slots=True)
class Copy:
    """One of our files and what it becomes: ``target`` is a file name in their folder, None when it is there already."""

    source: str
    target: str | None
    text: str
    note: str = ""


def shipped_migrations() -> Path:
    """Return the folder with our migrations: inside the installed package, or beside it in a clone."""
    here = Path(__file__).resolve().parent
    for folder in (here / "migrations", here.parent / "supabase" / "migrations"):
        if folder.is_dir():
            return folder
    raise AdoptionRefused(_NO_MIGRATIONS)


def plan(folder: Path, *, source: Path, allow_collisions: bool = False) -> list[Copy]:
    """Return what copying ``source`` into ``folder`` would do, ours in their order.

    Raises ``AdoptionRefused`` when ``folder`` is not a folder, when a copy of another release is there, or, unless
    allowed, when a migration there creates an object that one of ours creates.
    """
    if not folder.is_dir():
        raise AdoptionRefused(_NO_FOLDER, folder=folder)
    theirs = _migrations(folder)
    copied = {name: (digest, path) for path in theirs for name, digest in [_origin(path)] if name is not None}
    by_content = {_digest(path.read_text()): path for path in theirs}
    newest = max((_version(path) for path in theirs), default="")
    copies: list[Copy] = []
    for path in _migrations(source):
        text = path.read_text()
        digest = _digest(text)
        if path.name in copied or digest in by_content:
            known, there = copied.get(path.name) or (digest, by_content[digest])
            copies.append(Copy(path.name, None, text, _already(path.name, digest, known, there)))
            continue
        newest = _next_version(_version(path), newest)
        name = f"{newest}_{path.name.partition('_')[2]}"
        copies.append(Copy(path.name, name, f"-- portone-supabase: {path.name} sha256:{digest}\n{text}"))
    if not allow_collisions:
        _refuse_collisions(copies, [path for path in theirs if _origin(path)[0] is None])
    return copies


def write(folder: Path, copies: Sequence[Copy]) -> None:
    """Write the planned files. Never replaces one; when one cannot be written, those before it go again."""
    written: list[Path] = []
    try:
        for copy in copies:
            if copy.target is not None:
                path = folder / copy.target
                with path.open("x", encoding="utf-8") as file:
                    written.append(path)
                    file.write(copy.text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise AdoptionRefused(_NOT_WRITTEN, file=error.filename, problem=error.strerror) from None


def _migrations(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _FILE_NAME.match(path.name) and path.is_file())


def _version(path: Path) -> str:
    return path.name.partition("_")[0]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _origin(path: Path) -> tuple[str | None, str]:
    """Return which of our files a file there is a copy of, and the digest it had; (None, "") for one of theirs."""
    match = _MARKER.match(path.read_text())
    return (match[1], match[2]) if match else (None, "")


def _already(name: str, digest: str, known: str, there: Path) -> str:
    if known != digest:
        raise AdoptionRefused(_OTHER_RELEASE, there=there.name, name=name)
    body = _MARKER.sub("", there.read_text())
    return said(_HERE if _digest(body) == digest else _HERE_CHANGED, there=there.name)


def _next_version(wanted: str, newest: str) -> str:
    """Return our own version while it comes after everything there, else the moment after the newest.

    After in both ways a tool may sort: by version, and by file name (where `2025_` comes after `20250101_`).
    """
    if _comes_after(wanted, newest):
        return wanted
    try:
        moment = datetime.strptime(newest, _STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)
        after = moment.strftime(_STAMP) if len(newest) == 14 else ""
    except ValueError:
        after = ""
    after = after or str(int(newest) + 1).zfill(len(newest)).ljust(14, "0")
    if not _comes_after(after, newest):
        raise AdoptionRefused(_NO_VERSION, newest=newest)
    return after


def _comes_after(version: str, newest: str) -> bool:
    return version > newest and not (newest and version.startswith(newest))


def _refuse_collisions(copies: Iterable[Copy], theirs: Iterable[Path]) -> None:
    ours = {
        name: copy.source for copy in copies if copy.target is not None for name in created_names(copy.text)
    }
    found = [
        said(_BOTH, name=name, theirs=path.name, ours=ours[name])
        for path in theirs
        for name in sorted(created_names(path.read_text()) & ours.keys() - _MAY_EXIST)
    ]
    if found:
        raise AdoptionRefused(_COLLISIONS, found="\n".join(found))
