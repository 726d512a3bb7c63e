"""Reads an identity check from PortOne; CI and DI leave this function only sealed, and as keyed hashes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.errors import Misconfigured, Rejected
from worker.logs import get_logger
from worker.operations.channels import kind_problem
from worker.operations.outcomes import dead, done, failed
from worker.rotation import identity_purpose
from worker.seal import Fingerprint

if TYPE_CHECKING:
    from worker.deps import Deps
    from worker.model import Job, Outcome
    from worker.readings import IdentityReading
    from worker.subjects import IdentityCheck


async def read_identity(deps: Deps, job: Job) -> Outcome:
    """GET the identity check (OpenAPI: getIdentityVerification) and settle with it, or with ``not_found``.

    Only the database knows whether user, purpose and expiry fit. A check made through a TEST channel never counts in a
    live shop. Raises ``Transient`` and ``Misconfigured``.
    """
    check = job.identity
    if check is None:
        return dead(job, Rejected("CONTEXT_INCOMPLETE", "The job names no identity check."))
    try:
        reading = await deps.stores.of(job.store_id).identities.get(check.identity_verification_id)
    except Rejected as error:
        return dead(job, error)
    if reading is None:
        return done(job, not_found=True)
    if reading.status == "VERIFIED":
        problem = kind_problem(deps, reading.channel_kind)
        if problem is not None:
            return failed(job, problem)
    try:
        return replace(done(job), identity=_sealed(deps, check, reading))
    except Misconfigured as error:
        # Only identity checks need this key: payments go on, and this job waits for a person.
        get_logger().error("portone identity check cannot be stored", code=error.code, fix=error.message)
        return dead(job, error)


def _sealed(deps: Deps, check: IdentityCheck, reading: IdentityReading) -> dict[str, object]:
    """Return the snapshot the database stores. Source for the missing CI: docs, Danal gives it by contract only."""
    ci, di = reading.ci, reading.di
    if ci is None and di is None:
        return {**reading.data, "sealed": None, "ci_hash": None, "di_hash": None}
    fingerprint = Fingerprint(deps.settings.identity_key())
    sealed: dict[str, object] = {"key_id": deps.sealer.key_id}
    for name, value in (("ci", ci), ("di", di)):
        sealed[name] = (
            None if value is None else deps.sealer.seal_text(value, purpose=identity_purpose(check.id, name))
        )
    return {
        **reading.data,
        "sealed": sealed,
        "ci_hash": None if ci is None else fingerprint.of(ci),
        "di_hash": None if di is None else fingerprint.of(di),
    }
