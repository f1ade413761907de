"""A little service without generated stubs: one method of each of gRPC's four kinds, StringValue to StringValue."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from servicekit.access import caller_identity

SERVICE = "house.v1.DoorService"
KINDS = ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream")
METHODS = tuple(f"/{SERVICE}/{kind}" for kind in KINDS)
CODEC = {"request_serializer": StringValue.SerializeToString, "response_deserializer": StringValue.FromString}

Behaviour = Callable[[str], Awaitable[str]]


async def echo(text: str) -> str:
    return text


class Door:
    """Answers `behaviour(text)`; the text `who` is answered with the caller."""

    def __init__(self, behaviour: Behaviour = echo) -> None:
        self._behaviour = behaviour
        self.calls = 0

    async def unary_unary(self, request: StringValue, context: Any) -> StringValue:
        return await self._answer(request, context)

    async def unary_stream(self, request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        yield await self._answer(request, context)
        yield await self._answer(request, context)

    async def stream_unary(self, requests: AsyncIterator[StringValue], context: Any) -> StringValue:
        return StringValue(value=",".join([(await self._answer(one, context)).value async for one in requests]))

    async def stream_stream(self, requests: AsyncIterator[StringValue], context: Any) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield await self._answer(request, context)

    async def _answer(self, request: StringValue, context: Any) -> StringValue:
        self.calls += 1
        if request.value == "who":
            return StringValue(value=caller_identity(context))
        return StringValue(value=await self._behaviour(request.value))

    def register(self, server: Any) -> None:
        """What generated code calls `add_…Servicer_to_server`."""
        codec = {"request_deserializer": StringValue.FromString, "response_serializer": StringValue.SerializeToString}
        handlers = {
            "UnaryUnary": grpc.unary_unary_rpc_method_handler(self.unary_unary, **codec),
            "UnaryStream": grpc.unary_stream_rpc_method_handler(self.unary_stream, **codec),
            "StreamUnary": grpc.stream_unary_rpc_method_handler(self.stream_unary, **codec),
            "StreamStream": grpc.stream_stream_rpc_method_handler(self.stream_stream, **codec),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        server.add_registered_method_handlers(SERVICE, handlers)


async def knock(channel: grpc.aio.Channel, kind: str, *texts: str, timeout: float = 5) -> list[str]:
    """Call one method of any kind and collect what it answers."""
    requests = [StringValue(value=text) for text in texts]
    method: Any = getattr(channel, _snake(kind))(f"/{SERVICE}/{kind}", **CODEC)
    sent = requests[0] if kind.startswith("Unary") else iter(requests)
    call = method(sent, timeout=timeout)
    if kind.endswith("Stream"):
        return [answer.value async for answer in call]
    return [(await call).value]


def _snake(kind: str) -> str:
    return {"UnaryUnary": "unary_unary", "UnaryStream": "unary_stream", "StreamUnary": "stream_unary"}.get(
        kind, "stream_stream"
    )
