"""The NATS client, with one fault of it mended."""

from nats.aio.client import Client


class SteadyClient(Client):
    """Reads on when an answer comes that nobody waits for any more.

    In nats-py 2.16 a flush that is cancelled, or has run out of time, leaves its future in the row of awaited answers:
    the PONG that comes for it ends the reading of the whole connection, deaf from then on until two pings went lost.
    """

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
            self._pings_outstanding = 0
            return
        await super()._process_pong()
