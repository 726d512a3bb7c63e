"""The console is served whole, locked down and without a secret; what is served was built from what lies in console/."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.setup import console_bundle
from sandbox.setup.paths import PROJECT_ROOT
from tests.unit.support import FakeDatabase, make_deps
from worker.story.words import EVENTS, KINDS
from worker.web.app import create_app
from worker.web.console import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = "https://project.example.com"


async def get(path: str, headers: dict[str, str] | None = None, **settings: str) -> httpx.Response:
    """GET without a token, as a browser would."""
    app = create_app(make_deps(FakeDatabase(), **settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker") as client:
        return await client.get(path, headers=headers)


def addresses() -> list[str]:
    """Every address below /console/ that has something."""
    return [path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()]


def test_the_bundle_was_built_from_these_sources() -> None:
    recorded = json.loads(console_bundle.RECORD.read_text())
    assert recorded == console_bundle.record(), (
        "the committed console is stale: run `make console`, commit both"
    )


def test_a_changed_source_or_bundle_is_noticed(tmp_path: Path) -> None:
    sources, bundle = tmp_path / "sources", tmp_path / "bundle"
    (sources / "src").mkdir(parents=True)
    bundle.mkdir()
    (sources / "src" / "main.tsx").write_text("one")
    (bundle / "index.html").write_text("made of it")
    built = console_bundle.record(sources, bundle)
    for installed in ("node_modules/preact", "dist"):
        (sources / installed).mkdir(parents=True)
    (sources / "node_modules" / "preact" / "index.js").write_text("installed, not a source")
    assert console_bundle.record(sources, bundle) == built
    (bundle / "index.html").write_text("edited by hand")
    assert console_bundle.record(sources, bundle) != built
    (bundle / "index.html").write_text("made of it")
    assert console_bundle.record(sources, bundle) == built
    (sources / "src" / "main.tsx").write_text("two")
    assert console_bundle.record(sources, bundle) != built


async def test_the_page_and_everything_it_names_are_served() -> None:
    page = await get("/console/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-cache"
    named = re.findall(r'(?:src|href)="\./([^"]+)"', page.text)
    assert len(named) >= 3
    for address in named:
        answer = await get(f"/console/{address}")
        assert answer.status_code == 200, address
        assert answer.content == (FOLDER / address).read_bytes()
        for_ever = "public, max-age=31536000, immutable"
        assert answer.headers["cache-control"] == (for_ever if address.startswith("assets/") else "no-cache")


@pytest.mark.parametrize("address", ["", "config.json", *addresses()])
async def test_every_answer_is_locked_down(address: str) -> None:
    answer = await get(f"/console/{address}", supabase_public_url=PUBLIC)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert answer.status_code == 200
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'",
        "connect-src": f"'self' {PUBLIC}", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_page_needs_nothing_its_policy_forbids() -> None:
    page = (await get("/console/")).text
    assert re.search(r"<style|<script(?![^>]*\bsrc=)|\bon\w+=|style=|javascript:|https?://", page) is None


async def test_the_configuration_is_the_two_public_values() -> None:
    settings = make_deps(FakeDatabase()).settings
    answer = await get("/console/config.json")
    key = settings.supabase_publishable_key.get_secret_value()
    assert answer.json() == {"supabaseUrl": settings.supabase_url, "supabasePublishableKey": key}
    assert answer.headers["cache-control"] == "no-cache"
    elsewhere = await get("/console/config.json", supabase_public_url=PUBLIC)
    assert elsewhere.json()["supabaseUrl"] == PUBLIC


async def test_no_secret_is_served() -> None:
    settings = make_deps(FakeDatabase()).settings
    secrets = [
        settings.supabase_secret_key, settings.portone_api_secret, settings.data_encryption_key, *settings.portone_webhook_secrets,
    ]  # fmt: skip
    for address in ["", "config.json", *addresses()]:
        text = (await get(f"/console/{address}")).text
        assert not any(secret.get_secret_value() in text for secret in secrets), address
        if address != "config.json":  # a key of anybody's, built in by accident
            assert re.search(r"sb_(secret|publishable)_\w{10}|whsec_\w{8}|eyJ\w{20,}\.eyJ", text) is None, (
                address
            )


async def test_what_the_browser_has_is_not_sent_again() -> None:
    first = await get("/console/")
    again = await get("/console/", {"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await get("/console/", {"if-none-match": 'W/"other"'})).status_code == 200


async def test_the_address_without_a_slash_leads_there() -> None:
    answer = await get("/console")
    assert (answer.status_code, answer.headers["location"]) == (308, "console/")


@pytest.mark.parametrize(
    "path", ["nothing.js", "assets/", "..%2fsettings.py", "%2e%2e/settings.py", "assets/../../settings.py", "//etc/passwd"]
)  # fmt: skip
async def test_nothing_else_is_there(path: str) -> None:
    answer = await get(f"/console/{path}")
    assert answer.status_code == 404
    assert b"supabase_url" not in answer.content


def words_of(language: str, block: str) -> set[str]:
    """Return the names of one block of the console's texts."""
    text = (console_bundle.SOURCES / "src" / "texts" / f"{language}.ts").read_text(encoding="utf-8")
    (body,) = re.findall(rf"^  {block}: \{{\n(.*?)^  \}}", text, re.MULTILINE | re.DOTALL)
    without_sentences = re.sub(r'"[^"]*"', "", body)
    return set(re.findall(r"(\w+):", without_sentences))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_everything_the_database_may_show_has_words(language: str) -> None:
    manual = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = manual.split("| finding | subject |")[1].split("\n\n")[0]
    findings = {
        kind
        for row in table.splitlines()
        for kind in re.findall(r"`(\w+)`", row.split("| ")[1] if "| " in row else "")
    }
    assert len(findings) > 14
    assert words_of(language, "findings") == findings
    assert words_of(language, "operations") == set(KINDS)
    assert words_of(language, "events") | {
        "cancellation_succeeded",
        "cancellation_failed",
        "cancellation_requested",
    } >= set(EVENTS)
