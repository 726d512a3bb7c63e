"""docs/simulator.md names every control route, every assumption with its value, and every channel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.portone.app import create_app
from sandbox.portone.assumptions import Assumptions
from sandbox.portone.default_channels import default_channels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.routing import BaseRoute

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def paths(routes: list[BaseRoute]) -> Iterator[str]:
    """Yield the control routes in the document's spelling."""
    for route in routes:
        path = getattr(route, "path", "")
        yield re.sub(
            r"\{(payment_id|message_id|schedule_id|verification_id)(:path)?\}", "{id}", path
        ).replace(":path", "")


def test_every_control_route_is_documented() -> None:
    (mount,) = create_app()._control.routes
    described = set(paths(mount.routes or []))
    assert len(described) > 45
    missing = sorted(path for path in described if not re.search(rf"[`\s]{re.escape(path)}`", TEXT))
    assert missing == []


def test_every_assumption_and_channel_is_documented() -> None:
    for name, entry in Assumptions().as_dict().items():
        assert re.search(rf"\| `{name}` = .* \| {entry['source']} \|", TEXT), name
    for key in default_channels():
        assert f"`{key.removeprefix('channel-key-')}`" in TEXT, key
