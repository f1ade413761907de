"""Looks at the database again and again, past every service: who is at work, what has ended, and what must never be."""

import asyncio
import contextlib
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from devstack.layout import DATABASE, OWNER_ROLE
from devstack.stack import Stack
from tests.e2e.house import until_true

_LOOK_EVERY_S = 0.1
_TIMEOUT_S = 2.0
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver says when the server dies under it, or does not answer."""
_MOMENT = """
SELECT
    count(*) FILTER (WHERE state = 'QUEUED') AS queued,
    count(*) FILTER (WHERE state = 'RUNNING') AS running,
    count(*) FILTER (WHERE state = 'WAITING') AS waiting,
    count(*) FILTER (WHERE end_time IS NOT NULL) AS ended,
    (SELECT count(*) FROM purchases WHERE state IN ('INTENDED', 'SUBMITTED')) AS buying
FROM executions
"""
_OVER = "SELECT id::text FROM runs WHERE id = ANY($1::text[]::uuid[]) AND state NOT IN ('ACTIVE', 'PAUSED')"
NEVER = {
    "a transaction that waited for one which waited for it": """
        SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()
    """,
    "a node in progress without a living execution of its own, or the other way round": """
        SELECT count(*) FROM (SELECT * FROM executions WHERE state IN ('QUEUED', 'RUNNING', 'WAITING')) AS e
        FULL JOIN (SELECT * FROM nodes WHERE status = 'in_progress') AS n ON n.execution_id = e.id
        WHERE n.uid IS NULL OR e.id IS NULL OR n.uid <> e.node_uid
    """,
    "an execution that lives and waits for no moment": """
        SELECT count(*) FROM executions WHERE state IN ('QUEUED', 'RUNNING', 'WAITING') AND close_due_at IS NULL
    """,
    "work that was queued before its inputs were complete": """
        SELECT count(*) FROM executions AS e JOIN node_inputs AS i ON i.node_uid = e.node_uid
        JOIN nodes AS source ON source.uid = i.source_uid
        WHERE e.state IN ('QUEUED', 'RUNNING', 'WAITING') AND source.output IS NULL
    """,
    "two open purchases of the same work": """
        SELECT count(*) FROM (
            SELECT FROM purchases WHERE state NOT IN ('SETTLED', 'REFUSED')
            GROUP BY owner, work_digest HAVING count(*) > 1
        ) AS twice
    """,
}
"""What is wrong, and how to count it; each must be 0 whenever one looks."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How many executions stood where."""

    seen_at: float
    """Monotonic."""
    queued: int = 0
    running: int = 0
    waiting: int = 0
    ended: int = 0
    buying: int = 0
    """Purchases whose vendor has not spoken its last word."""

    @property
    def active(self) -> int:
        return self.queued + self.running + self.waiting


class Pulse:
    """Use as an async context manager. While the database is away, the last moment stands."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ends: dict[str, asyncio.Future[None]] = {}
        self.moment = Moment(seen_at=0.0)
        self.broken: dict[str, int] = {}
        """What must never be and was, and how much of it at most."""
        self.looks = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._tell_waiters)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def end_of(self, run_id: str) -> None:
        """Wait until a run is over."""
        await self._ends.setdefault(run_id, asyncio.get_running_loop().create_future())

    async def quiet(self) -> None:
        """Wait until nothing is active, and nothing is being bought."""
        await until_true(lambda: not self.moment.active and not self.moment.buying, within_s=math.inf)

    def still_open(self) -> Collection[str]:
        """Runs that somebody waits for."""
        return [run for run, end in self._ends.items() if not end.done()]

    def _tell_waiters(self, task: asyncio.Task[None]) -> None:
        """Whoever waits for what nobody looks at any more must not wait for ever."""
        error = None if task.cancelled() else task.exception()
        for end in self._ends.values():
            if error and not end.done():
                end.set_exception(error)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(*_AWAY):
                connection = await self._connect()
                try:
                    await self._look_until_it_breaks(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look_until_it_breaks(self, connection: Any) -> None:
        while True:
            row = await connection.fetchrow(_MOMENT)
            self.moment = Moment(seen_at=time.monotonic(), **dict(row.items()))
            for over in await connection.fetch(_OVER, list(self.still_open())):
                self._ends[over["id"]].set_result(None)
            await self._check(connection)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _check(self, connection: Any) -> None:
        self.looks += 1
        # One after the other, as each sees a moment of its own.
        what, query = list(NEVER.items())[self.looks % len(NEVER)]
        found = await connection.fetchval(query)
        if found:
            self.broken[what] = max(found, self.broken.get(what, 0))

    async def _connect(self) -> Any:
        return await asyncpg.connect(
            host="127.0.0.1",
            port=self._stack.addresses.ports.postgres,
            user=OWNER_ROLE,
            database=DATABASE,
            password=self._stack.layout.postgres_password(OWNER_ROLE).read_text(),
            ssl=False,
            timeout=_TIMEOUT_S,
            command_timeout=_TIMEOUT_S,
        )
