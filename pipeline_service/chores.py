"""What the service does now and then, beside its work."""

import asyncio
import random
from datetime import timedelta

import structlog

from pipeline_service.commands.errors import PipelineError
from pipeline_service.commands.sweeping import Sweeper
from pipeline_service.metrics import Metrics
from pipeline_service.store.overview import show_overview
from pipeline_service.store.pool import Pool
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.requests import PostgresRequests

REQUESTS_KEPT = timedelta(hours=24)
SWEEP_EVERY_S = 30.0


async def sweep_queue(sweeper: Sweeper, metrics: Metrics) -> None:
    """Now and then, take out of the queue what nobody wants any more."""
    log = structlog.get_logger("pipeline_service.sweeping")
    while True:
        await asyncio.sleep(SWEEP_EVERY_S * (1 + random.random() / 5))  # noqa: S311 - jitter
        try:
            removed = await sweeper.sweep()
        except PipelineError as error:
            log.warning("sweep_failed", reason=str(error))
            continue
        if removed:
            metrics.swept.inc(removed)
            log.info("queue_swept", removed=removed)


async def tell_overview(store: PostgresStore, pool: Pool, metrics: Metrics) -> int:
    """What vendors are asked to do, and what waits, is overdue or undecided."""
    now, limits = await store.vendor_limits()
    metrics.tell_limits(limits, now=now)
    metrics.tell_overview(await show_overview(pool))
    return 0


async def forget_requests(requests: PostgresRequests) -> None:
    """Once an hour, remove what nobody will repeat any more."""
    log = structlog.get_logger("pipeline_service.requests")
    while True:
        try:
            await requests.forget(older_than=REQUESTS_KEPT)
        except PipelineError as error:
            log.warning("forgetting_failed", reason=str(error))
        await asyncio.sleep(3600)
