"""Facts for renderers and for analysis; only reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from pipeline_service.commands.errors import NotFound
from pipeline_service.commands.ports import Artifacts
from pipeline_service.domain.ids import ExecutionId, NodeId, NodeUid, Owner, PipelineId, PipelineUid
from pipeline_service.domain.states import NodeState
from pipeline_service.domain.values import Json, Output

ADDRESS_LIFE = timedelta(minutes=15)
"""Of a download: long enough to begin it, short enough to be of little use when it leaks."""


@dataclass(frozen=True, kw_only=True)
class RenderSource:
    """One input of a node as it is now."""

    slot: str
    node_uid: NodeUid
    node_id: NodeId
    output: Output | None
    url: str = ""
    """Where to download it; a secret."""


@dataclass(frozen=True, kw_only=True)
class RenderData:
    """What a node is rendered from."""

    pipeline_id: PipelineId
    node_uid: NodeUid
    node_id: NodeId
    node_type: str
    title: str
    config: Json
    sources: Sequence[RenderSource]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """How a number of executions went; durations are of the successful ones."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    p50: timedelta | None = None
    p95: timedelta | None = None
    p99: timedelta | None = None
    failures: Mapping[str, int] | None = None
    """By class, the most frequent first."""
    cost_micros: int = 0


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """Metrics of all, and of each group by its name."""

    whole: Metrics
    groups: Mapping[str, Metrics]


@dataclass(frozen=True, kw_only=True)
class PipelineFacts:
    """A pipeline and its nodes by state."""

    pipeline_id: PipelineId
    nodes: Mapping[NodeState, int]


class AnalyticsReader(Protocol):
    """Raises Unavailable."""

    async def render_data(self, node: NodeUid) -> RenderData | None:
        """Without addresses."""

    async def pipeline(self, uid: PipelineUid) -> PipelineFacts | None: ...

    async def of_pipeline(self, uid: PipelineUid) -> Grouped:
        """By node type."""

    async def of_node_type(self, node_type: str, owner: Owner | None) -> Grouped:
        """By provider; of one owner, or of all."""

    async def owner_of(self, execution: ExecutionId) -> tuple[PipelineUid, Owner] | None:
        """Where an execution belongs."""


class Analytics:
    """Every method raises Unavailable."""

    def __init__(self, *, reader: AnalyticsReader, artifacts: Artifacts) -> None:
        self._reader = reader
        self._artifacts = artifacts

    async def render_data(self, node: NodeUid) -> RenderData:
        """With an address for each input that has a result in the store. Raises NotFound."""
        found = await self._reader.render_data(node)
        if found is None:
            raise NotFound("node", str(node))
        sources = [await self._addressed(one) for one in found.sources]
        return replace(found, sources=sources)

    async def of_pipeline(self, uid: PipelineUid) -> tuple[PipelineFacts, Grouped]:
        """Raises NotFound."""
        facts = await self._reader.pipeline(uid)
        if facts is None:
            raise NotFound("pipeline", str(uid))
        return facts, await self._reader.of_pipeline(uid)

    async def of_node_type(self, node_type: str, *, owner: Owner | None) -> Grouped:
        return await self._reader.of_node_type(node_type, owner)

    async def owner_of(self, execution: ExecutionId) -> tuple[PipelineUid, Owner]:
        """Raises NotFound."""
        found = await self._reader.owner_of(execution)
        if found is None:
            raise NotFound("execution", str(execution))
        return found

    async def _addressed(self, source: RenderSource) -> RenderSource:
        if source.output is None or source.output.content:
            return source
        key = source.output.s3_key
        url = await self._artifacts.presign_get(key, lifetime=ADDRESS_LIFE, file_name=key.rpartition("/")[2])
        return replace(source, url=url)
