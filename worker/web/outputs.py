"""Decides how answers are described in the OpenAPI document; the answers themselves are the database's rows, passed on as they are."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Output(BaseModel):
    model_config = ConfigDict(extra="allow")


class OperationReply(_Output):
    """A row of ``payment_operations``: what was asked for, and how it stands."""

    id: str = Field(description="Operation id (uuid); poll `/operations/{id}` with it.")
    kind: str = Field(description="What was asked for, for example `prepare_payment` or `cancel_payment`.")
    status: Literal["pending", "succeeded", "failed"]
    payment_id: str | None = Field(
        None, description="PortOne's paymentId; empty until a payment has been pre-registered."
    )
    result: dict[str, Any] | None = Field(None, description="What came of it, once `succeeded`.")
    error: dict[str, Any] | None = Field(
        None, description="`code`, `message` and facts, once `failed`: a business failure, not an HTTP error."
    )
    created_at: str = Field(description="RFC 3339.")
    finished_at: str | None = Field(None, description="RFC 3339, once it has ended.")


class Refusal(_Output):
    """Why a request was refused."""

    code: str = Field(description="From the closed list in docs/database.md, or the worker's own.")
    message: str = Field(description="A sentence in English.")
    message_ko: str | None = Field(
        None, description="The same for a customer, in Korean, where the code has one."
    )
    field: str | None = Field(None, description="Which field to correct.")
    hint: str | None = Field(None, description="What to send instead.")


class ErrorReply(_Output):
    """Every refusal looks like this."""

    error: Refusal


class BillingKeyIssueReply(_Output):
    """What the browser opens the card window with."""

    issueId: str
    customerId: str
    storeId: str
    channelKey: str
    noticeUrls: list[str]


class IdentityReply(_Output):
    """What the browser opens the identity window with."""

    id: str = Field(description="Our id (uuid): complete and confirm name it.")
    identityVerificationId: str = Field(description="PortOne's id, for the window. Single use.")
    storeId: str
    channelKey: str


class StepReply(_Output):
    """A code is on its way, or the carrier's app was asked."""

    id: str
    step: Literal["sent"]


class HealthReply(_Output):
    """Whether the worker is well."""

    status: str


class WebhookReply(_Output):
    """A delivery is durable."""

    status: str = Field(description="`received` or `skipped`.")
    duplicate: bool


Responses = dict[int | str, dict[str, Any]]

# By name instead of `"model": ErrorReply`: FastAPI makes a validator of its own for each model of each route, though it
# never validates a refusal, and these were most of the time an app takes to be made. `openapi.py` adds the schema.
_ERROR: Final = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorReply.__name__}"}}}
_REFUSED: Final = {
    400: "The body cannot be parsed.",
    401: "No access token, or one that is not valid any more.",
    403: "This caller may not ask for this.",
    404: "There is no such thing, or it is somebody else's.",
    409: "It does not fit how things stand: the message says what does.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not JSON.",
    422: "A field is wrong: `field` and `hint` say which and what to send.",
    429: "Too often: wait `Retry-After` seconds.",
    503: "Database or settings: wait `Retry-After` seconds; nothing happened twice.",
}  # fmt: skip
_REFUSALS: Final[Responses] = {
    status: {"description": description, "content": _ERROR} for status, description in _REFUSED.items()
}

ASKED: Final[Responses] = {
    200: {"model": OperationReply, "description": "It has ended; `status` says how."},
    202: {"model": OperationReply, "description": "Still under way: ask `Location` again after `Retry-After` seconds."},
    **_REFUSALS,
}  # fmt: skip


def answered(model: type[BaseModel], description: str) -> Responses:
    """Return the responses of a route that answers at once, without an operation."""
    return {200: {"model": model, "description": description}, **_REFUSALS}
