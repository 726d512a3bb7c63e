"""Decides what an exported state holds and how a simulator becomes it again.

Everything that happened, the clock, settings, channels, assumptions and random sequence; not the API secrets (they are
the configuration's), the request log, faults, chaos or running deliveries.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from .clock import nanos_text
from .codec import Decoder, Encoder
from .errors import ControlError

if TYPE_CHECKING:
    from .simulator import Simulator
    from .store import Store

FORMAT: Final = 1


def summary(simulator: Simulator) -> dict[str, Any]:
    """Return time, payments by status, pre-registrations, messages by state and webhook settings of the first store."""
    store = simulator.first
    settings = store.announcer.settings
    return {
        "now": nanos_text(simulator.clock.now()),
        "storeId": store.id,
        "stores": list(simulator.stores),
        "channels": [channel.body() for channel in store.channels.values()],
        "payments": {payment.id: payment.shown.status for payment in store.ledger.in_order},
        "billingKeys": {entry.key: entry.status for entry in store.vault.keys.values()},
        "schedules": {one.id: store.planner.status(one) for one in store.planner.schedules.values()},
        "identityVerifications": {entry.id: entry.status for entry in store.identity.entries.values()},
        "preRegistered": sorted(store.ledger.pre_registered),
        "messages": dict(Counter(message.state for message in simulator.messages.values())),
        "webhooks": {"urls": settings.urls, "version": settings.versions["TEST"], "mode": settings.mode},
        "faults": [fault.as_dict() for fault in simulator.faults.pending],
    }


def export_state(simulator: Simulator) -> dict[str, Any]:
    """Return a JSON document from which ``import_state`` makes the same simulator."""
    encoder = Encoder()
    return {
        "format": FORMAT,
        "now": simulator.clock.now(),
        "assumptions": encoder.encode(simulator.rules.values()),
        "random": encoder.encode(simulator.random.getstate()),
        "messages": encoder.encode(simulator.messages),
        "tokens": encoder.encode([simulator.tokens.access, simulator.tokens.refresh]),
        "idempotency": encoder.encode(list(simulator.idempotency.entries.items())),
        "agenda": encoder.encode(simulator.agenda.entries),
        "stores": {store.id: _export_store(encoder, store) for store in simulator.stores.values()},
    }


def _export_store(encoder: Encoder, store: Store) -> dict[str, Any]:
    ledger = store.ledger
    return {
        "channels": encoder.encode(store.channels),
        "channelGroups": encoder.encode(store.channel_groups),
        "settings": encoder.encode(store.announcer.settings),
        "payments": encoder.encode(ledger.in_order),
        "events": encoder.encode(ledger.events),
        "preRegistered": encoder.encode(ledger.pre_registered),
        "billingKeys": encoder.encode(store.vault.keys),
        "schedules": encoder.encode(store.planner.schedules),
        "identities": encoder.encode(store.identity.entries),
        "identityAttempts": encoder.encode(store.identity.sent),
    }


async def import_state(simulator: Simulator, export: Any) -> None:
    """Become the exported state; time moves forward to it, never back.

    Raises ControlError 422 when it is not an export of this format or names stores this simulator has not; then the
    simulator is left as it was.
    """
    if not isinstance(export, dict) or export.get("format") != FORMAT:
        raise ControlError(
            422, "SIM_INVALID_INPUT", f"export: needs format {FORMAT}, as GET /_sim/state returns it"
        )
    try:
        unknown = set(export["stores"]) - set(simulator.stores)
        if unknown:
            raise ControlError(422, "SIM_INVALID_INPUT", f"export.stores: unknown here: {', '.join(unknown)}")
        decoder = Decoder()
        # In the order of the export: later parts refer to objects of earlier ones.
        shared = {
            name: decoder.decode(export[name])
            for name in ("assumptions", "random", "messages", "tokens", "idempotency", "agenda")
        }
        stores = {
            store_id: {name: decoder.decode(value) for name, value in parts.items()}
            for store_id, parts in export["stores"].items()
        }
        now = int(export["now"])
        await simulator.reset()
        _become(simulator, shared, now)
        for store_id, parts in stores.items():
            _become_store(simulator.stores[store_id], parts)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as failure:
        raise ControlError(422, "SIM_INVALID_INPUT", f"export: cannot be read ({failure!r})") from failure
    for entry in shared["agenda"]:
        moment, _, store_id, kind, subject = entry
        simulator.agenda.add(moment, store_id, kind, subject)
    for message in simulator.messages.values():
        simulator.courier.resume(message)


def _become(simulator: Simulator, shared: dict[str, Any], now: int) -> None:
    simulator.clock.move_to(now)
    simulator.rules.update(shared["assumptions"])
    simulator.random.setstate(shared["random"])
    simulator.messages.update(shared["messages"])
    access, refresh = shared["tokens"]
    simulator.tokens.access.update(access)
    simulator.tokens.refresh.update(refresh)
    for key, entry in shared["idempotency"]:
        simulator.idempotency.entries[key] = entry


def _become_store(store: Store, parts: dict[str, Any]) -> None:
    store.channels = parts["channels"]
    store.channel_groups = parts["channelGroups"]
    store.announcer.settings = parts["settings"]
    store.ledger.in_order = parts["payments"]
    store.ledger.payments = {payment.id: payment for payment in parts["payments"]}
    store.ledger.events = parts["events"]
    store.ledger.pre_registered = parts["preRegistered"]
    store.vault.keys = parts["billingKeys"]
    store.planner.schedules = parts["schedules"]
    store.identity.entries = parts["identities"]
    store.identity.sent = parts["identityAttempts"]
