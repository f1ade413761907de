"""Whether what the service needs is there, told to health checkers under a service name each: `montage.database`, …"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog

CHECK_TIMEOUT_S = 2.0
LOOK_S = 2.0
"""Between two looks; what a health checker is told is at most this and a check's time old."""


class SetServing(Protocol):
    """What health says about a service name."""

    def __call__(self, service: str, *, serving: bool) -> Awaitable[None]: ...


class Dependencies:
    """Looks for ever; a change is logged once."""

    def __init__(
        self,
        checks: Mapping[str, Callable[[], Awaitable[None]]],
        *,
        set_serving: SetServing,
        timeout_s: float = CHECK_TIMEOUT_S,
    ) -> None:
        """`checks` are those of the ops listener: each returns, or raises with the reason."""
        self._checks = checks
        self._set_serving = set_serving
        self._timeout_s = timeout_s
        self._known: dict[str, bool] = {}
        self._log = structlog.get_logger("pipeline_service.dependencies")

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Check all at once and tell what was found."""
        await asyncio.gather(*(self._look_at(name) for name in self._checks))

    async def _look_at(self, name: str) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._checks[name]()
            is_there, kind = True, ""
        except Exception as error:  # whatever goes wrong in a check means that it is not there
            # Only the kind: the text may quote an address or a query.
            is_there, kind = False, type(error).__name__
        if name not in self._known:
            # The first look comes while we start, and so may others: what is still away at the second one is told.
            self._known[name] = True
        elif self._known[name] is not is_there:
            self._log.warning("dependency_changed", dependency=name, is_there=is_there, error=kind)
            self._known[name] = is_there
        await self._set_serving(f"montage.{name}", serving=is_there)
