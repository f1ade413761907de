"""Putting something around a gRPC handler, whatever its kind.

Interceptors of grpc.aio see no ServicerContext: they only choose the handler. What needs the context (who calls, how to
answer an error) therefore wraps the handler, and it must do so for all four kinds, or the fourth stays open.
"""

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

# Requests and responses are whatever the stubs made of them; nothing here looks inside.
Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
# Generic for the type checker, not when it runs.
if TYPE_CHECKING:
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
    _Interceptor: TypeAlias = grpc.aio.ServerInterceptor[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
    _Interceptor = grpc.aio.ServerInterceptor


class HandlerWrapper(_Interceptor, ABC):
    """An interceptor that puts `around` every call and passes every request through `check_request`."""

    def __init__(self) -> None:
        # A served method has the same handler in every call.
        self._wrapped: dict[str, tuple[Handler, Handler]] = {}

    @abstractmethod
    def around(self, method: str, context: Context) -> AbstractAsyncContextManager[None]:
        """Entered before the handler runs, left when it ended; `method` is `/package.Service/Method`."""

    async def check_request(self, method: str, request: Any, context: Context) -> None:
        """Refuse a request by aborting; called for each message of a request stream as well."""

    async def intercept_service(  # type: ignore[override] # None is what gRPC gives for an unknown method
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wrap the handler that the rest of the chain found; None (an unknown method) stays None."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        known, wrapped = self._wrapped.get(method, (None, None))
        if wrapped is None or known is not handler:
            wrapped = self.wrap(method, handler)
            self._wrapped[method] = handler, wrapped
        return wrapped

    def wrap(self, method: str, handler: Handler) -> Handler:
        """The same handler with ourselves around it.

        A method that is not async is one that the servicer left to its generated base class: UNIMPLEMENTED, once the
        caller has passed the other wrappers. (Run as it is, it would block the event loop.)
        """
        behaviour, make = _behaviour_of(handler)
        request_seen = self._streamed if handler.request_streaming else self._single
        if inspect.isasyncgenfunction(behaviour):
            wrapped = self._around_generator(method, behaviour, request_seen)
        else:
            served = behaviour if inspect.iscoroutinefunction(behaviour) else _unimplemented
            wrapped = self._around_coroutine(method, served, request_seen)
        wrapped_handler: Handler = make(
            wrapped,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return wrapped_handler

    def _around_generator(
        self, method: str, behaviour: Callable[..., Any], seen: Callable[..., Any]
    ) -> Callable[..., Any]:
        @functools.wraps(behaviour)
        async def generator(request: Any, context: Context) -> AsyncIterator[Any]:
            async with (
                self.around(method, context),
                # Closed here and now: left to the garbage collector, its clean-up would run some time after the call.
                aclosing(behaviour(await seen(method, request, context), context)) as responses,
            ):
                async for response in responses:
                    yield response

        return generator

    def _around_coroutine(
        self, method: str, behaviour: Callable[..., Any], seen: Callable[..., Any]
    ) -> Callable[..., Any]:
        @functools.wraps(behaviour)
        async def coroutine(request: Any, context: Context) -> Any:
            async with self.around(method, context):
                return await behaviour(await seen(method, request, context), context)

        return coroutine

    async def _single(self, method: str, request: Any, context: Context) -> Any:
        await self.check_request(method, request, context)
        return request

    async def _streamed(self, method: str, requests: Any, context: Context) -> Any:
        async def checked() -> AsyncIterator[Any]:
            async for request in requests:
                await self.check_request(method, request, context)
                yield request

        return checked()


async def _unimplemented(_request: Any, context: Context) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not implemented.")


def _behaviour_of(handler: Handler) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The function that does the work, and what makes a handler of its kind."""
    match (handler.request_streaming, handler.response_streaming):
        case (False, False):
            found: Any = handler.unary_unary
            return found, grpc.unary_unary_rpc_method_handler
        case (False, True):
            found = handler.unary_stream
            return found, grpc.unary_stream_rpc_method_handler
        case (True, False):
            found = handler.stream_unary
            return found, grpc.stream_unary_rpc_method_handler
        case _:
            found = handler.stream_stream
            return found, grpc.stream_stream_rpc_method_handler
