"""Typed calls of the command line: what an operator reads and asks for, with the worker's own key through PostgREST."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from worker.db.reading import rows
from worker.errors import DatabaseFault, DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.db.client import Database

PAYMENT_COLUMNS = (
    "payment_id", "status", "portone_status", "amount", "cancelled_amount", "reserved_amount", "cancellable_amount",
    "currency", "pay_method", "order_id", "order_name", "user_id", "discrepancies", "origin", "created_at", "paid_at",
)  # fmt: skip
CARD_COLUMNS = (
    "id", "user_id", "nickname", "card_issuer", "card_brand", "card_type", "card_number_masked", "card_expiry_month",
    "card_expiry_year", "is_default", "is_active", "pg_provider", "store_id", "issued_at", "deleted_at", "created_at",
)  # fmt: skip


class Operator:
    """Reads tables and views, and makes the few requests an operator may make; nothing here decides about money."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(
        self, relation: str, columns: Sequence[str], filters: Mapping[str, str] | None = None
    ) -> list[Mapping[str, object]]:
        """Return rows; ``filters`` are PostgREST's (``{"status": "eq.paid", "order": "created_at.desc"}``)."""
        return rows(await self._database.read(relation, columns, filters or {}))

    async def explain_payment(self, payment_id: str) -> Mapping[str, object]:
        """Return a payment's whole story. Raises ``Rejected`` PAYMENT_NOT_FOUND."""
        answer = await self._database.call("explain_payment", {"payment_id": payment_id})
        if not isinstance(answer, dict):
            raise DatabaseFault("DATABASE_FAULT", "explain_payment returned no object")
        return answer

    async def status(self) -> Mapping[str, object]:
        """Return how the whole stands (``service_status``)."""
        answer = await self._database.call("service_status", {})
        if not isinstance(answer, dict):
            raise DatabaseFault("DATABASE_FAULT", "service_status returned no object")
        return answer

    async def request(self, function: str, arguments: Mapping[str, object]) -> Mapping[str, object]:
        """Ask for something as the shop's server; the answer is the operation. A lost reply is asked again, once.

        Both tries carry one idempotency key, so nothing happens twice. Raises ``Rejected`` with code, field and hint;
        ``DatabaseUnavailable`` when both replies were lost, with the key in ``extra``: it may have been asked for, and
        only under that key may it be asked for again.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        key = given.setdefault("idempotency_key", f"cli-{uuid4()}")
        try:
            answer = await self._database.call(function, given)
        except DatabaseUnavailable:
            try:
                answer = await self._database.call(function, given)
            except DatabaseUnavailable as lost:
                lost.extra["idempotency_key"] = key
                raise
        return _operation(answer, function)

    async def operation(self, operation_id: str) -> Mapping[str, object]:
        """Return how an operation stands."""
        return _operation(await self._database.call("get_operation", {"id": operation_id}), "get_operation")


def _operation(answer: object, function: str) -> Mapping[str, object]:
    found = rows(answer)
    if not found or not found[0].get("id"):
        raise DatabaseFault("DATABASE_FAULT", f"{function} returned no operation")
    return found[0]
