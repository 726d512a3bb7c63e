"""Decides whether the requests a client sent keep PortOne's official OpenAPI and its transport rules.

For any test that has a simulator: ``RequestContract(document).check(control.requests())``. Judged are path, method,
body, query parameters, the JSON in ``requestBody``, and the Idempotency-Key of calls that change something.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from jsonschema import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .openapi import Contract

_KEY = re.compile(r'"[A-Za-z0-9\-_]{20,200}"')
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Calls that move no money and may be repeated freely: the worker need not send a key with them.
_KEYLESS = frozenset({"loginViaApiSecret", "refreshToken"})


class RequestContract:
    """Judges logged requests (``GET /_sim/requests``) against the document."""

    def __init__(self, contract: Contract, *, keys_required: bool = True) -> None:
        self._contract = contract
        self._keys_required = keys_required
        self.seen: set[str] = set()

    def check(self, requests: Iterable[dict[str, Any]]) -> int:
        """Return how many requests were judged; raises AssertionError that lists every violation."""
        problems, count = [], 0
        for request in requests:
            count += 1
            for problem in self.problems(request):
                problems.append(f"{request['method']} {request['path']}: {problem}")
        assert not problems, "\n".join(problems)
        return count

    def problems(self, request: dict[str, Any]) -> list[str]:
        """Return what is wrong with one request, an empty list for a good one."""
        operation = self._contract.operation(request["method"], request["path"])
        if operation is None:
            return ["no operation of the document"]
        self.seen.add(operation["operationId"])
        found = self._query_problems(operation, request["query"]) + self._body_problems(
            operation, request["body"]
        )
        if request["method"] in _WRITES:
            found += self._key_problems(operation, request["idempotency_key"])
        return found

    def _query_problems(self, operation: dict[str, Any], query: str) -> list[str]:
        known = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
        found = []
        for name, values in parse_qs(query, keep_blank_values=True).items():
            if name not in known:
                found.append(f"query {name}: is no parameter of this operation")
            elif len(values) > 1:
                found.append(f"query {name}: is there {len(values)} times")
            elif "content" in known[name]:
                schema = known[name]["content"]["application/json"]["schema"]
                found += self._schema_problems(schema, values[0], f"query {name}")
        return found

    def _body_problems(self, operation: dict[str, Any], body: str) -> list[str]:
        described = operation.get("requestBody")
        by_query = any("x-portone-query-or-body" in one for one in operation.get("parameters", []))
        if described is None or by_query:
            return [] if body in ("", "{}") else ["body: this operation takes none (use the query form)"]
        if not body:
            return ["body: is missing"] if described.get("required") else []
        return self._schema_problems(described["content"]["application/json"]["schema"], body, "body")

    def _schema_problems(self, schema: dict[str, Any], text: str, place: str) -> list[str]:
        try:
            self._contract.validate(schema, json.loads(text))
        except ValidationError as failure:
            where = ".".join([place, *map(str, failure.absolute_path)])
            return [f"{where}: {failure.message}"]
        except ValueError as failure:
            return [f"{place}: is not JSON ({failure})"]
        return []

    def _key_problems(self, operation: dict[str, Any], key: str | None) -> list[str]:
        if key is None:
            missing = self._keys_required and operation["operationId"] not in _KEYLESS
            return ["Idempotency-Key: is missing"] if missing else []
        return (
            []
            if _KEY.fullmatch(key)
            else [f"Idempotency-Key: {key} is not a quoted key of 20 to 200 characters"]
        )
