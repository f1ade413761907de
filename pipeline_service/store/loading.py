"""A transaction's rows: loaded under the locks, written back as the difference."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline_service.commands.ports import RequestKey
from pipeline_service.domain.engine.working_set import Finding, Question, WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineUid, RunId
from pipeline_service.store.pool import Connection
from pipeline_service.store.purchases import load_delivered, load_purchases
from pipeline_service.store.remembered import RememberedRows, Rows
from pipeline_service.store.requests import remember
from pipeline_service.store.reuse import execution_names, leave_wakes, look_up, take_wakes
from pipeline_service.store.rows import (
    EXECUTION_COLUMNS,
    NODE_COLUMNS,
    RUN_COLUMNS,
    execution_from_row,
    node_from_row,
    run_from_row,
    run_node_from_row,
)
from pipeline_service.store.saving import Loaded, save_changes
from pipeline_service.store.structures import StructureCache

_NODES = f"SELECT {NODE_COLUMNS} FROM nodes WHERE pipeline_uid = ANY($1)"  # noqa: S608 - constants only
_EXECUTIONS = f"""
SELECT {EXECUTION_COLUMNS} FROM executions
WHERE pipeline_uid = ANY($1) AND state IN ('QUEUED', 'RUNNING', 'WAITING') OR id = ANY($2) AND pipeline_uid = ANY($3)
"""  # noqa: S608 - constants only
_RUNS = f"""
SELECT {RUN_COLUMNS} FROM runs
WHERE pipeline_uid = ANY($1) AND state IN ('ACTIVE', 'PAUSED')
"""  # noqa: S608 - constants only
_RUN_NODES = """
SELECT run_id, node_uid, decision, reason, execution_id, waiting_digest, reused_from
FROM run_nodes WHERE run_id = ANY($1)
"""
_LEFT_OUT = """
SELECT DISTINCT skipped.node_uid
FROM runs AS r
JOIN run_nodes AS failed ON failed.run_id = r.id AND failed.node_uid = $2
JOIN run_nodes AS skipped ON skipped.run_id = r.id
WHERE r.pipeline_uid = $1 AND failed.execution_id = $3 AND failed.decision = 'FAILED' AND skipped.decision = 'SKIPPED'
"""


@dataclass(frozen=True, kw_only=True)
class Caches:
    """What this process knows without asking."""

    structures: StructureCache
    rows: RememberedRows


@dataclass(frozen=True, kw_only=True)
class LockedPipeline:
    """A pipeline's row as it was when its lock was taken."""

    uid: PipelineUid
    owner: Owner
    structure_version: int
    last_sequence: int
    is_paused: bool
    is_deleted: bool
    version: str
    """Another one whenever somebody has written the row."""


