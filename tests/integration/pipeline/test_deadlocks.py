"""Two transactions that wait for each other: none of ours ever do, but if they did, it would be told and repeated."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from pipeline_service.commands.errors import Contended, Deadlocked
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.store.pool import Pools
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.structures import StructureCache
from tests.e2e.house import until
from tests.factories import noop
from tests.integration.pipeline.rig import Rig, in_the_way

_LOCK = "SELECT FROM pipelines WHERE uid = $1 FOR NO KEY UPDATE"


async def some_pipelines(rig: Rig, *names: str) -> list[PipelineUid]:
    """In the order in which they are locked."""
    for name in names:
        await rig.import_(noop("a"), document_id=name)
    return sorted([row["uid"] for row in await rig.pool.fetch("SELECT uid FROM pipelines")])


@pytest.mark.provokes_deadlock
async def test_deadlock_is_told_apart_and_raises_an_alarm(rig: Rig, pools: Pools) -> None:
    first, second = await some_pipelines(rig, "one", "two")
    alarms: list[str] = []
    store = PostgresStore(
        pools, structures=StructureCache(), concurrency={}, on_deadlock=lambda: alarms.append("deadlock")
    )

    async def lock_both() -> None:
        async with store.transaction([first, second]):
            pass

    async def wait_for_each_other() -> BaseException | None:
        """Which of the two has to go is the database's choice: mostly ours, which began to wait first."""
        async with pools.engine.acquire() as stranger, stranger.transaction():
            await stranger.execute(_LOCK, second)
            ours = asyncio.create_task(lock_both())
            await until(lambda: _is_waiting(rig), within_s=10)
            with suppress(asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
                async with stranger.transaction():
                    await stranger.execute(_LOCK, first)
        await asyncio.wait({ours})
        return ours.exception()

    async with asyncio.timeout(50):
        while not isinstance(ended := await wait_for_each_other(), Deadlocked):
            assert ended is None or isinstance(ended, Contended), ended
            assert alarms == []

    assert alarms == ["deadlock"]


async def test_pipelines_named_in_any_order_are_locked_in_one(rig: Rig) -> None:
    first, second, last = await some_pipelines(rig, "one", "two", "three")

    async def lock(*uids: PipelineUid) -> None:
        async with rig.store.transaction(uids):
            pass

    # Both wait for the last one. If they had come there in the order that they name, each would hold what the other
    # wants next.
    async with in_the_way(rig.pool, [last], of=2):
        both = asyncio.gather(lock(first, last, second), lock(second, last, first))
    await both


async def _is_waiting(rig: Rig) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await rig.pool.fetchval(waiting))
