"""Decides which operating-system account PostgreSQL runs as, since it refuses to run as root."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

from sandbox.setup.process import Account

if TYPE_CHECKING:
    from pathlib import Path

_DEFAULT = "nobody"


def postgres_account() -> Account | None:
    """Return the account PostgreSQL must be started as; `None` when that is simply ours.

    As root it is `nobody`, or the account named by `SANDBOX_POSTGRES_USER`. Raises `RuntimeError`
    when that account does not exist or is root itself.
    """
    if os.getuid() != 0:
        return None
    name = os.environ.get("SANDBOX_POSTGRES_USER", _DEFAULT)
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise RuntimeError(
            f"PostgreSQL cannot run as root and the account {name!r} does not exist; "
            "set SANDBOX_POSTGRES_USER to one that does"
        ) from None
    if entry.pw_uid == 0:
        raise RuntimeError("SANDBOX_POSTGRES_USER must not be root: PostgreSQL refuses to run as root")
    return Account(entry.pw_uid, entry.pw_gid)


def give_to(path: Path, account: Account | None) -> None:
    """Make `path` and everything below it belong to `account` (nothing to do when it is ours)."""
    if account is None:
        return
    os.chown(path, account.uid, account.gid)
    for folder, folders, files in os.walk(path):
        for name in [*folders, *files]:
            os.chown(os.path.join(folder, name), account.uid, account.gid, follow_symlinks=False)
