"""Decides how tax is split off an amount; all amounts are integers in minor units."""

from __future__ import annotations


def vat_of(total: int, tax_free: int) -> int:
    """Return round-half-up of (total - tax_free) / 11 (observed: 1000 -> 91, 100 -> 9)."""
    taxable = total - tax_free
    return (2 * taxable + 11) // 22
