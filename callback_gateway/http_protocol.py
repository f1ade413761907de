"""HTTP/1.1 as uvicorn speaks it, with bounds on what one connection may send and how long it may take.

uvicorn bounds neither: it counts only the time between two requests, and any byte starts that anew. Here every request
has one deadline for its head and one for its body, whatever trickles in meanwhile.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from callback_gateway.callers import PEER_CERTIFICATE, certificate_of


@dataclass(frozen=True, kw_only=True)
class ReceiveLimits:
    """Bounds of one connection."""

    header_deadline_s: float = 5.0
    """From the first byte of a request (for the first one: from the handshake) to the end of its head."""
    body_deadline_s: float = 10.0
    """From the end of the head to the end of the body."""
    header_limit_bytes: int = 16 * 1024
    message_limit_bytes: int = 1024 * 1024
    """What is taken in of one request at all, read or not; endpoints have smaller limits of their own."""
    connections: int = 1024
    connection_age_s: float = 300.0
    """After which a connection takes no further request: so long a certificate counts that would be refused by now."""


class _Phase(Enum):
    """Which part of a request is being received."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        limits: ReceiveLimits,
        on_cut: Callable[[str], None],
    ) -> None:
        """`on_cut(reason)` is called when a connection is ended for breaking a bound."""
        super().__init__(config, server_state, app_state)
        self._limits = limits
        self._on_cut = on_cut
        self._phase = _Phase.IDLE
        self._received_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._certificate: bytes | None = None
        self._old_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._old_at = self.loop.time() + self._limits.connection_age_s
        self._certificate = certificate_of(transport.get_extra_info("ssl_object"))
        if len(self.connections) > self._limits.connections:
            self._cut("connections", status=b"503 Service Unavailable", headers=b"Retry-After: 1\r\n")
            return
        self._enter(_Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._phase is _Phase.IDLE:
            # Not when a message begins: line ends before a request begin none, and would keep the connection for ever.
            self._enter(_Phase.HEAD)
        self._received_bytes += len(data)
        super().data_received(data)
        self._check_size()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[PEER_CERTIFICATE] = self._certificate  # type: ignore[literal-required] # a key of our own
        if self._phase is not _Phase.HEAD:
            # The second request in one piece of data.
            self._enter(_Phase.HEAD)

    def on_headers_complete(self) -> None:
        head_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if head_bytes > self._limits.header_limit_bytes:
            self._cut("header_size", status=b"431 Request Header Fields Too Large")
            return
        super().on_headers_complete()
        if self.loop.time() >= self._old_at:
            self.cycle.keep_alive = False
        self._enter(_Phase.BODY)

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_clock()
        self._phase = _Phase.IDLE
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 # uvicorn's words stay here
        self._cut("not_http", status=b"400 Bad Request")

    def _enter(self, phase: _Phase) -> None:
        self._stop_clock()
        self._phase = phase
        self._received_bytes = 0
        is_head = phase is _Phase.HEAD
        deadline_s = self._limits.header_deadline_s if is_head else self._limits.body_deadline_s
        self._deadline = self.loop.call_later(
            deadline_s, self._cut, "header_deadline" if is_head else "body_deadline", b"408 Request Timeout"
        )

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _check_size(self) -> None:
        if self.transport.is_closing():
            return
        if self._phase is _Phase.HEAD and self._received_bytes > self._limits.header_limit_bytes:
            self._cut("header_size", b"431 Request Header Fields Too Large")
        elif self._phase is _Phase.BODY and self._received_bytes > self._limits.message_limit_bytes:
            self._cut("message_size", b"413 Content Too Large")

    def _cut(self, reason: str, status: bytes, headers: bytes = b"") -> None:
        """End the connection, with a bare answer if the caller has none yet."""
        self._stop_clock()
        if self.transport.is_closing():
            return
        self._on_cut(reason)
        if _is_unanswered(self.cycle, phase=self._phase):
            ending = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + headers + ending)
        if self.cycle is not None and not self.cycle.response_complete:
            # Whoever waits for the rest of the body must not wait for the end of the TLS goodbye as well.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _is_unanswered(cycle: RequestResponseCycle | None, *, phase: _Phase) -> bool:
    """False while an answer is on its way, or when the request that is being received has had its own."""
    if cycle is None:
        return True
    return not cycle.response_started if phase is _Phase.BODY else cycle.response_complete
