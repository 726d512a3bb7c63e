"""Identity: consent first, single use, only VERIFIED counts, CI and DI sealed and seen by nobody, throttled, forgotten on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.sql.shop import claim, settle
from tests.sql.test_bad_input import refusal

if TYPE_CHECKING:
    from tests.sql.shop import Caller, Row, Shop


def begun(shop: Shop, user_id: str, purpose: str = "signup") -> Row:
    """A verification whose window is open."""
    customer = shop.user(user_id)
    made: Row = customer.row("select public.request_identity_verification(%s, true) as made", purpose)["made"]
    customer.connection.close()
    return made


def verified(identity: Row, **changes: Any) -> Row:
    """PortOne's verification as the worker hands it over."""
    made: Row = {
        "identity_verification_id": identity["identityVerificationId"], "status": "VERIFIED", "store_id": "store-1", "channel_kind": "LIVE", "pg_provider": "DANAL",
        "pg_merchant_id": "A010002002", "requested_at": "2026-11-01T00:00:00Z", "verified_at": None, "failure": None,
        "name": "Hong", "phone_number": "01012345678", "operator": "SKT_MVNO", "birth_date": "1990-01-31", "gender": "MALE", "is_foreigner": False,
        "sealed": {"key_id": "k1", "ci": "sealed-ci", "di": "sealed-di"}, "ci_hash": "hash-of-ci", "di_hash": "hash-of-di",
    }  # fmt: skip
    return made | changes


def complete(shop: Shop, worker: Caller, user_id: str, identity: Row, snapshot: Row) -> Row:
    """The window has closed and the worker has read it back; the operation."""
    customer = shop.user(user_id)
    operation = customer.one("complete_identity_verification", id=identity["id"])
    (job,) = claim(worker)
    assert job["context"]["identity"]["identity_verification_id"] == identity["identityVerificationId"]
    settle(worker, job, identity=snapshot)
    return customer.one("get_operation", id=operation["id"])


def row_of(owner: Caller, identity: Row) -> Row:
    """The verification as the database has it."""
    return owner.row("select * from public.identity_verifications where id = %s::uuid", identity["id"])


def test_a_verified_person_is_kept_with_carrier_and_sealed_ci_and_di(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    ended = complete(shop, worker, user_id, identity, verified(identity))
    assert (ended["status"], ended["result"]["status"], ended["result"]["age"] >= 36) == (
        "succeeded",
        "verified",
        True,
    )
    row = row_of(owner, identity)
    assert (row["name"], row["operator"], str(row["birth_date"]), row["gender"], row["is_foreigner"]) == (
        "Hong",
        "SKT_MVNO",
        "1990-01-31",
        "MALE",
        False,
    )
    assert row["consented_at"] <= row["created_at"]
    secret = owner.row("select * from private.identity_secrets")
    assert (secret["ci"], secret["di"], secret["di_hash"], secret["key_id"]) == (
        "sealed-ci",
        "sealed-di",
        "hash-of-di",
        "k1",
    )
    for caller in (shop.user(user_id), shop.admin(), shop.service()):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            caller.rows("select * from private.identity_secrets")
    assert "hash-of" not in str(shop.user(user_id).rows("select * from public.identity_verifications"))


def test_a_missing_ci_is_no_error(shop: Shop, worker: Caller, owner: Caller) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    bare = verified(
        identity,
        sealed={"key_id": "k1", "ci": None, "di": "sealed-di"},
        ci_hash=None,
        phone_number=None,
        operator=None,
        is_foreigner=None,
    )
    assert complete(shop, worker, user_id, identity, bare)["status"] == "succeeded"
    assert owner.row("select ci, ci_hash from private.identity_secrets") == {"ci": None, "ci_hash": None}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("FAILED", "IDENTITY_VERIFICATION_FAILED"),
        ("READY", "IDENTITY_VERIFICATION_NOT_FINISHED"),
        ("SOMETHING", "IDENTITY_VERIFICATION_NOT_FINISHED"),
    ],
)
def test_only_verified_counts_and_another_try_may_succeed(
    shop: Shop, worker: Caller, owner: Caller, status: str, code: str
) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    failure = {"reason": "x", "pg_code": "0086", "pg_message": "too many"} if status == "FAILED" else None
    ended = complete(shop, worker, user_id, identity, verified(identity, status=status, failure=failure))
    assert (ended["status"], ended["error"]["code"]) == ("failed", code)
    assert ended["error"].get("pg_code") == ("0086" if failure else None)
    assert row_of(owner, identity)["name"] is None
    assert complete(shop, worker, user_id, identity, verified(identity))["status"] == "succeeded"


