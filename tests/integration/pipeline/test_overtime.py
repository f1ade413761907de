"""Work of the state machine that hangs is ended, and it is told why."""

import asyncio

import pytest

from pipeline_service.store.pool import Pools
from tests.integration.pipeline.machine.overtime import Overtime, in_time


async def test_work_that_hangs_is_ended_and_told_with_what_it_awaits_and_who_holds_locks(pools: Pools) -> None:
    was_ended = asyncio.Event()

    async def outside() -> None:
        await inside()

    async def inside() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            was_ended.set()

    async with pools.edit.acquire() as holder, holder.transaction():
        await holder.execute("SELECT pg_advisory_xact_lock(1)")

        with pytest.raises(Overtime, match="not done after") as found:
            await in_time(outside(), pools, limit_s=0.05)

    assert was_ended.is_set()
    for part in ("in outside", "in inside", "idle in transaction", "advisory ExclusiveLock"):
        assert part in str(found.value)


async def test_work_that_ends_in_time_answers_as_without_a_limit(pools: Pools) -> None:
    async def refused() -> None:
        raise KeyError("other")

    assert await in_time(asyncio.sleep(0, "done"), pools) == "done"
    with pytest.raises(KeyError, match="other"):
        await in_time(refused(), pools)
