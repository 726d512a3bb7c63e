"""Sums of cancellations hold for any history, and tax is split off as PortOne does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.portone.control_client import SimulatorControl, SimulatorRefused
from sandbox.portone.money import vat_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    Pay = Callable[..., str]


@pytest.mark.parametrize(
    ("amount", "vat"), [(1000, 91), (100, 9), (11000, 1000), (0, 0), (5, 0), (6, 1), (17, 2)]
)
def test_vat_is_rounded_half_up(amount: int, vat: int) -> None:
    assert vat_of(amount, 0) == vat


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    total=st.integers(1, 5000),
    amounts=st.lists(st.tuples(st.integers(1, 3000), st.booleans()), max_size=8),
    data=st.data(),
)
def test_sums_hold_for_any_history(
    api: httpx.Client,
    control: SimulatorControl,
    pay: Pay,
    total: int,
    amounts: list[tuple[int, bool]],
    data: st.DataObject,
) -> None:
    """Never more than the total comes back, a refusal changes nothing, and the status follows the sum."""
    tax_free = data.draw(st.integers(0, total))
    payment_id = pay(total, taxFreeAmount=tax_free)
    left, left_free, cancelled = total, tax_free, 0
    for amount, by_console in amounts:
        free = data.draw(st.integers(0, min(amount, left_free)))
        fits = amount <= left and amount - free <= left - left_free
        if by_console:
            try:
                control.console_cancel(payment_id, amount=amount, taxFreeAmount=free)
                done = True
            except SimulatorRefused:
                done = False
        else:
            done = _accepted(api, payment_id, amount, free)
        assert done == fits
        if done:
            left, left_free, cancelled = left - amount, left_free - free, cancelled + amount
        payment = api.get(f"/payments/{payment_id}").json()
        assert payment["amount"]["cancelled"] == cancelled
        assert payment["amount"]["cancelledTaxFree"] == tax_free - left_free
        wanted = "CANCELLED" if left == 0 else "PARTIAL_CANCELLED" if cancelled else "PAID"
        assert payment["status"] == wanted


def _accepted(api: httpx.Client, payment_id: str, amount: int, tax_free: int) -> bool:
    body = {"reason": "test", "amount": amount, "taxFreeAmount": tax_free}
    return api.post(f"/payments/{payment_id}/cancel", json=body).status_code == 200