def test_a_verification_is_bound_to_its_user_and_id(shop: Shop, worker: Caller) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    other = shop.user(shop.new_user())
    assert refusal(other, "complete_identity_verification", id=identity["id"])[:2] == (
        404,
        "IDENTITY_VERIFICATION_NOT_FOUND",
    )
    shop.user(user_id).one("complete_identity_verification", id=identity["id"])
    (job,) = claim(worker)
    outcome = {
        "job_id": job["id"],
        "claim": job["claim"],
        "verdict": "done",
        "identity": verified(identity, identity_verification_id="iv-of-another"),
    }
    assert refusal(worker, "settle_jobs", outcomes=[outcome])[1] == "SNAPSHOT_FOR_ANOTHER_PAYMENT"


def test_a_verification_expires_and_a_late_success_does_not_count(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    shop.advance(3600 + 601)
    assert (
        complete(shop, worker, user_id, identity, verified(identity))["error"]["code"]
        == "IDENTITY_VERIFICATION_EXPIRED"
    )
    assert (
        complete(shop, worker, user_id, identity, verified(identity, status="READY"))["error"]["code"]
        == "IDENTITY_VERIFICATION_EXPIRED"
    )
    assert row_of(owner, identity)["status"] == "expired"


def test_the_shop_uses_a_verification_once_for_its_user_and_purpose(shop: Shop, worker: Caller) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id, "adult")
    complete(shop, worker, user_id, identity, verified(identity))
    use = {"id": identity["id"], "user_id": user_id, "purpose": "adult"}
    for wrong in ({"user_id": shop.new_user()}, {"purpose": "signup"}):
        assert refusal(worker, "consume_identity_verification", **(use | wrong))[:2] == (
            409,
            "IDENTITY_NOT_USABLE",
        )
    used = worker.row(
        "select public.consume_identity_verification(%s::uuid, %s::uuid, 'adult') as person",
        identity["id"],
        user_id,
    )["person"]
    assert (used["name"], used["phoneNumber"]) == ("Hong", "01012345678")
    assert refusal(worker, "consume_identity_verification", **use)[1] == "IDENTITY_NOT_USABLE"


