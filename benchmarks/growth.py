"""A lap over a long past, or with many times the pipelines: what the small rounds do not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.memory import look, name_processes

# A third each: what a node leaves behind. Copies of rows that the services wrote, under ids of their own.
_HISTORY = (
    """
    INSERT INTO executions
    SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid(), 'node_uid', gen_random_uuid()))).*
    FROM (SELECT e AS one FROM executions AS e WHERE state = 'SUCCEEDED' LIMIT 1) AS pattern, generate_series(1, $1)
    """,
    """
    INSERT INTO events
    SELECT (jsonb_populate_record(
        one, jsonb_build_object('pipeline_uid', md5((n / 1000)::text)::uuid, 'seq', n % 1000)
    )).*
    FROM (SELECT e AS one FROM events AS e LIMIT 1) AS pattern, generate_series(1, $1) AS n
    """,
    """
    INSERT INTO artifacts
    SELECT (jsonb_populate_record(
        one, jsonb_build_object('execution_id', gen_random_uuid(), 'work_digest', 'w' || n)
    )).*
    FROM (SELECT a AS one FROM artifacts AS a LIMIT 1) AS pattern, generate_series(1, $1) AS n
    """,
)


@dataclass(frozen=True, kw_only=True)
class Grown:
    """One lap under such conditions, beside the median of the small rounds before it."""

    condition: str
    """`history` or `growth`."""
    rows: int
    """Of history that were there already; 0 without."""
    nodes: int
    """Of the lap, or of all laps of the growth."""
    nodes_per_s: float
    """Of the lap; the median of the last three of the growth."""
    ratio: float
    """To the median of the small rounds."""
    resident_mib: Mapping[str, float]
    """By process, by how much more is resident after it than before."""


async def write_history(database: asyncpg.Connection[asyncpg.Record], rows: int) -> int:
    """Fill the tables as so many rows of the past would, and let the statistics know. Answers how many were written."""
    each = -(-rows // len(_HISTORY))
    for statement in _HISTORY:
        await database.execute(statement, each)
    await database.execute("VACUUM (ANALYZE) executions, events, artifacts")
    # What was written in seconds instead of months is no load of the lap.
    await database.execute("CHECKPOINT")
    return each * len(_HISTORY)


def resident_mib(supervisor: int, *, proc: Path = Path("/proc")) -> dict[str, float]:
    """What is resident now, by the names of a stack's processes."""
    seen = look(proc)
    names = name_processes(seen, supervisor=supervisor)
    found: dict[str, float] = {}
    for one in seen:
        if one.pid in names:
            found[names[one.pid]] = found.get(names[one.pid], 0.0) + one.resident_bytes / 2**20
    return found


def more(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """By how much each has grown."""
    return {name: after[name] - size for name, size in before.items() if name in after}
