"""The rows that one transaction decides about, and what the decisions changed."""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from pipeline_service.domain.engine.pipeline_rows import PipelineRows, RunNodeKey, RunRows
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineId, PipelineUid, RunId, TaskQueue
from pipeline_service.domain.model import Dispatch, Event, Execution, Node, NodeSpec, Run, RunNode, Structure
from pipeline_service.domain.node_types import Catalogue
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import Alarm, EventType, RunDecision, WorkKind
from pipeline_service.domain.structure import build_structure
from pipeline_service.domain.values import Output
from pipeline_service.domain.vendor_limit import SHARED, VendorLimit

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LimitKey = tuple[str, str]
"""Vendor and credential."""
Flight = tuple[Owner, str]
"""Work under way: an owner and a work digest. No two active executions are of one flight."""


def any_room(_queue: TaskQueue, _owner: Owner) -> int:
    """The room of task queues without a window."""
    return sys.maxsize


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What decisions need besides rows: the node types, settings, and sources of ids and chance."""

    catalogue: Catalogue
    lease: timedelta
    new_id: Callable[[], UUID]
    """Time-ordered ids (UUIDv7)."""
    chance: Callable[[], float]
    """0 ≤ x < 1, for jitter."""
    max_start_to_close: timedelta | None = None
    """Caps what the node types allow; None leaves it to them."""
    room: Callable[[TaskQueue, Owner], int] = any_room
    """How many executions of an owner more a task queue may be handed; 0 also where others stand in line before it."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A result kept under its digest, to be found by later runs of its owner."""

    owner: Owner
    work_digest: str
    execution_id: ExecutionId
    """Its maker."""
    output: Output
    cost_micros: int | None = None
    """What the vendor charged for it, in millionths of a US dollar; None when unknown."""
    create_time: datetime


@dataclass(frozen=True, kw_only=True)
class Question:
    """A node is ready and wanted: is there a result of its work, or does somebody outside do it already?"""

    node_uid: NodeUid
    owner: Owner
    work_digest: str
    present_key: str | None
    """Where the node's own last result lies: of several results its own is preferred."""
    actor: str
    """On whose behalf the node goes on."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer to a question. Read under the pipeline's lock, so that it stays good for the transaction."""

    work_digest: str
    artifact: Artifact | None = None
    """The node's own result of that work, else the newest of its owner."""
    holder: ExecutionId | None = None
    """An active execution of a pipeline that is not loaded, which does the same work."""


_NOTHING: Mapping[PipelineUid, PipelineRows] = MappingProxyType({})
_UNSERVED = (RunDecision.WANTED, RunDecision.WAITING)


@dataclass(frozen=True)
class Changed:
    """Keys of the rows that decisions put, also of those that are as they were."""

    nodes: set[NodeUid] = field(default_factory=set)
    executions: set[ExecutionId] = field(default_factory=set)
    runs: set[RunId] = field(default_factory=set)
    run_nodes: set[RunNodeKey] = field(default_factory=set)


def new_working_set(uid: PipelineUid, *, pipeline_id: PipelineId, owner: Owner) -> "WorkingSet":
    """Of a pipeline that is to be made, before anything was decided about it. Nothing of that depends on the time."""
    empty = build_structure(uid, pipeline_id=pipeline_id, version=0, specs=())
    return WorkingSet(now=_NO_TIME, structures={uid: empty}, sequences={uid: 0}, owners={uid: owner})


