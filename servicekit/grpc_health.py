"""Health that also tells who answers and when: a caller sees the server's version and how far the clocks are apart."""

from datetime import UTC, datetime
from typing import Any

from grpc_health.v1 import health

VERSION_HEADER = "server-version"
TIME_HEADER = "server-time"
"""RFC 3339, when the call was taken."""

_HealthServicer: Any = health.aio.HealthServicer  # type: ignore[attr-defined] # missing in the type stubs


class StampedHealth(_HealthServicer):  # type: ignore[misc] # for the same reason
    """`grpc.health.v1.Health` whose Check sends both as initial metadata, whatever it answers."""

    def __init__(self, *, version: str) -> None:
        super().__init__()
        self._version = version

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 # the name of the contract
        taken = datetime.now(UTC).isoformat(timespec="milliseconds")
        await context.send_initial_metadata(((VERSION_HEADER, self._version), (TIME_HEADER, taken)))
        return await super().Check(request, context)
