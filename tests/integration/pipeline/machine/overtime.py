"""Ends what hangs, and tells what it waited for: no timeout of a test runner says that of tasks and sessions."""

import asyncio
import traceback
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from pipeline_service.store.pool import Pool, Pools
from tests.patience import PATIENCE_S

T = TypeVar("T")
LOOK_S = 5.0
"""How long each role's sessions are looked for: the pool may be what everybody waits for."""
# Each role is told of its own sessions alone.
_SESSIONS = """
SELECT pid, state, wait_event_type, wait_event, pg_blocking_pids(pid) AS blocked_by,
    clock_timestamp() - xact_start AS age,
    ARRAY(
        SELECT concat_ws(' ', locktype, relation::regclass, mode, CASE WHEN NOT granted THEN 'wanted' END)
        FROM pg_locks AS l WHERE l.pid = a.pid
    ) AS locks,
    query
FROM pg_stat_activity AS a
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


class Overtime(AssertionError):
    """Says what all tasks and sessions were about."""


async def in_time(work: Coroutine[Any, Any, T], pools: Pools, *, limit_s: float = PATIENCE_S) -> T:
    """Do work in `limit_s`, else end it and raise Overtime."""
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=limit_s)
    if task.done():
        return task.result()
    sessions = [line for pool in (pools.engine, pools.edit) for line in await _sessions(pool)]
    tasks = [line for one in asyncio.all_tasks() - {asyncio.current_task()} for line in _stack(one)]
    task.cancel()
    await asyncio.wait({task}, timeout=LOOK_S)
    raise Overtime("\n".join((f"not done after {limit_s} s", *tasks, *sessions)))


async def _sessions(pool: Pool) -> list[str]:
    try:
        async with asyncio.timeout(LOOK_S), pool.acquire() as connection:
            rows = await connection.fetch(_SESSIONS)
    except TimeoutError:
        return ["no connection is free to look at the sessions"]
    return [f"session {dict(row)}" for row in rows]


def _stack(task: "asyncio.Task[Any]") -> Iterator[str]:
    """From the task inwards to what it awaits; `Task.get_stack` tells only the outermost."""
    yield f"task {task.get_name()}"
    awaited: Any = task.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        yield traceback.format_list(traceback.StackSummary.extract([(frame, frame.f_lineno)]))[0].rstrip()
        awaited = awaited.cr_await
