"""What is sealed comes back byte for byte, only with the key and for the purpose it was sealed with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Misconfigured, Rejected
from worker.seal import Sealer

OLD, NEW = bytes(32), bytes(range(32))


@given(st.binary(max_size=4000), st.text(max_size=60))
def test_round_trip(body: bytes, purpose: str) -> None:
    sealer = Sealer({"k1": NEW})
    sealed = sealer.seal(body, purpose=purpose)
    assert sealer.open(sealed, purpose=purpose) == body
    assert sealed.startswith(b"v1:k1:")


def test_the_body_is_not_in_the_sealed_form_and_no_two_are_equal() -> None:
    sealer = Sealer({"k1": NEW})
    first, second = (sealer.seal(b'{"number":"110123456789"}', purpose="cancel:1") for _ in range(2))
    assert b"110123456789" not in first
    assert first != second


def test_an_old_key_still_opens_after_rotation() -> None:
    sealed = Sealer({"old": OLD}).seal(b"body", purpose="p")
    rotated = Sealer({"new": NEW, "old": OLD})
    assert rotated.open(sealed, purpose="p") == b"body"
    assert rotated.seal(b"body", purpose="p").startswith(b"v1:new:")


def test_a_missing_key_is_a_setting_to_fix() -> None:
    sealed = Sealer({"old": OLD}).seal(b"body", purpose="p")
    with pytest.raises(Misconfigured, match="key id 'old'"):
        Sealer({"new": NEW}).open(sealed, purpose="p")


@pytest.mark.parametrize("position", [0, 3, 7, 20, -1])
def test_an_altered_byte_is_refused(position: int) -> None:
    sealed = bytearray(Sealer({"k1": NEW}).seal(b"body", purpose="p"))
    sealed[position] ^= 1
    with pytest.raises((Rejected, Misconfigured)):
        Sealer({"k1": NEW}).open(bytes(sealed), purpose="p")


def test_another_purpose_is_refused() -> None:
    sealed = Sealer({"k1": NEW}).seal(b"body", purpose="cancel:1")
    with pytest.raises(Rejected, match="SEALED_BODY_UNREADABLE"):
        Sealer({"k1": NEW}).open(sealed, purpose="cancel:2")


@pytest.mark.parametrize("junk", [b"", b"v1", b"v1:k1", b"v1:k1:short", b"v2:k1:" + bytes(40), b"\xff" * 60])
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(Rejected, match="SEALED_BODY_UNREADABLE"):
        Sealer({"k1": NEW}).open(junk, purpose="p")
