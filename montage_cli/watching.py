"""A watch that never ends by itself: broken streams are resumed behind the last event, without a gap or a repeat."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from typing import Any

import grpc
from montage.v1 import pipeline_service_pb2 as api

from montage_cli.calls import Caller
from servicekit.grpc_retry import error_reason, raise_if_cancelled

_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0
_RESUMABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
    }
)
# What gRPC makes of a connection that breaks inside a message; from the service itself they carry a reason.
_RESUMABLE_WITHOUT_REASON = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})


class Watch:
    """One watch of one pipeline."""

    def __init__(self, method: Any, name: str, *, after_sequence: int | None, caller: Caller) -> None:
        """`method` is WatchPipeline of the stub."""
        self._method = method
        self._name = name
        self._after_sequence = after_sequence
        self._pipeline_uid = ""
        self._caller = caller
        self._options = caller.options

    async def updates(self) -> AsyncGenerator[api.WatchPipelineResponse, None]:
        """The pages of a snapshot if none was skipped, then events, progress and heartbeats.

        Raises MontageError when the service refuses, or is not heard for `watch_patience_s`.
        """
        clock = asyncio.get_running_loop().time
        heard_at = clock()
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                async with contextlib.aclosing(self._one_stream()) as stream:
                    async for update in stream:
                        yield update
                        heard_at, wait_s = clock(), _FIRST_WAIT_S
            except grpc.aio.AioRpcError as error:
                raise_if_cancelled(error)
                if not _is_resumable(error) or clock() - heard_at > self._options.watch_patience_s:
                    self._caller.refuse(error)
            raise_if_cancelled()
            await asyncio.sleep(wait_s * (0.5 + random.random() / 2))  # noqa: S311 # spreads reconnects, guards nothing
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _one_stream(self) -> AsyncGenerator[api.WatchPipelineResponse, None]:
        """Updates of one stream, until it ends, falls silent, or leaves something out."""
        request = api.WatchPipelineRequest(
            name=self._name, after_sequence=self._after_sequence, pipeline_uid=self._pipeline_uid
        )
        stream = self._method(request, timeout=self._options.watch_deadline_s)
        pages: list[api.WatchPipelineResponse] = []
        try:
            while (update := await self._next(stream)) is not None:
                match update.WhichOneof("update"):
                    case "snapshot":
                        # Pages are held back until all are here: a broken snapshot is asked for again from its start.
                        pages.append(update)
                        if not update.snapshot.complete:
                            continue
                        for page in pages:
                            yield page
                        self._after_sequence = update.snapshot.sequence
                        self._pipeline_uid = update.snapshot.pipeline.uid
                    case "event":
                        if self._is_gap(update.event.sequence):
                            return
                        if self._is_new(update.event.sequence):
                            self._after_sequence = update.event.sequence
                            yield update
                    case "heartbeat":
                        if self._is_gap(update.heartbeat.sequence + 1):
                            return
                        yield update
                    case "progress":
                        yield update
        finally:
            stream.cancel()

    async def _next(self, stream: Any) -> api.WatchPipelineResponse | None:
        try:
            async with asyncio.timeout(self._options.watch_silence_s):
                update = await stream.read()
        except TimeoutError:
            return None
        return update if isinstance(update, api.WatchPipelineResponse) else None

    def _is_new(self, sequence: int) -> bool:
        return self._after_sequence is None or sequence > self._after_sequence

    def _is_gap(self, sequence: int) -> bool:
        return self._after_sequence is not None and sequence > self._after_sequence + 1


def _is_resumable(error: grpc.aio.AioRpcError) -> bool:
    if error.code() in _RESUMABLE_WITHOUT_REASON:
        return error_reason(error) is None
    return error.code() in _RESUMABLE
