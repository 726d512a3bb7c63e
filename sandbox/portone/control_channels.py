"""Decides how channels are changed while the simulator runs, and how a configuration file describes stores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .channels import ANY_ID, Channel
from .control_inputs_more import ChannelInput
from .errors import ControlError
from .inputs import explain, read_control

if TYPE_CHECKING:
    from starlette.requests import Request

    from .simulator import Simulator


class ChannelControls:
    """Routes about the channels of a store."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes of this group."""
        return [
            Route("/channels", self.channels, methods=["GET"]),
            Route("/channels/{key}", self.channel, methods=["PUT"]),
        ]

    async def channels(self, request: Request) -> Response:
        """GET ?storeId=: the channels with their manners."""
        store = self._simulator.store(request.query_params.get("storeId"))
        return JSONResponse([channel_json(channel) for channel in store.channels.values()])

    async def channel(self, request: Request) -> Response:
        """PUT /channels/{key}?storeId= ``{pgProvider, type?, …}``: add or replace; what already runs keeps its own."""
        store = self._simulator.store(request.query_params.get("storeId"))
        body = read_control(ChannelInput, await request.body())
        try:
            channel = channel_of(request.path_params["key"], body)
        except ValueError as failure:
            raise ControlError(422, "SIM_INVALID_INPUT", str(failure)) from failure
        store.channels[channel.key] = channel
        return JSONResponse(channel_json(channel))


def channel_of(key: str, body: ChannelInput) -> Channel:
    """Return the channel a body describes; raises ValueError for a broken pattern."""
    fields = {_snake(name): value for name, value in body.model_dump(exclude_none=True).items()}
    for name, value in fields.items():
        if isinstance(value, list):
            fields[name] = frozenset(value)
        elif name.endswith("_pattern"):
            try:
                fields[name] = re.compile(value)
            except re.error as failure:
                raise ValueError(f"{name}: is not a regular expression ({failure})") from failure
    return Channel(key, **fields)


def channel_from_json(key: str, value: Any) -> Channel:
    """Return the channel of a configuration file; raises ValueError naming the field."""
    try:
        return channel_of(key, ChannelInput.model_validate(value))
    except ValidationError as failure:
        raise ValueError(f"channels.{key}: {explain(failure)}") from failure


def channel_json(channel: Channel) -> dict[str, Any]:
    """Return a channel as ``PUT /_sim/channels/{key}`` takes it, with its key."""
    body: dict[str, Any] = {"key": channel.key}
    for name in ChannelInput.model_fields:
        value = getattr(channel, _snake(name))
        if isinstance(value, frozenset):
            value = sorted(value)
        elif isinstance(value, re.Pattern):
            value = None if value is ANY_ID else value.pattern
        body[name] = value
    return body


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found.group().lower(), name)
