"""PortOne's official Python SDK works against the simulator for every operation it offers here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from portone_server_sdk import PaymentClient, common, errors
from portone_server_sdk import payment as p

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

    Pay = Callable[..., str]


def test_pre_register(sdk: PaymentClient, open_window: Pay, pay: Pay) -> None:
    sdk.pre_register_payment(payment_id="pay000000001", total_amount=1000, tax_free_amount=0, currency="KRW")
    open_window()
    with pytest.raises(errors.AlreadyPaidError):
        sdk.pre_register_payment(payment_id=pay(), total_amount=1000)


def test_every_status_is_decoded(
    sdk: PaymentClient, control: SimulatorControl, open_window: Pay, pay: Pay
) -> None:
    ready, failed, pending, paid, partial, cancelled = (
        open_window(),
        open_window(),
        open_window(),
        pay(),
        pay(),
        pay(),
    )
    account = open_window(1000, "vbank", "VIRTUAL_ACCOUNT")
    control.fail(failed)
    control.pend(pending)
    control.issue_virtual_account(account)
    control.console_cancel(partial, amount=1)
    control.chargeback(cancelled)
    decoded = {
        ready: p.ReadyPayment,
        failed: p.FailedPayment,
        pending: p.PayPendingPayment,
        account: p.VirtualAccountIssuedPayment,
        paid: p.PaidPayment,
        partial: p.PartialCancelledPayment,
        cancelled: p.CancelledPayment,
    }
    for payment_id, type_ in decoded.items():
        payment = sdk.get_payment(payment_id=payment_id)
        assert isinstance(payment, type_)
        assert payment.id == payment_id
    with pytest.raises(errors.PaymentNotFoundError):
        sdk.get_payment(payment_id="nothing")


@pytest.mark.parametrize(
    ("channel", "method"),
    [
        ("card", "CARD"),
        ("card", "TRANSFER"),
        ("card", "MOBILE"),
        ("card", "GIFT_CERTIFICATE"),
        ("card", "CONVENIENCE_STORE"),
        ("easypay", "EASY_PAY"),
        ("vbank", "VIRTUAL_ACCOUNT"),
    ],
)
def test_every_method_is_decoded(sdk: PaymentClient, pay: Pay, channel: str, method: str) -> None:
    payment = sdk.get_payment(payment_id=pay(1000, channel, method))
    assert isinstance(payment, p.PaidPayment)
    assert type(payment.method).__name__ == "PaymentMethod" + method.title().replace("_", "")


def test_cancel(sdk: PaymentClient, control: SimulatorControl, pay: Pay) -> None:
    payment_id = pay(1000)
    done = sdk.cancel_payment(
        payment_id=payment_id,
        amount=300,
        tax_free_amount=0,
        reason="r",
        requester="ADMIN",
        current_cancellable_amount=1000,
    ).cancellation
    assert isinstance(done, p.SucceededPaymentCancellation)
    assert (done.total_amount, done.vat_amount, done.trigger) == (300, 27, "API")
    with pytest.raises(errors.CancelAmountExceedsCancellableAmountError):
        sdk.cancel_payment(payment_id=payment_id, amount=701, reason="r")
    with pytest.raises(errors.CancellableAmountConsistencyBrokenError):
        sdk.cancel_payment(payment_id=payment_id, amount=1, reason="r", current_cancellable_amount=1000)
    control.add_fault("pg_provider", "/payments/*/cancel", pgCode="X", pgMessage="no")
    with pytest.raises(errors.PgProviderError):
        sdk.cancel_payment(payment_id=payment_id, reason="r")
    sdk.cancel_payment(payment_id=payment_id, reason="r")
    with pytest.raises(errors.PaymentAlreadyCancelledError):
        sdk.cancel_payment(payment_id=payment_id, reason="r")


def test_refund_of_a_virtual_account(sdk: PaymentClient, pay: Pay) -> None:
    payment_id = pay(5000, "smartro", "VIRTUAL_ACCOUNT", customer={"phoneNumber": "01012345678"})
    account = p.CancelPaymentBodyRefundAccount(
        bank="SHINHAN", number="110123456789", holder_name="Hong", holder_phone_number="01012345678"
    )
    sdk.cancel_payment(payment_id=payment_id, reason="r", refund_account=account)
    payment = sdk.get_payment(payment_id=payment_id)
    assert isinstance(payment, p.CancelledPayment)
    assert isinstance(payment.method, p.PaymentMethodVirtualAccount)
    assert payment.method.refund_status == "PENDING"


def test_asynchronous_cancellation_and_stop(sdk: PaymentClient, pay: Pay) -> None:
    payment_id = pay(1000, "async")
    entry = sdk.cancel_payment(payment_id=payment_id, reason="r").cancellation
    assert isinstance(entry, p.RequestedPaymentCancellation)
    assert sdk.stop_payment_cancellation(payment_id=payment_id, cancellation_id=entry.id).stopped_at
    with pytest.raises(errors.PaymentCancellationNotPendingError):
        sdk.stop_payment_cancellation(payment_id=payment_id, cancellation_id=entry.id)


def test_close_virtual_account(sdk: PaymentClient, control: SimulatorControl, open_window: Pay) -> None:
    payment_id = open_window(1000, "vbank", "VIRTUAL_ACCOUNT")
    with pytest.raises(errors.PaymentNotWaitingForDepositError):
        sdk.close_virtual_account(payment_id=payment_id)
    control.issue_virtual_account(payment_id)
    assert sdk.close_virtual_account(payment_id=payment_id).closed_at


def test_resend_webhook(sdk: PaymentClient, hooked: SimulatorControl, open_window: Pay) -> None:
    payment_id = open_window()
    hooked.settle()
    webhook = sdk.resend_webhook(payment_id=payment_id).webhook
    assert (webhook.status, webhook.trigger, webhook.max_execution_count) == ("SUCCEEDED", "MANUAL", 6)
    with pytest.raises(errors.WebhookNotFoundError):
        sdk.resend_webhook(payment_id=payment_id, webhook_id="nothing")


def test_lists(sdk: PaymentClient, pay: Pay) -> None:
    made = [pay() for _ in range(3)]
    wanted = p.PaymentFilterInput(status=["PAID"], sort_order="ASC", is_test=True)
    page = sdk.get_payments(page=common.PageInput(number=1, size=2), filter=wanted)
    assert (page.page.total_count, [payment.id for payment in page.items]) == (3, made[2:])
    assert {item.payment.id for item in sdk.get_all_payments_by_cursor(size=10).items} == set(made)
    events = sdk.get_all_payment_events_by_cursor(size=10).items
    assert all(isinstance(item.payment_event, p.PaidPaymentEvent) for item in events)


def test_a_wrong_secret_and_a_foreign_store(running: RunningSimulator, pay: Pay) -> None:
    payment_id = pay()
    stranger = PaymentClient(secret="wrong", base_url=running.url)
    with pytest.raises(errors.UnauthorizedError):
        stranger.get_payment(payment_id=payment_id)
    stranger._sync_client.close()
    other = PaymentClient(secret=running.api_secret, base_url=running.url, store_id="store-other")
    with pytest.raises(errors.PaymentNotFoundError):
        other.get_payment(payment_id=payment_id)
    with pytest.raises(errors.ForbiddenError):
        other.cancel_payment(payment_id=payment_id, reason="r")
    with pytest.raises(errors.ForbiddenError):
        other.get_all_payments_by_cursor()
    other._sync_client.close()
