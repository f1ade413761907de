"""A pipeline's history as it happens: a snapshot, then every event once and in sequence."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from montage.v1 import pipeline_service_pb2

from pipeline_service.commands.errors import NotFound, Unavailable
from pipeline_service.commands.views import PipelineView, Reader, SnapshotView
from pipeline_service.domain.ids import Owner, PipelineId
from pipeline_service.transport.watchers import Watchers
from pipeline_service.wire.names import execution_name, node_name
from pipeline_service.wire.resources import event_message, node_message, pipeline_message
from pipeline_service.wire.values import progress_message

Update = pipeline_service_pb2.WatchPipelineResponse

NODES_PER_PAGE = 200
EVENTS_PER_READ = 500
# Commits of this process wake a watch at once; those of other replicas, and progress, are seen at the next look.
LOOK_EVERY_S = 1.0
HEARTBEAT_EVERY_S = 15.0


async def watch(
    reader: Reader, watchers: Watchers, *, owner: Owner, pipeline: PipelineId, after: int | None
) -> AsyncIterator[Update]:
    """Yield updates until cancelled. Raises NotFound, Unavailable; a caller resumes behind the last sequence."""
    if after is None:
        snapshot = await reader.snapshot(owner, pipeline)
        if snapshot is None:
            raise NotFound("pipeline", f"pipelines/{pipeline}")
        view, sequence = snapshot.pipeline, snapshot.pipeline.last_sequence
        for page in _pages(snapshot):
            yield page
    else:
        found = await reader.pipeline(owner, pipeline)
        if found is None:
            raise NotFound("pipeline", f"pipelines/{pipeline}")
        view, sequence = found, after
    with watchers.watching(view.uid) as news:
        async for update in _follow(reader, watchers, news, view=view, sequence=sequence):
            yield update


async def _follow(
    reader: Reader, watchers: Watchers, news: asyncio.Event, *, view: PipelineView, sequence: int
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
        for progress in await reader.progress(view.uid, since=since):
            since = max(since, progress.progress.reported_at)
            yield Update(
                progress=pipeline_service_pb2.NodeProgress(
                    node=node_name(view.id, progress.node_id),
                    execution=execution_name(view.id, progress.node_id, progress.execution_id),
                    progress=progress_message(progress.progress),
                )
            )
        if loop.time() - last_sent >= HEARTBEAT_EVERY_S:
            yield Update(heartbeat=pipeline_service_pb2.Heartbeat(sequence=sequence))
            last_sent = loop.time()
        if len(events) < EVENTS_PER_READ:
            await _news_or(news, LOOK_EVERY_S)
    # Not the last sequence that was sent: gRPC may drop what a client has not read before an error.
    raise Unavailable("the service stops; watch again behind the last sequence that you received")


async def _news_or(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return


def _pages(snapshot: SnapshotView) -> list[Update]:
    """The snapshot in pages of 200 nodes; an empty pipeline has one empty page."""
    pipeline = pipeline_message(snapshot.pipeline)
    nodes = [node_message(node, snapshot.pipeline.id) for node in snapshot.nodes]
    starts = range(0, max(len(nodes), 1), NODES_PER_PAGE)
    return [
        Update(
            snapshot=pipeline_service_pb2.Snapshot(
                pipeline=pipeline,
                nodes=nodes[start : start + NODES_PER_PAGE],
                sequence=snapshot.pipeline.last_sequence,
                complete=start + NODES_PER_PAGE >= len(nodes),
            )
        )
        for start in starts
    ]
