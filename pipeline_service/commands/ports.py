"""What commands need of the outside; `store`, `artifacts` and `relay` provide it."""

from collections.abc import Collection, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from pipeline_service.commands.views import NodeView, PipelineView
from pipeline_service.domain.audit import AuditRecord
from pipeline_service.domain.engine.planning import Kind
from pipeline_service.domain.engine.working_set import Finding, Question, WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineId, PipelineUid, RunId, TaskQueue
from pipeline_service.domain.model import Dispatch
from pipeline_service.domain.structure import ImportPlan
from pipeline_service.domain.values import Json
from pipeline_service.domain.vendor_limit import SHARED, VendorLimit


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an execution belongs; never changes."""

    execution_id: ExecutionId
    pipeline_uid: PipelineUid
    node_uid: NodeUid


@dataclass(frozen=True, kw_only=True)
class DueExecution:
    """An execution whose timer is due, and the due time that was seen."""

    place: Place
    due: datetime


class Line(NamedTuple):
    """Where work waits for room: one line for each task queue, and of a vendor one more for each owner's own key."""

    queue: TaskQueue
    credential: str = SHARED


@dataclass(frozen=True, kw_only=True)
class QueueLoad:
    """What is out of a line, and whether anybody stands in it.

    Of a vendor's line that is what was published and not taken, and what counts as submitted.
    """

    out: int
    has_line: bool


@dataclass(frozen=True, kw_only=True)
class DuePoll:
    """An execution whose purchase is to be asked about."""

    place: Place
    due: datetime | None
    """None when nobody had planned to ask, though no execution waits for it any more."""
    is_wanted: bool
    """False when it was called off, and no active execution does the same work."""


