"""Decides the command line of ``portone-simulator``: start alone, for people who do not use the worker."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .app import create_app
from .assumptions import Assumptions
from .config import STORE_ID, SimulatorConfig
from .config_file import load_config
from .server import SimulatorServer, listen, url_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """\
When ready it prints one JSON line: url, control_url, sdk_url, store_id, channels, api_secret, webhook_secrets, pid.
Point a PortOne client of any language at url, and play the buyer through control_url, for example:
  curl -X POST $control_url/windows -d '{"paymentId":"pay1000000","storeId":"…","channelKey":"channel-key-card",
       "orderName":"Widget","totalAmount":1000,"currency":"KRW","payMethod":"CARD"}'
  curl -X POST $control_url/payments/pay1000000/approve -d '{}'
or load sdk_url in a page and call PortOne.requestPayment({…}): a window opens, with buttons.
Secrets can come from the environment: SIMULATOR_API_SECRET, SIMULATOR_WEBHOOK_SECRET.
GET $control_url/assumptions lists what is undocumented at PortOne and what is assumed here.
Everything else (control API, configuration file, how true to PortOne it is): docs/simulator.md
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command line; secrets may also come from the environment, so that they stay out of ``ps``."""
    parser = argparse.ArgumentParser(
        prog="portone-simulator",
        description="An offline, stateful PortOne V2: API, browser window, PG, signed webhooks. In memory.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=4180, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="JSON file with stores, channels and assumptions"
    )
    parser.add_argument("--store-id", help=f"the first store's id (default: {STORE_ID})")
    parser.add_argument(
        "--webhook-url",
        action="append",
        default=[],
        metavar="URL",
        help="receiver of webhooks; may be repeated",
    )
    parser.add_argument(
        "--api-secret",
        action="append",
        default=[],
        metavar="SECRET",
        help="V2 API secret; may be repeated (default: $SIMULATOR_API_SECRET, else a new one)",
    )
    parser.add_argument(
        "--webhook-secret",
        action="append",
        default=[],
        metavar="whsec_…",
        help="webhook secret, at most two (default: $SIMULATOR_WEBHOOK_SECRET, else a new one)",
    )
    parser.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="change an assumption, for example webhook_success='\"exactly_200\"'",
    )
    parser.add_argument("--seed", type=int, help="make ids repeatable")
    return parser


def config_from(arguments: argparse.Namespace) -> SimulatorConfig:
    """Return the configuration, options before the file; raises ValueError naming the option and the fix."""
    base = SimulatorConfig() if arguments.config is None else load_config(arguments.config)
    if len(arguments.webhook_secret) > 2:
        raise ValueError("--webhook-secret: PortOne has at most two at once")
    assumptions: dict[str, object] = dict(base.assumptions)
    for text in arguments.assume:
        name, found, value = text.partition("=")
        if not found:
            raise ValueError(f"--assume {text}: write NAME=JSON")
        try:
            assumptions[name] = json.loads(value)
        except ValueError as failure:
            raise ValueError(f"--assume {name}: the value is not JSON ({failure})") from failure
    Assumptions().update(assumptions)
    seed = base.seed if arguments.seed is None else arguments.seed
    given = {
        "store_id": arguments.store_id,
        "api_secrets": _first(arguments.api_secret, os.environ.get("SIMULATOR_API_SECRET")),
        "webhook_urls": tuple(arguments.webhook_url),
        "webhook_secrets": _first(arguments.webhook_secret, os.environ.get("SIMULATOR_WEBHOOK_SECRET")),
    }
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    return replace(base, assumptions=assumptions, seed=seed, **chosen)


def _first(options: list[str], variable: str | None) -> tuple[str, ...]:
    """Return what the command line says, else the environment, else nothing."""
    return tuple(options) or ((variable,) if variable else ())


def main(argv: Sequence[str] | None = None) -> int:
    """Run until interrupted; exit code 2 for a bad option or a taken port."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    try:
        config = config_from(arguments)
        sock = listen(arguments.host, arguments.port)
    except (ValueError, OSError) as failure:
        parser.error(str(failure))
    SimulatorServer(create_app(config), lambda: _announce(url_of(sock), config)).run(sockets=[sock])
    return 0


def _announce(url: str, config: SimulatorConfig) -> None:
    line = {
        "url": url,
        "control_url": url + "/_sim",
        "sdk_url": url + "/_sim/sdk.js",
        "store_id": config.store_id,
        "channels": list(config.channels),
        "api_secret": config.api_secrets[0],
        "webhook_secrets": list(config.webhook_secrets),
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
