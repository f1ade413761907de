"""The public listener: uvicorn on our TLS, our protocol and our signals."""

import asyncio
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callback_gateway.http_protocol import BoundedProtocol, ReceiveLimits


class HttpsServer(uvicorn.Server):
    """Started and stopped by its owner; uvicorn's own signal handling and its choice of sockets are left out."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        limits: ReceiveLimits,
        drain_s: int,
        on_cut: Callable[[str], None],
    ) -> None:
        """Bind nothing yet. `drain_s`: how long requests that run when `stop` is called may go on."""
        config = uvicorn.Config(
            _coming_back(app),
            host=host,
            port=port,
            ws="none",
            lifespan="off",
            # These two would be read from variables that are not ours.
            workers=1,
            forwarded_allow_ips=[],
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            # What callers do wrong is counted; uvicorn would write a line for each.
            log_level="error",
            timeout_graceful_shutdown=drain_s,
        )
        super().__init__(config)
        self._tls = tls
        self._limits = limits
        self._on_cut = on_cut
        self._log = structlog.get_logger("callback_gateway.https")

    @property
    def port(self) -> int:
        """The port that is bound."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def start(self) -> int:
        """Listen. Returns the bound port; `main_loop` must run as long as it serves."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        server = await asyncio.get_running_loop().create_server(
            self._connection,
            self.config.host,
            self.config.port,
            ssl=self._tls,
            # The handshake is the caller's first chance to dawdle, the goodbye the last one.
            ssl_handshake_timeout=self._limits.header_deadline_s,
            ssl_shutdown_timeout=self._limits.header_deadline_s,
        )
        self.servers = [server]
        self.started = True
        self._log.info("https_listening", host=self.config.host, port=self.port)
        return self.port

    async def stop(self) -> None:
        """Refuse new connections, let running requests end, close."""
        await self.shutdown()
        self._log.info("https_stopped")

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to the process, not to one of its listeners."""
        yield

    def _connection(self) -> BoundedProtocol:
        return BoundedProtocol(self.config, self.server_state, {}, limits=self._limits, on_cut=self._on_cut)


def _coming_back(app: ASGIApp) -> ASGIApp:
    """Whoever waits for an answer when the drain is over is told to come back: uvicorn would tell of a defect."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await app(scope, receive, noting)
        except asyncio.CancelledError:
            if has_begun:
                raise
            headers = {"Retry-After": "1", "Connection": "close"}
            await JSONResponse({"error": "stopping"}, status_code=503, headers=headers)(scope, receive, send)

    return answer
