"""The commands over a real store, with a worker that the test plays itself."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.control import Control
from pipeline_service.commands.filling import Filler
from pipeline_service.commands.identifiers import uuid7
from pipeline_service.commands.nodes import Nodes
from pipeline_service.commands.pipelines import Imported, Pipelines
from pipeline_service.commands.places import Places
from pipeline_service.commands.ports import Caller, ObjectFacts, Upload
from pipeline_service.commands.reporting import Reporter
from pipeline_service.commands.runs import RunRequest, Runs
from pipeline_service.commands.views import ExecutionView, RunView
from pipeline_service.commands.waking import Waker
from pipeline_service.commands.windows import Windows
from pipeline_service.domain.engine.reports import Answer, Complete, Fail, Start, StartAnswer
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.garbage import StoredObject
from pipeline_service.domain.ids import Claim, NodeId, Owner, PipelineId, PipelineUid, RunId, TaskQueue
from pipeline_service.domain.keys import artifact_prefix
from pipeline_service.domain.lists import Page
from pipeline_service.domain.model import Dispatch, Execution
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Failure, Json, Output
from pipeline_service.domain.vendor_limit import vendors_of
from pipeline_service.store.pool import Pool, Pools
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.reads import PostgresReader
from pipeline_service.store.structures import StructureCache
from tests.factories import a_document, some_rules
from tests.fakes.observer import Unobserved
from tests.patience import PATIENCE_S

OWNER = Owner("default")
FILM = PipelineId("film")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ACTOR = "spiffe://montage/client/test"
CALLER = Caller(owner=OWNER, identity=ACTOR)

_NO_LIMITS: Mapping[str, int] = MappingProxyType({})
_LOCK = "SELECT FROM pipelines WHERE uid = ANY($1) ORDER BY uid FOR NO KEY UPDATE"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class MemoryArtifacts:
    """Objects in a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, ObjectFacts] = {}
        self.documents: dict[str, Json] = {}
        self.write_times: dict[str, datetime] = {}
        """Of objects that are not of long ago."""

    async def head(self, key: str) -> ObjectFacts | None:
        return self.objects.get(key)

    async def put(self, key: str, content: bytes, *, content_type: str) -> None:
        self.objects.setdefault(key, ObjectFacts(size_bytes=len(content), sha256="", content_type=content_type))

    async def read_json(self, key: str) -> Json | None:
        return self.documents.get(key)

    async def list_keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in (*self.objects, *self.documents) if key.startswith(prefix))

    async def list_objects(self, *, after: str, limit: int) -> Sequence[StoredObject]:
        keys = sorted(key for key in self.objects if key > after)[:limit]
        return [
            StoredObject(
                key=key, size_bytes=self.objects[key].size_bytes, write_time=self.write_times.get(key, LONG_AGO)
            )
            for key in keys
        ]

    async def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    async def presign_put(self, key: str, *, sha256: str, size_bytes: int, content_type: str) -> Upload:
        return Upload(url=f"https://store.test/{key}", headers={"content-type": content_type})

    async def presign_get(self, key: str, *, lifetime: timedelta, file_name: str) -> str:
        return f"https://store.test/{key}?{file_name}"


@dataclass
class Outbox:
    """Remembers what was handed to the queue, and what was committed."""

    dispatches: list[Dispatch] = field(default_factory=list)
    committed_sets: list[WorkingSet] = field(default_factory=list)
    windows: Windows | None = None

    def publish(self, dispatches: Sequence[Dispatch]) -> None:
        self.dispatches.extend(dispatches)

    def committed(self, working_set: WorkingSet) -> None:
        self.committed_sets.append(working_set)
        if self.windows is not None:
            self.windows.committed(working_set)


