"""Decides whether a reply keeps PortOne's official OpenAPI; variants are resolved by their discriminator.

Plain ``oneOf`` reports false errors, because several variants match the same object. Names the document does not know
are errors too, so that a misspelt field cannot hide.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
FORMATS = FormatChecker(())


@FORMATS.checks("date-time")
def _date_time(value: object) -> bool:
    return not isinstance(value, str) or _DATE_TIME.fullmatch(value) is not None


@FORMATS.checks("int32")
def _int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@FORMATS.checks("int64")
def _int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _one_of(validator: Any, options: Any, value: Any, schema: dict[str, Any]) -> Iterator[ValidationError]:
    found = schema.get("discriminator")
    if found is None or not isinstance(value, dict):
        yield ValidationError(f"no discriminator for {value!r}")
        return
    word = value.get(found["propertyName"])
    target = found["mapping"].get(word)
    if target is None:
        yield ValidationError(f"{found['propertyName']} {word!r} is none of {sorted(found['mapping'])}")
        return
    yield from validator.descend(value, {"$ref": target})


def _properties(validator: Any, properties: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for name, entry in value.items():
        if name in properties:
            yield from validator.descend(entry, properties[name], path=name, schema_path=name)
        elif name not in ("status", "type"):  # discriminators of variants
            yield ValidationError(f"unknown property {name!r}")


_Validator = extend(Draft4Validator, {"oneOf": _one_of, "properties": _properties})


class Contract:
    """The official document, with a record of the replies it has judged."""

    def __init__(self, path: Path) -> None:
        self.document = json.loads(path.read_text(encoding="utf-8"))
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", name)), name, item)
            for name, item in self.document["paths"].items()
        ]
        self.judged: set[tuple[str, str, int]] = set()

    def check(self, name: str, value: Any) -> None:
        """Raise ValidationError unless ``value`` is a ``name`` of the document."""
        self._check({"$ref": f"#/components/schemas/{name}"}, value)

    def judge(self, response: httpx.Response) -> None:
        """Raise unless the reply is one the document gives this operation; for httpx's response hook."""
        response.read()
        path = response.request.url.raw_path.decode().partition("?")[0]
        name, item = next((name, item) for shape, name, item in self._paths if shape.fullmatch(path))
        method = response.request.method
        described = item[method.lower()]["responses"]
        assert str(response.status_code) in described, f"{method} {name} never answers {response.status_code}"
        schema = described[str(response.status_code)]["content"]["application/json"]["schema"]
        self._check(schema, response.json())
        self.judged.add((method, name, response.status_code))

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """Return the document's operation for a decoded path, None without one; a literal path wins."""
        named = self.document["paths"].get(path)
        items = [named] if named else [item for shape, _, item in self._paths if shape.fullmatch(path)]
        return next((item[method.lower()] for item in items if method.lower() in item), None)

    def validate(self, schema: dict[str, Any], value: Any) -> None:
        """Raise ValidationError unless ``value`` keeps a schema of the document."""
        self._check(schema, value)

    def _check(self, schema: dict[str, Any], value: Any) -> None:
        root = {**schema, "components": self.document["components"]}
        _Validator(root, format_checker=FORMATS).validate(value)
