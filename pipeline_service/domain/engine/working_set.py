"""The rows that one transaction decides about, and what the decisions changed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineUid, RunId
from pipeline_service.domain.model import Dispatch, Event, Execution, Node, NodeSpec, Run, RunNode, Structure
from pipeline_service.domain.node_types import Catalogue
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import Alarm, EventType, WorkKind
from pipeline_service.domain.values import Output

RunNodeKey = tuple[RunId, NodeUid]


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


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A result kept under its digest, to be found by later runs."""

    work_digest: str
    pipeline_uid: PipelineUid
    execution_id: ExecutionId
    output: Output


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
        nodes: Iterable[Node] = (),
        executions: Iterable[Execution] = (),
        runs: Iterable[Run] = (),
        run_nodes: Iterable[RunNode] = (),
        owners: Mapping[PipelineUid, Owner] | None = None,
        purchases: Iterable[Purchase] = (),
    ) -> None:
        self.now = now
        self.structures = dict(structures)
        self.sequences = dict(sequences)
        self.paused = set(paused)
        self.nodes = {node.uid: node for node in nodes}
        self.executions = {execution.id: execution for execution in executions}
        self.runs: dict[RunId, Run] = {}
        self.run_nodes: dict[RunNodeKey, RunNode] = {}
        # The same by what they are asked for: a batch holds the rows of hundreds of pipelines.
        self._runs_of: dict[PipelineUid, dict[RunId, Run]] = defaultdict(dict)
        self._rows_of: dict[RunId, dict[NodeUid, RunNode]] = defaultdict(dict)
        for run in runs:
            self.put(run)
        for row in run_nodes:
            self.put(row)
        self.owners = dict(owners or {})
        self.purchases = {purchase.id: purchase for purchase in purchases}
        self.events: list[Event] = []
        self.dispatches: list[Dispatch] = []
        self.artifacts: list[Artifact] = []
        self.interrupted: list[ExecutionId] = []
        self.alarms: list[Alarm] = []

    def put(self, row: Node | Execution | Run | RunNode | Purchase) -> None:
        """Put a row in place of the one with its key."""
        match row:
            case Node():
                self.nodes[row.uid] = row
            case Execution():
                self.executions[row.id] = row
            case Run():
                self.runs[row.id] = row
                self._runs_of[row.pipeline_uid][row.id] = row
            case RunNode():
                self.run_nodes[row.run_id, row.node_uid] = row
                self._rows_of[row.run_id][row.node_uid] = row
            case Purchase():
                self.purchases[row.id] = row

    def spec(self, node: Node) -> NodeSpec:
        """What the node is, in the structure that was loaded."""
        return self.structures[node.pipeline_uid].nodes[node.uid]

    def runs_of(self, pipeline_uid: PipelineUid) -> list[Run]:
        """The pipeline's runs, oldest first."""
        return sorted(self._runs_of[pipeline_uid].values(), key=lambda run: run.id)

    def rows_of(self, run: Run) -> list[RunNode]:
        """What a run decided, node by node."""
        return list(self._rows_of[run.id].values())

    def rows_for(self, execution: Execution) -> list[RunNode]:
        """What the runs of its pipeline decided for its node, where that is this execution."""
        rows = (self._rows_of[run_id].get(execution.node_uid) for run_id in self._runs_of[execution.pipeline_uid])
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
        self.dispatches.append(Dispatch(execution=execution, pipeline_id=pipeline_id, kind=kind, poll_no=poll_no))

    def interrupt(self, execution: Execution) -> None:
        """Tell whoever works on an execution, once the transaction is committed, to ask whether it is still wanted."""
        self.interrupted.append(execution.id)
