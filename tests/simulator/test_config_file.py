"""The configuration file of ``portone-simulator``: stores, channels, what options override, what it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.__main__ import build_parser, config_from
from sandbox.portone.config_file import load_config

if TYPE_CHECKING:
    from pathlib import Path

CARD = {"pgProvider": "INICIS_V2", "paymentIdPattern": "[A-Z]+", "minimum": 100, "billingMethods": ["CARD"]}
MERCHANT: dict[str, Any] = {
    "stores": [
        {
            "storeId": "store-a",
            "apiSecrets": ["a"],
            "channels": {"card": CARD},
            "channelGroups": {"g": ["card"]},
        },
        {"storeId": "store-b", "apiSecrets": ["a", "b"], "webhookUrls": ["http://127.0.0.1:1/b"]},
    ],
    "assumptions": {"max_attempts": 3},
    "seed": 5,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a good file."""
    file = tmp_path / "merchant.json"
    file.write_text(json.dumps(MERCHANT))
    return file


def test_a_file_describes_the_merchant(path: Path) -> None:
    config = load_config(path)
    first, second = config.stores()
    assert (first.store_id, first.api_secrets, second.store_id) == ("store-a", ("a",), "store-b")
    assert list(first.channels) == ["card"]
    assert first.channels["card"].payment_id_pattern == re.compile("[A-Z]+")
    assert "channel-key-card" in second.channels
    assert (config.seed, config.assumptions) == (5, {"max_attempts": 3})


def test_options_win_over_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMULATOR_WEBHOOK_SECRET", raising=False)
    monkeypatch.setenv("SIMULATOR_API_SECRET", "from-environment")
    options = [
        "--config",
        str(path),
        "--webhook-url",
        "http://127.0.0.1:1/a",
        "--assume",
        "max_cancel_count=9",
    ]
    config = config_from(build_parser().parse_args(options))
    assert (config.store_id, config.api_secrets) == ("store-a", ("from-environment",))
    assert config.webhook_urls == ("http://127.0.0.1:1/a",)
    assert config.assumptions == {"max_attempts": 3, "max_cancel_count": 9}
    assert config.more_stores[0].api_secrets == ("a", "b")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"stores": []}, "stores"),
        ({"stores": [{"storeID": "x"}]}, "storeID"),
        ({"stores": [MERCHANT["stores"][0]] * 2}, "once"),
        ({"stores": [{"storeId": "x", "channels": {"c": {"pgProvder": "X"}}}]}, "channels.c: pgProv"),
        (
            {"stores": [{"storeId": "x", "channels": {"c": CARD | {"paymentIdPattern": "("}}}]},
            "regular expression",
        ),
        ({"stores": [{"storeId": "x", "channelGroups": {"g": ["none"]}}]}, "none is no channel"),
        ({"assumptions": {"max_tries": 3}}, "max_tries"),
        ({"sed": 1}, "sed"),
    ],
)
def test_a_bad_file_is_refused(path: Path, spoil: dict[str, Any], message: str) -> None:
    path.write_text(json.dumps(MERCHANT | spoil))
    with pytest.raises(ValueError, match=re.escape(message)):
        load_config(path)


def test_no_json(path: Path) -> None:
    path.write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        load_config(path)
