"""Identity checks: only VERIFIED counts, nobody else's, not too often, and what must not be kept is nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.flow.persons import NAME, PHONE, RESIDENT_DIGITS, SENT, WITHOUT_CI, Caller, open_window, otp

if TYPE_CHECKING:
    from sandbox.demo.shopper import Reply, Shopper
    from sandbox.demo.world import World


@pytest.fixture
def person(mina: Shopper) -> Caller:
    """The customer, at an address nobody else has."""
    return Caller(mina)


def _other_code(code: str) -> str:
    return str((int(code) + 1) % 1_000_000).zfill(6)


def test_the_browser_flow_ends_verified_with_what_the_carrier_knows(world: World, person: Caller) -> None:
    check = person.begin("adult_content")
    named = open_window(world, check)
    early = person.step(check, "complete")
    assert early.body["error"]["code"] == "IDENTITY_VERIFICATION_NOT_FINISHED"
    world.portone.complete_identity(
        named, name=NAME, phoneNumber=PHONE, operator="LGU_MVNO", birthDate="1992-03-15", gender="FEMALE",
        isForeigner=True,
    )  # fmt: skip
    done = person.step(check, "complete").result
    assert (done["status"], done["purpose"], done["age"] >= 33) == ("verified", "adult_content", True)
    row = person.row(check)
    assert (row["status"], row["name"], row["phone_number"], row["operator"]) == (
        "verified", NAME, PHONE, "LGU_MVNO",
    )  # fmt: skip
    assert (row["birth_date"], row["gender"], row["is_foreigner"]) == ("1992-03-15", "FEMALE", True)
    # PortOne tells whole seconds.
    assert row["consented_at"][:19] <= row["verified_at"][:19]


@pytest.mark.parametrize("carrier", ["SKT", "KT", "LGU", "SKT_MVNO", "KT_MVNO"])
def test_every_carrier_is_kept_as_the_person_has_it(world: World, person: Caller, carrier: str) -> None:
    check = person.begin()
    world.portone.complete_identity(open_window(world, check), operator=carrier)
    person.step(check, "complete")
    assert person.row(check)["operator"] == carrier


def test_a_contract_without_ci_verifies_all_the_same(world: World, person: Caller) -> None:
    check = person.begin()
    world.portone.complete_identity(open_window(world, check, channelKey=WITHOUT_CI))
    assert person.step(check, "complete").result["status"] == "verified"
    (secret,) = world.books.rows(
        "select ci, ci_hash, di is not null as di from private.identity_secrets where identity_id = %s",
        check["id"],
    )
    assert (secret["ci"], secret["ci_hash"], secret["di"]) == (None, None, True)


def test_a_failed_check_says_why_and_may_be_tried_again(world: World, person: Caller) -> None:
    check = person.begin()
    named = open_window(world, check)
    world.portone.fail_identity(named, pgCode="1234", pgMessage="본인확인에 실패하였습니다.")
    failed = person.step(check, "complete")
    assert (failed.status, failed.body["status"], failed.body["error"]["code"]) == (
        200, "failed", "IDENTITY_VERIFICATION_FAILED",
    )  # fmt: skip
    assert (failed.body["error"]["pg_code"], failed.body["error"]["pg_message"]) == (
        "1234", "본인확인에 실패하였습니다.",
    )  # fmt: skip
    assert person.row(check)["status"] == "failed"
    world.portone.complete_identity(open_window(world, check))
    assert person.step(check, "complete").result["status"] == "verified"


def test_by_message_a_wrong_code_is_told_and_the_right_one_verifies(world: World, person: Caller) -> None:
    check = person.begin()
    assert person.step(check, "send", SENT).body == {"id": check["id"], "step": "sent"}
    code = otp(world, check)
    wrong = person.step(check, "confirm", {"otp": _other_code(code)})
    assert (wrong.status >= 400, wrong.code) == (True, "PG_PROVIDER")
    assert person.row(check)["status"] == "ready"
    assert person.step(check, "resend").status == 200
    code = otp(world, check)
    assert person.step(check, "confirm", {"otp": code}).result["status"] == "verified"
    row = person.row(check)
    assert (row["name"], row["birth_date"], row["operator"]) == (NAME, "1992-03-15", "KT_MVNO")
    assert person.step(check, "confirm", {"otp": code}).code == "IDENTITY_VERIFICATION_ALREADY_VERIFIED"


def test_by_app_the_check_waits_for_the_person(world: World, person: Caller) -> None:
    check = person.begin()
    sent = {name: value for name, value in SENT.items() if name != "identity_number"} | {"method": "APP"}
    assert person.step(check, "send", sent).status == 200
    assert person.step(check, "confirm").code == "PG_PROVIDER"
    world.portone.approve_in_app(check["identityVerificationId"])
    assert person.step(check, "confirm").result["status"] == "verified"


def test_what_a_person_typed_wrong_is_named_and_not_repeated(person: Caller) -> None:
    check = person.begin()
    for field, value in (
        ("phone_number", "010-9876-1234"),
        ("identity_number", "920315"),
        ("operator", "VODAFONE"),
    ):
        refused = person.step(check, "send", {**SENT, field: value})
        assert (refused.status, refused.error["field"]) == (422, field)
        assert value not in json.dumps(refused.body)


def test_another_users_check_does_not_exist_for_me(world: World, person: Caller) -> None:
    check = person.begin()
    stranger = Caller(world.customer("stranger"))
    for step, body in (("send", SENT), ("resend", None), ("confirm", {"otp": "123456"}), ("complete", None)):
        refused = stranger.step(check, step, body)
        assert (refused.status, refused.code) == (404, "IDENTITY_VERIFICATION_NOT_FOUND"), step
    assert stranger.shopper.select("identity_verifications") == []
    assert world.portone.requests(path=f"/identity-verifications/{check['identityVerificationId']}*") == []


def test_too_many_checks_are_429_for_the_user_and_for_the_address(world: World, person: Caller) -> None:
    for _ in range(10):
        person.begin()
    refused = person.post("/identity-verifications", {"purpose": "signup", "consent": True})
    assert (refused.status, refused.code) == (429, "TOO_MANY_REQUESTS")
    assert int(refused.headers["retry-after"]) > 0
    neighbour = Caller(world.customer("neighbour"))
    neighbour.address = person.address
    for _ in range(10):
        neighbour.begin()
    third = Caller(world.customer("third"))
    third.address = person.address
    assert third.post("/identity-verifications", {"purpose": "signup", "consent": True}).status == 429
    third.address = Caller(third.shopper).address
    third.begin()


def test_nothing_is_asked_without_consent_or_purpose(person: Caller) -> None:
    for body, field in (
        ({"purpose": "signup", "consent": False}, "consent"),
        ({"purpose": "Sign up!", "consent": True}, "purpose"),
    ):
        refused = person.post("/identity-verifications", body)
        assert (refused.status, refused.error["field"]) == (422, field)


def test_an_expired_check_counts_for_nothing(world: World, person: Caller) -> None:
    check = person.begin()
    named = open_window(world, check)
    world.advance(4_300)
    world.portone.complete_identity(named)
    late = person.step(check, "complete")
    assert late.body["error"]["code"] == "IDENTITY_VERIFICATION_EXPIRED"
    assert person.row(check)["status"] != "verified"
    assert person.step(check, "send", SENT).code == "IDENTITY_VERIFICATION_EXPIRED"


def test_a_check_is_used_once_for_its_user_and_purpose(world: World, person: Caller) -> None:
    check = person.begin("adult_content")
    world.portone.complete_identity(open_window(world, check))
    person.step(check, "complete")
    mine = {"id": check["id"], "user_id": person.shopper.user_id, "purpose": "adult_content"}
    other = world.customer("other").user_id
    assert world.server.rpc("consume_identity_verification", **{**mine, "purpose": "signup"}).code == "PT409"
    assert world.server.rpc("consume_identity_verification", **{**mine, "user_id": other}).code == "PT409"
    assert person.shopper.rpc("consume_identity_verification", **mine).status in (401, 403, 404)
    assert world.server.rpc("consume_identity_verification", **mine).body["gender"] == "MALE"
    assert world.server.rpc("consume_identity_verification", **mine).code == "PT409"


def test_the_same_person_is_found_by_hash_and_forgotten_on_demand(world: World, person: Caller) -> None:
    twin = Caller(world.customer("twin"))
    checks = {caller: caller.begin() for caller in (person, twin)}
    for caller, check in checks.items():
        world.portone.complete_identity(open_window(world, check), name="쌍둥이 아님", birthDate="1980-05-05")
        assert caller.step(check, "complete").result["status"] == "verified"
    hashes = "select distinct ci_hash, di_hash from private.identity_secrets where user_id = any (%s::uuid[])"
    both = [person.shopper.user_id, twin.shopper.user_id]
    assert len(world.books.rows(hashes, both)) == 1
    assert world.server.rpc("erase_identities", user_id=twin.shopper.user_id).body == 1
    forgotten = twin.row(checks[twin])
    assert (forgotten["name"], forgotten["status"]) == (None, "verified")
    secrets = "select user_id::text from private.identity_secrets where user_id = any (%s::uuid[])"
    assert [row["user_id"] for row in world.books.rows(secrets, both)] == [person.shopper.user_id]


def test_one_person_has_one_account_where_the_shops_policy_says_so(world: World, person: Caller) -> None:
    world.books.migrate(
        "create or replace function private.same_person_policy(p_user_id uuid, p_purpose text, p_other_users uuid[]) returns boolean "
        "language sql stable set search_path = '' return p_purpose <> 'coupon' or cardinality(p_other_users) = 0"
    )
    twin = Caller(world.customer("twin"))

    def verify(caller: Caller, purpose: str) -> Reply:
        check = caller.begin(purpose)
        world.portone.complete_identity(open_window(world, check), name="김하나", birthDate="1977-07-07")
        return caller.step(check, "complete")

    assert verify(person, "coupon").result["status"] == "verified"
    assert verify(person, "coupon").result["status"] == "verified", "the same account again"
    second = verify(twin, "coupon").body
    assert (second["status"], second["error"]["code"]) == ("failed", "SAME_PERSON")
    rows = twin.shopper.select("identity_verifications", "status,name,birth_date")
    assert rows == [{"status": "ready", "name": None, "birth_date": None}], "nothing of the person is kept"
    assert verify(twin, "signup").result["status"] == "verified", "the policy is asked for each purpose"


def test_ci_and_di_are_sealed_and_what_was_typed_is_nowhere(world: World, person: Caller) -> None:
    check = person.begin()
    person.step(check, "send", SENT)
    code = otp(world, check)
    assert person.step(check, "confirm", {"otp": code}).result["status"] == "verified"
    told = world.portone.identity(check["identityVerificationId"])["verifiedCustomer"]
    dump = _everything(world)
    # Name and phone stand in the owner's own row, as the shop needs them; CI, DI and what was typed nowhere.
    for secret in (told["ci"], told["di"], RESIDENT_DIGITS):
        assert secret not in dump
    assert _rows_with(world, code) == []
    (sealed,) = world.books.rows("select * from private.identity_secrets where identity_id = %s", check["id"])
    assert sealed["key_id"] == "sandbox"
    assert sealed["ci"] != sealed["di"]
    log = world.log_file.read_text() + world.stack.worker_log()
    for secret in (told["ci"], told["di"], RESIDENT_DIGITS, NAME, PHONE, f'"{code}"', f": {code}"):
        assert secret not in log


def _everything(world: World) -> str:
    return json.dumps([world.books.rows(f"select to_jsonb(t) as row from {table} as t") for table in _TABLES])


def _rows_with(world: World, code: str) -> list[str]:
    found = []
    for table in _TABLES:
        rows = world.books.rows(
            f"select key from {table} as t, jsonb_each_text(to_jsonb(t)) where value = %s", code
        )
        found += [f"{table}.{row['key']}" for row in rows]
    return found


_TABLES = (
    "public.identity_verifications", "private.identity_secrets", "private.identity_calls",
    "public.payment_operations", "queue.jobs", "queue.dead", "public.drift_findings",
)  # fmt: skip
