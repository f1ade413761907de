"""What the database holds about one pipeline, as plain rows: read by SQL of its own, past the code under test."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from pipeline_service.store.pool import as_json
from tests.integration.pipeline.conftest import Database

Row = dict[str, Any]
ACTIVE = ("QUEUED", "RUNNING", "WAITING")
OPEN = ("WANTED", "WAITING", "ACTIVE")
SATISFIED = ("DONE", "REUSED")
_TABLES = ("run_nodes", "runs", "node_inputs", "nodes", "executions", "artifacts", "wakes", "events", "pipelines")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All rows of a pipeline at one moment."""

    pipeline: Row
    nodes: dict[UUID, Row] = field(default_factory=dict)
    executions: dict[UUID, Row] = field(default_factory=dict)
    runs: dict[UUID, Row] = field(default_factory=dict)
    run_nodes: dict[tuple[UUID, UUID], Row] = field(default_factory=dict)
    edges: tuple[Row, ...] = ()
    events: tuple[Row, ...] = ()
    artifacts: dict[str, Row] = field(default_factory=dict)
    """Of every pipeline, by key."""
    makers: dict[UUID, Row] = field(default_factory=dict)
    """Executions of every pipeline."""
    has_wake: bool = False

    @property
    def artifact_keys(self) -> frozenset[str]:
        return frozenset(self.artifacts)

    @property
    def flights(self) -> set[str]:
        """Digests of the work that is under way in any pipeline."""
        return {row["work_digest"] for row in self.makers.values() if row["state"] in ACTIVE}

    @property
    def open_runs(self) -> int:
        return sum(run["state"] in ("ACTIVE", "PAUSED") for run in self.runs.values())

    def sources(self, node_uid: UUID) -> list[UUID]:
        """Inputs of a node, in their order."""
        return [edge["source_uid"] for edge in self.edges if edge["node_uid"] == node_uid]

    def above(self, node_uid: UUID) -> set[UUID]:
        """Every node that a node depends on."""
        found: set[UUID] = set()
        front = self.sources(node_uid)
        while front:
            uid = front.pop()
            if uid not in found:
                found.add(uid)
                front.extend(self.sources(uid))
        return found

    def rows_of(self, run_id: UUID) -> dict[UUID, Row]:
        """Decisions of a run by node."""
        return {node: row for (run, node), row in self.run_nodes.items() if run == run_id}

    def held(self) -> frozenset[UUID]:
        """Executions that may not be handed out: pipeline, node, or every run that wants them is paused."""
        active = [row for row in self.executions.values() if row["state"] in ACTIVE]
        by_runs = {row["id"] for row in active if {run["state"] for run in self.wanting(row["id"])} == {"PAUSED"}}
        return self.held_by_name() | by_runs

    def held_by_name(self) -> frozenset[UUID]:
        """Those of them whose pipeline or node is paused itself."""
        active = [row for row in self.executions.values() if row["state"] in ACTIVE]
        return frozenset(
            row["id"] for row in active if self.pipeline["paused"] or self.nodes[row["node_uid"]]["paused"]
        )

    def wanting(self, execution_id: UUID) -> list[Row]:
        """Runs that an execution serves."""
        rows = [row for row in self.run_nodes.values() if row["execution_id"] == execution_id]
        return [self.runs[row["run_id"]] for row in rows if row["decision"] == "ACTIVE"]

    def spared(self, before: "Rows") -> list[Row]:
        """Decisions of runs that, since then, took over a result or began to wait for whoever else makes it."""
        nothing = {"reused_from": None, "waiting_digest": ""}
        found: list[Row] = []
        for key, row in self.run_nodes.items():
            was = before.run_nodes.get(key, nothing)
            is_reused = row["reused_from"] and not was["reused_from"]
            is_waiting = row["waiting_digest"] not in ("", was["waiting_digest"])
            if is_reused or is_waiting:
                found.append(row)
        return found

    def ways_to_share(self, spared: Row) -> list[str]:
        """How a run came to a result without an execution of its own; twice told where another pipeline's served it."""
        way = "reused" if spared["reused_from"] else "waited"
        doing = [row for row in self.makers.values() if row["state"] in ACTIVE]
        holders = [row["pipeline_uid"] for row in doing if row["work_digest"] == spared["waiting_digest"]]
        maker = self.makers.get(spared["reused_from"])
        served_by = [maker["pipeline_uid"]] if maker else holders
        is_elsewhere = any(pipeline != self.pipeline["uid"] for pipeline in served_by)
        return [way, f"{way} elsewhere"] if is_elsewhere else [way]

    def state_only(self) -> tuple[object, ...]:
        """What a report that came too late must leave alone; artifacts may be added."""
        return self.pipeline, self.nodes, self.executions, self.runs, self.run_nodes, self.edges, self.events


async def read_rows(connection: "asyncpg.Connection[asyncpg.Record]", pipeline_id: str, *, known: Rows) -> Rows:
    """Everything about a pipeline. `known` are the rows of the step before: history is read on from there."""
    fetch = connection.fetch
    found = await connection.fetchrow("SELECT * FROM pipelines WHERE id = $1 AND delete_time IS NULL", pipeline_id)
    assert found, f"there is no pipeline '{pipeline_id}'"
    uid = found["uid"]
    nodes = await fetch("SELECT * FROM nodes WHERE pipeline_uid = $1 ORDER BY id", uid)
    runs = await fetch("SELECT * FROM runs WHERE pipeline_uid = $1 ORDER BY id", uid)
    decisions = "SELECT n.* FROM run_nodes AS n JOIN runs AS r ON r.id = n.run_id WHERE r.pipeline_uid = $1"
    run_nodes = await fetch(decisions, uid)
    edges = await fetch("SELECT * FROM node_inputs WHERE pipeline_uid = $1 ORDER BY node_uid, slot, position", uid)
    events = "SELECT * FROM events WHERE pipeline_uid = $1 ORDER BY seq OFFSET $2"
    new_events = await fetch(events, uid, len(known.events))
    artifacts = await fetch("SELECT * FROM artifacts")
    makers = {row["id"]: dict(row) for row in await fetch("SELECT * FROM executions ORDER BY id")}
    has_wake = await connection.fetchval("SELECT EXISTS (SELECT FROM wakes WHERE pipeline_uid = $1)", uid)
    return Rows(
        pipeline=dict(found),
        nodes={row["uid"]: dict(row) for row in nodes},
        executions={key: row for key, row in makers.items() if row["pipeline_uid"] == uid},
        runs={row["id"]: dict(row) for row in runs},
        run_nodes={(row["run_id"], row["node_uid"]): dict(row) for row in run_nodes},
        edges=tuple(dict(row) for row in edges),
        events=known.events + tuple(dict(row) for row in new_events),
        artifacts={row["s3_key"]: dict(row) for row in artifacts},
        makers=makers,
        has_wake=has_wake,
    )


async def open_owner(database: Database) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection as the owner of the tables, which speaks JSON columns as values."""
    connection = await asyncpg.connect(database.owner_url, password=database.owner_password)
    await connection.set_type_codec("jsonb", encoder=as_json, decoder=orjson.loads, schema="pg_catalog")
    # No test here pulls the plug, and a commit that waits for the disk would cost most of the time.
    await connection.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$"
    )
    return connection


async def empty(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Forget every pipeline. Deleting few rows is quicker than truncating tables."""
    for table in _TABLES:
        await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants only
