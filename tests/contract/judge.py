"""Decides whether a request keeps the document: the operation exists, each parameter is declared, the body fits."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.simulator.openapi import Contract

if TYPE_CHECKING:
    from pathlib import Path

    import httpx


class RequestJudge:
    """The official document, with a record of the operations it has judged."""

    def __init__(self, path: Path) -> None:
        self.contract = Contract(path)
        self.document: dict[str, Any] = self.contract.document
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", name)), name) for name in self.document["paths"]
        ]
        self.judged: set[str] = set()

    def operation(self, request: httpx.Request) -> dict[str, Any]:
        """Return the operation a request is for; literal paths go before those with parameters."""
        path = request.url.raw_path.decode().partition("?")[0]
        names = sorted(
            (name for shape, name in self._paths if shape.fullmatch(path)), key=lambda n: n.count("{")
        )
        assert names, f"the document has no {path}"
        found: dict[str, Any] | None = self.document["paths"][names[0]].get(request.method.lower())
        assert found is not None, f"the document has no {request.method} {names[0]}"
        return found

    def judge(self, request: httpx.Request) -> str:
        """Raise unless the document allows the request; return the operation's id."""
        operation = self.operation(request)
        self._parameters(operation, request)
        declared = operation.get("requestBody")
        if request.content:
            assert declared is not None, f"{operation['operationId']} takes no body"
            assert request.headers["content-type"] == "application/json"
            self._fits(declared["content"], json.loads(request.content))
        elif declared is not None and request.method in ("POST", "PUT", "PATCH"):
            assert not declared.get("required"), f"{operation['operationId']} needs a body"
        if request.method != "GET":
            assert re.fullmatch(r'"[A-Za-z0-9_-]{16,256}"', request.headers["idempotency-key"])
        assert request.headers["authorization"].startswith("PortOne ")
        self.judged.add(operation["operationId"])
        return str(operation["operationId"])

    def _parameters(self, operation: dict[str, Any], request: httpx.Request) -> None:
        declared = {
            entry["name"]: entry for entry in operation.get("parameters", []) if entry["in"] == "query"
        }
        for name, value in request.url.params.multi_items():
            assert name in declared, f"{operation['operationId']} has no parameter {name}"
            if "content" in declared[name]:
                self._fits(declared[name]["content"], json.loads(value))
                continue
            schema = declared[name]["schema"]
            assert (
                "$ref" not in schema or self.contract.check(schema["$ref"].rpartition("/")[2], value) is None
            )
        for name, entry in declared.items():
            assert not entry.get("required") or name in request.url.params

    def _fits(self, content: dict[str, Any], body: Any) -> None:
        self.contract.check(content["application/json"]["schema"]["$ref"].rpartition("/")[2], body)
