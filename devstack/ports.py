"""Free TCP ports on loopback, held for as long as a stack lives."""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Iterable

# Below Linux's range for outgoing connections (32768 up), so that no passing connection takes a port of ours.
EPHEMERAL_RANGE = range(20000, 32000)
TRIES = 200


class NoFreePort(RuntimeError):
    """No port could be had on 127.0.0.1."""


class PortReservations:
    """Picks ports and keeps other stacks from picking them, also while a service of ours restarts.

    On Linux a bound socket with SO_REUSEADDR that does not listen lets a server with SO_REUSEADDR (Postgres, Go,
    asyncio, gRPC all set it) bind the same port, and keeps the kernel from giving the port to anyone else.
    Another stack would be let in too, so a name in the abstract socket namespace, which ends with
    its owner, says that the port is taken. Elsewhere ports are only looked at, not held.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def reserve(self, preferred: Iterable[int] = ()) -> int:
        for port in preferred:
            if self._take(port):
                return port
        for _ in range(TRIES):
            port = random.choice(EPHEMERAL_RANGE)  # noqa: S311 - luck, not secrecy
            if self._take(port):
                return port
        raise NoFreePort(f"expected a free port on 127.0.0.1, found none in {TRIES} tries")

    def release(self) -> None:
        while self._held:
            self._held.pop().close()

    def _take(self, port: int) -> bool:
        holds = [socket.socket()]
        try:
            holds[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holds[0].bind(("127.0.0.1", port))
            if sys.platform == "linux":
                holds.append(socket.socket(socket.AF_UNIX))
                holds[1].bind(f"\0montage-devstack-port-{port}")
        except OSError:
            for hold in holds:
                hold.close()
            return False
        if sys.platform == "linux":
            self._held += holds
        else:
            holds[0].close()
        return True
