"""What a browser gets from the sandbox's shop: the example's pages, preflights, and tokens that say who is an admin."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette

from sandbox.shop.app import EXAMPLE, SUPABASE_JS, create_shop
from sandbox.shop.front import api_routes, with_app_metadata

SECRET = "a-secret-of-at-least-thirty-two-characters"


def signed(**claims: Any) -> str:
    """A token as Lite issues it."""
    return jwt.encode({"sub": "u1", "aud": "authenticated", **claims}, SECRET, algorithm="HS256")


def claims_of(reply: bytes) -> dict[str, Any]:
    """What the reply's token says."""
    return jwt.decode(
        json.loads(reply)["access_token"], SECRET, algorithms=["HS256"], audience="authenticated"
    )


def browser_at(answer: httpx.Response, seen: list[httpx.Request]) -> httpx.AsyncClient:
    """A browser in front of an API that always answers this."""

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer

    upstream = httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://lite")
    app = Starlette(routes=api_routes(upstream, SECRET))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


async def test_a_preflight_is_answered_without_asking() -> None:
    seen: list[httpx.Request] = []
    async with browser_at(httpx.Response(404), seen) as browser:
        answer = await browser.options(
            "/rest/v1/rpc/get_operation",
            headers={"origin": "http://console", "access-control-request-method": "POST", "access-control-request-headers": "apikey,authorization"},
        )  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"apikey", "authorization"} <= set(answer.headers["access-control-allow-headers"].split(","))
    assert seen == []


async def test_everything_else_passes_through_as_it_is() -> None:
    seen: list[httpx.Request] = []
    upstream = httpx.Response(
        409, json={"code": "PT409"}, headers={"content-range": "0-1/2", "access-control-allow-origin": "x"}
    )
    async with browser_at(upstream, seen) as browser:
        answer = await browser.post(
            "/rest/v1/rpc/place_order?select=id%2Cname&x=1%262",
            json={"quantity": 1},
            headers={"origin": "http://console", "apikey": "k", "authorization": "Bearer t"},
        )
    assert (answer.status_code, answer.json()) == (409, {"code": "PT409"})
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert answer.headers["content-range"] == "0-1/2"
    (asked,) = seen
    assert str(asked.url) == "http://lite/rest/v1/rpc/place_order?select=id%2Cname&x=1%262"
    assert (asked.headers["apikey"], asked.headers["authorization"]) == ("k", "Bearer t")
    assert json.loads(asked.content) == {"quantity": 1}


async def test_an_admin_who_signs_in_is_one_in_their_token() -> None:
    reply = {"access_token": signed(), "user": {"app_metadata": {"role": "admin"}}}
    async with browser_at(httpx.Response(200, json=reply), []) as browser:
        answer = await browser.post("/auth/v1/token?grant_type=password", json={})
    assert claims_of(answer.content) == {
        "sub": "u1",
        "aud": "authenticated",
        "app_metadata": {"role": "admin"},
    }


def test_the_role_comes_from_the_users_record_and_nowhere_else() -> None:
    wrote_it_themselves = {
        "access_token": signed(app_metadata={"role": "admin"}),
        "user": {"app_metadata": {"provider": "email"}, "user_metadata": {"role": "admin"}},
    }
    changed = with_app_metadata(json.dumps(wrote_it_themselves).encode(), SECRET)
    assert claims_of(changed)["app_metadata"] == {"provider": "email"}


def test_a_token_of_somebody_elses_is_not_signed_anew() -> None:
    forged = jwt.encode({"sub": "u1", "aud": "authenticated"}, SECRET + "!", algorithm="HS256")
    with pytest.raises(jwt.InvalidSignatureError):
        with_app_metadata(json.dumps({"access_token": forged}).encode(), SECRET)


@pytest.mark.parametrize("reply", [b"", b"<html>", b"[]", b"{}", b'{"access_token": null}', b'"text"'])
def test_other_replies_of_auth_stay_as_they_are(reply: bytes) -> None:
    assert with_app_metadata(reply, SECRET) == reply


async def test_the_example_is_served_as_it_lies_there() -> None:
    app = create_shop(
        api_url="http://lite",
        publishable_key="sb_publishable_x",
        jwt_secret=SECRET,
        portone_sdk="http://sim/sdk.js",
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as browser:
        for path in ("index.html", "shop.js", "payments.js", "texts.js", "style.css"):
            assert (await browser.get(f"/{path}")).content == (EXAMPLE / path).read_bytes()
        assert (await browser.get("/")).content == (EXAMPLE / "index.html").read_bytes()
        config = (await browser.get("/config.js")).text
        assert (await browser.get("/supabase.js")).content == SUPABASE_JS.read_bytes()
        assert (await browser.get("/../pyproject.toml")).status_code == 404
    told = json.loads(config.removeprefix("export const config = ").removesuffix(";\n"))
    # The same names as in the example's own file, so that one can stand in for the other.
    own = (EXAMPLE / "config.js").read_text()
    assert sorted(told) == sorted(re.findall(r"^  (\w+): ", own, re.MULTILINE))
    assert SECRET not in config
