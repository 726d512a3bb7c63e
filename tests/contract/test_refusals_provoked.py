"""Each refusal of each call is provoked through the worker's real client and raises the branch it belongs to.

The simulator gives it by itself wherever its state can be brought about; what PortOne gives for things the simulator
does not have (promotions, permissions, channel groups) is put into its mouth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.portone.config import SimulatorConfig
from sandbox.portone.control_client import SimulatorControl
from sandbox.portone.server import RunningSimulator, serve_in_process
from tests.contract.provocations import STORE, Scene, by_itself, plain
from tests.contract.refusals import PAIRS
from tests.contract.test_refusals_end import answer
from worker.errors import Misconfigured
from worker.http_pool import HttpPool
from worker.portone.client import PortOneClient
from worker.portone.faults import FAULTS
from worker.portone.stores import open_store
from worker.sentences import english, korean

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the simulator cannot be brought to say by itself: reads are well formed always, what is not there is no error to
# the worker, and these belong to what is not simulated.
SPOKEN_FOR = {
    (operation, word)
    for operation, word in PAIRS
    if (operation.startswith("get") and word != "UNAUTHORIZED")
    or "PROMOTION" in word
    or word in ("DISCOUNT_AMOUNT_EXCEEDS_TOTAL_AMOUNT", "CHANNEL_SPECIFIC", "FORBIDDEN")
} | {
    ("closeVirtualAccount", "INVALID_REQUEST"),
    ("stopPaymentCancellation", "INVALID_REQUEST"),
    ("resendIdentityVerification", "INVALID_REQUEST"),
    ("confirmIdentityVerification", "INVALID_REQUEST"),
    ("sendIdentityVerification", "IDENTITY_VERIFICATION_NOT_FOUND"),
    ("sendIdentityVerification", "MAX_TRANSACTION_COUNT_REACHED"),
}
# A store this secret may not see; reading there is a 404 (observed), the rest is refused.
FORBIDDEN = sorted(
    operation for operation, word in PAIRS if word == "FORBIDDEN" and operation != "getPayment"
)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with serve_in_process(SimulatorConfig(store_id=STORE)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def control(running: RunningSimulator) -> Iterator[SimulatorControl]:
    with SimulatorControl(running.control_url) as client:
        yield client


class Client:
    """The worker's client of the running simulator."""

    def __init__(self, running: RunningSimulator, control: SimulatorControl) -> None:
        # Plain HTTP: no certificates to load.
        pool = HttpPool(
            timeout=httpx.Timeout(10), concurrency=1, transport=httpx.AsyncHTTPTransport(verify=False)
        )
        self._running, self._control, self.pool = running, control, pool

    def scene(self, *, secret: str | None = None, store_id: str = STORE) -> Scene:
        """The calls with this secret in this store."""
        client = PortOneClient(
            base_url=self._running.url,
            api_secret=secret or self._running.api_secret,
            store_id=store_id,
            pool=self.pool,
        )
        return Scene(self._control, open_store(client))


async def raised(
    running: RunningSimulator, control: SimulatorControl, operation: str, word: str
) -> Exception:
    """Provoke a refusal and return what the client made of it."""
    control.reset()
    client = Client(running, control)
    try:
        if word == "UNAUTHORIZED":
            call = plain(operation, client.scene(secret="an-expired-secret"))
        elif (operation, word) in SPOKEN_FOR:
            refusal = answer(word)
            control.add_fault("status", "*", status=refusal.status_code, body=refusal.json())
            call = plain(operation, client.scene())
        else:
            made = await by_itself(operation, word, client.scene())
            assert made is not None, "bring it about in provocations, or say why it has to be spoken for"
            call = made
        with pytest.raises(FAULTS[word][1]) as caught:
            await call
    finally:
        await client.pool.aclose()
    return caught.value


@pytest.mark.parametrize(("operation", "word"), PAIRS)
async def test_a_refusal_raises_its_branch(
    running: RunningSimulator, control: SimulatorControl, operation: str, word: str
) -> None:
    if operation.startswith("get") and word.endswith("_NOT_FOUND"):
        control.reset()
        client = Client(running, control)
        assert await plain(operation, client.scene()) is None, "what is not there is an answer"
        await client.pool.aclose()
        return
    error = await raised(running, control, operation, word)
    assert type(error) is FAULTS[word][1]
    said = error.as_error()  # type: ignore[attr-defined]
    assert said["code"] == word
    assert re.search(r"[가-힣]", said["message_ko"])
    assert said["message_ko"] == korean(word)
    if isinstance(error, Misconfigured):
        assert error.message.startswith(f"PORTONE_API_SECRET: PortOne refused it for {STORE}")
    else:
        assert said["message"] == english(word)
    if word == "PG_PROVIDER":
        assert said["pg_code"]


@pytest.mark.parametrize("operation", FORBIDDEN)
async def test_a_store_the_secret_does_not_open_is_forbidden(
    running: RunningSimulator, control: SimulatorControl, operation: str
) -> None:
    client = Client(running, control)
    with pytest.raises(FAULTS["FORBIDDEN"][1], match="FORBIDDEN"):
        await plain(operation, client.scene(store_id="store-of-somebody-else"))
    await client.pool.aclose()


def test_most_refusals_are_the_simulators_own() -> None:
    own = [pair for pair in PAIRS if pair not in SPOKEN_FOR]
    assert set(PAIRS) >= SPOKEN_FOR
    assert len(own) > 70