class WorkingSet:
    """Rows as loaded under the pipelines' locks, changed by one decision after the other.

    Rows are values: a decision puts a new one in place of the old. `store` compares with what was loaded and writes the
    difference, guarded by the old state.
    """

    def __init__(
        self,
        *,
        now: datetime,
        structures: Mapping[PipelineUid, Structure],
        sequences: Mapping[PipelineUid, int],
        paused: Iterable[PipelineUid] = (),
        deleted: Iterable[PipelineUid] = (),
        pipelines: Mapping[PipelineUid, PipelineRows] = _NOTHING,
        nodes: Iterable[Node] = (),
        executions: Iterable[Execution] = (),
        runs: Iterable[Run] = (),
        run_nodes: Iterable[RunNode] = (),
        owners: Mapping[PipelineUid, Owner],
        purchases: Iterable[Purchase] = (),
        delivered: Iterable[Artifact] = (),
        limits: Iterable[VendorLimit] = (),
        own_keys: Iterable[tuple[Owner, str]] = (),
    ) -> None:
        self.now = now
        self.structures = dict(structures)
        self.sequences = dict(sequences)
        self.paused = set(paused)
        self.deleted = frozenset(deleted)
        """Gone for users; what was bought for them is asked about to its end."""
        self.nodes = {node.uid: node for node in nodes}
        self.executions = {execution.id: execution for execution in executions}
        self.runs: dict[RunId, Run] = {}
        self.run_nodes: dict[RunNodeKey, RunNode] = {}
        # The same by what they are asked for: a batch holds the rows of hundreds of pipelines.
        self._runs_of: dict[PipelineUid, dict[RunId, Run]] = defaultdict(dict)
        self._rows_of: dict[RunId, RunRows] = defaultdict(RunRows)
        self.changed = Changed()
        for uid, rows in pipelines.items():
            self._begin_with(uid, rows)
        for run in runs:
            self.put(run)
        for row in run_nodes:
            self.put(row)
        self.owners = dict(owners)
        self.purchases = {purchase.id: purchase for purchase in purchases}
        self.delivered = {(one.owner, one.work_digest): one for one in delivered}
        """The newest result of work that was bought before."""
        self.limits = {(limit.vendor, limit.credential): limit for limit in limits}
        """Of the vendors that the reports tell of, where they have one, by vendor and credential."""
        self.own_keys = frozenset(own_keys)
        """Owner and vendor, of the owners that the reports tell of: whose key is not everybody's."""
        self.events: list[Event] = []
        self.dispatches: list[Dispatch] = []
        self.artifacts: list[Artifact] = []
        self.interrupted: list[ExecutionId] = []
        self.alarms: list[Alarm] = []
        self._kept: dict[Flight, Artifact] = {}
        self.questions: dict[NodeUid, Question] = {}
        """Asked and not answered yet. What is left of them when the rows are written becomes wakes."""
        self.findings: dict[NodeUid, Finding] = {}
        self.digests: dict[NodeUid, tuple[NodeSpec, tuple[str, ...], str]] = {}
        """Work digests of nodes, each behind what the node and its inputs were when it was computed."""
        self.shown: set[PipelineUid] = set()
        """Pipelines in which something is to be shown at once, though no event tells of it."""
        self.owes_wakes = False
        """Whether wakes were written: somebody has something to do now."""
        self.places_taken: Counter[tuple[TaskQueue, Owner]] = Counter()
        """By how many more executions of each owner each task queue's window is taken than before."""
        self.lined_up: set[tuple[TaskQueue, Owner]] = set()
        """Task queues in which somebody stands in line now, and for whom."""
        self._flights = {self._flight(one): one.id for one in self.executions.values() if one.state.is_active}

    def put(self, row: Node | Execution | Run | RunNode | Purchase | VendorLimit) -> None:
        """Put a row in place of the one with its key."""
        match row:
            case Node():
                self.nodes[row.uid] = row
                self.changed.nodes.add(row.uid)
            case Execution():
                self._count_place(row)
                self.executions[row.id] = row
                self.changed.executions.add(row.id)
                self._follow(row)
            case Run():
                self.runs[row.id] = row
                self.changed.runs.add(row.id)
                self._runs_of[row.pipeline_uid][row.id] = row
            case RunNode():
                key = row.run_id, row.node_uid
                self.run_nodes[key] = row
                self.changed.run_nodes.add(key)
                self._rows_of[row.run_id].put(row)
            case Purchase():
                self.purchases[row.id] = row
            case VendorLimit():
                self.limits[row.vendor, row.credential] = row

    def holder(self, question: Question) -> ExecutionId | None:
        """The active execution that does the work, if there is one."""
        finding = self.findings[question.node_uid]
        return self._flights.get((question.owner, question.work_digest), finding.holder)

    def artifact(self, question: Question) -> Artifact | None:
        """A result of the work, one of this transaction before all others."""
        finding = self.findings[question.node_uid]
        return self._kept.get((question.owner, question.work_digest), finding.artifact)

    def keep(self, artifact: Artifact) -> None:
        """Let later runs find a result."""
        self.artifacts.append(artifact)
        self._kept[artifact.owner, artifact.work_digest] = artifact

    def take_questions(self, limit: int) -> list[Question]:
        """Questions to be answered now; the others are left."""
        taken = list(self.questions.values())[:limit]
        for question in taken:
            del self.questions[question.node_uid]
        return taken

    def is_answered(self, question: Question) -> bool:
        """Whether the question was asked in this transaction already, and looked up."""
        finding = self.findings.get(question.node_uid)
        return finding is not None and finding.work_digest == question.work_digest

    def landed(self, before: Mapping[ExecutionId, Execution]) -> list[ExecutionId]:
        """Executions that were active `before`, and whose work nobody does any more."""
        return [
            one.id
            for one in map(self.executions.__getitem__, self.changed.executions)
            if not one.state.is_active
            and (was := before.get(one.id)) is not None
            and was.state.is_active
            and self._flight(one) not in self._flights
        ]

    def credential_at_vendor(self, execution: Execution) -> str:
        """Whose key pays for what is bought for an execution from now on."""
        owner = self.owners[execution.pipeline_uid]
        return owner if (owner, execution.work.provider) in self.own_keys else SHARED

    def spec(self, node: Node) -> NodeSpec:
        """What the node is, in the structure that was loaded."""
        return self.structures[node.pipeline_uid].nodes[node.uid]

    def runs_of(self, pipeline_uid: PipelineUid) -> list[Run]:
        """The pipeline's runs, oldest first."""
        return sorted(self._runs_of[pipeline_uid].values(), key=lambda run: run.id)

    def rows_of(self, run: Run) -> list[RunNode]:
        """What a run decided, node by node."""
        return list(self._rows_of[run.id].by_node.values())

    def run_rows(self, run: Run) -> RunRows:
        """The same with those that are open and waiting. Not to be changed."""
        return self._rows_of[run.id]

    def is_finished(self, run: Run) -> bool:
        """Whether a run has nothing left to expect."""
        return not self._rows_of[run.id].open

    def unserved(self, run: Run, nodes: Iterable[NodeUid] | None) -> list[RunNode]:
        """Rows that are to be served: of these nodes (None: of all), and those that wait for work of somebody else."""
        rows = self._rows_of[run.id]
        looked_at = rows.open if nodes is None else dict.fromkeys((*nodes, *rows.waiting))
        return [row for uid in looked_at if (row := rows.by_node.get(uid)) and row.decision in _UNSERVED]

    def rows_for(self, execution: Execution) -> list[RunNode]:
        """What the runs of its pipeline decided for its node, where that is this execution."""
        rows = (
            self._rows_of[run_id].by_node.get(execution.node_uid) for run_id in self._runs_of[execution.pipeline_uid]
        )
        return [row for row in rows if row is not None and row.execution_id == execution.id]

    def record(
        self,
        event_type: EventType,
        pipeline_uid: PipelineUid,
        *,
        actor: str,
        node: NodeSpec | None = None,
        execution: Execution | None = None,
        run_id: RunId | None = None,
        old_state: str = "",
        new_state: str = "",
        message: str = "",
    ) -> None:
        """Append an event under the pipeline's next sequence number."""
        self.sequences[pipeline_uid] += 1
        self.events.append(
            Event(
                type=event_type,
                pipeline_uid=pipeline_uid,
                sequence=self.sequences[pipeline_uid],
                node_uid=node.uid if node else execution.node_uid if execution else None,
                node_id=node.id if node else execution.work.node_id if execution else None,
                execution_id=execution.id if execution else None,
                run_id=run_id or (execution.run_id if execution else None),
                attempt=execution.attempt if execution else 0,
                old_state=old_state,
                new_state=new_state,
                actor=actor,
                message=message,
            )
        )

    def dispatch(self, execution: Execution, *, kind: WorkKind = WorkKind.RUN, poll_no: int = 0) -> None:
        """Publish the execution's work, or a question about its purchase, once the transaction is committed."""
        pipeline_id = self.structures[execution.pipeline_uid].pipeline_id
        trace = self.trace_of(execution.run_id)
        self.dispatches.append(
            Dispatch(execution=execution, pipeline_id=pipeline_id, kind=kind, poll_no=poll_no, trace=trace)
        )

    def trace_of(self, run_id: RunId | None) -> str:
        """Trace context of a run; empty when it is not among the rows, because it ended before."""
        run = self.runs.get(run_id) if run_id is not None else None
        return run.trace if run is not None else ""

    def interrupt(self, execution: Execution) -> None:
        """Tell whoever works on an execution, once the transaction is committed, to ask whether it is still wanted."""
        self.interrupted.append(execution.id)

    def _begin_with(self, uid: PipelineUid, rows: PipelineRows) -> None:
        self.nodes.update(rows.nodes)
        self.executions.update(rows.executions)
        self.runs.update(rows.runs)
        self.run_nodes.update(rows.run_nodes)
        self._runs_of[uid] = dict(rows.runs)
        for run_id, of_run in rows.rows_of.items():
            self._rows_of[run_id] = of_run.copy()

    def _flight(self, execution: Execution) -> Flight:
        return self.owners[execution.pipeline_uid], execution.work_digest

    def _count_place(self, execution: Execution) -> None:
        before = self.executions.get(execution.id)
        moved = execution.takes_place - (before is not None and before.takes_place)
        if not moved and not execution.is_in_line:
            return
        place = execution.task_queue, self.owners[execution.pipeline_uid]
        self.places_taken[place] += moved
        if execution.is_in_line:
            self.lined_up.add(place)

    def _follow(self, execution: Execution) -> None:
        flight = self._flight(execution)
        if execution.state.is_active:
            self._flights[flight] = execution.id
        elif self._flights.get(flight) == execution.id:
            del self._flights[flight]
