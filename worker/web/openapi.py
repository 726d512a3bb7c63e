"""Decides what the OpenAPI document says beyond the routes: the token, how long to wait, and the webhook route in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.openapi.utils import get_openapi

from worker.web.outputs import ErrorReply, WebhookReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N`: seconds to wait for the result, 0 to 30 (RFC 7240).",
    "schema": {"type": "string", "pattern": "^wait=[0-9]{1,2}$"},
}
_WEBHOOK_ANSWERS: Final = {
    "200": "Durable: new, repeated, of an unknown type, or signed and unreadable.",
    "400": "A `webhook-*` header is missing or malformed, or the timestamp is more than 300 s off.",
    "401": "No configured secret made this signature.",
    "413": "Over 256 KiB.",
    "415": "Not JSON.",
    "503": "Not stored: PortOne sends it again.",
}


def describe(api: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return a function that makes the document of ``api`` once and keeps it."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _document(api)
        return api.openapi_schema

    return document


def _document(api: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=api.title, version=api.version, routes=api.routes)
    made["components"].setdefault("securitySchemes", {})["user"] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The user's Supabase access token; PostgREST verifies it.",
    }
    for path, methods in made["paths"].items():
        for operation in methods.values():
            if "401" in operation["responses"]:
                operation["security"] = [{"user": []}]
            if "202" in operation["responses"]:
                operation.setdefault("parameters", []).append(_PREFER)
            operation.setdefault("tags", [path.split("/")[1]])
    made["paths"]["/webhooks/portone"] = {"post": _webhook(made["components"]["schemas"])}
    return made


def _webhook(schemas: dict[str, Any]) -> dict[str, Any]:
    for model in (WebhookReply, ErrorReply):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "tags": ["webhooks"],
        "operationId": "record_webhook",
        "summary": "Record Webhook",
        "description": "PortOne's webhooks, version 2024-04-25 (Standard Webhooks signatures over the raw body).",
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in headers
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            status: {
                "description": said,
                "content": {
                    "application/json": {
                        "schema": {
                            "$ref": f"#/components/schemas/{(WebhookReply if status == '200' else ErrorReply).__name__}"
                        }
                    }
                },
            }
            for status, said in _WEBHOOK_ANSWERS.items()
        },
    }
