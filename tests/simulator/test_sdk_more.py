"""PortOne's official Python SDK: billing keys, schedules, manual approval, instant payments, identities, login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from portone_server_sdk import AuthClient, IdentityVerificationClient, PaymentClient, common, errors, webhook
from portone_server_sdk import identity_verification as iv
from portone_server_sdk import payment as p
from portone_server_sdk.payment import billing_key as b
from portone_server_sdk.payment import payment_schedule as s

from .walk import STORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.portone.control_client import SimulatorControl
    from sandbox.portone.server import RunningSimulator

    from .receiver import Receiver

AMOUNT = common.PaymentAmountInput(total=9900)


@pytest.fixture
def key(sdk: PaymentClient) -> str:
    """Return a billing key issued by API."""
    credential = common.CardCredential(number="4330123456781234", expiry_year="49", expiry_month="12")
    method = b.InstantBillingKeyPaymentMethodInput(
        card=b.InstantBillingKeyPaymentMethodInputCard(credential=credential)
    )
    customer = common.CustomerInput(id="user-1", name=common.CustomerNameInput(full="홍길동"))
    issued = sdk.billing_key.issue_billing_key(
        method=method, channel_key="channel-key-card", customer=customer, custom_data="{}"
    )
    return issued.billing_key_info.billing_key


@pytest.fixture
def people(running: RunningSimulator, control: SimulatorControl) -> Iterator[IdentityVerificationClient]:
    """Return the SDK's identity client."""
    client = IdentityVerificationClient(secret=running.api_secret, base_url=running.url, store_id=STORE)
    yield client
    client._sync_client.close()


def test_billing_key(sdk: PaymentClient, control: SimulatorControl, key: str) -> None:
    info = sdk.billing_key.get_billing_key_info(billing_key=key)
    assert isinstance(info, b.IssuedBillingKeyInfo)
    assert isinstance(info.methods[0], b.BillingKeyPaymentMethodCard)
    assert (info.methods[0].card.number, info.customer.id) == ("433012******1234", "user-1")
    wanted = b.BillingKeyFilterInput(customer_id="user-1")
    assert [row.billing_key for row in sdk.billing_key.get_billing_key_infos(filter=wanted).items] == [key]
    paid = sdk.pay_with_billing_key(
        payment_id="pysdk00001", billing_key=key, order_name="o", amount=AMOUNT, currency="KRW"
    )
    payment = sdk.get_payment(payment_id="pysdk00001")
    assert isinstance(payment, p.PaidPayment)
    assert (payment.pg_tx_id, payment.billing_key) == (paid.payment.pg_tx_id, key)
    control.decline_billing_key(key)
    with pytest.raises(errors.PgProviderError):
        sdk.pay_with_billing_key(
            payment_id="pysdk00002", billing_key=key, order_name="o", amount=AMOUNT, currency="KRW"
        )
    attempts = sdk.get_payment_transactions(payment_id="pysdk00002").items
    assert [type(attempt) for attempt in attempts] == [p.FailedPaymentTransaction]
    sdk.billing_key.delete_billing_key(billing_key=key)
    assert isinstance(sdk.billing_key.get_billing_key_info(billing_key=key), b.DeletedBillingKeyInfo)
    with pytest.raises(errors.BillingKeyAlreadyDeletedError):
        sdk.billing_key.delete_billing_key(billing_key=key)


def test_schedules(sdk: PaymentClient, control: SimulatorControl, key: str) -> None:
    order = s.BillingKeyPaymentScheduleInput(billing_key=key, order_name="o", amount=AMOUNT, currency="KRW")
    ids = [
        sdk.payment_schedule.create_payment_schedule(
            payment_id=f"pysdk0001{number}", payment=order, time_to_pay="2100-01-01T00:00:00Z"
        ).schedule.id
        for number in range(3)
    ]
    control.run_schedule(ids[0])
    done = sdk.payment_schedule.get_payment_schedule(payment_schedule_id=ids[0])
    assert isinstance(done, s.SucceededPaymentSchedule)
    with pytest.raises(errors.PaymentScheduleAlreadyProcessedError):
        sdk.payment_schedule.revoke_payment_schedules(schedule_ids=[ids[0]])
    with pytest.raises(errors.PaymentScheduleNotFoundError):
        sdk.payment_schedule.get_payment_schedule(payment_schedule_id="none")
    payment = sdk.get_payment(payment_id="pysdk00010")
    assert isinstance(payment, p.PaidPayment)
    assert payment.schedule_id == ids[0]
    assert len(sdk.payment_schedule.get_payment_schedules().items) == 3


def test_revoked_schedules(sdk: PaymentClient, key: str) -> None:
    order = s.BillingKeyPaymentScheduleInput(billing_key=key, order_name="o", amount=AMOUNT, currency="KRW")
    made = sdk.payment_schedule.create_payment_schedule(
        payment_id="pysdk00020", payment=order, time_to_pay="2100-01-01T00:00:00Z"
    )
    with pytest.raises(errors.PaymentScheduleAlreadyExistsError):
        sdk.billing_key.delete_billing_key(billing_key=key)
    revoked = sdk.payment_schedule.revoke_payment_schedules(billing_key=key)
    assert revoked.revoked_schedule_ids == [made.schedule.id]
    with pytest.raises(errors.PaymentScheduleAlreadyRevokedError):
        sdk.payment_schedule.revoke_payment_schedules(schedule_ids=[made.schedule.id])
    sdk.billing_key.delete_billing_key(billing_key=key)


