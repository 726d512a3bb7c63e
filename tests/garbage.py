"""Decides what garbage is: bodies and headers nobody should send, for the tests that send them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

TYPES = (
    "Transaction.Paid",
    "Transaction.Cancelled",
    "BillingKey.Issued",
    "Transaction.Confirm",
    "Shop.Opened",
    "",
)
WORDS = st.one_of(
    st.sampled_from(
        ["type", "data", "paymentId", "billingKey", "storeId", "timestamp", "payment_id", "tx_id"]
    ),
    st.text(max_size=20),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=50), st.sampled_from(TYPES),
    st.just("\x00"), st.just("pay\x00id"), st.just("x" * 300), st.just(10**400),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=20,
)
EVENTS = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(TYPES), LEAVES), "data": st.dictionaries(WORDS, VALUES, max_size=5)},
    optional={
        "timestamp": st.one_of(LEAVES, st.just("2024-04-25T10:00:00Z"), st.just("9999-99-99T99:99:99Z"))
    },
)


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


NASTY = [
    b"", b"\x00", b"\xff\xfe{", b"{", b"[" * 5000, b"{\"a\":" * 3000 + b"1" + b"}" * 3000, b"null", b"1e999", b"NaN",
    b'{"type":"Transaction.Paid","type":"BillingKey.Issued","data":{"paymentId":"a","paymentId":"b"}}',
    b'{"type":"Transaction.Paid","data":{"paymentId":"\\ud800"}}',
    b'{"type":"\\ud800","data":{"paymentId":"p"}}',
    b'{"type":"Transaction.Paid","data":{"paymentId":"\\u0000"}}',
    b'{"type":"Transaction.Paid","data":{"paymentId":' + b"9" * 5000 + b"}}",
    b'\xef\xbb\xbf{"type":"Transaction.Paid","data":{"paymentId":"p"}}',
    '{"type":"Transaction.Paid","data":{"paymentId":"결제"}}'.encode("utf-16"),
]  # fmt: skip
BODIES = st.one_of(
    EVENTS.map(_text), VALUES.map(_text), st.binary(max_size=200), st.sampled_from(NASTY),
    st.tuples(EVENTS.map(_text), st.integers(0, 60)).map(lambda pair: pair[0][: -pair[1] or None]),
)  # fmt: skip

HEADERS = st.dictionaries(
    st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "Webhook-Signature", "content-length-x"]),
    st.one_of(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=60), st.sampled_from(["v1,AAAA", "1714039200"])),
)  # fmt: skip
