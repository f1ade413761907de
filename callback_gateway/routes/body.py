"""Reading a request's body under a limit. How long it may take is bounded by callback_gateway.http_protocol."""

import asyncio

from starlette.requests import ClientDisconnect, Request


class BodyTooLarge(ValueError):
    """More bytes than an endpoint takes."""


class NotJson(ValueError):
    """The request says that its body is something else."""


def check_is_json(request: Request) -> None:
    """Raises NotJson unless the body is declared as plain JSON."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise NotJson("content-type must be application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise NotJson("content-encoding must be identity")


class Body:
    """The body of one request, read at most once."""

    def __init__(self, request: Request) -> None:
        self._receive = request.receive
        self._declared = request.headers.get("content-length", "")
        self._waits_for_leave = "expect" in request.headers
        self._is_complete = False

    async def read(self, *, limit_bytes: int) -> bytes:
        """All of it. Raises BodyTooLarge as soon as it is, whatever length was declared; ClientDisconnect."""
        if self._declared.isdecimal() and int(self._declared) > limit_bytes:
            raise BodyTooLarge(f"body must have at most {limit_bytes} bytes")
        body = bytearray()
        while not self._is_complete:
            body += await self._next()
            if len(body) > limit_bytes:
                raise BodyTooLarge(f"body must have at most {limit_bytes} bytes")
        return bytes(body)

    async def discard(self, *, limit_bytes: int, within_s: float) -> None:
        """Take in what is left of a body that nobody will look at, within limits.

        A connection closed on unread bytes is reset, and the caller would lose the answer that refuses it.
        """
        if self._waits_for_leave:
            return
        seen_bytes = 0
        try:
            async with asyncio.timeout(within_s):
                while not self._is_complete and seen_bytes <= limit_bytes:
                    seen_bytes += len(await self._next())
        except (TimeoutError, ClientDisconnect):
            return

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        self._is_complete = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
