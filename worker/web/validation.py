"""Decides how pydantic's complaints read to a caller: the field, what is wrong, what to send; never the value sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.web.replies import error_body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HINTS = {
    "missing": "Send this field.",
    "extra_forbidden": "Remove this field.",
    "int_type": "Send a whole number of minor units, without quotes.",
    "int_from_float": "Send a whole number of minor units, without decimals.",
    "string_type": "Send a text.",
    "json_invalid": "Send a JSON object.",
    "model_attributes_type": "Send a JSON object.",
    "dict_type": "Send a JSON object.",
}
_PATTERNS = {
    "reason": "Send one line of text, without control characters.",
    "order_id": "Send one line of text, without control characters.",
    "holder_name": "Send one line of text, without control characters.",
    "number": "Send 6 to 20 digits, without hyphens.",
    "bank": "Send PortOne's bank code, for example SHINHAN or KOOKMIN.",
    "holder_phone_number": "Send 8 to 15 digits, like 01012345678.",
    "billing_key_id": "Send the id of one of this user's saved cards.",
    "time_to_pay": "Send RFC 3339 with an offset, like 2026-09-01T09:00:00+09:00.",
    "purpose": "Send a word of lower-case letters, digits and _, such as signup or adult_content.",
    "consent": "Send true once the customer has agreed.",
    "phone_number": "Send 10 or 11 digits, like 01012345678.",
    "identity_number": "Send the first 7 digits of the resident number: birth date and one digit.",
    "otp": "Send the 4 to 8 digits of the message.",
    "billing_key": "Send the billingKey the card window gave.",
    "issue_id": "Send the issueId the card window was opened with.",
    "payment_token": "Send the paymentToken the payment window gave.",
    "idempotency_key": "Send 8 to 200 printable ASCII characters without spaces.",
}


def validation_body(errors: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return the 422 body; the first problem on top, all of them listed."""
    problems = [_problem(error) for error in errors] or [{"field": "body", "message": "is not valid"}]
    first = problems[0]
    return error_body(
        "INVALID_INPUT",
        f"{first['field']}: {first['message']}",
        field=first["field"],
        hint=first.get("hint"),
        problems=problems if len(problems) > 1 else None,
    )


def _problem(error: Mapping[str, Any]) -> dict[str, str]:
    path = [str(part) for part in error["loc"] if part not in ("body", "path", "query")]
    if error["type"] == "json_invalid":
        path = []
    field = ".".join(path) or "body"
    # A regular expression tells a caller nothing.
    said = "is not of the form expected" if error["type"] == "string_pattern_mismatch" else str(error["msg"])
    problem = {"field": field, "message": said.replace("Value error, ", "")}
    hint = _HINTS.get(error["type"]) or (_PATTERNS.get(path[-1]) if path else None)
    if hint is not None:
        problem["hint"] = hint
    return problem
