"""The trace of one command, where MONTAGE_OTLP_ENDPOINT says who collects it: its first span, and one for each call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from montage_cli.errors import MontageError, Status
from servicekit.tracing import HEADER, Kind, Tracer, current_context

ENDPOINT = "MONTAGE_OTLP_ENDPOINT"
_SCHEMES = ("http://", "https://", "file:///")


@contextmanager
def followed(variables: Mapping[str, str], *, name: str) -> Iterator[Sequence[Any]]:
    """What a channel needs so that its calls join the trace; nothing where nobody collects. Raises MontageError."""
    endpoint = variables.get(ENDPOINT, "")
    if not endpoint:
        yield ()
        return
    if not endpoint.startswith(_SCHEMES):
        message = f"{ENDPOINT}: expected http(s)://collector:4318 or file:///path, found {endpoint!r}"
        raise MontageError(message, status=Status.INVALID_ARGUMENT)
    # Nobody else needs it, and it is not free to load.
    from servicekit.otlp import SpanExporter

    exporter = SpanExporter(endpoint, service="montage")
    tracer = Tracer(exporter.put)
    try:
        with tracer.span(name, parent=tracer.begin(), kind=Kind.CLIENT, is_first=True):
            yield (_Calls(tracer), _Streams())
    finally:
        exporter.close()


class _Calls(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg] # generic for the type checker only
    """A span for each try of a call."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        attributes: dict[str, str | int | float | bool] = {"rpc.system": "grpc"}
        method = _text(client_call_details.method).removeprefix("/")
        with self._tracer.span(method, parent=current_context(), kind=Kind.CLIENT, attributes=attributes) as context:
            call = await continuation(_joined(client_call_details, context), request)
            attributes["rpc.grpc.status_code"] = (await call.code()).name
            return call


class _Streams(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg] # as above
    """A stream only says which trace it belongs to: it lasts as long as somebody looks."""

    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(_joined(client_call_details, current_context()), request)


def _joined(details: Any, context: str) -> Any:
    """The details, a named tuple that the type stubs do not know as one, with the header."""
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    metadata.add(HEADER, context)
    return details._replace(metadata=metadata)


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method
