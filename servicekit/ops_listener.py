"""The operator's window into a process: plain HTTP on loopback with /healthz, /readyz and /metrics."""

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

ReadinessCheck: TypeAlias = Callable[[], Awaitable[None]]
"""Returns when ready; raises with the reason when not."""

MAX_HEAD_BYTES = 8 * 1024


class NotLoopback(ValueError):
    """The listener speaks no TLS and asks nobody who they are, so it stays on this machine."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: HTTPStatus
    body: bytes
    content_type: str = "application/json"


class OpsListener:
    """Serves until `stop`ped. /healthz: the event loop turns. /readyz: each named check passes. /metrics."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        registry: CollectorRegistry,
        checks: Mapping[str, ReadinessCheck],
        check_timeout_s: float = 2.0,
        request_timeout_s: float = 5.0,
    ) -> None:
        """`host` must be a loopback address or `localhost`; port 0 takes a free one."""
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise NotLoopback(f"the ops listener must be on a loopback address, found {host}")
        self._host = host
        self._port = port
        self._registry = registry
        self._checks = dict(checks)
        self._check_timeout_s = check_timeout_s
        self._request_timeout_s = request_timeout_s
        self._server: asyncio.Server | None = None
        self._log = structlog.get_logger("servicekit.ops")

    async def start(self) -> int:
        """Listen. Returns the bound port."""
        self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=MAX_HEAD_BYTES)
        port: int = self._server.sockets[0].getsockname()[1]
        self._log.info("ops_listening", host=self._host, port=port)
        return port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._request_timeout_s):
                head = await reader.readuntil(b"\r\n\r\n")
                answer = await self._answer(head)
                writer.write(_http(answer, with_body=not head.startswith(b"HEAD ")))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked went away, was too slow or too long; nobody is left to answer
        finally:
            writer.close()

    async def _answer(self, head: bytes) -> _Answer:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _json(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "GET only"})
        match path:
            case b"/healthz":
                return _json(HTTPStatus.OK, {"status": "ok"})
            case b"/readyz":
                return await self._readiness()
            case b"/metrics":
                return _Answer(
                    status=HTTPStatus.OK, body=generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST
                )
            case _:
                return _json(HTTPStatus.NOT_FOUND, {"error": "only /healthz, /readyz and /metrics"})

    async def _readiness(self) -> _Answer:
        names = list(self._checks)
        reasons = await asyncio.gather(*(self._missing(self._checks[name]) for name in names))
        missing = {name: reason for name, reason in zip(names, reasons, strict=True) if reason is not None}
        if missing:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not ready", "missing": missing})
        return _json(HTTPStatus.OK, {"status": "ready", "checks": names})

    async def _missing(self, check: ReadinessCheck) -> str | None:
        """Why a check fails, by the kind of error only: its text may quote an address or a query."""
        try:
            async with asyncio.timeout(self._check_timeout_s):
                await check()
        except TimeoutError:
            return f"no answer within {self._check_timeout_s:g} s"
        except Exception as err:  # whatever goes wrong in a check means "not ready"
            return type(err).__name__
        return None


def _json(status: HTTPStatus, document: Mapping[str, object]) -> _Answer:
    return _Answer(status=status, body=json.dumps(document).encode() + b"\n")


def _http(answer: _Answer, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
