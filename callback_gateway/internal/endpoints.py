"""What every internal endpoint has in common: the guard, the table of answers, and that nothing is kept by a cache."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callback_gateway.internal.guard import Guard, NotConfigured, Unauthorized
from callback_gateway.internal.metrics import InternalMetrics
from callback_gateway.internal.pipeline import DownstreamFailed, NothingThere
from callback_gateway.routes.refusals import RefusalLog
from callback_gateway.tokens import CapabilityExpired, CapabilityRefused, find_capability

Body: TypeAlias = Mapping[str, Any]
Handle: TypeAlias = Callable[[Request, str], Awaitable[Body]]
"""Given the request and its capability, which is empty for a caller that the guard let in."""
_HEADERS = {"Cache-Control": "no-store"}
_STATUS: Mapping[type[Exception], tuple[int, str | None]] = {
    Unauthorized: (401, "Unauthorized"),
    CapabilityRefused: (401, "Unauthorized"),
    CapabilityExpired: (410, "capability has expired"),
    NothingThere: (404, "not found"),
    NotConfigured: (503, None),
    DownstreamFailed: (502, "the pipeline service did not answer"),
}
"""Status and words; None says the error's own, which name settings and nothing else."""


class Endpoints:
    """Makes routes out of handlers."""

    def __init__(self, guard: Guard, *, metrics: InternalMetrics, refusals: RefusalLog) -> None:
        self._guard = guard
        self._metrics = metrics
        self._refusals = refusals
        self._log = structlog.get_logger("callback_gateway.internal")

    def guarded(self, path: str, handle: Handle, *, method: str = "GET") -> Route:
        """For callers with token and certificate alone."""
        return self._route(path, handle, method, takes_capability=False)

    def readable(self, path: str, handle: Handle) -> Route:
        """Also for whoever shows a capability, which the pipeline service verifies."""
        return self._route(path, handle, "GET", takes_capability=True)

    def _route(self, path: str, handle: Handle, method: str, *, takes_capability: bool) -> Route:
        async def answer(request: Request) -> Response:
            status, body = await self._answer(path, handle, request, takes_capability=takes_capability)
            self._metrics.requests.labels(path, str(status)).inc()
            return JSONResponse(dict(body), status_code=status, headers=_HEADERS)

        return Route(path, answer, methods=[method])

    async def _answer(self, path: str, handle: Handle, request: Request, *, takes_capability: bool) -> tuple[int, Body]:
        try:
            capability = _shown_capability(request) if takes_capability else ""
            if not capability:
                self._guard.check(request)
            return 200, await handle(request, capability)
        except Exception as error:  # the last place that can keep a cause from the caller
            known = _STATUS.get(type(error))
            if known is None:
                self._log.error("request_failed", path=path, exc_info=error)
                return 500, {"error": "internal error"}
            status, words = known
            caller = request.client.host if request.client else ""
            self._refusals.refused(path=path, status=status, caller=caller, why=type(error).__name__)
            return status, {"error": words or str(error)}


def _shown_capability(request: Request) -> str:
    """Empty where the request shows none. Raises CapabilityRefused for one that cannot be read."""
    query, bearers = request.scope["query_string"], request.headers.getlist("authorization")
    return str(find_capability(query=query, authorization=bearers)) if query or bearers else ""
