"""A transaction's rows: loaded under the locks, written back as the difference."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline_service.commands.ports import RequestKey
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineUid, RunId
from pipeline_service.store.pool import Connection
from pipeline_service.store.purchases import load_purchases
from pipeline_service.store.requests import remember
from pipeline_service.store.rows import (
    EXECUTION_COLUMNS,
    NODE_COLUMNS,
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
WHERE pipeline_uid = ANY($1) AND (state IN ('QUEUED', 'RUNNING', 'WAITING') OR id = ANY($2))
"""  # noqa: S608 - constants only
_RUNS = """
SELECT id, pipeline_uid, state, targets, force, create_time, end_time FROM runs
WHERE pipeline_uid = ANY($1) AND state IN ('ACTIVE', 'PAUSED')
"""
_LEFT_OUT = """
SELECT DISTINCT skipped.node_uid
FROM runs AS r
JOIN run_nodes AS failed ON failed.run_id = r.id AND failed.node_uid = $2
JOIN run_nodes AS skipped ON skipped.run_id = r.id
WHERE r.pipeline_uid = $1 AND failed.execution_id = $3 AND failed.decision = 'FAILED' AND skipped.decision = 'SKIPPED'
"""
_RUN_NODES = "SELECT run_id, node_uid, decision, reason, execution_id FROM run_nodes WHERE run_id = ANY($1)"


@dataclass(frozen=True, kw_only=True)
class LockedPipeline:
    """A pipeline's row as it was when its lock was taken."""

    uid: PipelineUid
    owner: Owner
    structure_version: int
    last_sequence: int
    is_paused: bool


class PostgresTransaction:
    """An open transaction that holds its pipelines' locks and changes state."""

    def __init__(
        self,
        connection: Connection,
        *,
        locked: Sequence[LockedPipeline],
        structures: StructureCache,
        now: datetime,
    ) -> None:
        self._connection = connection
        self._locked = locked
        self._structures = structures
        self._now = now
        self._loaded = Loaded()

    async def load(self, executions: Collection[ExecutionId] = ()) -> WorkingSet:
        """Load in statements of their own: their snapshots must be younger than the locks."""
        uids = [pipeline.uid for pipeline in self._locked]
        versions = {pipeline.uid: pipeline.structure_version for pipeline in self._locked}
        structures = await self._structures.get(self._connection, versions)
        runs = [run_from_row(row) for row in await self._connection.fetch(_RUNS, uids)]
        run_nodes = await self._connection.fetch(_RUN_NODES, [run.id for run in runs])
        owners = {pipeline.uid: pipeline.owner for pipeline in self._locked}
        loaded = [execution_from_row(row) for row in await self._connection.fetch(_EXECUTIONS, uids, list(executions))]
        working_set = WorkingSet(
            now=self._now,
            structures=structures,
            sequences={pipeline.uid: pipeline.last_sequence for pipeline in self._locked},
            paused=[pipeline.uid for pipeline in self._locked if pipeline.is_paused],
            nodes=[node_from_row(row) for row in await self._connection.fetch(_NODES, uids)],
            executions=loaded,
            runs=runs,
            run_nodes=[run_node_from_row(row) for row in run_nodes],
            owners=owners,
            # Only reports change purchases; who edits or starts a run never does.
            purchases=await load_purchases(self._connection, loaded, owners) if executions else (),
        )
        self._loaded = Loaded.of(working_set, owners=owners)
        return working_set

    async def has_run(self, pipeline: PipelineUid, run: RunId) -> bool:
        query = "SELECT EXISTS (SELECT FROM runs WHERE id = $1 AND pipeline_uid = $2)"
        return bool(await self._connection.fetchval(query, run, pipeline))

    async def left_out_with(self, pipeline: PipelineUid, node: NodeUid, failed: ExecutionId) -> list[NodeUid]:
        rows = await self._connection.fetch(_LEFT_OUT, pipeline, node, failed)
        return [NodeUid(row["node_uid"]) for row in rows]

    async def remember(self, request: RequestKey | None, resource: str) -> None:
        if request is not None:
            await remember(self._connection, request, resource)

    async def save(self, working_set: WorkingSet) -> None:
        await save_changes(self._connection, working_set, loaded=self._loaded)
