"""Decides how a simulated PortOne is brought to give each refusal by itself: one state, one call of the real client."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from worker.portone.encoding import encode
from worker.portone.identities import Person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.portone.control_client import SimulatorControl
    from worker.portone.stores import Store

STORE: Final = "store-5e1f0000-0000-4000-8000-000000000001"
LATER: Final = "2099-01-01T00:00:00Z"
PERSON: Final = Person("홍길동", "01012345678", "0002293", "203.0.113.9", "SKT", "SMS")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Scene:
    """The simulator's control side and the worker's client of one store."""

    control: SimulatorControl
    store: Store

    def window(self, channel: str = "card", method: str = "CARD", **more: Any) -> str:
        """Open a payment window for 1,000 won; the payment id."""
        payment_id = fresh("pay")
        window = {
            "paymentId": payment_id, "storeId": STORE, "channelKey": f"channel-key-{channel}", "orderName": "o",
            "totalAmount": 1000, "currency": "KRW", "payMethod": method,
        }  # fmt: skip
        assert "code" not in self.control.open_window(**(window | more))
        return payment_id

    def paid(self, channel: str = "card", **more: Any) -> str:
        """Have 1,000 won paid; the payment id."""
        payment_id = self.window(channel, **more)
        self.control.approve(payment_id)
        return payment_id

    def key(self, channel: str = "card") -> str:
        """Have a card saved; the billing key."""
        opened = self.control.open_billing_window(
            storeId=STORE, channelKey=f"channel-key-{channel}", billingKeyMethod="CARD"
        )
        self.control.issue_billing_key(opened["billingKey"])
        return str(opened["billingKey"])

    # -- calls ------------------------------------------------------------------------------------------------------

    def cancel(self, payment_id: str, **body: Any) -> Awaitable[Any]:
        """Cancel 1,000 won."""
        made = {"storeId": self.store.store_id, "reason": "r", "amount": 1000, **body}
        return self.store.payments.cancel(
            payment_id, body=encode(made), idempotency_key=fresh("cancel-key-0000")
        )

    def charge(self, payment_id: str, key: str, **body: Any) -> Awaitable[Any]:
        """Charge 1,000 won to a saved card."""
        return self.store.charges.charge(
            payment_id, body=encode(self._order(key, **body)), idempotency_key=fresh("charge-key-0000")
        )

    def schedule(self, payment_id: str, key: str, at: str = LATER, **body: Any) -> Awaitable[str]:
        """Have 1,000 won charged later."""
        made = {"payment": self._order(key, **body), "timeToPay": at}
        return self.store.schedules.create(
            payment_id, body=encode(made), idempotency_key=fresh("schedule-key-00")
        )

    def confirm(self, payment_id: str, token: str | None, **body: Any) -> Awaitable[Any]:
        """Approve a payment by hand."""
        made = {"storeId": self.store.store_id, "paymentToken": token, **body}
        return self.store.charges.confirm(
            payment_id, body=encode(made), idempotency_key=fresh("confirm-key-000")
        )

    def pre_register(self, payment_id: str, currency: str = "KRW") -> Awaitable[None]:
        """Fix 1,000 won."""
        return self.store.payments.pre_register(
            payment_id, total=1000, tax_free=None, currency=currency, idempotency_key=fresh("prepare-key-000")
        )

    def close(self, payment_id: str) -> Awaitable[Any]:
        """Close a virtual account."""
        return self.store.payments.close_virtual_account(payment_id, idempotency_key=fresh("close-key-00000"))

    def stop(self, payment_id: str, cancellation_id: str) -> Awaitable[None]:
        """Stop a cancellation."""
        return self.store.payments.stop_cancellation(
            payment_id, cancellation_id, idempotency_key=fresh("stop-key-000000")
        )

    def revoke(self, *ids: str, key: str | None = None) -> Awaitable[None]:
        """Revoke schedules."""
        return self.store.schedules.revoke(
            schedule_ids=list(ids) or None, billing_key=key, idempotency_key=fresh("revoke-key-0000")
        )

    def delete(self, key: str, requester: str = "CUSTOMER") -> Awaitable[None]:
        """Delete a saved card."""
        return self.store.billing_keys.delete(
            key, reason="r", requester=requester, idempotency_key=fresh("delete-key-0000")
        )

    def send(self, name: str, channel: str = "danal-test", person: Person = PERSON) -> Awaitable[None]:
        """Have a code sent."""
        return self.store.identities.send(
            name, person, channel_key=f"channel-key-{channel}", idempotency_key=fresh("send-key-000000")
        )

    def resend(self, name: str) -> Awaitable[None]:
        """Have it sent again."""
        return self.store.identities.resend(name, idempotency_key=fresh("resend-key-0000"))

    def otp(self, name: str, otp: str | None = "000000") -> Awaitable[None]:
        """Hand over a code."""
        return self.store.identities.confirm(name, otp=otp, idempotency_key=fresh("otp-key-0000000"))

    def _order(self, key: str, **body: Any) -> dict[str, Any]:
        order = {"storeId": self.store.store_id, "billingKey": key, "orderName": "o", "currency": "KRW"}
        return {**order, "amount": {"total": 1000}, **body}


def fresh(prefix: str) -> str:
    """Return a name nobody used before."""
    return f"{prefix}{next(_numbers):09d}"


def plain(operation: str, scene: Scene) -> Awaitable[Any]:
    """Make the call of an operation with nothing special about it, about things that do not exist."""
    name, key = fresh("none"), fresh("billing-key-")
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "getPayment": lambda: scene.store.payments.get(name),
        "preRegisterPayment": lambda: scene.pre_register(name),
        "cancelPayment": lambda: scene.cancel(name),
        "stopPaymentCancellation": lambda: scene.stop(name, "cancellation"),
        "closeVirtualAccount": lambda: scene.close(name),
        "payWithBillingKey": lambda: scene.charge(name, key),
        "confirmPayment": lambda: scene.confirm(name, "token"),
        "createPaymentSchedule": lambda: scene.schedule(name, key),
        "getPaymentSchedule": lambda: scene.store.schedules.get(name),
        "getPaymentSchedules": lambda: scene.store.schedules.find(name, billing_key=key, time_to_pay=LATER),
        "revokePaymentSchedules": lambda: scene.revoke(name),
        "getBillingKeyInfo": lambda: scene.store.billing_keys.get(key),
        "deleteBillingKey": lambda: scene.delete(key),
        "getIdentityVerification": lambda: scene.store.identities.get(name),
        "sendIdentityVerification": lambda: scene.send(name),
        "resendIdentityVerification": lambda: scene.resend(name),
        "confirmIdentityVerification": lambda: scene.otp(name),
    }
    return calls[operation]()


async def by_itself(operation: str, word: str, scene: Scene) -> Awaitable[Any] | None:
    """Bring the simulator into a state and return the call it refuses with ``word``; None where it cannot be brought."""
    found = _CANCEL if operation == "cancelPayment" else _OTHERS.get(operation, {})
    make = found.get(word)
    if make is not None:
        return await make(scene)
    # Reads of what is not there are answers, not errors, to the worker: the client turns them into None.
    reads = operation.startswith("get")
    if word.endswith("_NOT_FOUND") and not reads and word not in ("CHANNEL_NOT_FOUND",):
        return plain(operation, scene)
    return None


def _now(make: Callable[[Scene], Awaitable[Any]]) -> Callable[[Scene], Awaitable[Awaitable[Any]]]:
    async def prepared(scene: Scene) -> Awaitable[Any]:
        return make(scene)

    return prepared


async def _requested(scene: Scene) -> tuple[str, str]:
    payment_id = scene.paid("async")
    reply = await scene.cancel(payment_id)
    return payment_id, reply.cancellation_id


async def _decided(scene: Scene) -> Awaitable[Any]:
    payment_id, cancellation_id = await _requested(scene)
    scene.control.complete_cancellation(payment_id, cancellation_id, "SUCCEEDED")
    return scene.stop(payment_id, cancellation_id)


async def _unstoppable(scene: Scene) -> Awaitable[Any]:
    asked = await _requested(scene)
    return _faulty(scene, "*/stop", scene.stop(*asked))


async def _twice(scene: Scene) -> Awaitable[Any]:
    payment_id = scene.paid()
    await scene.cancel(payment_id)
    return scene.cancel(payment_id)


async def _too_often(scene: Scene) -> Awaitable[Any]:
    scene.control.assumptions(max_cancel_count=1)
    payment_id = scene.paid()
    await scene.cancel(payment_id, amount=100)
    return scene.cancel(payment_id, amount=100)


async def _refusing(scene: Scene, path: str, call: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
    scene.control.add_fault("pg_provider", path)
    return call()


async def _scheduled(scene: Scene, then: Callable[[str, str, str], Awaitable[Any]]) -> Awaitable[Any]:
    payment_id, key = fresh("pay"), scene.key()
    schedule_id = await scene.schedule(payment_id, key)
    return then(payment_id, key, schedule_id)


async def _ran(scene: Scene) -> Awaitable[Any]:
    schedule_id = await scene.schedule(fresh("pay"), scene.key(), at="2027-06-01T00:00:00Z")
    scene.control.run_schedule(schedule_id)
    return scene.revoke(schedule_id)


async def _revoked(scene: Scene) -> Awaitable[Any]:
    schedule_id = await scene.schedule(fresh("pay"), scene.key())
    await scene.revoke(schedule_id)
    return scene.revoke(schedule_id)


async def _deleted(scene: Scene, then: Callable[[str], Awaitable[Any]]) -> Awaitable[Any]:
    key = scene.key()
    scene.control.console_delete_billing_key(key)
    return then(key)


async def _worn_out(scene: Scene) -> Awaitable[Any]:
    scene.control.assumptions(max_attempts=1)
    return scene.charge(scene.window(), scene.key())


async def _sent(scene: Scene, then: Callable[[str], Awaitable[Any]]) -> Awaitable[Any]:
    name = fresh("iv")
    await scene.send(name)
    return then(name)


async def _verified(scene: Scene, then: Callable[[str], Awaitable[Any]]) -> Awaitable[Any]:
    name = fresh("iv")
    await scene.send(name)
    scene.control.complete_identity(name)
    return then(name)


async def _opened(scene: Scene, then: Callable[[str], Awaitable[Any]]) -> Awaitable[Any]:
    name = fresh("iv")
    scene.control.open_identity_window(
        storeId=STORE, identityVerificationId=name, channelKey="channel-key-danal-test"
    )
    return then(name)


async def _unissued(scene: Scene) -> Awaitable[Any]:
    opened = scene.control.open_billing_window(
        storeId=STORE, channelKey="channel-key-card", billingKeyMethod="CARD"
    )
    return scene.delete(opened["billingKey"])


def _token(scene: Scene, **body: Any) -> Awaitable[Any]:
    payment_id = scene.paid("manual")
    return scene.confirm(payment_id, scene.control.payment_token(payment_id), **body)


_MUCH: Final = {"amount": {"total": 1000, "taxFree": 500, "vat": 501}}
_Provoke = dict[str, "Callable[[Scene], Awaitable[Awaitable[Any]]]"]

_CANCEL: Final[_Provoke] = {
    "INVALID_REQUEST": _now(lambda s: s.cancel(s.paid(), amount=0)),
    "PAYMENT_NOT_PAID": _now(lambda s: s.cancel(s.window())),
    "PAYMENT_ALREADY_CANCELLED": _twice,
    "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN": _now(lambda s: s.cancel(s.paid(), currentCancellableAmount=999)),
    "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT": _now(lambda s: s.cancel(s.paid(), amount=1001)),
    "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT": _now(
        lambda s: s.cancel(s.paid(), taxFreeAmount=900, vatAmount=101)
    ),
    "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT": _now(
        lambda s: s.cancel(s.paid(), taxFreeAmount=100)
    ),
    "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT": _now(lambda s: s.cancel(s.paid(taxFreeAmount=300))),
    "MAX_CANCEL_COUNT_REACHED": _too_often,
    "PG_PROVIDER": lambda s: _refusing(s, "/payments/*/cancel", lambda: s.cancel(s.paid())),
}
_OTHERS: Final[dict[str, _Provoke]] = {
    "preRegisterPayment": {
        "INVALID_REQUEST": _now(lambda s: s.pre_register(fresh("pay"), currency="won")),
        "ALREADY_PAID": _now(lambda s: s.pre_register(s.paid())),
    },
    "stopPaymentCancellation": {
        "PAYMENT_CANCELLATION_NOT_FOUND": _now(lambda s: s.stop(s.paid("async"), "cancellation")),
        "PAYMENT_CANCELLATION_NOT_PENDING": _decided,
        "PG_PROVIDER": _unstoppable,
    },
    "closeVirtualAccount": {
        "PAYMENT_NOT_WAITING_FOR_DEPOSIT": _now(lambda s: s.close(s.paid())),
        "PG_PROVIDER": lambda s: _refusing(s, "/payments/*/close", lambda: s.close(_account(s))),
    },
    "payWithBillingKey": {
        "INVALID_REQUEST": _now(lambda s: s.charge(fresh("pay"), s.key(), amount={"total": 0})),
        "ALREADY_PAID": _now(lambda s: s.charge(s.paid(), s.key())),
        "BILLING_KEY_ALREADY_DELETED": lambda s: _deleted(s, lambda key: s.charge(fresh("pay"), key)),
        "CHANNEL_NOT_FOUND": _now(lambda s: s.charge(fresh("pay"), s.key(), channelKey="channel-key-kcp")),
        "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT": _now(lambda s: s.charge(fresh("pay"), s.key(), **_MUCH)),
        "MAX_TRANSACTION_COUNT_REACHED": _worn_out,
        "PAYMENT_SCHEDULE_ALREADY_EXISTS": lambda s: _scheduled(s, lambda paid, key, _: s.charge(paid, key)),
        "PG_PROVIDER": lambda s: _refusing(s, "/payments/*/billing-key", lambda: s.charge(fresh("pay"), s.key())),
    },
    "confirmPayment": {
        "INVALID_REQUEST": _now(lambda s: s.confirm(s.paid("manual"), None)),
        "ALREADY_PAID": _now(lambda s: s.confirm(s.paid(), "token")),
        "INVALID_PAYMENT_TOKEN": _now(lambda s: s.confirm(s.paid("manual"), "wrong")),
        "INFORMATION_MISMATCH": _now(lambda s: _token(s, totalAmount=999)),
        "PG_PROVIDER": lambda s: _refusing(s, "/payments/*/confirm", lambda: _token(s)),
    },
    "createPaymentSchedule": {
        "INVALID_REQUEST": _now(lambda s: s.schedule(fresh("pay"), s.key(), at="2020-01-01T00:00:00Z")),
        "ALREADY_PAID_OR_WAITING": _now(lambda s: s.schedule(s.paid(), s.key())),
        "BILLING_KEY_ALREADY_DELETED": lambda s: _deleted(s, lambda key: s.schedule(fresh("pay"), key)),
        "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT": _now(lambda s: s.schedule(fresh("pay"), s.key(), **_MUCH)),
        "PAYMENT_SCHEDULE_ALREADY_EXISTS": lambda s: _scheduled(s, lambda paid, key, _: s.schedule(paid, key)),
    },
    "revokePaymentSchedules": {
        "INVALID_REQUEST": _now(lambda s: s.revoke()),
        "BILLING_KEY_NOT_FOUND": _now(lambda s: s.revoke(key="billing-key-none")),
        "BILLING_KEY_ALREADY_DELETED": lambda s: _deleted(s, lambda key: s.revoke(key=key)),
        "PAYMENT_SCHEDULE_ALREADY_PROCESSED": _ran,
        "PAYMENT_SCHEDULE_ALREADY_REVOKED": _revoked,
    },
    "deleteBillingKey": {
        "INVALID_REQUEST": _now(lambda s: s.delete(s.key(), requester="NOBODY")),
        "BILLING_KEY_NOT_ISSUED": _unissued,
        "BILLING_KEY_ALREADY_DELETED": lambda s: _deleted(s, s.delete),
        "PAYMENT_SCHEDULE_ALREADY_EXISTS": lambda s: _scheduled(s, lambda _, key, __: s.delete(key)),
        "PG_PROVIDER": lambda s: _refusing(s, "/billing-keys/*", lambda: s.delete(s.key())),
    },
    "sendIdentityVerification": {
        "INVALID_REQUEST": _now(lambda s: s.send(fresh("iv"), person=replace(PERSON, phone_number="none"))),
        "CHANNEL_NOT_FOUND": _now(lambda s: s.send(fresh("iv"), "card")),
        "IDENTITY_VERIFICATION_ALREADY_SENT": lambda s: _sent(s, s.send),
        "IDENTITY_VERIFICATION_ALREADY_VERIFIED": lambda s: _verified(s, s.send),
        "PG_PROVIDER": lambda s: _refusing(s, "*/send", lambda: s.send(fresh("iv"))),
    },
    "resendIdentityVerification": {
        "IDENTITY_VERIFICATION_NOT_SENT": lambda s: _opened(s, s.resend),
        "IDENTITY_VERIFICATION_ALREADY_VERIFIED": lambda s: _verified(s, s.resend),
        "PG_PROVIDER": lambda s: _sent(s, lambda name: _faulty(s, "*/resend", s.resend(name))),
    },
    "confirmIdentityVerification": {
        "IDENTITY_VERIFICATION_NOT_SENT": lambda s: _opened(s, s.otp),
        "IDENTITY_VERIFICATION_ALREADY_VERIFIED": lambda s: _verified(s, s.otp),
        "PG_PROVIDER": lambda s: _sent(s, lambda name: s.otp(name, "999999")),
    },
}  # fmt: skip


def _account(scene: Scene) -> str:
    payment_id = scene.window("vbank", "VIRTUAL_ACCOUNT")
    scene.control.issue_virtual_account(payment_id)
    return payment_id


def _faulty(scene: Scene, path: str, call: Awaitable[Any]) -> Awaitable[Any]:
    scene.control.add_fault("pg_provider", path)
    return call
