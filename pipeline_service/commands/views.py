"""What is read: rows as they stand, without decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from pipeline_service.commands.etags import pipeline_etag
from pipeline_service.domain.history import NodeEvent
from pipeline_service.domain.ids import ExecutionId, NodeId, Owner, PipelineId, PipelineUid, RunId
from pipeline_service.domain.lists import Cursor, Page
from pipeline_service.domain.model import Event, Execution, Node, NodeSpec, Run
from pipeline_service.domain.states import Freshness, NodeState, RunDecision
from pipeline_service.domain.values import Progress

View = TypeVar("View")


@dataclass(frozen=True, kw_only=True)
class PipelineView:
    """A pipeline as it is shown."""

    uid: PipelineUid
    id: PipelineId
    title: str
    version: str
    labels: Mapping[str, str]
    structure_version: int
    last_sequence: int
    create_time: datetime
    update_time: datetime
    counts: Mapping[NodeState, int]
    is_paused: bool

    @property
    def etag(self) -> str:
        """Changes with every edit of a node."""
        return pipeline_etag(self.uid, self.structure_version)


@dataclass(frozen=True, kw_only=True)
class NodeView:
    """A node as it is shown."""

    spec: NodeSpec
    node: Node
    inputs: Mapping[str, tuple[NodeId, ...]]
    is_current: bool
    freshness: Freshness = Freshness.CURRENT
    freshness_reasons: tuple[str, ...] = ()
    """Why it is STALE or BLOCKED."""
    progress: Progress | None
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, kw_only=True)
class ExecutionView:
    """An execution with the ids that its name is made of."""

    node_id: NodeId
    execution: Execution
    job_id: str
    """The vendor's, of what was bought for it; empty if nothing was."""
    cost_micros: int | None


@dataclass(frozen=True, kw_only=True)
class RunNodeView:
    """What a run decided for a node."""

    node_id: NodeId
    decision: RunDecision
    reason: str
    execution_id: ExecutionId | None
    reused_from: str
    """Resource name of the execution whose result was taken over, perhaps of another pipeline; empty if none."""


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run with its decisions, in the order of the document."""

    run: Run
    target_ids: tuple[NodeId, ...]
    nodes: tuple[RunNodeView, ...]


@dataclass(frozen=True, kw_only=True)
class EventView:
    """An event with its time."""

    event: Event
    create_time: datetime


@dataclass(frozen=True, kw_only=True)
class ProgressView:
    """Progress of an active execution."""

    node_id: NodeId
    execution_id: ExecutionId
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class SnapshotView:
    """A pipeline with all its nodes at one sequence number, read in one snapshot."""

    pipeline: PipelineView
    nodes: tuple[NodeView, ...]


@dataclass(frozen=True, kw_only=True)
class Listed(Generic[View]):
    """A page of a list."""

    items: Sequence[View]
    places: Sequence[Cursor]
    """Of each item, in the same order: a page may begin behind any of them."""
    has_more: bool
    """Whether the list goes on behind the last item."""

    @property
    def next(self) -> Cursor | None:
        """Behind which the next page begins; None on the last."""
        return self.places[-1] if self.has_more else None


class Reader(Protocol):
    """Plain queries. Each sees only the owner's pipelines; all raise Unavailable when the database is away."""

    async def pipeline(self, owner: Owner, pipeline_id: PipelineId) -> PipelineView | None:
        """One pipeline."""

    async def pipelines(self, owner: Owner, page: Page) -> Listed[PipelineView]:
        """A page of pipelines."""

    async def node(self, owner: Owner, pipeline_id: PipelineId, node_id: NodeId) -> NodeView | None:
        """One node."""

    async def nodes(self, owner: Owner, pipeline_id: PipelineId, page: Page) -> Listed[NodeView] | None:
        """A page of a pipeline's nodes; None when there is no such pipeline."""

    async def executions(
        self, owner: Owner, pipeline_id: PipelineId, page: Page, *, node_id: NodeId | None
    ) -> Listed[ExecutionView] | None:
        """A page of attempts of one node or of all; None when there is no such pipeline or node."""

    async def run(self, owner: Owner, pipeline_id: PipelineId, run_id: RunId) -> RunView | None:
        """One run."""

    async def runs(self, owner: Owner, pipeline_id: PipelineId, page: Page) -> Listed[RunView] | None:
        """A page of runs without their decisions; None when there is no such pipeline."""

    async def history(
        self, owner: Owner, pipeline_id: PipelineId, page: Page, *, after: int
    ) -> Listed[EventView] | None:
        """A page of the events behind a sequence number; None when there is no such pipeline."""

    async def execution(
        self, owner: Owner, pipeline_id: PipelineId, node_id: NodeId, execution_id: ExecutionId
    ) -> ExecutionView | None:
        """One attempt."""

    async def snapshot(self, owner: Owner, pipeline_id: PipelineId) -> SnapshotView | None:
        """A pipeline with all its nodes."""

    async def node_events(self, pipeline_uid: PipelineUid, *, through: int) -> Sequence[NodeEvent]:
        """What made, edited and removed the nodes of a pipeline, up to a sequence number, in sequence."""

    async def events(self, pipeline_uid: PipelineUid, *, after: int, limit: int) -> Sequence[EventView]:
        """Events behind a sequence number, in sequence."""

    async def progress(self, pipeline_uid: PipelineUid, *, since: datetime) -> Sequence[ProgressView]:
        """Progress of active executions that was reported after a time."""
