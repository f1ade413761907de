"""Looks for something that is due, for ever."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from pipeline_service.commands.errors import PipelineError
from pipeline_service.metrics import Metrics


async def look_out(
    name: str,
    look: Callable[[], Awaitable[int]],
    metrics: Metrics,
    *,
    interval_s: float,
    bell: asyncio.Event | None = None,
) -> None:
    """Look, and look again at once while something is found, else after the interval or when the bell rings.

    `look` answers how much it found. A look that fails is counted, logged and repeated.
    """
    log = structlog.get_logger(f"pipeline_service.{name}")
    rung = bell or asyncio.Event()
    while True:
        rung.clear()
        found = 0
        try:
            found = await look()
            metrics.timer_found.labels(timer=name).inc(found)
        except PipelineError as error:
            metrics.timer_failures.labels(reason=type(error).__name__).inc()
            log.warning("look_failed", reason=str(error))
        except Exception:  # a defect about one execution must not end the looks for all others
            metrics.timer_failures.labels(reason="defect").inc()
            log.exception("look_failed")
        if not found:
            # Up to a fifth more, so that replicas do not look at the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(interval_s * (1 + random.random() / 5)):  # noqa: S311 - jitter
                    await rung.wait()
