"""A transaction's rows: loaded under the locks, written back as the difference."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pipeline_service.commands.ports import RequestKey
from pipeline_service.domain.audit import AuditRecord
from pipeline_service.domain.engine.permits import limits_asked
from pipeline_service.domain.engine.pipeline_rows import PipelineRows
from pipeline_service.domain.engine.working_set import Finding, Question, WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineUid, RunId
from pipeline_service.domain.model import Execution, Node, Run, RunNode
from pipeline_service.domain.states import Buys
from pipeline_service.store.audit import write_records
from pipeline_service.store.limits import load_limits, load_own_keys
from pipeline_service.store.pool import Connection
from pipeline_service.store.purchases import load_delivered, load_purchases
from pipeline_service.store.remembered import RememberedRows
from pipeline_service.store.requests import remember
from pipeline_service.store.reuse import execution_names, go_on_later, look_up, take_wakes, wake_waiters
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

OfPipeline = TypeVar("OfPipeline", Node, Execution, Run)
_NODES = f"SELECT {NODE_COLUMNS} FROM nodes WHERE pipeline_uid = ANY($1)"  # noqa: S608 - constants only
_ACTIVE = f"""
SELECT {EXECUTION_COLUMNS} FROM executions
WHERE pipeline_uid = ANY($1) AND state IN ('QUEUED', 'RUNNING', 'WAITING')
"""  # noqa: S608 - constants only
_NAMED = f"""
SELECT {EXECUTION_COLUMNS} FROM executions WHERE id = ANY($1) AND pipeline_uid = ANY($2)
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
    concurrency: Mapping[str, int]
    """Most submissions at once, by vendor."""


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
    may_remember = True
    """Whether it begins with what this process remembers."""

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
        self._rows: dict[PipelineUid, PipelineRows] = {}
        self._saved: WorkingSet | None = None
        self._versions = {pipeline.uid: pipeline.version for pipeline in locked}
        self.remembered: Set[PipelineUid] = frozenset()
        """Pipelines of which what was loaded is what this process remembers."""

    async def load(self, executions: Collection[ExecutionId] = (), *, anew: Collection[PipelineUid] = ()) -> WorkingSet:
        """Load in statements of their own: their snapshots must be younger than the locks."""
        versions = {pipeline.uid: pipeline.structure_version for pipeline in self._locked}
        structures = await self._caches.structures.get(self._connection, versions)
        known = {uid: rows for uid, rows in self._known().items() if uid not in anew}
        asked = [pipeline.uid for pipeline in self._locked if pipeline.uid not in known]
        self._rows = {**known, **await self._fetch(asked)}
        self.remembered = known.keys()
        owners = {pipeline.uid: pipeline.owner for pipeline in self._locked}
        ended = await self._fetch_ended(executions)
        loaded = [*ended, *(one for rows in self._rows.values() for one in rows.executions.values())]
        purchases = await load_purchases(self._connection, loaded, owners) if self.may_buy else []
        asked_about = set(executions)
        bought = [one for one in loaded if one.buys is not Buys.NOTHING and one.id in asked_about]
        working_set = WorkingSet(
            now=self._now,
            structures=structures,
            sequences={pipeline.uid: pipeline.last_sequence for pipeline in self._locked},
            paused=[pipeline.uid for pipeline in self._locked if pipeline.is_paused],
            deleted=[pipeline.uid for pipeline in self._locked if pipeline.is_deleted],
            pipelines=self._rows,
            executions=ended,
            owners=owners,
            purchases=purchases,
            delivered=await load_delivered(self._connection, purchases),
            own_keys=await load_own_keys(self._connection, bought, owners),
        )
        limits = limits_asked(working_set, bought)
        for limit in await load_limits(self._connection, limits, self._caches.concurrency, now=self._now):
            working_set.put(limit)
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
            self._caches.rows.keep(self._saved, self._versions, loaded=self._rows)

    def _known(self) -> dict[PipelineUid, PipelineRows]:
        if not self.may_remember:
            return {}
        found = {uid: self._caches.rows.get(uid, version) for uid, version in self._versions.items()}
        return {uid: rows for uid, rows in found.items() if rows is not None}

    async def _fetch(self, uids: Sequence[PipelineUid]) -> dict[PipelineUid, PipelineRows]:
        """What a working set needs of pipelines."""
        if not uids:
            return {}
        connection = self._connection
        executions = _by_pipeline(map(execution_from_row, await connection.fetch(_ACTIVE, uids)))
        runs = _by_pipeline(map(run_from_row, await connection.fetch(_RUNS, uids)))
        pipeline_of = {run.id: run.pipeline_uid for of_one in runs.values() for run in of_one}
        run_nodes: dict[PipelineUid, list[RunNode]] = defaultdict(list)
        for row in await connection.fetch(_RUN_NODES, list(pipeline_of)) if pipeline_of else ():
            run_nodes[pipeline_of[row["run_id"]]].append(run_node_from_row(row))
        nodes = _by_pipeline(map(node_from_row, await connection.fetch(_NODES, uids)))
        return {
            uid: PipelineRows.of(nodes=nodes[uid], executions=executions[uid], runs=runs[uid], run_nodes=run_nodes[uid])
            for uid in uids
        }

    async def _fetch_ended(self, executions: Collection[ExecutionId]) -> list[Execution]:
        """Those of the named executions that are not active any more."""
        active = set[ExecutionId]().union(*(rows.executions for rows in self._rows.values()))
        if missing := [execution for execution in executions if execution not in active]:
            rows = await self._connection.fetch(_NAMED, missing, list(self._versions))
            return list(map(execution_from_row, rows))
        return []

    async def remember(self, request: RequestKey | None, resource: str) -> None:
        if request is not None:
            await remember(self._connection, request, resource)

    async def record(self, records: Sequence[AuditRecord]) -> None:
        await write_records(self._connection, records)

    async def save(self, working_set: WorkingSet) -> None:
        """Write the difference to what was loaded. Raises Contended when a guard did not hold."""
        written = await save_changes(self._connection, working_set, loaded=self._loaded)
        if written.somebody_waits:
            await wake_waiters(self._connection, working_set, loaded=self._loaded.executions)
        await go_on_later(self._connection, working_set)
        self._versions |= written.versions
        self._saved = working_set


def _by_pipeline(rows: Iterable[OfPipeline]) -> dict[PipelineUid, list[OfPipeline]]:
    found: dict[PipelineUid, list[OfPipeline]] = defaultdict(list)
    for row in rows:
        found[row.pipeline_uid].append(row)
    return found
