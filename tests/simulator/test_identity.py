"""Identity verification at Danal: browser and API, contract fields, throttling, age, retries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.portone.persons import Person, age_in_kst, ci_of, di_of

from .walk import PERSON, SEND, STORE

if TYPE_CHECKING:
    import httpx

    from sandbox.portone.control_client import SimulatorControl

WINDOW = {"storeId": STORE, "identityVerificationId": "iv1", "channelKey": "channel-key-danal"}


def send(api: httpx.Client, verification_id: str = "iv1", **more: Any) -> httpx.Response:
    """Ask Danal to send an OTP or to ask the app."""
    return api.post(f"/identity-verifications/{verification_id}/send", json={**SEND, **more})


def confirm(api: httpx.Client, otp: str | None = None) -> httpx.Response:
    """Confirm iv1."""
    return api.post("/identity-verifications/iv1/confirm", json={} if otp is None else {"otp": otp})


def get(api: httpx.Client, verification_id: str = "iv1") -> Any:
    """Read a verification."""
    return api.get(f"/identity-verifications/{verification_id}").json()


def test_browser_flow_delivers_what_the_contract_says(control: SimulatorControl, api: httpx.Client) -> None:
    answer = control.open_identity_window(**WINDOW, customer={"customerId": "u1", "fullName": "김철수"})
    assert answer["identityVerificationTxId"]
    assert get(api)["requestedCustomer"] == {"id": "u1", "name": "김철수"}
    control.complete_identity("iv1", birthDate="2001-02-03", gender="FEMALE")
    shown = get(api)
    person = shown["verifiedCustomer"]
    assert (person["id"], person["name"], person["birthDate"]) == ("u1", "김철수", "2001-02-03")
    assert set(person) == {"id", "name", "birthDate", "gender", "di"}, (
        "no CI, phone or carrier without a contract"
    )
    again = control.open_identity_window(**WINDOW)
    assert again["code"] == "IdentityVerificationAlreadyVerified"
    assert control.webhooks() == [], "no webhook tells of identities"


def test_contract_fields_and_the_same_person(control: SimulatorControl, api: httpx.Client) -> None:
    values = []
    for number, channel in enumerate(("danal-ci", "danal-test")):
        window = {**WINDOW, "identityVerificationId": f"iv{number}", "channelKey": f"channel-key-{channel}"}
        control.open_identity_window(**window)
        control.complete_identity(f"iv{number}", operator="LGU_MVNO", isForeigner=True)
        values.append(get(api, f"iv{number}")["verifiedCustomer"])
    assert (values[0]["operator"], values[0]["isForeigner"]) == ("LGU_MVNO", True)
    assert len(values[0]["ci"]) == 88
    assert "ci" not in values[1]
    assert values[0]["di"] != values[1]["di"], "a DI belongs to one contract"
    one = Person("Kim", "1990-01-31", "MALE", "010", "SKT", False)
    moved = Person("Kim", "1990-01-31", "MALE", "011", "KT", False)
    assert (ci_of(one), di_of(one, "a")) == (ci_of(moved), di_of(moved, "a"))
    assert len(di_of(one, "a")) == 66


def test_sms_flow(control: SimulatorControl, api: httpx.Client) -> None:
    assert confirm(api, "1").json()["type"] == "IDENTITY_VERIFICATION_NOT_FOUND"
    assert send(api).json() == {}
    assert send(api).json()["type"] == "IDENTITY_VERIFICATION_ALREADY_SENT"
    first = control.identity("iv1")["_sim"]["otp"]
    wrong = confirm(api, "000000")
    assert (wrong.status_code, wrong.json()["pgCode"], get(api)["status"]) == (502, "WRONG_OTP", "READY")
    api.post("/identity-verifications/iv1/resend")
    assert confirm(api, first).status_code == 502, "a new OTP replaces the old one"
    done = confirm(api, control.identity("iv1")["_sim"]["otp"]).json()["identityVerification"]
    person = done["verifiedCustomer"]
    assert (person["birthDate"], person["gender"], person["operator"]) == ("1990-01-31", "MALE", "KT")
    assert confirm(api, "1").json()["type"] == "IDENTITY_VERIFICATION_ALREADY_VERIFIED"
    assert "900131" not in json.dumps(control.state()["export"]["stores"]), "resident digits are not kept"


def test_app_flow(control: SimulatorControl, api: httpx.Client) -> None:
    person = {name: value for name, value in PERSON.items() if name != "identityNumber"}
    assert send(api, customer=person).json()["type"] == "INVALID_REQUEST", "SMS needs the digits"
    assert send(api, customer=person, method="APP").status_code == 200
    assert confirm(api).json()["pgCode"] == "NOT_APPROVED"
    control.approve_in_app("iv1")
    assert confirm(api).json()["identityVerification"]["status"] == "VERIFIED"


def test_too_many_wrong_otps_fail_and_the_id_may_be_tried_again(
    control: SimulatorControl, api: httpx.Client
) -> None:
    send(api)
    for _ in range(5):
        confirm(api, "000000")
    assert get(api)["failure"]["pgCode"] == "OTP_LIMIT"
    assert confirm(api, "1").json()["type"] == "IDENTITY_VERIFICATION_NOT_SENT"
    assert send(api).status_code == 200
    assert confirm(api, control.identity("iv1")["_sim"]["otp"]).status_code == 200
    control.assumptions(max_attempts=1)
    control.open_identity_window(**WINDOW | {"identityVerificationId": "iv2"})
    control.fail_identity("iv2", pgCode="X")
    assert send(api, "iv2").json()["type"] == "MAX_TRANSACTION_COUNT_REACHED"


def test_danal_blocks_an_address(control: SimulatorControl, api: httpx.Client) -> None:
    control.assumptions(identity_per_hour=2, identity_per_day=3)
    assert [send(api, f"iv{n}").status_code for n in range(2)] == [200, 200]
    blocked = send(api, "iv2")
    assert (blocked.status_code, blocked.json()["pgCode"]) == (502, "0086")
    assert send(api, "iv2", customer=PERSON | {"ipAddress": "198.51.100.8"}).status_code == 200
    control.advance_clock(3_601)
    assert [send(api, f"iv{n}").status_code for n in (3, 4)] == [200, 502], "the day's limit"
    window = {**WINDOW, "identityVerificationId": "iv9", "ipAddress": PERSON["ipAddress"]}
    assert control.open_identity_window(**window)["pgCode"] == "0086"
    control.advance_clock(86_400)
    assert send(api, "iv5").status_code == 200


@pytest.mark.parametrize(
    ("window", "person", "code"),
    [
        ({"customer": {"fullName": "Kim"}}, {"name": "Lee"}, "CUSTOMER_MISMATCH"),
        ({"customer": {"phoneNumber": "01011112222"}}, {"phoneNumber": "01099998888"}, "CUSTOMER_MISMATCH"),
        ({"bypass": {"danal": {"AGELIMIT": "19"}}}, {"birthDate": "2020-01-01"}, "PAY_PROCESS_CANCELED"),
    ],
)
def test_what_fails_at_the_carrier(
    control: SimulatorControl, api: httpx.Client, window: Any, person: Any, code: str
) -> None:
    control.open_identity_window(**WINDOW, **window)
    assert control.complete_identity("iv1", **person)["status"] == "FAILED"
    assert get(api)["failure"]["pgCode"] == code


def test_age_is_counted_in_korea() -> None:
    eve = 1_767_193_199 * 10**9  # 2025-12-31 23:59:59 in Korea
    assert age_in_kst("2007-01-01", eve) == 18
    assert age_in_kst("2007-01-01", eve + 10**9) == 19


def test_lists(control: SimulatorControl, api: httpx.Client) -> None:
    for number in range(3):
        send(api, f"iv{number}")
    control.fail_identity("iv0")

    def listed(**wanted: Any) -> list[str]:
        query = {"requestBody": json.dumps({"filter": wanted, "sort": {"order": "ASC"}})}
        return [row["id"] for row in api.get("/identity-verifications", params=query).json()["items"]]

    assert listed() == ["iv0", "iv1", "iv2"]
    assert listed(statuses=["FAILED"]) == ["iv0"]
    assert listed(identityVerificationId="iv2", carriers=["KT"]) == ["iv2"]
    assert listed(carriers=["SKT"]) == listed(isTest=False) == listed(customer={"name": "Lee"}) == []
