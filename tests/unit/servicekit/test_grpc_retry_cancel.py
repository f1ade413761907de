"""Our own cancelling is never repeated, however gRPC tells of it."""

import asyncio

import grpc
import pytest

from servicekit.grpc_retry import RetryPolicy, call


async def test_call_whose_cancelling_came_back_as_an_error_is_not_repeated() -> None:
    tries = 0
    begun = asyncio.Event()

    async def attempt(*, timeout: float) -> None:
        nonlocal tries
        tries += 1
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # What the library may make of it when the call ends at the same moment.
            nothing = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, nothing, nothing) from None

    calling = asyncio.create_task(call(attempt, policy=RetryPolicy(deadline_s=30)))
    await begun.wait()
    calling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await calling
    assert tries == 1
