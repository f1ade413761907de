"""What the engine decides about: nodes, executions, runs and events as they stand in the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline_service.domain.ids import (
    Claim,
    ExecutionId,
    NodeId,
    NodeUid,
    PipelineId,
    PipelineUid,
    PurchaseId,
    RunId,
    TaskQueue,
)
from pipeline_service.domain.states import (
    Buys,
    EventType,
    ExecutionState,
    NodeState,
    QueuePlace,
    RunDecision,
    RunState,
    WaitingFor,
    WorkKind,
)
from pipeline_service.domain.values import Asset, Failure, Json, Output, Progress
from pipeline_service.domain.violations import Violation


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """What a node *is*: everything a user wrote, and the digest of what of it affects the output."""

    uid: NodeUid
    id: NodeId
    position: int
    type: str
    title: str
    labels: Mapping[str, str] = field(default_factory=dict)
    retry: Mapping[str, float] = field(default_factory=dict)
    """What of its node type's retry policy is other for it, by keys as in a document; changes nothing that it makes."""
    """The user's own marks; they affect nothing."""
    config: Json
    """As written, without defaults."""
    inputs: Mapping[str, tuple[NodeUid, ...]]
    asset: Asset | None
    provider: str
    spec_digest: str
    own_digest: str = ""
    """The same without what the inputs are: another one means that the node itself was changed."""
    problems: tuple[Violation, ...] = ()
    """What keeps it from running; its places begin with `config.` or `inputs.`."""


@dataclass(frozen=True, kw_only=True)
class Structure:
    """The graph of a pipeline at one version. Safe to keep: a version never changes."""

    pipeline_uid: PipelineUid
    pipeline_id: PipelineId
    version: int
    nodes: Mapping[NodeUid, NodeSpec]
    sources: Mapping[NodeUid, tuple[NodeUid, ...]]
    """For each node those that it takes material from."""
    successors: Mapping[NodeUid, tuple[NodeUid, ...]]


@dataclass(frozen=True, kw_only=True)
class Node:
    """Where a node stands."""

    uid: NodeUid
    pipeline_uid: PipelineUid
    state: NodeState
    execution_id: ExecutionId | None = None
    """The active execution; set exactly while IN_PROGRESS."""
    latest_execution_id: ExecutionId | None = None
    attempts: int = 0
    """Ordinal of the latest execution."""
    done_spec: str = ""
    """spec_digest that `output` was made from."""
    done_own: str = ""
    """own_digest that `output` was made from."""
    output: Output | None = None
    content_digest: str = ""
    """Identity of the output's bytes: their SHA-256, else `execution:<id>`."""
    failure: Failure | None = None
    paused: bool = False
    """Held by a user: it is not started until it is resumed."""


@dataclass(frozen=True, kw_only=True)
class PinnedInput:
    """One input of an execution with the artifact it had when the execution was queued."""

    slot: str
    position: int
    node_uid: NodeUid
    node_id: NodeId
    output: Output


