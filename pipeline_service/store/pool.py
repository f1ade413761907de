"""Connections to Postgres, and what its errors mean to a command."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import asyncpg
import orjson
import structlog
from asyncpg.pool import PoolConnectionProxy

from pipeline_service.commands.errors import BadRow, Contended, Deadlocked, Unavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

ACQUIRE_TIMEOUT_S = 5.0
ONE_FLIGHT = "executions_one_flight"
"""The index that keeps two executions from doing the same work of an owner at once."""
_SERVER_SETTINGS = {
    "application_name": "montage-pipeline",
    "jit": "off",
    # Each statement has its index. Without these, a plan that was made while tables were small would go on reading all
    # of them when they are not: sessions keep their plans, and statistics come a minute later. What a batch changes is
    # looked up row by row, so that it costs what it changes.
    "enable_seqscan": "off",
    "enable_mergejoin": "off",
    "enable_hashjoin": "off",
    "statement_timeout": "6s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "15s",
    "timezone": "UTC",
}
_CONTENDED = (
    asyncpg.exceptions.SerializationError,
    asyncpg.exceptions.LockNotAvailableError,
)
_BAD_ROW = (asyncpg.exceptions.DataError, asyncpg.exceptions.IntegrityConstraintViolationError)
_AWAY = (
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.InterfaceError,
    asyncpg.exceptions.InternalClientError,
    OSError,
    TimeoutError,
)
_NOT_YET = (
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InternalClientError,
    OSError,
    TimeoutError,
)
"""What a server says that is not there yet; a wrong password or name is none of these."""
_LOOK_EVERY_S = 0.2


class Plans(StrEnum):
    """How often a session plans a statement that it has prepared."""

    ONCE = "force_generic_plan"
    """For statements that find rows by their keys: planning a short array of ids takes longer than finding them."""
    AS_ASKED = "auto"
    """For pages: how rare a label is, or how narrow two bounds of time are, decides about the index."""


@dataclass(frozen=True, kw_only=True)
class Pools:
    """Connections of the two roles: each owns columns that the other cannot write."""

    engine: Pool
    """Owns state: reports, runs, timers, and everything that is only read."""
    edit: Pool
    """Owns structure; what an edit does to state goes through functions of the database."""

    async def close(self) -> None:
        await self.engine.close()
        await self.edit.close()


async def open_pool(database_url: str, *, password: str, size: int, plans: Plans = Plans.ONCE) -> Pool:
    """A pool whose connections speak JSON columns as Python values. `database_url` holds no password.

    Waits for a server that is away or starts: who starts beside it need not die of that.
    """
    log = structlog.get_logger("pipeline_service.store")
    is_told = False
    while True:
        try:
            return await _create_pool(database_url, password=password, size=size, plans=plans)
        except _NOT_YET as error:
            if not is_told:
                log.warning("waiting_for_database", reason=type(error).__name__)
                is_told = True
            await asyncio.sleep(_LOOK_EVERY_S)


async def _create_pool(database_url: str, *, password: str, size: int, plans: Plans) -> Pool:
    return await asyncpg.create_pool(
        database_url,
        password=password,
        min_size=1,
        max_size=size,
        init=_prepare,
        # Nothing of ours outlives its transaction in a session (no SET, LISTEN, cursor or advisory lock), so that the
        # driver's round trip to undo such things at each release would undo nothing.
        reset=_nothing_to_reset,
        # A connection that is idle is kept: closing it later would need a timer for each use of it.
        max_inactive_connection_lifetime=0,
        server_settings={**_SERVER_SETTINGS, "plan_cache_mode": plans.value},
        timeout=ACQUIRE_TIMEOUT_S,
        command_timeout=10,
    )


@contextmanager
def translated() -> Iterator[None]:
    """Raise the commands' errors in place of the database's."""
    try:
        yield
    except asyncpg.exceptions.DeadlockDetectedError as error:
        raise Deadlocked(str(error)) from error
    except _CONTENDED as error:
        raise Contended(str(error)) from error
    except _BAD_ROW as error:
        if getattr(error, "constraint_name", "") == ONE_FLIGHT:
            # Somebody else began the same work since it was looked for: looked for again, it is found.
            raise Contended(str(error)) from error
        # The caller is told blandly; which rule was broken is for the operator, the value is for nobody.
        log = structlog.get_logger("pipeline_service.store")
        log.warning("row_refused", sqlstate=error.sqlstate, constraint=error.constraint_name, column=error.column_name)
        raise BadRow(str(error)) from error
    except _AWAY as error:
        raise Unavailable(f"the database did not answer: {type(error).__name__}") from error


async def _nothing_to_reset(_connection: Connection) -> None:
    return None


async def _prepare(connection: Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=as_json, decoder=orjson.loads, schema="pg_catalog", format="text")


def as_json(value: object) -> str:
    """JSON text for a parameter. The driver's own UUID class is not one that orjson knows."""
    return orjson.dumps(value, default=str).decode()