@dataclass(frozen=True, kw_only=True)
class DueWork:
    """What a look at the timers found."""

    dispatches: tuple[DueExecution, ...]
    leases: tuple[DueExecution, ...]
    closes: tuple[DueExecution, ...]
    polls: tuple[DuePoll, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Which graph a pipeline's id stands for, and how large it is."""

    pipeline_uid: PipelineUid
    nodes: int


@dataclass(frozen=True, kw_only=True)
class NewPipeline:
    """A pipeline to be made."""

    uid: PipelineUid
    owner: Owner
    id: PipelineId
    title: str
    version: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RequestKey:
    """A request that its caller may repeat."""

    owner: Owner
    identity: str
    method: str
    request_id: str
    sha256: bytes
    """Of the request, so that another one under the same id is noticed."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks for a change."""

    owner: Owner
    identity: str
    """As events name it."""
    request: RequestKey | None = None
    """The request, when the caller may repeat it."""
    trace: str = ""
    """Trace context of the call, as W3C writes it; empty when nobody follows it."""


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What came of a request before."""

    sha256: bytes
    resource: str
    answer: bytes | None
    """None when it was too large, or the service died before it was kept: then it is rebuilt from the resource."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which messages about an execution are of use: those of the newest number. None where none is."""

    dispatch_no: int | None
    poll_no: int | None


class Transaction(Protocol):
    """A READ COMMITTED transaction that holds the locks of the pipelines it was opened with."""

    @property
    def remembered(self) -> Set[PipelineUid]:
        """Pipelines of which what was loaded last came from memory."""

    async def load(self, executions: Collection[ExecutionId] = (), *, anew: Collection[PipelineUid] = ()) -> WorkingSet:
        """The locked pipelines' nodes, active runs and active executions, and the named executions.

        May come from memory, where nobody has written since; of pipelines `anew` it is what the database says.
        """

    async def look_up(self, questions: Sequence[Question]) -> Sequence[Finding]:
        """Look for results of the same work, and for others who do it, in the order of the questions."""

    async def execution_name(self, execution: ExecutionId) -> str:
        """The resource name of any execution, also of another pipeline."""

    async def take_wakes(self, pipelines: Collection[PipelineUid]) -> None:
        """Remove the wakes that pipelines have by now. Goes before `load`."""

    async def save(self, working_set: WorkingSet) -> None:
        """Write what the decisions changed, guarded by the old state. Raises Contended when a guard did not hold.

        Leaves wakes for who waits for work that ended, and for questions that were not answered.
        """

    async def has_run(self, pipeline: PipelineUid, run: RunId) -> bool:
        """Whether a pipeline has or had a run."""

    async def left_out_with(self, pipeline: PipelineUid, node: NodeUid, failed: ExecutionId) -> Sequence[NodeUid]:
        """The nodes that were skipped in the runs in which an execution failed its node."""

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Write what is to be on record of this transaction."""

    async def remember(self, request: RequestKey | None, resource: str) -> None:
        """Note what a repeatable request is about to do, in the same commit. Raises RequestRepeated."""


class Edit(Transaction, Protocol):
    """A transaction that owns structure.

    Of state it can save no more than that executions and runs were superseded, and that uploaded assets are complete.
    """

    async def save_structure(self, plan: ImportPlan) -> None:
        """Write nodes and edges as planned, with the version of the plan's structure. Goes before `save`."""

    async def describe(
        self, pipeline: PipelineUid, *, title: str | None, version: str | None, labels: Mapping[str, str] | None
    ) -> None:
        """Make what is not None so; where that changes something, another writer's etag is an older one now."""

    async def delete(self, pipeline: PipelineUid) -> None:
        """Make the pipeline invisible and its id free."""

    async def show_pipeline(self, pipeline: PipelineUid) -> PipelineView:
        """A locked pipeline as it stands in this transaction."""

    async def show_node(self, node: NodeUid) -> NodeView:
        """A node of a locked pipeline, likewise. Goes behind `save_structure` and `save`."""


class Store(Protocol):
    """The state, in Postgres."""

    def transaction(
        self, pipelines: Collection[PipelineUid], *, with_deleted: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction and lock the pipelines in ascending order. Raises Unavailable, Contended, BadRow.

        Deleted pipelines are left out, unless `with_deleted`: what was bought for them is asked about to its end.
        """

    def edit(
        self, pipelines: Collection[PipelineUid], *, is_rehearsal: bool = False
    ) -> AbstractAsyncContextManager[Edit]:
        """The same for an edit. What a rehearsal writes is taken back at its end."""

    async def create(
        self,
        new: NewPipeline,
        working_set: WorkingSet,
        *,
        request: RequestKey | None,
        resource: str,
        is_rehearsal: bool = False,
    ) -> PipelineView:
        """Make a pipeline with all that was decided about it, in a transaction; answer it as it is then.

        `resource` is remembered for a repeatable request. What a rehearsal writes is taken back. Raises AlreadyExists,
        RequestRepeated, Contended for a node whose uid was taken meanwhile, Unavailable, BadRow.
        """

    async def locate(self, executions: Collection[ExecutionId]) -> dict[ExecutionId, Place]:
        """Where executions belong; unknown ones are left out."""

    async def find_pipeline(self, owner: Owner, pipeline_id: PipelineId) -> PipelineUid | None:
        """The uid of an owner's pipeline."""

    async def find_graph(self, owner: Owner, pipeline_id: PipelineId) -> Graph | None:
        """The same with the size of its graph."""

    async def execution_names(self, executions: Collection[ExecutionId]) -> Mapping[ExecutionId, str]:
        """Resource names of executions, in whichever pipelines; they never change."""

    async def taken_uids(self, uids: Collection[UUID]) -> frozenset[UUID]:
        """Which of them name a pipeline or a node already, of whomever, or ever named a node that was executed."""

    async def wanted_messages(self, executions: Collection[ExecutionId]) -> Mapping[ExecutionId, Wanted]:
        """What executions wait for in the work queue; unknown ones are left out."""

    async def durations(self, owner: Owner, kinds: Collection[Kind]) -> Mapping[Kind, timedelta]:
        """How long an owner's executions took lately: the median of the newest 25 successful ones of each kind.

        Kinds without any are left out.
        """

    async def wakes(self, limit: int) -> list[PipelineUid]:
        """Pipelines that have a wake, the oldest first."""

    async def vain_waiters(self, limit: int) -> list[PipelineUid]:
        """Pipelines with a run that waits for work that no active execution does."""

    async def due_work(self, limit: int) -> DueWork:
        """Executions whose dispatch, lease or deadline is due, the longest overdue first."""

    async def note_assets(self, keys: Collection[str]) -> None:
        """Note that bytes of assets are asked for now, before it is looked whether they are there.

        Waits for who is removing one of them: what is found behind this is not removed within the grace time.
        """

    async def find_job(self, vendor: str, job_id: str) -> Place | None:
        """For which execution a vendor's job was bought: of several the open one, then the newest."""

    async def queue_loads(self) -> Mapping[Line, QueueLoad]:
        """How full each task queue is, by line; those with nothing out and nobody in line are left out."""

    async def vendor_limits(self) -> tuple[datetime, Sequence[VendorLimit]]:
        """The limits of each vendor, with what counts now; and the clock by which they are meant.

        By vendor and credential: the shared one of each vendor, and those of owners that have a key of their own.
        """

    async def next_in_line(self, line: Line, *, window: int, limit: int) -> Sequence[DueExecution]:
        """Who goes next: by priority, then who has fewest of its pipeline out, then age.

        As many as the window has room for at that moment: who chooses at the same moment chooses the same.
        """


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """What the store says about an object."""

    size_bytes: int
    sha256: str
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A presigned PUT."""

    url: str
    headers: dict[str, str]


class Artifacts(Protocol):
    """The object store. Every method raises Unavailable when it is away."""

    async def head(self, key: str) -> ObjectFacts | None:
        """What lies under a key; None when there is nothing."""

    async def put(self, key: str, content: bytes, *, content_type: str) -> None:
        """Write a small object unless it is there already."""

    async def read_json(self, key: str) -> Json | None:
        """A small JSON object; None when there is none or it is not JSON."""

    async def list_keys(self, prefix: str) -> Sequence[str]:
        """Keys that begin with a prefix; at most 1,000."""

    async def presign_put(self, key: str, *, sha256: str, size_bytes: int, content_type: str) -> Upload:
        """A way to upload exactly these bytes within 15 minutes."""

    async def presign_get(self, key: str, *, lifetime: timedelta, file_name: str) -> str:
        """A way to download an object under a file name."""


class Requests(Protocol):
    """What came of requests that may be repeated. Every method raises Unavailable when the database is away."""

    async def recall(self, request: RequestKey) -> Remembered | None:
        """What came of a request, if it was made before."""

    async def keep_answer(self, request: RequestKey, answer: bytes) -> None:
        """Keep the answer of a request that was remembered."""

    async def forget(self, *, older_than: timedelta) -> None:
        """Remove what is older."""


@dataclass(frozen=True, kw_only=True)
class QueuedMessage:
    """A message that lies in the work queue."""

    place: int
    """Its sequence number in the stream."""
    execution_id: ExecutionId
    number: int
    """Of the dispatch; of the poll for a question to a vendor."""
    is_poll: bool


class Backlog(Protocol):
    """What lies in the work queue. Every method raises Unavailable when the queue is away."""

    async def look(self, *, after: int, older_than: timedelta, limit: int) -> Sequence[QueuedMessage]:
        """Messages behind a place that have been there for a while, oldest first."""

    async def remove(self, place: int) -> None:
        """Take a message out, also one that a worker is about to acknowledge."""


class Publisher(Protocol):
    """The work queue."""

    def publish(self, dispatches: Sequence[Dispatch]) -> None:
        """Hand work to the queue soon. May fail silently: the dispatch timer publishes again."""


class CrashPoint(Protocol):
    """A named place where a crash test can stop the process; nothing happens there otherwise."""

    async def __call__(self, name: str, /) -> None:
        """Pass the place."""


async def nowhere(_name: str, /) -> None:
    """The crash points of a process that nobody wants to die."""


class Observer(Protocol):
    """Whoever wants to know how long transactions take, and for whom they are."""

    def begun(self) -> int:
        """A transaction begins; what this answers goes into `committed`."""

    def committed(self, traces: Sequence[str], *, entries: int, begun: int) -> None:
        """A batch of so many entries is in the database; these trace contexts were among them. Must not fail."""


class Journal(Protocol):
    """Whoever wants to know what was committed: the log, watches of this process, workers that are to stop."""

    def committed(self, working_set: WorkingSet) -> None:
        """These events, dispatches and interruptions are in the database now. Must not fail."""
