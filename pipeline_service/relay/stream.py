"""The work queue as JetStream knows it."""

from collections.abc import Iterable

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from pipeline_service.domain.ids import TaskQueue
from servicekit.nats_client import ensure_consumer, ensure_stream

STREAM = "WORK"
ACK_WAIT_S = 60
MAX_DELIVER = 20
"""A backstop only: leases and dispatches in Postgres keep work going."""
MAX_ACK_PENDING = 1024
"""By all workers of a queue together; each takes no more than it has room for."""
DUPLICATE_WINDOW_S = 120
MAX_MESSAGE_BYTES = 64 * 1024
MAX_MESSAGES = 1_000_000


def subject_of(task_queue: TaskQueue) -> str:
    return f"work.{task_queue}"


async def ensure_work_queue(jetstream: JetStreamContext, queues: Iterable[TaskQueue], *, replicas: int) -> None:
    """Make stream and consumers as they must be, also where somebody removed or changed them."""
    await ensure_stream(
        jetstream,
        StreamConfig(
            name=STREAM,
            subjects=["work.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            # A full stream pushes back instead of forgetting: the execution rows still hold what it does not take.
            discard=DiscardPolicy.NEW,
            max_msgs=MAX_MESSAGES,
            max_msg_size=MAX_MESSAGE_BYTES,
            duplicate_window=DUPLICATE_WINDOW_S,
            num_replicas=replicas,
        ),
    )
    for queue in queues:
        await ensure_consumer(
            jetstream,
            STREAM,
            ConsumerConfig(
                durable_name=queue,
                filter_subject=subject_of(queue),
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_S,
                max_deliver=MAX_DELIVER,
                max_ack_pending=MAX_ACK_PENDING,
            ),
        )
