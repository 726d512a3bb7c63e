"""CI, DI, codes and resident digits: sealed or gone. Only VERIFIED through a channel of this shop's kind counts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.card_support import CI, DI, HASH_KEY, IDENTITY, IDENTITY_ID, VERIFIED, card_job, changed
from tests.unit.support import STORE, FakePortOne, make_deps, problem
from worker.errors import Rejected, Transient
from worker.operations.read_identity import read_identity
from worker.portone.identities import read_identity as parse

PERSON = VERIFIED["verifiedCustomer"]


async def read(body: Any, **settings: Any) -> Any:
    """Run the job against one answer and return the outcome."""
    fake = FakePortOne()
    fake.gets = [body if isinstance(body, httpx.Response) else httpx.Response(200, json=body)]
    deps = make_deps(portone=fake, **({"identity_hash_key": HASH_KEY} | settings))
    outcome = await read_identity(deps, card_job("read_identity"))
    (request,) = fake.requests
    assert request.url.path == f"/identity-verifications/{IDENTITY}"
    assert request.url.params["storeId"] == STORE
    return outcome


async def test_a_verified_person_is_handed_over_with_ci_and_di_sealed() -> None:
    outcome = await read(VERIFIED)
    identity = outcome.to_json()["identity"]
    sealed = identity.pop("sealed")
    assert identity == {
        "identity_verification_id": IDENTITY, "status": "VERIFIED", "store_id": STORE, "channel_kind": "TEST",
        "pg_provider": "DANAL", "pg_merchant_id": "A010002002", "requested_at": "2026-09-01T01:00:00Z",
        "verified_at": "2026-09-01T01:01:00Z", "failure": None, "name": "홍길동", "phone_number": "01012345678",
        "operator": "SKT_MVNO", "birth_date": "2000-02-29", "gender": "MALE", "is_foreigner": False,
        "ci_hash": hmac.new(bytes(range(64, 96)), CI.encode(), hashlib.sha256).hexdigest(),
        "di_hash": hmac.new(bytes(range(64, 96)), DI.encode(), hashlib.sha256).hexdigest(),
    }  # fmt: skip
    sealer = make_deps().sealer
    assert sealed["key_id"] == "k1"
    for name, value in (("ci", CI), ("di", DI)):
        opened = sealer.open(base64.b64decode(sealed[name]), purpose=f"identity:{IDENTITY_ID}:{name}")
        assert opened.decode() == value


async def test_nothing_in_clear_leaves_the_operation() -> None:
    outcome = await read(VERIFIED)
    shown = json.dumps(outcome.to_json()) + repr(outcome) + repr(parse(VERIFIED, store_id=STORE))
    for secret in (CI, DI, "RAWSECRET", "pgRawResponse"):
        assert secret not in shown
    assert "홍길동" not in repr(outcome), "personal data does not print"


async def test_one_ci_is_not_another_persons_place() -> None:
    deps = make_deps(identity_hash_key=HASH_KEY)
    sealed = (await read(VERIFIED)).identity["sealed"]["ci"]
    with pytest.raises(Rejected):
        deps.sealer.open(base64.b64decode(sealed), purpose="identity:another:ci")


@pytest.mark.parametrize("missing", [None, ""])
async def test_the_ci_may_be_missing(missing: str | None) -> None:
    person = changed(PERSON, ci=None) | ({} if missing is None else {"ci": missing})
    identity = (await read(changed(VERIFIED, verifiedCustomer=person))).identity
    assert (identity["sealed"]["ci"], identity["ci_hash"]) == (None, None)
    assert identity["sealed"]["di"]
    assert identity["di_hash"]


async def test_with_neither_nothing_is_sealed_and_no_key_is_needed() -> None:
    person = changed(PERSON, ci=None, di=None)
    outcome = await read(changed(VERIFIED, verifiedCustomer=person), identity_hash_key=None)
    assert (outcome.verdict, outcome.identity["sealed"]) == ("done", None)


async def test_without_its_key_the_check_waits_for_a_person_and_payments_go_on() -> None:
    outcome = await read(VERIFIED, identity_hash_key=None)
    assert (outcome.verdict, outcome.error["code"]) == ("dead", "IDENTITY_HASH_KEY_MISSING")
    assert outcome.error["message"].startswith("IDENTITY_HASH_KEY: ")
    assert outcome.identity is None


@pytest.mark.parametrize("environment", ["live", "test"])
@pytest.mark.parametrize("kind", ["TEST", "LIVE", "TOMORROW", None])
async def test_only_a_channel_of_this_shops_kind_counts(environment: str, kind: str | None) -> None:
    channel = None if kind is None else VERIFIED["channel"] | {"type": kind}
    outcome = await read(changed(VERIFIED, channel=channel), environment=environment)
    fits = kind == environment.upper()
    assert outcome.verdict == ("done" if fits else "failed")
    assert (outcome.identity is not None) == fits


@pytest.mark.parametrize("status", ["READY", "FAILED", "TOMORROW"])
async def test_only_verified_brings_a_person(status: str) -> None:
    failure = {"reason": "r", "pgCode": "0086", "pgMessage": "blocked"}
    outcome = await read(changed(VERIFIED, status=status, failure=failure))
    identity = outcome.identity
    assert (outcome.verdict, identity["status"], identity["sealed"]) == ("done", status, None)
    assert [identity[name] for name in ("name", "phone_number", "birth_date", "ci_hash")] == [None] * 4
    assert identity["failure"] == {"reason": "r", "pg_code": "0086", "pg_message": "blocked"}


async def test_what_the_customer_typed_is_not_kept() -> None:
    ready = changed(VERIFIED, status="READY", verifiedCustomer=None) | {
        "requestedCustomer": {"name": "홍길동", "phoneNumber": "01099998888", "birthYear": "1999"}
    }
    text = json.dumps((await read(ready)).to_json(), ensure_ascii=False)
    assert "01099998888" not in text
    assert "홍길동" not in text


async def test_a_check_nobody_began_is_done_and_says_so() -> None:
    outcome = await read(problem(404, "IDENTITY_VERIFICATION_NOT_FOUND"))
    assert (outcome.verdict, outcome.not_found, outcome.identity) == ("done", True, None)


async def test_a_refused_read_needs_a_person_and_a_foreign_answer_is_not_believed() -> None:
    assert (await read(problem(403, "FORBIDDEN"))).verdict == "dead"
    with pytest.raises(Transient, match="PORTONE_REPLY_UNREADABLE"):
        await read(changed(VERIFIED, id="iv-of-somebody-else"))


@pytest.mark.parametrize("value", ["2000-13-01", "20000229", "2001-02-29", 20000229, None])
async def test_a_birth_date_that_is_none_is_null(value: Any) -> None:
    person = PERSON | {"birthDate": value}
    assert (await read(changed(VERIFIED, verifiedCustomer=person))).identity["birth_date"] is None


async def test_a_job_without_its_check_needs_a_person() -> None:
    outcome = await read_identity(make_deps(), card_job("read_identity", identity=None))
    assert outcome.verdict == "dead"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from([*VERIFIED, *PERSON, "type", "pgCode"]), inner),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_json_can_be_read(body: Any) -> None:
    parse(body, store_id=STORE)
    if isinstance(body, dict):
        assert parse(VERIFIED | body | {"id": IDENTITY, "status": "VERIFIED"}, store_id=STORE) is not None
