"""Decides the command line of ``portone-simulator``: start alone, for people who do not use the worker."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from .app import create_app
from .assumptions import Assumptions
from .config import STORE_ID, SimulatorConfig, new_api_secret, new_webhook_secret
from .server import SimulatorServer, listen, url_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """\
When ready it prints one JSON line: url, control_url, store_id, channels, api_secret, webhook_secrets, pid.
Point a PortOne client at url, and play the buyer through control_url, for example:
  curl -X POST $control_url/windows -d '{"paymentId":"pay1000000","storeId":"…","channelKey":"channel-key-card",
       "orderName":"Widget","totalAmount":1000,"currency":"KRW","payMethod":"CARD"}'
  curl -X POST $control_url/payments/pay1000000/approve -d '{}'
GET $control_url/assumptions lists what is undocumented at PortOne and what is assumed here.
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
    parser.add_argument("--store-id", default=STORE_ID, help="the store's id (default: %(default)s)")
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
    """Return the configuration; raises ValueError naming the option and the fix."""
    api_secrets = arguments.api_secret or [os.environ.get("SIMULATOR_API_SECRET") or new_api_secret()]
    webhook_secrets = arguments.webhook_secret or [
        os.environ.get("SIMULATOR_WEBHOOK_SECRET") or new_webhook_secret()
    ]
    if len(webhook_secrets) > 2:
        raise ValueError("--webhook-secret: PortOne has at most two at once")
    assumptions: dict[str, object] = {}
    for text in arguments.assume:
        name, found, value = text.partition("=")
        if not found:
            raise ValueError(f"--assume {text}: write NAME=JSON")
        try:
            assumptions[name] = json.loads(value)
        except ValueError as failure:
            raise ValueError(f"--assume {name}: the value is not JSON ({failure})") from failure
    Assumptions().update(assumptions)
    return SimulatorConfig(
        store_id=arguments.store_id,
        api_secrets=tuple(api_secrets),
        webhook_urls=tuple(arguments.webhook_url),
        webhook_secrets=tuple(webhook_secrets),
        assumptions=assumptions,
        seed=arguments.seed,
    )


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
