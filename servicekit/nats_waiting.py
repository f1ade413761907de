"""A NATS connection that is made as soon as the broker is there: services may be started in any order."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from nats.aio.client import Client

from servicekit.nats_client import NatsAddress, NatsRefused, NatsUnavailable, connect
from servicekit.nats_steady import SteadyClient

LOOK_EVERY_S = 0.25


class WaitingConnection:
    """Not connected at first. What needs the broker to begin is given to `at_first` or run `once_connected`."""

    def __init__(self, address: NatsAddress, *, name: str, on_error: Callable[[str], None] | None = None) -> None:
        self.client: Client = SteadyClient()
        """Of no use before the connection; says of itself whether it is connected."""
        self._address = address
        self._name = name
        self._on_error = on_error
        self._first: list[Callable[[], Awaitable[None]]] = []
        self._connected = asyncio.Event()

    def at_first(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this as soon as it is connected, before anything else; a subscription stays by itself from then on."""
        self._first.append(work)

    async def run(self) -> None:
        """Connect, then do nothing until cancelled: from then on the client reconnects by itself.

        Raises NatsRefused, ConfigError or InvalidTlsFiles, which time does not mend.
        """
        log = structlog.get_logger("servicekit.nats")
        is_told = False
        while True:
            try:
                await connect(self._address, name=self._name, on_error=self._on_error, client=self.client)
                break
            except NatsRefused:
                raise
            except NatsUnavailable as err:
                if not is_told:
                    log.warning("waiting_for_nats", connection=self._name, reason=str(err))
                    is_told = True
                await asyncio.sleep(LOOK_EVERY_S)
        for work in self._first:
            await work()
        self._connected.set()
        await asyncio.get_running_loop().create_future()

    async def connected(self) -> None:
        """Returns when it was connected once."""
        await self._connected.wait()

    async def once_connected(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this when it is connected; answers when it has ended."""
        await self._connected.wait()
        await work()
