"""Login with the API secret: tokens work like the secret, end, and replace each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator


def login(api: httpx.Client, running: RunningSimulator) -> dict[str, str]:
    """Return both tokens."""
    tokens: dict[str, str] = api.post("/login/api-secret", json={"apiSecret": running.api_secret}).json()
    return tokens


def status(api: httpx.Client, token: str) -> int:
    """Use an access token."""
    return api.get("/payments", headers={"Authorization": f"Bearer {token}"}).status_code


def refresh(api: httpx.Client, token: str) -> int:
    """Use a refresh token."""
    return api.post("/token/refresh", json={"refreshToken": token}).status_code


def test_an_access_token_lasts_30_minutes(
    control: SimulatorControl, api: httpx.Client, running: RunningSimulator
) -> None:
    token = login(api, running)["accessToken"]
    control.advance_clock(29 * 60)
    assert status(api, token) == 200
    control.advance_clock(61)
    assert status(api, token) == 401


def test_a_refresh_token_lasts_a_day_and_works_once(
    control: SimulatorControl, api: httpx.Client, running: RunningSimulator
) -> None:
    first = login(api, running)
    second = login(api, running)
    assert refresh(api, first["refreshToken"]) == 401, "a new login ends the old refresh token"
    assert refresh(api, second["refreshToken"]) == 200
    assert refresh(api, second["refreshToken"]) == 401
    last = login(api, running)
    control.advance_clock(86_401)
    assert refresh(api, last["refreshToken"]) == 401


def test_a_token_is_not_a_secret_and_a_secret_not_a_token(
    control: SimulatorControl, api: httpx.Client, running: RunningSimulator
) -> None:
    token = login(api, running)["accessToken"]
    assert api.get("/payments", headers={"Authorization": f"PortOne {token}"}).status_code == 401
    assert status(api, running.api_secret) == 401
    assert api.post("/login/api-secret", json={"apiSecret": "wrong"}).json()["type"] == "UNAUTHORIZED"
