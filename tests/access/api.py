"""Decides how the access tests speak HTTP: real keys and tokens, and answers as both API fronts give them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from sandbox.setup.tls import certificates

if TYPE_CHECKING:
    from sandbox.supabase.project import Supabase

FRONT = os.environ.get("SANDBOX_API", "lite")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, body, and our error in it when there is one."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """`ok`, our code, or the SQLSTATE or word the front gave."""
        if self.status < 300:
            return "ok"
        details = self.details
        return str(details.get("code") or self.body.get("code"))

    @property
    def details(self) -> dict[str, Any]:
        """The JSON object in `details`."""
        given = self.body.get("details") if isinstance(self.body, dict) else None
        try:
            read = json.loads(given) if isinstance(given, str) else {}
        except json.JSONDecodeError:
            return {}
        return read if isinstance(read, dict) else {}


class Client:
    """One kind of caller."""

    def __init__(self, supabase: Supabase, *, key: str, token: str | None = None) -> None:
        headers = {"apikey": key} | ({"authorization": f"Bearer {token}"} if token else {})
        self._http = httpx.Client(
            base_url=f"{supabase.endpoint.api_url}/rest/v1",
            headers=headers,
            timeout=30,
            verify=certificates(),
        )

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request."""
        answer = self._http.request(method, path, json=body, headers=headers)
        try:
            read = answer.json() if answer.content else None
        except json.JSONDecodeError:
            read = {"message": answer.text}
        return Answer(answer.status_code, read)

    def rpc(self, function: str, **arguments: object) -> Answer:
        """Calls a function by named arguments."""
        return self.send("POST", f"/rpc/{function}", arguments)

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()
