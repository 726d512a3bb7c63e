"""Decides how an operation sees its request: store, path parameters, query and body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from .errors import PortOneError, invalid_request

if TYPE_CHECKING:
    from .faults import Fault
    from .simulator import Simulator
    from .store import Store


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call: the stores it may use (its own first), decoded path parameters, raw query and body."""

    simulator: Simulator
    stores: list[Store]
    method: str
    path: str
    parameters: tuple[str, ...]
    query: bytes
    raw: bytes

    def query_value(self, name: str) -> str | None:
        """Return a form-decoded query parameter, None without it."""
        if not self.query:
            return None
        values = parse_qs(self.query.decode("latin-1"), keep_blank_values=True).get(name)
        return values[0] if values else None

    def store(self, store_id: str | None) -> Store:
        """Return the store meant, the caller's own for None; raises FORBIDDEN for one it cannot access (assumed)."""
        for store in self.stores:
            if store_id in (None, store.id):
                return store
        raise PortOneError("FORBIDDEN", f"storeId: this secret cannot access {store_id}")

    def list_query(self) -> str | bytes:
        """Return the JSON of a list call: query parameter ``requestBody`` wins over the body (assumed)."""
        value = self.query_value("requestBody")
        return self.raw if value is None else value

    def pg_fault(self) -> Fault | None:
        """Return the PG disturbance meant for this call, using it up."""
        return self.simulator.faults.take("pg", self.method, self.path)

    def query_flag(self, name: str) -> bool:
        """Return a true/false query parameter, false without it; raises INVALID_REQUEST."""
        value = self.query_value(name)
        if value not in (None, "true", "false"):
            raise invalid_request(f"{name}: must be true or false")
        return value == "true"
