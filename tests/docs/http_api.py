"""Decides how docs/http-api.md reads: made from the worker's own OpenAPI document. `make api-docs` writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.unit.support import FakeDatabase, make_deps
from worker.web.app import create_app

FILE = Path(__file__).resolve().parents[2] / "docs" / "http-api.md"

OPENING = """\
# HTTP API of the worker, version {version}

Made by `make api-docs` from the worker's OpenAPI document (`GET /openapi.json`); a test fails when it is not up to date.

Routes marked with a lock need `Authorization: Bearer <the user's access token>`. The worker makes the same database call
the browser could make with supabase-js ([database.md](database.md#functions-for-app-clients)), as that user, and waits for the result: `Prefer: wait=N`
(0 to 30 seconds, default 15) says how long. **200** has the finished operation, **202** one that is still under way, with
`Location` and `Retry-After`. A failed operation is a 200 with `status: "failed"` and its `error`: the request was in order,
the payment was not. Amounts are whole numbers in the currency's minor unit; unknown fields are refused.

Every refusal is `{{"error": {{"code", "message", "message_ko", "field", "hint", …}}}}`; the codes are listed in
[database.md](database.md). Routes with a lock refuse with these statuses:
"""


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the worker's app."""
    app: Any = create_app(make_deps(FakeDatabase()))
    while not hasattr(app, "openapi"):
        app = app._app
    made: dict[str, Any] = app.openapi()
    return made


def rendered() -> str:
    """Return the page."""
    made = document()
    parts = [OPENING.format(version=made["info"]["version"])]
    refusals = next(o["responses"] for _, _, o in _operations(made) if o.get("security"))
    rows = [f"| {status} | {said['description']} |" for status, said in refusals.items() if status >= "400"]
    parts.append("\n".join(["| status | |\n|---|---|", *rows, ""]))
    tags = sorted({operation["tags"][0] for _, _, operation in _operations(made)})
    for tag in tags:
        parts.append(f"## {tag.replace('-', ' ').capitalize()}\n")
        parts += [
            _operation(made, method, path, operation)
            for method, path, operation in _operations(made)
            if operation["tags"][0] == tag
        ]
    parts.append("## Answers\n")
    parts += [
        _model(name, schema)
        for name, schema in sorted(made["components"]["schemas"].items())
        if name.endswith("Reply") or name == "Refusal"
    ]
    return "\n".join(parts)


def _operations(made: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in sorted(made["paths"].items())
        for method, operation in sorted(methods.items())
    ]


def _operation(made: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    lock = " 🔒" if operation.get("security") else ""
    lines = [f"### `{method} {path}`{lock}\n", f"{operation['description'].strip()}\n"]
    told = [p for p in operation.get("parameters", []) if p["in"] != "path" and p["name"] != "Prefer"]
    if told:
        lines.append(
            "".join(
                f"- {p['in']} `{p['name']}`{'' if p.get('required') else ' (optional)'}: {_kind(made, p['schema'])}\n"
                for p in told
            )
        )
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = _referred(made, content["schema"]) if content else None
    if body and body.get("properties"):
        lines.append("| field | | |\n|---|---|---|")
        required = body.get("required", [])
        lines += [
            f"| `{name}` | {'required' if name in required else 'optional'} | {_kind(made, schema)} |"
            for name, schema in body["properties"].items()
        ]
        lines.append("")
    answers = operation["responses"]
    if operation.get("security"):
        answers = {status: answer for status, answer in answers.items() if status.startswith("2")}
    lines.append("| status | |\n|---|---|")
    lines += [f"| {status} | {_answer(answer)} |" for status, answer in answers.items()]
    return "\n".join(lines) + "\n"


def _answer(answer: dict[str, Any]) -> str:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    link = f"[{name}](#{name.lower()}): " if name and name != "ErrorReply" else ""
    return link + answer["description"]


def _model(name: str, schema: dict[str, Any]) -> str:
    rows = [
        f"| `{field}` | {kind.get('description') or _shape(kind)} |"
        for field, kind in schema.get("properties", {}).items()
    ]
    return (
        "\n".join(
            [
                f"### {name}\n",
                f"{schema.get('description', '').strip().replace('``', '`')}\n",
                "| field | |\n|---|---|",
                *rows,
            ]
        )
        + "\n"
    )


def _shape(schema: dict[str, Any]) -> str:
    words = schema.get("enum") or [schema["const"]] if "enum" in schema or "const" in schema else []
    if words:
        return "one of " + ", ".join(f"`{word}`" for word in words) if len(words) > 1 else f"`{words[0]}`"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    return str(schema.get("type", ""))


def _referred(made: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any] | None:
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    name = options[0].get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] | None = made["components"]["schemas"].get(name)
    return found


def _kind(made: dict[str, Any], schema: dict[str, Any]) -> str:
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    one = options[0]
    if "$ref" in one:
        inner = _referred(made, one) or {}
        return "object: " + ", ".join(f"`{name}`" for name in inner.get("properties", {}))
    if "enum" in one:
        return "one of " + ", ".join(f"`{value}`" for value in one["enum"])
    if one.get("type") in ("integer", "number"):
        least = one.get("minimum", one.get("exclusiveMinimum"))
        return (
            f"{one['type']}, {'above' if 'exclusiveMinimum' in one else 'at least'} {least}, at most {one['maximum']}"
            if "maximum" in one
            else str(one["type"])
        )
    bounds = (
        [f"{one['minLength']} to {one['maxLength']} characters"]
        if {"minLength", "maxLength"} <= one.keys()
        else []
    )
    bounds += [f"`{one['pattern']}`".replace("|", "\\|")] if "pattern" in one else []
    return ", ".join([str(one.get("type", "any")), *bounds])


if __name__ == "__main__":
    FILE.write_text(rendered())
    sys.stdout.write(f"{FILE.name} written\n")
