"""docs/clients.md shows every function an app may call, as it is, and says what every error code means."""

from __future__ import annotations

import ast
import re
import textwrap
from typing import TYPE_CHECKING

import pytest

from sandbox.setup.paths import PROJECT_ROOT
from worker.sentences import korean

if TYPE_CHECKING:
    from tests.sql.shop import Caller

GUIDE = (PROJECT_ROOT / "docs" / "clients.md").read_text()
LANGUAGES = ("ts", "python", "dart")
# What only an admin's page calls is shown once, in TypeScript.
_CALL = re.compile(
    r"""(?:rpc\(|ended\(\s*(?:supabase,\s*)?)\s*['"](\w+)['"](?:,\s*(?:params: )?\{(.*?)\})?""", re.DOTALL
)


def blocks(language: str) -> list[str]:
    """The guide's code in one language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def calls(language: str) -> list[tuple[str, set[str]]]:
    """Every call of a function the guide shows in a language: its name and the arguments it names."""
    shown = []
    for name, arguments in _CALL.findall("\n".join(blocks(language))):
        without_comments = re.sub(r"//[^\n]*", "", arguments)
        without_texts = re.sub(r""":\s*("[^"]*"|'[^']*')""", ": 0", without_comments)
        members = [member.strip() for member in without_texts.split(",") if member.strip()]
        # `order_id` alone is JavaScript's short form of `order_id: order_id`.
        named = [member.split(":")[0].strip().strip("\"'") for member in members]
        shown.append((name, set(named)))
    return shown


@pytest.fixture
def signatures(owner: Caller) -> dict[str, tuple[set[str], set[str]]]:
    """Functions in public that a signed-in user may execute: all argument names, and those without a default."""
    rows = owner.rows(
        "select proname, coalesce(proargnames[1:pronargs], '{}') as names, pronargdefaults as defaults from pg_proc"
        " where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype"
        " and has_function_privilege('authenticated', oid, 'execute')"
    )
    return {
        str(row["proname"]): (set(row["names"]), set(row["names"][: len(row["names"]) - row["defaults"]]))
        for row in rows
    }


def test_every_function_of_apps_is_shown(signatures: dict[str, tuple[set[str], set[str]]]) -> None:
    assert len(signatures) > 20
    assert set(signatures) - {name for name, _ in calls("ts")} == set()
    ours = {
        name
        for name in signatures
        if name.startswith(("request_", "register_", "complete_", "delete_", "revoke_", "set_"))
    }
    for language in ("python", "dart"):
        assert ours - {name for name, _ in calls(language)} == set(), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shown_can_be_called(signatures: dict[str, tuple[set[str], set[str]]], language: str) -> None:
    shown = calls(language)
    assert len(shown) > 12
    for name, named in shown:
        assert name in signatures, name
        known, needed = signatures[name]
        assert named <= known, (name, named - known)
        assert needed <= named, (name, needed - named)


def test_the_python_is_python() -> None:
    for block in blocks("python"):
        ast.parse(f"async def page():\n{textwrap.indent(block, '    ')}")


def codes() -> dict[str, list[str]]:
    """The guide's error codes and the cells beside them."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", GUIDE.split("## Errors\n")[1], re.MULTILINE)
    assert len(rows) == len({code for code, _ in rows}), "a code stands there twice"
    return {code: cells.split(" | ") for code, cells in rows}


def test_every_code_is_there_and_no_other() -> None:
    # tests/sql compares this list with the functions' sources.
    listed = (PROJECT_ROOT / "docs" / "database.md").read_text().split("## Errors\n")[1].split("\n## ")[0]
    closed = set(re.findall(r"^\| `([A-Z_]+)` \| \d{3} \|", listed, re.MULTILINE))
    ends = set(
        re.findall(
            r"`([A-Z_]{6,})`", GUIDE.split("**How an operation may end**")[1].split("**What an admin")[0]
        )
    )
    assert len(closed) > 70
    assert codes().keys() == closed | ends


def test_customers_are_told_what_the_worker_would_tell_them() -> None:
    told = {code: cells for code, cells in codes().items() if len(cells) == 3}
    assert len(told) > 50
    for code, (_, in_korean, in_english) in told.items():
        assert re.search("[가-힣]", in_korean), code
        assert in_english.endswith((".", "?")), code
        assert in_korean == (korean(code) or in_korean), code


def test_every_state_of_a_payment_is_there(owner: Caller) -> None:
    states = owner.rows("select unnest(enum_range(null::public.payment_status))::text as name")
    section = GUIDE.split("## What to show in each state\n")[1].split("\n## ")[0]
    shown = re.findall(r"^\| `(\w+)` \| .*[가-힣].* \| .* \|", section, re.MULTILINE)
    assert sorted(shown) == sorted(str(row["name"]) for row in states)
