"""Decides which refusals PortOne gives to each call the worker makes, and how the worker's job ends with each of them.

Written down so that the tests run without PortOne's document; where it is present, the two are compared. A refusal that
is new there has no decision here, and the tests fail until somebody has taken one.
"""

from __future__ import annotations

from typing import Final, Literal

# ``failed``: the operation ends with PortOne's code. ``dead``: nobody's business answer, a person looks. ``done``: what
# was asked for is true already. ``again``: a new try with fresh numbers and a new key. ``stop``: no more jobs until a
# person has renewed the secret. ``told``: the person at the screen is answered at once, there is no job. ``unsure``: it
# may have happened; the same key again, and in the end a person.
End = Literal["failed", "dead", "done", "again", "stop", "told", "unsure"]

_JOB: Final[dict[str, End]] = {"INVALID_REQUEST": "failed", "UNAUTHORIZED": "stop", "FORBIDDEN": "failed"}
_READ: Final[dict[str, End]] = {"INVALID_REQUEST": "dead", "UNAUTHORIZED": "stop", "FORBIDDEN": "dead"}
_ROUTE: Final[dict[str, End]] = dict.fromkeys(("INVALID_REQUEST", "UNAUTHORIZED", "FORBIDDEN"), "told")

ENDS: Final[dict[str, dict[str, End]]] = {
    "getPayment": {**_READ, "PAYMENT_NOT_FOUND": "done"},
    "preRegisterPayment": {**_JOB, "ALREADY_PAID": "failed"},
    "cancelPayment": {
        **_JOB,
        "PAYMENT_NOT_FOUND": "failed",
        "PAYMENT_NOT_PAID": "failed",
        "PAYMENT_ALREADY_CANCELLED": "failed",
        "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN": "again",
        "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT": "failed",
        "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT": "failed",
        "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT": "failed",
        "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT": "failed",
        "MAX_CANCEL_COUNT_REACHED": "failed",
        "NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT": "failed",
        "PROMOTION_DISCOUNT_RETAIN_OPTION_SHOULD_NOT_BE_CHANGED": "failed",
        "PG_PROVIDER": "failed",
    },
    "stopPaymentCancellation": {
        **_JOB,
        "PAYMENT_NOT_FOUND": "failed",
        "PAYMENT_CANCELLATION_NOT_FOUND": "failed",
        "PAYMENT_CANCELLATION_NOT_PENDING": "failed",
        "PG_PROVIDER": "failed",
    },
    "closeVirtualAccount": {
        **_JOB,
        "PAYMENT_NOT_FOUND": "failed",
        "PAYMENT_NOT_WAITING_FOR_DEPOSIT": "failed",
        "PG_PROVIDER": "failed",
    },
    "payWithBillingKey": {
        **_JOB,
        "ALREADY_PAID": "done",
        "BILLING_KEY_NOT_FOUND": "failed",
        "BILLING_KEY_ALREADY_DELETED": "failed",
        "CHANNEL_NOT_FOUND": "failed",
        "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT": "failed",
        "MAX_TRANSACTION_COUNT_REACHED": "failed",
        "PAYMENT_SCHEDULE_ALREADY_EXISTS": "failed",
        "PROMOTION_PAY_METHOD_DOES_NOT_MATCH": "failed",
        "DISCOUNT_AMOUNT_EXCEEDS_TOTAL_AMOUNT": "failed",
        "PG_PROVIDER": "failed",
    },
    "confirmPayment": {
        **_JOB,
        "ALREADY_PAID": "done",
        "PAYMENT_NOT_FOUND": "failed",
        "INVALID_PAYMENT_TOKEN": "failed",
        "INFORMATION_MISMATCH": "failed",
        "PG_PROVIDER": "failed",
    },
    "createPaymentSchedule": {
        **_JOB,
        "ALREADY_PAID_OR_WAITING": "unsure",
        "BILLING_KEY_NOT_FOUND": "failed",
        "BILLING_KEY_ALREADY_DELETED": "failed",
        "PAYMENT_SCHEDULE_ALREADY_EXISTS": "unsure",
        "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT": "failed",
    },
    "getPaymentSchedule": {**_JOB, "PAYMENT_SCHEDULE_NOT_FOUND": "again"},
    "getPaymentSchedules": _JOB,
    "revokePaymentSchedules": {
        **_JOB,
        "BILLING_KEY_NOT_FOUND": "failed",
        "BILLING_KEY_ALREADY_DELETED": "failed",
        "PAYMENT_SCHEDULE_NOT_FOUND": "failed",
        "PAYMENT_SCHEDULE_ALREADY_PROCESSED": "failed",
        "PAYMENT_SCHEDULE_ALREADY_REVOKED": "done",
    },
    "getBillingKeyInfo": {**_READ, "BILLING_KEY_NOT_FOUND": "done"},
    "deleteBillingKey": {
        **_JOB,
        "BILLING_KEY_NOT_FOUND": "done",
        "BILLING_KEY_NOT_ISSUED": "done",
        "BILLING_KEY_ALREADY_DELETED": "done",
        "PAYMENT_SCHEDULE_ALREADY_EXISTS": "failed",
        "PG_PROVIDER": "failed",
        "CHANNEL_SPECIFIC": "failed",
    },
    "getIdentityVerification": {**_READ, "IDENTITY_VERIFICATION_NOT_FOUND": "done"},
    "sendIdentityVerification": {
        **_ROUTE,
        "CHANNEL_NOT_FOUND": "told",
        "IDENTITY_VERIFICATION_NOT_FOUND": "told",
        "IDENTITY_VERIFICATION_ALREADY_SENT": "told",
        "IDENTITY_VERIFICATION_ALREADY_VERIFIED": "told",
        "MAX_TRANSACTION_COUNT_REACHED": "told",
        "PG_PROVIDER": "told",
    },
    "resendIdentityVerification": {
        **_ROUTE,
        "IDENTITY_VERIFICATION_NOT_FOUND": "told",
        "IDENTITY_VERIFICATION_NOT_SENT": "told",
        "IDENTITY_VERIFICATION_ALREADY_VERIFIED": "told",
        "PG_PROVIDER": "told",
    },
    "confirmIdentityVerification": {
        **_ROUTE,
        "IDENTITY_VERIFICATION_NOT_FOUND": "told",
        "IDENTITY_VERIFICATION_NOT_SENT": "told",
        "IDENTITY_VERIFICATION_ALREADY_VERIFIED": "told",
        "PG_PROVIDER": "told",
    },
}

PAIRS: Final = [(operation, word) for operation, words in ENDS.items() for word in words]
