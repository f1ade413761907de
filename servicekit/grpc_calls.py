"""Each call that a server answers: counted, timed, and a span of the trace that it belongs to."""

import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import grpc

from servicekit.grpc_handlers import Context, HandlerWrapper
from servicekit.tracing import HEADER, Kind, Tracer, read_context

CountAnswer: TypeAlias = Callable[[str, str, float], None]
"""Called with method, code and how many seconds the answer took."""
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class CallInterceptor(HandlerWrapper):
    """Goes before all others, so that it sees what they answer as well."""

    def __init__(self, *, tracer: Tracer, begins: Collection[str] = (), on_answer: CountAnswer | None = None) -> None:
        """A trace begins with the methods `begins`; other calls belong to one only where their caller says so."""
        super().__init__()
        self._tracer = tracer
        self._begins = frozenset(begins)
        self._on_answer = on_answer

    def around(self, method: str, context: Context) -> AbstractAsyncContextManager[None]:
        return self._followed(method, context)

    @asynccontextmanager
    async def _followed(self, method: str, context: Context) -> AsyncIterator[None]:
        parent = _context_of(context)
        is_first = not parent and method in self._begins
        if is_first:
            parent = self._tracer.begin()
        began = time.monotonic()
        attributes: dict[str, str | int | float | bool] = {"rpc.system": "grpc"}
        with self._tracer.span(method[1:], parent=parent, kind=Kind.SERVER, attributes=attributes, is_first=is_first):
            try:
                yield
            finally:
                code = _code_of(context)
                attributes["rpc.grpc.status_code"] = code
                if self._on_answer is not None:
                    self._on_answer(method, code, time.monotonic() - began)


def _context_of(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == HEADER and isinstance(value, str):
            return read_context(value)
    return ""


def _code_of(context: Context) -> str:
    """The code is a number or a StatusCode, as whoever set it had it; none is OK, or the end of a caller who left."""
    code: Any = context.code()
    if context.cancelled() and not code:
        return grpc.StatusCode.CANCELLED.name
    return code.name if isinstance(code, grpc.StatusCode) else _CODES.get(code or 0, "UNKNOWN")
