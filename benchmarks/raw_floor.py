"""The floor of the engine: how many node lifecycles a second bare asyncpg gets out of this PostgreSQL, and no more.

A lifecycle is what the engine must at least write for a node: its execution ends with some 200 bytes of output, the
node is completed, a successor is queued with an execution of its own, both with an event under the pipeline's lock.
No rules, no reads, no queue, no calls; the transaction is as durable as the server's defaults make it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from uuid import UUID, uuid4

import asyncpg

BATCHES = (1, 16, 64, 256)
CONNECTIONS = (1, 2, 4)
_OUTPUT = json.dumps({"type": "json", "content": "x" * 180})
_TABLES = """
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.pipelines (uid uuid PRIMARY KEY, last_seq bigint NOT NULL);
CREATE TABLE floor.nodes (uid uuid PRIMARY KEY, status text NOT NULL, execution_id uuid, output jsonb);
CREATE TABLE floor.executions (
    id uuid PRIMARY KEY, node_uid uuid NOT NULL, state text NOT NULL, output jsonb,
    due_at timestamptz, end_at timestamptz
);
CREATE UNIQUE INDEX ON floor.executions (node_uid) WHERE state = 'QUEUED';
CREATE INDEX ON floor.executions (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE floor.events (
    pipeline_uid uuid, seq bigint, at timestamptz, type text, execution_id uuid, PRIMARY KEY (pipeline_uid, seq)
);
"""
_LOCK = "SELECT last_seq FROM floor.pipelines WHERE uid = $1 FOR NO KEY UPDATE"
_END = """
UPDATE floor.executions e SET state = 'SUCCEEDED', output = u.output, due_at = NULL, end_at = now()
FROM unnest($1::uuid[], $2::jsonb[]) AS u(id, output) WHERE e.id = u.id AND e.state = 'QUEUED'
"""
_QUEUE = """
INSERT INTO floor.executions (id, node_uid, state, due_at)
SELECT id, node_uid, 'QUEUED', now() + interval '5 s' FROM unnest($1::uuid[], $2::uuid[]) AS u(id, node_uid)
"""
_NODES = """
UPDATE floor.nodes n SET status = 'in_progress', execution_id = u.execution_id, output = u.output
FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS u(uid, execution_id, output) WHERE n.uid = u.uid
"""
_EVENTS = """
INSERT INTO floor.events (pipeline_uid, seq, at, type, execution_id)
SELECT $1, seq, now(), type, execution_id
FROM unnest($2::bigint[], $3::text[], $4::uuid[]) AS u(seq, type, execution_id)
"""
_SEQUENCE = "UPDATE floor.pipelines SET last_seq = $2 WHERE uid = $1 AND last_seq = $3"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The best of all sizes."""

    nodes_per_s: float
    batch: int
    connections: int


async def find_floor(dsn: str, password: str, *, batches: Sequence[int] = BATCHES, seconds: float = 0.3) -> Floor:
    """Try every batch size with every number of connections, each for some seconds."""
    connection = await asyncpg.connect(dsn, password=password, ssl=False)
    try:
        await connection.execute(_TABLES)
    finally:
        await connection.close()
    floors = [
        Floor(
            nodes_per_s=await measure_floor(dsn, password, batch=batch, connections=connections, seconds=seconds),
            batch=batch,
            connections=connections,
        )
        for batch in batches
        for connections in CONNECTIONS
    ]
    return max(floors, key=lambda floor: floor.nodes_per_s)


async def measure_floor(dsn: str, password: str, *, batch: int, connections: int, seconds: float) -> float:
    """Lifecycles a second at one size; `find_floor` has made the tables."""
    writers = [_Writer(await asyncpg.connect(dsn, password=password, ssl=False), batch) for _ in range(connections)]
    try:
        for writer in writers:
            await writer.prepare()
        began = time.perf_counter()
        done = await asyncio.gather(*(writer.write_until(began + seconds) for writer in writers))
        return sum(done) / (time.perf_counter() - began)
    finally:
        for writer in writers:
            await writer.connection.close()


class _Writer:
    """One connection with a pipeline of its own, whose nodes it completes again and again."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], batch: int) -> None:
        self.connection = connection
        self._pipeline = uuid4()
        self._nodes = [uuid4() for _ in range(batch)]
        self._outputs = [_OUTPUT] * batch
        self._types = ["EXECUTION_SUCCEEDED", "EXECUTION_QUEUED"] * batch

    async def prepare(self) -> None:
        executions = [uuid4() for _ in self._nodes]
        await self.connection.execute("INSERT INTO floor.pipelines VALUES ($1, 0)", self._pipeline)
        await self.connection.executemany(
            "INSERT INTO floor.nodes VALUES ($1, 'in_progress', $2)", list(zip(self._nodes, executions, strict=True))
        )
        await self.connection.execute(_QUEUE, executions, self._nodes)
        self._active = executions

    async def write_until(self, end: float) -> int:
        for written in count(len(self._nodes), len(self._nodes)):
            async with self.connection.transaction():
                sequence: int = await self.connection.fetchval(_LOCK, self._pipeline)
                await self._write(sequence)
            if time.perf_counter() >= end:
                return written
        raise AssertionError("unreachable")

    async def _write(self, sequence: int) -> None:
        ended, queued = self._active, [uuid4() for _ in self._nodes]
        told: list[UUID] = [one for pair in zip(ended, queued, strict=True) for one in pair]
        last = sequence + len(told)
        await self.connection.execute(_END, ended, self._outputs)
        await self.connection.execute(_QUEUE, queued, self._nodes)
        await self.connection.execute(_NODES, self._nodes, queued, self._outputs)
        await self.connection.execute(_EVENTS, self._pipeline, range(sequence + 1, last + 1), self._types, told)
        await self.connection.execute(_SEQUENCE, self._pipeline, last, sequence)
        self._active = queued
