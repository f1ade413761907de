"""A watch that is interrupted ends, however gRPC tells of it."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import grpc
import pytest

from montage_cli.calls import Caller, CallOptions
from montage_cli.connection import Connection
from montage_cli.watching import Watch

CONNECTION = Connection(
    address="nowhere:1", ca_cert=Path("ca"), client_cert=Path("cert"), client_key=Path("key"), origin="the test"
)
ERROR = grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, grpc.aio.Metadata(), grpc.aio.Metadata(), "", "")


class SwallowingStream:
    """Says nothing, and tells of its reader's cancelling as gRPC may: as the end of the stream, or as an error."""

    def __init__(self, *, as_error: bool) -> None:
        self.is_read = asyncio.Event()
        self._as_error = as_error

    async def read(self) -> object:
        self.is_read.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._as_error:
                raise ERROR from None
        return grpc.aio.EOF

    def cancel(self) -> None:
        pass


class Streams:
    """WatchPipeline of a stub; counts how often it was asked."""

    def __init__(self, *, as_error: bool) -> None:
        self.asked = 0
        self.stream = SwallowingStream(as_error=as_error)

    def __call__(self, request: object, *, timeout: float) -> SwallowingStream:
        self.asked += 1
        if self.asked > 1:
            raise AssertionError("a watch that was interrupted began again")
        return self.stream

    async def watch(self) -> None:
        method: Any = self
        caller = Caller(options=CallOptions(), connection=CONNECTION)
        updates = Watch(method, "pipelines/welcome", after_sequence=0, caller=caller).updates()
        async with contextlib.aclosing(updates):
            async for _ in updates:
                pass


@pytest.mark.parametrize("as_error", [False, True])
async def test_cancelled_watch_ends_and_asks_no_more(as_error: bool) -> None:
    streams = Streams(as_error=as_error)
    task = asyncio.create_task(streams.watch())
    await streams.stream.is_read.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert streams.asked == 1


@pytest.mark.parametrize("as_error", [False, True])
def test_watch_interrupted_by_a_signal_is_a_keyboard_interrupt(as_error: bool) -> None:
    async def watch() -> None:
        streams = Streams(as_error=as_error)
        asyncio.get_running_loop().call_later(0, signal.raise_signal, signal.SIGINT)
        await streams.watch()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(watch())
