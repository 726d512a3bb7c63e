"""Decides what measured costs mean for a shop: payments a day against cores, disk and WAL; a database's cores against payments.

Only multiplication of what was measured. What is assumed stands in the constants and in the pages that use them.
"""

from __future__ import annotations

from typing import Any

# Not measured: how much busier the busiest seconds of a day are than its average.
PEAK = 20
# Not measured: how busy a database may be so that answers stay quick and vacuum has room.
BUSY = 0.5
SHOPS = (10, 1_000, 100_000)
# Supabase's compute sizes: cores, connections, clients of the pooler (its documentation, "Compute and Disk"; look there for today's).
INSTANCES = (
    ("Micro", 2, 60, 200), ("Small", 2, 90, 400), ("Medium", 2, 120, 600), ("Large", 2, 160, 800), ("XL", 4, 240, 1000),
    ("2XL", 8, 380, 1500), ("4XL", 16, 480, 3000), ("8XL", 32, 490, 6000), ("12XL", 48, 500, 9000), ("16XL", 64, 500, 12000),
)  # fmt: skip
SHARED = ("Micro", "Small", "Medium")
_DAY = 86_400


def shops(measured: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What shops of three sizes need; None when one of the costs was not measured."""
    worker, database = _value(measured, "life.cpu_ms.worker"), _value(measured, "life.cpu_ms.postgres")
    wal, disk = _value(measured, "life.wal_bytes"), disk_bytes(measured)
    if worker is None or database is None or wal is None:
        return None
    made = []
    for payments in SHOPS:
        peak = payments / _DAY * PEAK
        line = {
            "payments_a_day": payments, "a_second_at_the_peak": peak,
            "worker_%_of_a_core_at_the_peak": peak * worker / 10, "database_%_of_a_core_at_the_peak": peak * database / 10,
            "WAL_MB_a_day": payments * wal / 1e6,
        }  # fmt: skip
        if disk is not None:
            line["disk_GB_a_year"] = payments * 365 * disk / 1e9
        made.append(line)
    return made


def instances(measured: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Payments a second and a day by database size; None when the cost was not measured."""
    cost = _value(measured, "life.cpu_ms.postgres")
    if cost is None:
        return None
    made = []
    for name, cores, connections, clients in INSTANCES:
        per_s = cores * BUSY * 1000 / cost
        made.append(
            {
                "compute": name, "cores": f"{cores} shared" if name in SHARED else cores, "connections": connections,
                "pooler_clients": clients, "whole_payments_a_second": per_s,
                f"payments_a_day_with_a_peak_of_{PEAK}": per_s * _DAY / PEAK,
            }
        )  # fmt: skip
    return made


def disk_bytes(measured: dict[str, Any]) -> float | None:
    """Bytes one payment leaves behind: itself, and as many events and deliveries as a whole life has webhooks; None if unknown."""
    lines = {
        line["of"]: line["bytes_a_row"] + line["bytes_of_indexes"]
        for line in measured["tables"].get("sizes", ())
    }
    told = _value(measured, "life.webhooks")
    if told is None or not {"public.payments", "public.payment_events", "public.webhook_logs"} <= set(lines):
        return None
    return float(
        lines["public.payments"] + told * (lines["public.payment_events"] + lines["public.webhook_logs"])
    )


def _value(measured: dict[str, Any], name: str) -> float | None:
    return next((row["value"] for row in measured["results"] if row["name"] == name), None)
