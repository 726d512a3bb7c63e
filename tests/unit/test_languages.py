"""Whatever a command says it says in both languages: no sentence in one of them, no name filled in in one of them only."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import worker
from tests.unit.support import ENVIRONMENT, FakeDatabase, FakePortOne, make_deps
from tests.unit.test_checks import WELL
from worker.adoption import AdoptionRefused, plan
from worker.checks.run import run_checks
from worker.errors import DatabaseUnavailable, Misconfigured, Rejected, WorkerError
from worker.language import AS_TOLD, Words, speak
from worker.runner.handlers import HANDLERS
from worker.sentences import korean
from worker.settings import load_settings
from worker.story.timeline import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HANGUL = re.compile(r"[가-힣]")
PACKAGE = Path(worker.__file__).parent
# What is said to a person: the first argument is a sentence.
_ERRORS = {"Rejected", "Transient", "Conflict", "DatabaseUnavailable", "DatabaseFault"}
_SPEAKING = {"say", "echo", "confirm", "prompt", "BadParameter"}


@pytest.fixture
def in_korean() -> Iterator[None]:
    """Everything said in this test is Korean."""
    speak("ko")
    yield
    speak("en")


def sentences() -> dict[str, Words]:
    """Return every pair of sentences of the package, by module and name."""
    found: dict[str, Words] = {}
    for module in pkgutil.walk_packages([str(PACKAGE)], "worker."):
        if module.name == "worker.__main__":
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Words):
                found[f"{module.name}.{name}"] = value
            elif isinstance(value, dict):
                pairs = {key: one for key, one in value.items() if isinstance(one, Words)}
                found |= {f"{module.name}.{name}[{key}]": one for key, one in pairs.items()}
    return found


def names(sentence: str) -> set[str]:
    """Return the names a sentence has filled in."""
    return {re.split(r"[!.:]", field)[0] for _, field, _, _ in string.Formatter().parse(sentence) if field}


def test_every_sentence_has_both_languages_and_the_same_names() -> None:
    pairs = sentences()
    assert len(pairs) > 150
    wrong = []
    for where, words in pairs.items():
        has_words = re.search(r"[a-z]{3}", re.sub(r"[{][^}]*[}]", "", words.en))
        complete = HANGUL.search(words.ko) or not has_words
        if not complete or HANGUL.search(words.en) or names(words.en) != names(words.ko):
            wrong.append(where)
    assert wrong == []


def test_no_command_says_a_sentence_of_one_language() -> None:
    found = []
    for path in sorted(PACKAGE.glob("cli*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            spoken = [*node.args[:1]] if called in _SPEAKING else []
            spoken += [word.value for word in node.keywords if word.arg == "empty"]
            found += [f"{path.name}:{node.lineno}" for one in spoken if _is_english(one)]
    assert found == []


def _is_english(node: ast.expr) -> bool:
    """Whether an expression has words of its own, written down where it is said."""
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return any(isinstance(text, str) and re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text) for text in texts)


def refuses(_request: httpx.Request) -> httpx.Response:
    """A PortOne that takes no secret."""
    return httpx.Response(401, json={"type": "UNAUTHORIZED"})


BROKEN = {
    "tables_without_rls": ["public.payments"], "client_grants": [{"relation": "public.payments", "role": "anon", "privilege": "INSERT"}],
    "client_functions": [{"function": "public.claim_jobs", "role": "anon"}], "dead_jobs": 3, "clock_offset_seconds": 90,
    "migrations": [],
}  # fmt: skip


@pytest.mark.parametrize(
    "described",
    [
        WELL, WELL | BROKEN, WELL | {"release": 99}, WELL | {"release": 0}, WELL | {"oldest_ready_seconds": 900},
        DatabaseUnavailable("DATABASE_NOT_REACHABLE", "database not reachable"),
        Misconfigured("DATABASE_KEY_REFUSED", "SUPABASE_SECRET_KEY: renew", korean="SUPABASE_SECRET_KEY: 다시 복사하세요."),
    ],
)  # fmt: skip
async def test_doctor_is_korean_throughout(in_korean: None, described: Any) -> None:
    portone = FakePortOne()
    portone.gets = [refuses, refuses]
    silent = httpx.MockTransport(lambda _request: httpx.Response(200))
    results = await run_checks(
        make_deps(FakeDatabase(describe_installation=described), portone), transport=silent
    )
    assert len(results) >= 6
    if isinstance(described, dict) and described.get("dead_jobs"):
        assert {"access", "queue", "clock", "migrations"} <= {
            result.name for result in results if result.state != "ok"
        }
    assert [result.line for result in results if not HANGUL.search(result.detail)] == []
    assert [result.line for result in results if result.fix and not HANGUL.search(result.fix)] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTONE_STORE_ID", "imp1"), ("PORTONE_CHANNELS", "card"), ("PORTONE_STORES", '{"store-2": {}}'),
        ("ENVIRONMENT", "prod"), ("WORKER_CONCURRENCY", "0"), ("WORKER_CONCURRENCY", "many"), ("RECONCILE", "perhaps"),
        ("METRICS_TOKEN", "short"), ("DATA_ENCRYPTION_KEY", "k1:x"), ("SUPABASE_URL", ""), ("MOCK_PAYMENTS", "true"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_in_korean(
    in_korean: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for variable, right in ENVIRONMENT.items():
        monkeypatch.setenv(variable, right)
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as caught:
        load_settings(None)
    for line in caught.value.message.splitlines():
        assert HANGUL.search(line), line
        assert "should" not in line


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            Rejected("ORDER_NOT_FOUND", "There is no such order."),
            "주문을 찾을 수 없습니다. (ORDER_NOT_FOUND)",
        ),
        (Rejected("SOMETHING_NEW", "Something new."), "Something new."),
        (Misconfigured("X", "SETTING: renew it.", korean="SETTING: 바꾸세요."), "SETTING: 바꾸세요."),
        (Misconfigured("X", "SETTING: renew it."), "SETTING: renew it."),
    ],
)
def test_an_error_is_told_in_korean_where_there_is_a_sentence(
    in_korean: None, error: WorkerError, told: str
) -> None:
    assert error.told() == told


def test_every_error_a_person_may_read_has_a_korean_sentence() -> None:
    raised = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if named in _ERRORS and isinstance(node, ast.Call) and node.args:
                code = node.args[0]
                raised |= (
                    {code.value} if isinstance(code, ast.Constant) and isinstance(code.value, str) else set()
                )
    assert len(raised) > 30
    assert {code for code in raised if korean(code) is None} == set()


def test_every_job_has_a_name_in_korean(in_korean: None) -> None:
    assert [kind for kind in HANDLERS if not HANGUL.search(kind_of(kind))] == []


def test_a_refused_copy_is_told_in_korean(in_korean: None, tmp_path: Path) -> None:
    with pytest.raises(AdoptionRefused, match="폴더가 아닙니다"):
        plan(tmp_path / "nothing", source=tmp_path)


def test_what_others_told_is_passed_on_as_it_is() -> None:
    assert AS_TOLD.en == AS_TOLD.ko == "{told}"
