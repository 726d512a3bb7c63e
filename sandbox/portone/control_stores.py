"""Decides how the merchant gets further stores and other API secrets while the simulator runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .config_file import StoreInput, store_of
from .control_inputs import SecretsInput
from .errors import ControlError
from .inputs import read_control

if TYPE_CHECKING:
    from starlette.requests import Request

    from .simulator import Simulator


class StoreControls:
    """Routes about stores and the secrets that open them."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes of this group."""
        return [
            Route("/stores/{store_id}", self.store, methods=["PUT"]),
            Route("/api-secrets", self.api_secrets, methods=["PUT"]),
        ]

    async def store(self, request: Request) -> Response:
        """PUT /stores/{storeId}: a further, empty store of the merchant, as the configuration file describes one.

        ``{storeId, apiSecrets, webhookSecrets, channels}``: secrets that were left out are new. A reset closes it.
        """
        store_id = request.path_params["store_id"]
        body = read_control(StoreInput, await request.body())
        if store_id in self._simulator.stores:
            raise ControlError(409, "SIM_STORE_EXISTS", f"storeId: {store_id} is open already")
        try:
            config = store_of(store_id, body)
        except ValueError as failure:
            raise ControlError(422, "SIM_INVALID_INPUT", str(failure)) from failure
        self._simulator.open_store(config)
        shown = {
            "storeId": store_id,
            "apiSecrets": list(config.api_secrets),
            "webhookSecrets": list(config.webhook_secrets),
            "channels": list(config.channels),
        }
        return JSONResponse(shown)

    async def api_secrets(self, request: Request) -> Response:
        """PUT ``{secrets, storeId?}``: the console issues or expires V2 API secrets; others answer 401 from now on."""
        body = read_control(SecretsInput, await request.body())
        self._simulator.store(body.storeId).api_secrets = tuple(body.secrets)
        return JSONResponse({"count": len(body.secrets)})
