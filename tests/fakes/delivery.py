"""A message of the work queue that remembers how it was answered."""

import asyncio
from datetime import timedelta

from montage.v1 import work_pb2 as work_pb


class FakeDelivery:
    """Implements executor_service.runner.delivery.Delivery."""

    def __init__(self, body: bytes, *, trace: str = "") -> None:
        self.body = body
        self.trace = trace
        self.told: list[str] = []
        """`ack`, `nak`, `term` and `in_progress`, in order."""
        self.delay: timedelta | None = None
        self.beaten = asyncio.Event()

    @classmethod
    def of(
        cls, execution_id: str, *, dispatch_no: int = 1, kind: work_pb.WorkKind = work_pb.WORK_KIND_RUN
    ) -> "FakeDelivery":
        item = work_pb.WorkItem(kind=kind, execution_id=execution_id, dispatch_no=dispatch_no, task_queue="local")
        return cls(item.SerializeToString())

    @property
    def endings(self) -> list[str]:
        return [what for what in self.told if what != "in_progress"]

    async def ack(self) -> None:
        self.told.append("ack")

    async def nak(self, delay: timedelta) -> None:
        self.delay = delay
        self.told.append("nak")

    async def term(self) -> None:
        self.told.append("term")

    async def in_progress(self) -> None:
        self.told.append("in_progress")
        self.beaten.set()
