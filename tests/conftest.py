"""Decides what tests share: one Supabase per run, one fresh database per test that asks for one."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sandbox.supabase.open import embedded_supabase
from worker.language import speak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

    from sandbox.supabase.endpoint import SupabaseEndpoint
    from sandbox.supabase.project import Supabase

# Tests kill processes, never the machine: what a killed server has written is in the kernel's hands, synced or not.
os.environ.setdefault("SANDBOX_FSYNC", "off")
# What commands say is compared in English, whatever the locale of the person who runs the tests.
os.environ["LC_ALL"] = "C.UTF-8"

MIGRATED = "migrated"
_numbers = itertools.count(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Let `--dist loadfile` share out the files as `tests.sharing` says."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.sharing import Sharing

    return Sharing(config, log)


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A database of its own: `url` as role postgres (not superuser), `admin_url` as superuser."""

    __test__ = False

    name: str
    url: str
    admin_url: str


@dataclass(frozen=True, slots=True)
class TestUser:
    """A user in the API's database with a valid access token."""

    __test__ = False

    id: str
    email: str
    jwt: str


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A command that was run in Korean leaves no Korean behind: tests share one process."""
    speak("en")
    yield
    speak("en")


@pytest.fixture(scope="session")
def supabase_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supabase]:
    """The run's Supabase with all migrations pushed, API not needed; `MIGRATED` is its template."""
    with embedded_supabase(tmp_path_factory.mktemp("supabase")) as running:
        running.start_database()
        running.push()
        running.create_database(MIGRATED, template="postgres")
        yield running


@pytest.fixture(scope="session")
def supabase(supabase_database: Supabase) -> Supabase:
    """The run's Supabase with all migrations pushed and its API up."""
    supabase_database.start_api()
    return supabase_database


@pytest.fixture(scope="session")
def endpoint(supabase: Supabase) -> SupabaseEndpoint:
    """Addresses and keys of the run's Supabase."""
    return supabase.endpoint


@pytest.fixture(scope="session")
def copied_database(
    supabase_database: Supabase,
) -> Callable[[str | None], AbstractContextManager[TestDatabase]]:
    """Return a context manager `(template)`: a fresh copy of that database, dropped at the end."""

    @contextmanager
    def copied(template: str | None) -> Iterator[TestDatabase]:
        name = f"test_{next(_numbers)}"
        url = supabase_database.create_database(name, template)
        yield TestDatabase(name, url, supabase_database.admin_url(name))
        supabase_database.drop_database(name)

    return copied


@pytest.fixture
def database(
    copied_database: Callable[[str], AbstractContextManager[TestDatabase]],
) -> Iterator[TestDatabase]:
    """A fresh database with all migrations, for one test."""
    with copied_database(MIGRATED) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def module_database(
    copied_database: Callable[[str], AbstractContextManager[TestDatabase]],
) -> Iterator[TestDatabase]:
    """A fresh database with all migrations, shared by the tests of one module."""
    with copied_database(MIGRATED) as fresh:
        yield fresh


@pytest.fixture
def empty_database(
    copied_database: Callable[[None], AbstractContextManager[TestDatabase]],
) -> Iterator[TestDatabase]:
    """A fresh database as Supabase ships it; `supabase_database.push(only, database=name)` fills it."""
    with copied_database(None) as fresh:
        yield fresh


@pytest.fixture
def make_user(supabase: Supabase) -> Callable[..., TestUser]:
    """Return a function `(email=None, *, admin=False)` that creates a user and signs it in."""

    def create(email: str | None = None, *, admin: bool = False) -> TestUser:
        address = email or f"user-{next(_numbers)}@example.com"
        user_id = supabase.create_user(address)
        metadata = {"role": "admin"} if admin else None
        return TestUser(user_id, address, supabase.mint_jwt(user_id, app_metadata=metadata))

    return create


@pytest.fixture
def user(make_user: Callable[..., TestUser]) -> TestUser:
    """One ordinary signed-in user."""
    return make_user()