def test_the_same_person_under_two_accounts_meets_the_shops_policy(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    first, second = shop.new_user(), shop.new_user()
    one = begun(shop, first)
    complete(shop, worker, first, one, verified(one))
    owner.run(
        "create or replace function private.same_person_policy(p_user_id uuid, p_purpose text, p_other_users uuid[]) returns boolean language sql stable set search_path = '' return p_purpose <> 'signup'"
    )
    two = begun(shop, second)
    assert (
        complete(shop, worker, second, two, verified(two, ci_hash=None))["error"]["code"] == "SAME_PERSON"
    ), "by DI"
    assert (
        complete(shop, worker, second, two, verified(two, di_hash=None))["error"]["code"] == "SAME_PERSON"
    ), "by CI"
    elsewhere = verified(two, ci_hash=None, pg_merchant_id="another merchant")
    assert complete(shop, worker, second, two, elsewhere)["status"] == "succeeded", (
        "a DI means nothing at another merchant"
    )


def test_consent_and_purpose_come_first(shop: Shop) -> None:
    user = shop.user(shop.new_user())
    assert refusal(user, "request_identity_verification", purpose="signup", consent=False) == (
        422,
        "CONSENT_REQUIRED",
        "consent",
    )
    assert refusal(user, "request_identity_verification", purpose="Sign up!", consent=True) == (
        422,
        "PURPOSE_REQUIRED",
        "purpose",
    )


def test_throttled_by_user_and_by_address(shop: Shop) -> None:
    user = shop.user(shop.new_user())
    for _ in range(10):
        user.call("request_identity_verification", purpose="signup", consent=True)
    assert refusal(user, "request_identity_verification", purpose="signup", consent=True)[:2] == (
        429,
        "TOO_MANY_REQUESTS",
    )
    for _ in range(20):
        shop.user(shop.new_user()).call(
            "request_identity_verification", purpose="signup", consent=True, address_hash="a"
        )
    stranger = shop.user(shop.new_user())
    assert refusal(
        stranger, "request_identity_verification", purpose="signup", consent=True, address_hash="a"
    )[:2] == (429, "TOO_MANY_REQUESTS")
    stranger.call("request_identity_verification", purpose="signup", consent=True, address_hash="b")


def test_messages_are_sent_only_for_ones_own_open_verification(shop: Shop, worker: Caller) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    user = shop.user(user_id)
    allowed = user.row("select public.authorize_identity_call(%s::uuid, 'send') as call", identity["id"])[
        "call"
    ]
    assert allowed["identityVerificationId"] == identity["identityVerificationId"]
    assert refusal(user, "authorize_identity_call", id=identity["id"], step="shout")[1] == "STEP_UNKNOWN"
    assert (
        refusal(shop.user(shop.new_user()), "authorize_identity_call", id=identity["id"], step="send")[1]
        == "IDENTITY_VERIFICATION_NOT_FOUND"
    )
    late = begun(shop, user_id)
    shop.advance(3601)
    assert (
        refusal(user, "authorize_identity_call", id=late["id"], step="confirm")[1]
        == "IDENTITY_VERIFICATION_EXPIRED"
    )
    shop.advance(-3601)
    complete(shop, worker, user_id, identity, verified(identity))
    assert (
        refusal(user, "authorize_identity_call", id=identity["id"], step="resend")[1]
        == "IDENTITY_VERIFICATION_ALREADY_VERIFIED"
    )


def test_erasing_forgets_the_person_and_keeps_that_they_verified(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    complete(shop, worker, user_id, identity, verified(identity))
    assert refusal(worker, "erase_identities")[1] == "ERASE_WHAT"
    assert worker.row("select public.erase_identities(user_id => %s::uuid) as n", user_id)["n"] == 1
    row = row_of(owner, identity)
    assert (row["status"], row["name"], row["phone_number"], row["birth_date"]) == (
        "verified",
        None,
        None,
        None,
    )
    assert not owner.rows("select 1 from private.identity_secrets")
    assert worker.row("select public.erase_identities(user_id => %s::uuid) as n", user_id)["n"] == 0


def test_rotation_moves_ci_and_di_together_and_only_from_the_key_it_read(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    complete(shop, worker, user_id, identity, verified(identity))
    (listed,) = worker.call("list_sealed")
    new = {"id": listed["id"], "old_key_id": "k1", "key_id": "k2", "ci": "ci-2", "di": "di-2"}
    answers = worker.call("reseal", texts=[new | {"old_key_id": "k0"}, new | {"ci": None}, new, new])
    assert [answer["resealed"] for answer in answers] == [False, False, True, False]
    assert owner.row("select key_id, ci, di from private.identity_secrets") == {
        "key_id": "k2",
        "ci": "ci-2",
        "di": "di-2",
    }
    assert worker.call("list_sealed", after=listed["id"]) == []


def test_a_person_erased_while_being_read_does_not_come_back(
    shop: Shop, worker: Caller, owner: Caller
) -> None:
    user_id = shop.new_user()
    identity = begun(shop, user_id)
    operation = shop.user(user_id).one("complete_identity_verification", id=identity["id"])
    (job,) = claim(worker)
    assert worker.call("erase_identities", user_id=user_id)
    settle(worker, job, identity=verified(identity))
    ended = worker.one("get_operation", id=operation["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "IDENTITY_VERIFICATION_EXPIRED")
    row = row_of(owner, identity)
    assert (row["status"], row["name"], row["birth_date"]) == ("ready", None, None)
    assert owner.row("select count(*) as n from private.identity_secrets")["n"] == 0
