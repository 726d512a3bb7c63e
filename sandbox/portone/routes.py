"""Decides which PortOne operation answers which method and path (OpenAPI: paths)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import handlers_billing as billing
from . import handlers_charges as charges
from . import handlers_identity as identity
from . import handlers_payments as payments
from . import handlers_schedules as schedules
from .errors import PortOneError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .calls import Call
    from .replies import Reply

    Handler = Callable[[Call], Awaitable[Reply]]

# Path segments, "*" takes one.
ROUTES: Final[dict[tuple[str, ...], dict[str, Handler]]] = {
    ("login", "api-secret"): {"POST": identity.login},
    ("token", "refresh"): {"POST": identity.refresh},
    ("payments", "*"): {"GET": payments.get_payment},
    ("payments", "*", "pre-register"): {"POST": payments.pre_register},
    ("payments", "*", "cancel"): {"POST": payments.cancel_payment},
    ("payments", "*", "cancellations", "*", "stop"): {"POST": payments.stop_cancellation},
    ("payments", "*", "virtual-account", "close"): {"POST": payments.close_virtual_account},
    ("payments", "*", "resend-webhook"): {"POST": payments.resend_webhook},
    ("payments", "*", "transactions"): {"GET": payments.list_transactions},
    ("payments", "*", "confirm"): {"POST": charges.confirm_payment},
    ("payments", "*", "capture"): {"POST": charges.capture_payment},
    ("payments", "*", "billing-key"): {"POST": charges.pay_with_billing_key},
    ("payments", "*", "instant"): {"POST": charges.pay_instantly},
    ("payments", "*", "schedule"): {"POST": schedules.create},
    ("payment-schedules", "*"): {"GET": schedules.get},
    ("payment-schedules",): {"GET": schedules.page, "DELETE": schedules.revoke},
    ("billing-keys",): {"GET": billing.page, "POST": billing.issue},
    ("billing-keys", "confirm"): {"POST": billing.confirm},
    ("billing-keys", "confirm-issue-and-pay"): {"POST": billing.confirm_issue_and_pay},
    ("billing-keys", "*"): {"GET": billing.get, "DELETE": billing.delete},
    ("identity-verifications",): {"GET": identity.page},
    ("identity-verifications", "*"): {"GET": identity.get},
    ("identity-verifications", "*", "send"): {"POST": identity.send},
    ("identity-verifications", "*", "resend"): {"POST": identity.resend},
    ("identity-verifications", "*", "confirm"): {"POST": identity.confirm},
    ("payments",): {"GET": payments.list_payments},
    ("payments-by-cursor",): {"GET": payments.list_by_cursor},
    ("payment-events-by-cursor",): {"GET": payments.list_events},
    ("banks",): {"GET": payments.list_banks},
}
# Served without authorization.
PUBLIC: Final = frozenset({("POST", "/login/api-secret"), ("POST", "/token/refresh")})

_BEFORE_PARAMETER: Final = frozenset(
    {"payments", "cancellations", "payment-schedules", "billing-keys", "identity-verifications"}
)


def find_route(method: str, segments: list[str]) -> tuple[Handler, tuple[str, ...]]:
    """Return the handler and its path parameters; raises SIM_NO_SUCH_ROUTE or SIM_METHOD_NOT_ALLOWED."""
    exact = ROUTES.get(tuple(segments), {}).get(method)
    if exact is not None:
        return exact, ()
    # Every second segment is a parameter in all of PortOne's paths that have one.
    shape = tuple(
        "*" if index in (1, 3) and segments[index - 1] in _BEFORE_PARAMETER else part
        for index, part in enumerate(segments)
    )
    methods = ROUTES.get(shape)
    if methods is None:
        raise PortOneError("SIM_NO_SUCH_ROUTE", "the simulator does not serve this path")
    handler = methods.get(method)
    if handler is None:
        raise PortOneError("SIM_METHOD_NOT_ALLOWED", f"use {', '.join(methods)} here")
    return handler, tuple(part for part, kind in zip(segments, shape, strict=True) if kind == "*")