@dataclass(frozen=True, kw_only=True)
class PinnedWork:
    """What an execution works on, fixed when it was queued; an edit ends the execution instead of changing this."""

    node_id: NodeId
    node_type: str
    provider: str
    title: str
    config: Json
    """Effective: the document's values over the node type's defaults."""
    inputs: tuple[PinnedInput, ...]
    asset: Asset | None
    needs_claim: bool = True
    """Whether a worker has to claim it before it begins; else its first report is the claim."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One attempt to run a node."""

    id: ExecutionId
    pipeline_uid: PipelineUid
    node_uid: NodeUid
    run_id: RunId | None
    attempt: int
    first_attempt: int
    """Attempt with which the user's request began; retries are counted from it."""
    rate_limits: int = 0
    """Attempts of that request before this one that met a vendor's rate limit; they are not counted."""
    state: ExecutionState
    task_queue: TaskQueue
    spec_digest: str
    work_digest: str
    work: PinnedWork
    create_time: datetime
    dispatch_no: int = 1
    dispatches_unanswered: int = 0
    """Times since the last claim that its work was handed out; sets the distance to the next."""
    priority: int = 0
    """The highest of the runs that want it; in a full task queue it goes before others."""
    queue_place: QueuePlace = QueuePlace.BACKING_OFF
    """Where its work is; says something only while it is QUEUED."""
    dispatch_due_at: datetime | None = None
    claim: Claim | None = None
    lease_until: datetime | None = None
    last_claim: Claim | None = None
    """The newest claim, also after it was let go: where a callback's result is looked for."""
    lost_leases: int = 0
    """How often its worker went silent."""
    waiting_for: WaitingFor | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    progress: Progress | None = None
    buys: Buys = Buys.NOTHING
    purchase_id: PurchaseId | None = None
    """What was bought for it; set by its first claim."""
    start_time: datetime | None = None
    close_due_at: datetime | None = None
    reconcile_until: datetime | None = None
    """Its deadline has passed, and its vendor is asked a last time until then."""
    result_claim: Claim | None = None
    """Claim under which the recorded result was made."""
    output: Output | None = None
    failure: Failure | None = None
    end_time: datetime | None = None
    sweep_time: datetime | None = None
    """When its objects were given up for removal; what is told of them later is not kept."""

    @property
    def takes_place(self) -> bool:
        """Whether it counts in its task queue's window: a worker has it, or is to take it, or a vendor works on it."""
        if self.state is ExecutionState.QUEUED:
            return self.queue_place is QueuePlace.OUT
        return self.state is ExecutionState.RUNNING or self.waiting_for is WaitingFor.VENDOR

    @property
    def is_in_line(self) -> bool:
        """Whether it waits for room in its task queue."""
        return self.queue_place is QueuePlace.IN_LINE and self.state is ExecutionState.QUEUED


@dataclass(frozen=True, kw_only=True)
class Run:
    """One request to bring targets up to date."""

    id: RunId
    pipeline_uid: PipelineUid
    state: RunState
    targets: tuple[NodeUid, ...]
    force: bool = False
    """Whether what is current is made again, and bought again; what was made before the run is not taken over."""
    priority: int = 0
    """-100 to 100; work of a run with a higher one is handed out first."""
    trace: str = ""
    """Trace context of the request, as W3C writes it; whatever is done for the run goes on with it."""
    create_time: datetime
    end_time: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RunNode:
    """What a run decided for one node."""

    run_id: RunId
    node_uid: NodeUid
    decision: RunDecision
    reason: str = ""
    execution_id: ExecutionId | None = None
    waiting_digest: str = ""
    """Work that somebody else does already; set exactly while WAITING."""
    reused_from: ExecutionId | None = None
    """The execution whose result was taken over, perhaps one of another pipeline."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened; gets its sequence number from the pipeline it belongs to."""

    type: EventType
    pipeline_uid: PipelineUid
    sequence: int
    node_uid: NodeUid | None = None
    node_id: NodeId | None = None
    execution_id: ExecutionId | None = None
    run_id: RunId | None = None
    attempt: int = 0
    old_state: str = ""
    new_state: str = ""
    actor: str
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A message to publish once the transaction is committed."""

    execution: Execution
    pipeline_id: PipelineId
    kind: WorkKind = WorkKind.RUN
    poll_no: int = 0
    """Number of the question; 0 for work that is to be run."""
    trace: str = ""
    """Of the run that made the execution; empty when that has ended."""

    @property
    def execution_id(self) -> ExecutionId:
        return self.execution.id

    @property
    def dispatch_no(self) -> int:
        return self.poll_no or self.execution.dispatch_no


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a failed execution is tried again."""

    max_attempts: int = 3
    initial_interval: timedelta = timedelta(seconds=2)
    backoff_coefficient: float = 2.0
    max_interval: timedelta = timedelta(minutes=5)
    jitter: float = 1.0
    """Share of a wait that is left to chance; 1 spreads retries best."""
