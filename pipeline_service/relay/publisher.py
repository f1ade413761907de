"""Publishes dispatches after their commit. What fails here is published again by the dispatch timer."""

import asyncio
import time
from collections.abc import Iterable, Sequence

import structlog
from montage.v1 import work_pb2
from nats.aio.client import Client
from nats.errors import Error as NatsError
from prometheus_client import Counter

from pipeline_service.commands.ports import CrashPoint, nowhere
from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.model import Dispatch
from pipeline_service.domain.states import WorkKind
from pipeline_service.relay.stream import STREAM, ensure_work_queue, subject_of
from pipeline_service.relay.waiting import Waiting
from pipeline_service.wire.resources import task_message
from pipeline_service.wire.traces import execution_context
from servicekit.nats_client import NatsUnavailable, OutgoingMessage, publish_all
from servicekit.tracing import HEADER, Kind, Tracer, below, new_span_id

MAX_BATCH = 256
MAX_WAITING = 10_000
MAX_TASK_BYTES = 48 * 1024
"""Leaves room for the rest of a message of 64 KiB."""
# Long enough for a restart of the broker; a dispatch is due again after 5 s anyway.
RETRY_S = 1.0


class Publisher:
    """Hands work to JetStream in the order of its commits, many at a time."""

    def __init__(
        self,
        nats: Client,
        *,
        queues: Iterable[TaskQueue],
        replicas: int,
        published: Counter,
        tracer: Tracer,
        crash_point: CrashPoint = nowhere,
    ) -> None:
        """`published` has the label `outcome`: ok or failed."""
        self._nats = nats
        self._jetstream = nats.jetstream()
        self._queues = tuple(queues)
        self._replicas = replicas
        self._published = published
        self._tracer = tracer
        self._crash_point = crash_point
        self._waiting = Waiting(limit=MAX_WAITING)
        self._arrival = asyncio.Event()
        self._has_queue = False
        self._log = structlog.get_logger("pipeline_service.relay")

    def has_queue(self) -> bool:
        """Whether stream and consumers are there, as far as is known."""
        return self._has_queue

    async def check_queue(self) -> None:
        """A readiness check: raises until stream and consumers were made."""
        if not self._has_queue:
            raise NatsUnavailable("the work queue was not made yet")

    def publish(self, dispatches: Sequence[Dispatch]) -> None:
        """Hand over; returns at once. Past 10,000 waiting the oldest are left to the timer."""
        if dispatches:
            self._waiting.add(dispatches)
            self._arrival.set()

    async def run(self) -> None:
        """Publish until cancelled. Makes the stream first, and again whenever publishing fails."""
        await self._ensure()
        while True:
            await self._arrival.wait()
            batch = self._waiting.take(MAX_BATCH)
            if not self._waiting:
                self._arrival.clear()
            await self._send(batch)

    async def _send(self, batch: Sequence[Dispatch], *, is_last_try: bool = False) -> None:
        """Publish; once more where the stream was away, unless the timer has dispatched it anew meanwhile.

        Whether the stream took what it did not confirm, nobody knows. Twice does no harm: one worker gets the claim.
        """
        began_ns = time.time_ns()
        contexts = [self._context(dispatch) for dispatch in batch]
        messages = [_message(*one) for one in zip(batch, contexts, strict=True)]
        await self._crash_point("relay.before_publish")
        try:
            await publish_all(self._nats, messages, stream=STREAM)
        except NatsUnavailable as error:
            self._published.labels(outcome="failed").inc(len(batch))
            self._log.warning("publish_failed", failed=len(batch), reason=str(error))
            await self._ensure()
            again = self._waiting.still_newest(batch)
            if again and not is_last_try:
                await self._send(again, is_last_try=True)
            return
        await self._crash_point("relay.after_confirmation")
        self._published.labels(outcome="ok").inc(len(batch))
        for dispatch, context in zip(batch, contexts, strict=True):
            self._tell(dispatch, context, began_ns=began_ns)

    def _context(self, dispatch: Dispatch) -> str:
        """What the message carries: the context of its own span, where that is told."""
        context = execution_context(dispatch.trace, dispatch.execution_id)
        return below(context, new_span_id()) if self._tracer.wants(context) else context

    def _tell(self, dispatch: Dispatch, context: str, *, began_ns: int) -> None:
        if self._tracer.wants(context):
            self._tracer.record(
                f"publish {subject_of(dispatch.execution.task_queue)}",
                parent=execution_context(dispatch.trace, dispatch.execution_id),
                span_id=context[36:52],
                kind=Kind.PRODUCER,
                start_ns=began_ns,
                attributes={"montage.dispatch_no": dispatch.dispatch_no, "montage.work": dispatch.kind},
            )

    async def _ensure(self) -> None:
        while True:
            try:
                await ensure_work_queue(self._jetstream, self._queues, replicas=self._replicas)
                self._has_queue = True
                return
            except (NatsError, TimeoutError, OSError) as error:
                self._has_queue = False
                self._log.warning("work_queue_unavailable", reason=f"{type(error).__name__}: {error}")
                await asyncio.sleep(RETRY_S)


def _message_id(dispatch: Dispatch) -> str:
    number = f"{dispatch.execution_id}.{dispatch.dispatch_no}"
    return number if dispatch.kind is WorkKind.RUN else f"{number}.poll"


def _message(dispatch: Dispatch, context: str) -> OutgoingMessage:
    execution = dispatch.execution
    item = work_pb2.WorkItem(
        kind=f"WORK_KIND_{dispatch.kind}",
        execution_id=str(dispatch.execution_id),
        dispatch_no=dispatch.dispatch_no,
        task_queue=execution.task_queue,
    )
    if not execution.work.needs_claim:
        task = task_message(execution, dispatch.pipeline_id)
        # A worker that is not told what to do asks for it with a claim.
        if task.ByteSize() <= MAX_TASK_BYTES:
            item.task.CopyFrom(task)
    return OutgoingMessage(
        subject=subject_of(execution.task_queue),
        payload=item.SerializeToString(),
        message_id=_message_id(dispatch),
        headers={HEADER: context} if context else None,
    )