@dataclass(kw_only=True)
class Rig:
    """The commands of one service process."""

    pools: Pools
    store: PostgresStore
    reader: PostgresReader
    artifacts: MemoryArtifacts
    outbox: Outbox
    batcher: Batcher
    reporter: Reporter
    pipelines: Pipelines
    nodes: Nodes
    runs: Runs
    waker: Waker
    filler: Filler
    control: Control

    @property
    def pool(self) -> Pool:
        """Of the role that keeps state."""
        return self.pools.engine

    async def import_(self, *nodes: dict[str, Any], document_id: str = "film") -> Imported:
        document = a_document(*nodes, document_id=document_id)
        return await self.pipelines.import_document(CALLER, document, create_only=False, validate_only=False)

    async def run(self, *targets: str, pipeline: str = "film", force: bool = False, priority: int = 0) -> RunId:
        request = RunRequest(targets=tuple(NodeId(target) for target in targets), force=force, priority=priority)
        return (await self.runs.start(CALLER, PipelineId(pipeline), request)).run.id

    async def wake(self) -> None:
        """Look for wakes until there are none."""
        while await self.waker.tick():
            pass

    async def run_view(self, run: RunId, *, pipeline: str = "film") -> RunView:
        view = await self.reader.run(OWNER, PipelineId(pipeline), run)
        assert view is not None
        return view

    async def latest(self, node: str, *, pipeline: str = "film") -> Execution:
        found = await self.executions(node, pipeline=pipeline)
        return found[0].execution

    async def executions(self, node: str, *, pipeline: str = "film") -> Sequence[ExecutionView]:
        found = await self.reader.executions(OWNER, PipelineId(pipeline), Page(limit=100), node_id=NodeId(node))
        assert found is not None
        assert found.items, f"node '{node}' was never executed"
        return found.items

    async def claim(self, node: str, *, claim: Claim | None = None, pipeline: str = "film") -> StartAnswer:
        execution = await self.latest(node, pipeline=pipeline)
        report = Start(
            execution_id=execution.id,
            claim=claim or Claim(uuid4()),
            dispatch_no=execution.dispatch_no,
            actor="spiffe://montage/executor",
        )
        answer = await self.reporter.report(report)
        assert isinstance(answer, StartAnswer)
        return answer

    async def complete(self, node: str, *, pipeline: str = "film") -> Answer:
        """A worker takes a node's execution and completes it."""
        started = await self.claim(node, pipeline=pipeline)
        assert started.execution is not None
        return await self.reporter.report(self.completion(started.execution))

    async def fail(self, node: str, error_type: str, *, pipeline: str = "film") -> Answer:
        """A worker takes a node's execution and gives up."""
        started = await self.claim(node, pipeline=pipeline)
        assert started.execution is not None
        assert started.execution.claim is not None
        failure = Failure(error_type=error_type, message="it broke")
        report = Fail(execution_id=started.execution.id, claim=started.execution.claim, failure=failure, actor="worker")
        return await self.reporter.report(report)

    def completion(self, execution: Execution, *, claim: Claim | None = None, name: str = "output.json") -> Complete:
        """A result of a claimed execution whose object lies in the store."""
        by = claim or execution.claim
        assert by is not None
        key = artifact_prefix(execution.pipeline_uid, execution.node_uid, execution.id, by) + name
        self.artifacts.objects[key] = ObjectFacts(size_bytes=10, sha256="", content_type="application/json")
        output = Output(type=MediaType.JSON, s3_key=key, size_bytes=10)
        return Complete(execution_id=execution.id, claim=by, output=output, actor="spiffe://montage/executor")

    async def states(self, *, pipeline: str = "film") -> dict[str, str]:
        nodes = await self.reader.nodes(OWNER, PipelineId(pipeline), Page(limit=500))
        assert nodes is not None
        return {view.spec.id: view.node.state.value for view in nodes.items}


@asynccontextmanager
async def running_rig(
    pools: Pools, *, window: int | None = None, concurrency: Mapping[str, int] = _NO_LIMITS, **changes: Any
) -> AsyncIterator[Rig]:
    """Wire the commands over the pools as `app` does, and run the batcher. `window` is that of the queue `noop`."""
    windows = Windows(
        fixed={TaskQueue("noop"): window} if window else {},
        slots=lambda _queue: 10_000,
        concurrency={TaskQueue(vendor): concurrency[vendor] for vendor in vendors_of(concurrency)},
    )
    rules: Rules = replace(some_rules(new_id=uuid7, room=windows.room), **changes)
    store = PostgresStore(pools, structures=StructureCache(), concurrency=concurrency)
    artifacts, outbox = MemoryArtifacts(), Outbox(windows=windows)
    batcher = Batcher(
        store=store, rules=rules, publisher=outbox, journal=outbox, observer=Unobserved(), crash_point=_no_crash
    )
    reporter = Reporter(places=Places(store), artifacts=artifacts, batcher=batcher)
    parts: dict[str, Any] = {
        "store": store,
        "reader": PostgresReader(pools.engine),
        "artifacts": artifacts,
        "rules": rules,
        "journal": outbox,
    }
    writing = asyncio.create_task(batcher.run())
    try:
        yield Rig(
            pools=pools,
            store=store,
            reader=PostgresReader(pools.engine),
            artifacts=artifacts,
            outbox=outbox,
            batcher=batcher,
            reporter=reporter,
            pipelines=Pipelines(**parts),
            nodes=Nodes(**parts, publisher=outbox),
            runs=Runs(store=store, rules=rules, batcher=batcher, publisher=outbox, journal=outbox),
            waker=Waker(store=store, batcher=batcher),
            control=Control(store=store, rules=rules, publisher=outbox, journal=outbox),
            filler=Filler(store=store, batcher=batcher, windows=windows),
        )
    finally:
        writing.cancel()
        await asyncio.wait({writing})


@asynccontextmanager
async def in_the_way(pool: Pool, pipelines: Collection[PipelineUid], *, of: int) -> AsyncIterator[None]:
    """Hold the locks of pipelines; at the end, let go as soon as so many transactions wait behind them."""
    async with pool.acquire() as stranger, stranger.transaction():
        await stranger.execute(_LOCK, list(pipelines))
        yield
        async with asyncio.timeout(PATIENCE_S):
            while await pool.fetchval(_WAITING) < of:  # noqa: ASYNC110 - who waits for a lock announces nothing
                await asyncio.sleep(0.01)


async def _no_crash(_name: str) -> None:
    return None