class PostgresTransaction:
    """An open transaction that holds its pipelines' locks and changes state."""

    may_buy = True
    """Whether it may see and change purchases."""

    def __init__(
        self,
        connection: Connection,
        *,
        locked: Sequence[LockedPipeline],
        caches: Caches,
        now: datetime,
    ) -> None:
        self._connection = connection
        self._locked = locked
        self._caches = caches
        self._now = now
        self._loaded = Loaded()
        self._saved: WorkingSet | None = None
        self._versions = {pipeline.uid: pipeline.version for pipeline in locked}
        self.is_remembered = False
        """Whether some of what was loaded is what this process remembers."""

    async def load(self, executions: Collection[ExecutionId] = (), *, anew: bool = False) -> WorkingSet:
        """Load in statements of their own: their snapshots must be younger than the locks."""
        versions = {pipeline.uid: pipeline.structure_version for pipeline in self._locked}
        structures = await self._caches.structures.get(self._connection, versions)
        known = {} if anew else self._remembered()
        # A pipeline without an event was made in this transaction, and has nothing yet.
        asked = [pipeline.uid for pipeline in self._locked if pipeline.last_sequence and pipeline.uid not in known]
        found = await self._fetch(asked, known, executions)
        self.is_remembered = bool(known)
        owners = {pipeline.uid: pipeline.owner for pipeline in self._locked}
        loaded = [execution for rows in found for execution in rows.executions]
        purchases = await load_purchases(self._connection, loaded, owners) if self.may_buy else []
        working_set = WorkingSet(
            now=self._now,
            structures=structures,
            sequences={pipeline.uid: pipeline.last_sequence for pipeline in self._locked},
            paused=[pipeline.uid for pipeline in self._locked if pipeline.is_paused],
            deleted=[pipeline.uid for pipeline in self._locked if pipeline.is_deleted],
            nodes=[node for rows in found for node in rows.nodes],
            executions=loaded,
            runs=[run for rows in found for run in rows.runs],
            run_nodes=[row for rows in found for row in rows.run_nodes],
            owners=owners,
            purchases=purchases,
            delivered=await load_delivered(self._connection, purchases),
        )
        self._loaded = Loaded.of(working_set)
        return working_set

    async def look_up(self, questions: Sequence[Question]) -> list[Finding]:
        return await look_up(self._connection, questions, locked=[pipeline.uid for pipeline in self._locked])

    async def execution_name(self, execution: ExecutionId) -> str:
        return (await execution_names(self._connection, [execution]))[execution]

    async def take_wakes(self, pipelines: Collection[PipelineUid]) -> None:
        await take_wakes(self._connection, pipelines)

    async def has_run(self, pipeline: PipelineUid, run: RunId) -> bool:
        query = "SELECT EXISTS (SELECT FROM runs WHERE id = $1 AND pipeline_uid = $2)"
        return bool(await self._connection.fetchval(query, run, pipeline))

    async def left_out_with(self, pipeline: PipelineUid, node: NodeUid, failed: ExecutionId) -> list[NodeUid]:
        rows = await self._connection.fetch(_LEFT_OUT, pipeline, node, failed)
        return [NodeUid(row["node_uid"]) for row in rows]

    def remember_rows(self) -> None:
        """Now that it is committed, keep what was saved."""
        if self._saved is not None:
            self._caches.rows.keep(self._saved, self._versions)

    def _remembered(self) -> dict[PipelineUid, Rows]:
        found = {uid: self._caches.rows.get(uid, version) for uid, version in self._versions.items()}
        return {uid: rows for uid, rows in found.items() if rows is not None}

    async def _fetch(
        self, uids: list[PipelineUid], known: Mapping[PipelineUid, Rows], executions: Collection[ExecutionId]
    ) -> list[Rows]:
        """What is known, and what has to be asked for: whole pipelines, and executions that are not active any more."""
        active = {execution.id for rows in known.values() for execution in rows.executions}
        missing = [execution for execution in executions if execution not in active]
        if not uids and not missing:
            return list(known.values())
        connection = self._connection
        asked = await connection.fetch(_EXECUTIONS, uids, missing, list(self._versions))
        runs = [run_from_row(row) for row in await connection.fetch(_RUNS, uids)] if uids else []
        run_nodes = await connection.fetch(_RUN_NODES, [run.id for run in runs]) if runs else []
        nodes = await connection.fetch(_NODES, uids) if uids else []
        fetched = Rows(
            version="",
            nodes=tuple(map(node_from_row, nodes)),
            executions=tuple(map(execution_from_row, asked)),
            runs=tuple(runs),
            run_nodes=tuple(map(run_node_from_row, run_nodes)),
        )
        return [*known.values(), fetched]

    async def remember(self, request: RequestKey | None, resource: str) -> None:
        if request is not None:
            await remember(self._connection, request, resource)

    async def save(self, working_set: WorkingSet) -> None:
        """Write the difference to what was loaded. Raises Contended when a guard did not hold."""
        written = await save_changes(self._connection, working_set, loaded=self._loaded)
        await leave_wakes(self._connection, working_set, loaded=self._loaded.executions)
        self._versions |= written
        self._saved = working_set
