"""Decides how the shop runs as a process: `python -m sandbox.shop --port … --api … --portone-sdk …`."""

from __future__ import annotations

import argparse
import os

import uvicorn

from sandbox.setup.ports import LOOPBACK
from sandbox.shop.app import create_shop


def main() -> None:
    """Serve until ended; keys come from the environment so that `ps` does not show them."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.shop")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--portone-sdk", required=True)
    arguments = parser.parse_args()
    application = create_shop(
        api_url=arguments.api,
        publishable_key=os.environ["SHOP_PUBLISHABLE_KEY"],
        jwt_secret=os.environ["SHOP_JWT_SECRET"],
        portone_sdk=arguments.portone_sdk,
    )
    uvicorn.run(application, host=LOOPBACK, port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
