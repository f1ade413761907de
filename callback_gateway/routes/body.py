"""Reading a request's body under a limit. How long it may take is bounded by callback_gateway.http_protocol.

A request that is refused before its body was read needs nothing more: the connection takes the rest in and drops it,
within the bounds of that module, so that the caller gets to read the answer.
"""

from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """Bytes that a body may have."""

    usual: int
    large: int
    """Of those that bring results along."""

    def of(self, *, is_large: bool) -> int:
        return self.large if is_large else self.usual


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


async def read_body(request: Request, *, limit_bytes: int) -> bytes:
    """All of it. Raises BodyTooLarge as soon as it is, whatever length was declared; ClientDisconnect."""
    too_large = BodyTooLarge(f"body must have at most {limit_bytes} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large
    return bytes(body)