def test_manual_approval(sdk: PaymentClient, control: SimulatorControl, open_window: Any) -> None:
    payment_id = open_window(1000, "manual")
    control.approve(payment_id)
    token = control.payment_token(payment_id)
    with pytest.raises(errors.InvalidPaymentTokenError):
        sdk.confirm_payment(payment_id=payment_id, payment_token="none")
    with pytest.raises(errors.InformationMismatchError):
        sdk.confirm_payment(payment_id=payment_id, payment_token=token or "", is_test=False)
    assert sdk.confirm_payment(payment_id=payment_id, payment_token=token or "").paid_at
    sdk.capture_payment(payment_id=payment_id)
    for confirm in (sdk.billing_key.confirm_billing_key, sdk.billing_key.confirm_billing_key_issue_and_pay):
        with pytest.raises(errors.BillingKeyNotFoundError):
            confirm(billing_issue_token="none")


def test_instant_virtual_account(sdk: PaymentClient, control: SimulatorControl) -> None:
    account = p.InstantPaymentMethodInputVirtualAccount(
        bank="KAKAO",
        expiry=p.InstantPaymentMethodInputVirtualAccountExpiry(valid_hours=1),
        option=p.InstantPaymentMethodInputVirtualAccountOption(type="NORMAL"),
    )
    sdk.pay_instantly(
        payment_id="pysdk00030",
        channel_key="channel-key-vbank",
        method=p.InstantPaymentMethodInput(virtual_account=account),
        order_name="o",
        amount=AMOUNT,
        currency="KRW",
    )
    assert isinstance(sdk.get_payment(payment_id="pysdk00030"), p.VirtualAccountIssuedPayment)
    control.deposit("pysdk00030")
    assert isinstance(sdk.get_payment(payment_id="pysdk00030"), p.PaidPayment)


def test_identity(people: IdentityVerificationClient, control: SimulatorControl) -> None:
    person = iv.SendIdentityVerificationBodyCustomer(
        name="Kim", phone_number="01011112222", identity_number="9001311", ip_address="198.51.100.3"
    )
    sent: dict[str, Any] = {
        "channel_key": "channel-key-danal-ci",
        "customer": person,
        "operator": "KT",
        "method": "SMS",
    }
    with pytest.raises(errors.IdentityVerificationNotFoundError):
        people.get_identity_verification(identity_verification_id="pyiv")
    people.send_identity_verification(identity_verification_id="pyiv", **sent)
    with pytest.raises(errors.IdentityVerificationAlreadySentError):
        people.send_identity_verification(identity_verification_id="pyiv", **sent)
    people.resend_identity_verification(identity_verification_id="pyiv")
    ready = people.get_identity_verification(identity_verification_id="pyiv")
    assert isinstance(ready, iv.ReadyIdentityVerification)
    otp = control.identity("pyiv")["_sim"]["otp"]
    done = people.confirm_identity_verification(
        identity_verification_id="pyiv", otp=otp
    ).identity_verification
    assert isinstance(done, iv.VerifiedIdentityVerification)
    assert (done.verified_customer.birth_date, len(done.verified_customer.ci or "")) == ("1990-01-31", 88)
    with pytest.raises(errors.IdentityVerificationAlreadyVerifiedError):
        people.resend_identity_verification(identity_verification_id="pyiv")
    assert len(people.get_identity_verifications().items) == 1


def test_login(running: RunningSimulator, control: SimulatorControl) -> None:
    client = AuthClient(secret=running.api_secret, base_url=running.url)
    tokens = client.login_via_api_secret(api_secret=running.api_secret)
    assert client.refresh_token(refresh_token=tokens.refresh_token).access_token
    with pytest.raises(errors.UnauthorizedError):
        client.refresh_token(refresh_token=tokens.refresh_token)
    client._sync_client.close()


def test_billing_key_webhooks_verify_and_parse(
    running: RunningSimulator, hooked: SimulatorControl, receiver: Receiver
) -> None:
    window = {"storeId": STORE, "channelKey": "channel-key-card", "billingKeyMethod": "CARD"}
    key = hooked.open_billing_window(**window)["billingKey"]
    hooked.issue_billing_key(key)
    hooked.update_billing_key(key, number="5409260000001234", brand="MASTER")
    hooked.console_delete_billing_key(key)
    hooked.fail_billing_key(hooked.open_billing_window(**window)["billingKey"])
    hooked.settle()
    parsed = [
        webhook.verify(running.webhook_secret, one.body.decode(), one.headers) for one in receiver.take()
    ]
    names = sorted(type(message).__name__ for message in parsed)
    events = ("Deleted", "Failed", "Issued", "Ready", "Ready", "Updated")
    assert names == [f"WebhookBillingKey{event}" for event in events]
