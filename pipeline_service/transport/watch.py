"""A pipeline's history as it happens: a snapshot, then every event once and in sequence."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from montage.v1 import pipeline_service_pb2, resources_pb2

from pipeline_service.commands.errors import FailedPrecondition, NotFound, Unavailable
from pipeline_service.commands.views import PipelineView, Reader, SnapshotView
from pipeline_service.domain.ids import Owner, PipelineId
from pipeline_service.domain.states import EventType
from pipeline_service.transport.paging import BYTES_PER_PAGE
from pipeline_service.transport.watchers import Watchers
from pipeline_service.wire.names import execution_name, node_name, pipeline_name
from pipeline_service.wire.resources import event_message, node_message, pipeline_message
from pipeline_service.wire.values import progress_message

Update = pipeline_service_pb2.WatchPipelineResponse

NODES_PER_PAGE = 200
EVENTS_PER_READ = 500
# Commits of this process wake a watch at once; those of other replicas, and progress, are seen at the next look.
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a watch goes."""

    heartbeat_s: float
    """After so long without another update there is a heartbeat."""
    send_timeout_s: float
    """How long a watcher may leave an update unread."""


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Where an earlier watch has come to."""

    after: int
    uid: str
    """Of the pipeline that was watched; empty when it was not said."""


class WatcherTooSlow(Exception):
    """The caller does not read what it is sent. What it has missed lies in the table, and costs nobody anything."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing was read for {seconds:g} s; watch again behind the last sequence that you received")


def resume_point(request: pipeline_service_pb2.WatchPipelineRequest) -> Resume | None:
    """None when a snapshot is wanted."""
    if not request.HasField("after_sequence"):
        return None
    return Resume(after=request.after_sequence, uid=request.pipeline_uid.lower())


async def in_time(updates: AsyncGenerator[Update, None], *, pace: Pace) -> AsyncIterator[Update]:
    """The same updates. Raises WatcherTooSlow behind one that was not taken in time.

    What is not read waits here, one page of it, and holds up nobody: events lie in their table. The caller is told as
    soon as it reads again, behind all that is under way to it; gRPC brings no status past that. One that never reads
    goes with its connection, which has an end.
    """
    loop = asyncio.get_running_loop()
    async with aclosing(updates):
        async for update in updates:
            offered_at = loop.time()
            yield update
            if loop.time() - offered_at > pace.send_timeout_s:
                raise WatcherTooSlow(pace.send_timeout_s)


async def watch(
    reader: Reader, watchers: Watchers, *, owner: Owner, pipeline: PipelineId, resume: Resume | None, pace: Pace
) -> AsyncGenerator[Update, None]:
    """Yield updates until cancelled, or until the pipeline is deleted.

    Raises NotFound, Unavailable, and FailedPrecondition when what is to be resumed is another pipeline's history.
    """
    if resume is None:
        snapshot = await reader.snapshot(owner, pipeline)
        if snapshot is None:
            raise NotFound("pipeline", pipeline_name(pipeline))
        view, sequence = snapshot.pipeline, snapshot.pipeline.last_sequence
        for page in _pages(snapshot):
            yield page
    else:
        view, sequence = await _resumed(reader, owner, pipeline, resume), resume.after
    with watchers.watching(view.uid) as news:
        async for update in _follow(reader, watchers, news, view=view, sequence=sequence, pace=pace):
            yield update


async def _resumed(reader: Reader, owner: Owner, pipeline: PipelineId, resume: Resume) -> PipelineView:
    view = await reader.pipeline(owner, pipeline)
    if view is None:
        raise NotFound("pipeline", pipeline_name(pipeline))
    if resume.after > view.last_sequence or resume.uid not in ("", str(view.uid)):
        raise FailedPrecondition(
            f"'{pipeline_name(pipeline)}' is the pipeline {view.uid} at sequence {view.last_sequence}, "
            f"not {resume.uid or 'the one'} that was watched up to {resume.after}; watch again without after_sequence"
        )
    return view


async def _follow(
    reader: Reader, watchers: Watchers, news: asyncio.Event, *, view: PipelineView, sequence: int, pace: Pace
) -> AsyncIterator[Update]:
    loop = asyncio.get_running_loop()
    last_sent = loop.time()
    # Postgres stamps progress with its own clock; a look back of one read makes up for the difference.
    since = datetime.min.replace(tzinfo=UTC)
    while not watchers.is_closed:
        news.clear()
        events = await reader.events(view.uid, after=sequence, limit=EVENTS_PER_READ)
        for event in events:
            yield Update(event=event_message(event, view.id))
            sequence = event.event.sequence
            last_sent = loop.time()
            if event.event.type is EventType.PIPELINE_DELETED:
                return
        for progress in await reader.progress(view.uid, since=since):
            since = max(since, progress.progress.reported_at)
            yield Update(
                progress=pipeline_service_pb2.NodeProgress(
                    node=node_name(view.id, progress.node_id),
                    execution=execution_name(view.id, progress.node_id, progress.execution_id),
                    progress=progress_message(progress.progress),
                )
            )
        if loop.time() - last_sent >= pace.heartbeat_s:
            yield Update(heartbeat=pipeline_service_pb2.Heartbeat(sequence=sequence))
            last_sent = loop.time()
        if len(events) < EVENTS_PER_READ:
            await _news_or(news, min(LOOK_EVERY_S, pace.heartbeat_s))
    # Not the last sequence that was sent: gRPC may drop what a client has not read before an error.
    raise Unavailable("the service stops; watch again behind the last sequence that you received")


async def _news_or(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return


def _pages(snapshot: SnapshotView) -> list[Update]:
    """The snapshot in pages of at most 200 nodes and 1 MiB of nodes; an empty pipeline has one empty page."""
    pages: list[list[resources_pb2.Node]] = [[]]
    size = 0
    for view in snapshot.nodes:
        node = node_message(view, snapshot.pipeline.id)
        size += node.ByteSize()
        if pages[-1] and (len(pages[-1]) == NODES_PER_PAGE or size > BYTES_PER_PAGE):
            pages.append([])
            size = node.ByteSize()
        pages[-1].append(node)
    pipeline = pipeline_message(snapshot.pipeline)
    return [
        Update(
            snapshot=pipeline_service_pb2.Snapshot(
                pipeline=pipeline,
                nodes=nodes,
                sequence=snapshot.pipeline.last_sequence,
                complete=nodes is pages[-1],
            )
        )
        for nodes in pages
    ]
