"""How a process stops what it has started."""

import asyncio
from contextlib import suppress

from servicekit.lifecycle import Lifecycle


async def test_task_that_misses_its_cancellation_is_asked_again() -> None:
    asked = 0

    async def misses_the_first() -> None:
        nonlocal asked
        while asked < 2:
            with suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
            asked += 1

    life = Lifecycle(cancel_again_after_s=0.01)
    task = life.spawn("deaf", misses_the_first())
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await life.close()

    assert task.done()
    assert asked == 2


async def test_what_was_started_last_is_stopped_first() -> None:
    stopped: list[str] = []

    async def note(name: str) -> None:
        stopped.append(name)

    life = Lifecycle()
    life.on_stop(lambda: note("database"))
    life.on_stop(lambda: note("server"))

    await life.close()

    assert stopped == ["server", "database"]
