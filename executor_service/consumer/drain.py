"""Stops consumers without losing work: what can finish finishes, the rest goes back to its queue at once."""

import asyncio
from collections.abc import Sequence

import structlog

from executor_service.consumer.consumer import QueueConsumer
from executor_service.runner.runner import Runner

RELEASE_S = 8.0
"""For the reports with which work is given back."""


async def drain(consumers: Sequence[QueueConsumer], runner: Runner, *, grace_s: float) -> None:
    """Returns when nothing runs any more, after `grace_s` + RELEASE_S at the latest."""
    log = structlog.get_logger("executor.drain")
    for consumer in consumers:
        consumer.stop_pulling()
    if await _ended(consumers, within_s=grace_s):
        return
    log.info("work_released", count=len(_running(consumers)))
    runner.release_all()
    if await _ended(consumers, within_s=RELEASE_S):
        return
    left = _running(consumers)
    log.error("work_abandoned", count=len(left))
    for task in left:
        task.cancel()


async def _ended(consumers: Sequence[QueueConsumer], *, within_s: float) -> bool:
    tasks = _running(consumers)
    if tasks:
        await asyncio.wait(tasks, timeout=within_s)
    return not _running(consumers)


def _running(consumers: Sequence[QueueConsumer]) -> set["asyncio.Task[None]"]:
    return {task for consumer in consumers for task in consumer.running}
