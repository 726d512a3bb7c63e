"""Decides how a browser is added to the stack: the shop's process, the console's address, an admin to sign in as."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from sandbox.setup.paths import PROJECT_ROOT
from sandbox.setup.ports import LOOPBACK, free_port
from sandbox.setup.process import Child, Command, child_env
from sandbox.shop.people import open_shop, sign_up
from sandbox.stack.services import BILLING_CHANNEL, IDENTITY_CHANNEL, STORE_ID, answers
from sandbox.stack.stack import Stack, push_all

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.shop.people import Account
    from sandbox.supabase.project import Supabase

ADMIN_EMAIL = "owner@shop.example"
_START_SECONDS = 30.0


class StackWithShop:
    """A stack, the checkout example in front of it and an admin; `start` and `stop`."""

    def __init__(self, workdir: Path, *, detached: bool = False) -> None:
        """Nothing runs yet; `workdir` and `detached` as for `Stack`."""
        self._port = free_port()
        self._detached = detached
        self._child: Child | None = None
        self.admin: Account | None = None
        # Browsers reach Supabase through the shop's process; the worker goes there directly.
        self.stack = Stack(workdir, worker_env={"SUPABASE_PUBLIC_URL": self.shop_url}, detached=detached)

    @property
    def shop_url(self) -> str:
        """Where the checkout example is, and the API for browsers."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def console_url(self) -> str:
        """Where the operations console is."""
        return f"{self.stack.worker_url}/console/"

    def start(self) -> None:
        """Start everything and wait until it is ready; what was started is stopped when a part fails."""
        self.stack.start(_push_and_open)
        try:
            self.admin = sign_up(self.stack.endpoint, ADMIN_EMAIL, admin=True)
            self._child = Child(self._command(), detached=self._detached)
            self._child.wait_until(lambda: answers(f"{self.shop_url}/config.js"), within=_START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def children(self) -> list[Child]:
        """Return the running processes, first started first."""
        return [*self.stack.children(), *([self._child] if self._child is not None else [])]

    def described(self) -> dict[str, Any]:
        """Return what `build/stack.json` says beside the stack itself."""
        admin = self.admin
        return {
            "shop_url": f"{self.shop_url}/",
            "console_url": self.console_url,
            "admin_email": admin.email if admin is not None else "",
            "admin_password": admin.password if admin is not None else "",
        }

    def stop(self) -> None:
        """Stop everything; safe to call twice."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        self.stack.stop()

    def _command(self) -> Command:
        endpoint = self.stack.endpoint
        return Command(
            name="shop",
            argv=[
                sys.executable, "-m", "sandbox.shop", "--port", str(self._port), "--api", endpoint.api_url,
                "--portone-sdk", f"{self.stack.portone_control_url}/sdk.js",
            ],
            log_path=self.stack.workdir / "shop.log",
            env=child_env(SHOP_PUBLISHABLE_KEY=endpoint.publishable_key, SHOP_JWT_SECRET=endpoint.jwt_secret),
            cwd=PROJECT_ROOT,
        )  # fmt: skip


def _push_and_open(supabase: Supabase) -> None:
    push_all(supabase)
    channels = {"billing": BILLING_CHANNEL, "identity": IDENTITY_CHANNEL}
    open_shop(supabase.endpoint.db_url, store_id=STORE_ID, channels=channels)
