"""Group commit without a timer: whatever was asked while one call ran is the next call."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

import grpc
from montage.v1 import execution_service_pb2 as execution_pb

MAX_REPORTS = 256
"""What the contract allows in one call."""
MAX_BATCH_BYTES = 768 * 1024
"""Below the 1 MiB that the service accepts."""

# A call that is refused as a whole may be one bad entry's fault; the others get their answers in smaller calls.
_REFUSED_AS_A_WHOLE = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL}
)


class WrongAnswers(RuntimeError):
    """The service answered a batch with another number of answers than it had reports."""


class SendBatch(Protocol):
    """One call; as many answers as reports, in the same order. Raises AioRpcError."""

    def __call__(
        self, reports: Sequence[execution_pb.ExecutionReport], /
    ) -> Awaitable[Sequence[execution_pb.ExecutionReportAnswer]]: ...


@dataclass(frozen=True, kw_only=True)
class _Question:
    report: execution_pb.ExecutionReport
    answer: "asyncio.Future[execution_pb.ExecutionReportAnswer]"


class Batcher:
    """Keeps one call in flight; each asker gets its own answer or the error of the call that carried its report."""

    def __init__(self, send: SendBatch) -> None:
        self._send = send
        self._waiting: deque[_Question] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def ask(self, report: execution_pb.ExecutionReport, *, within_s: float) -> execution_pb.ExecutionReportAnswer:
        """Raises TimeoutError when there is no answer in time.

        Whoever has given up or was cancelled while waiting is left out of calls that have not begun.
        """
        loop = asyncio.get_running_loop()
        question = _Question(report=report, answer=loop.create_future())
        self._waiting.append(question)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all(), name="report_sender")
        # Less than half of what `asyncio.timeout` costs, thousands of times a second.
        deadline = loop.call_later(within_s, _give_up, question.answer)
        try:
            return await question.answer
        finally:
            deadline.cancel()

    async def close(self) -> None:
        """Ends the call in flight; who still waits is cancelled."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        for question in self._waiting:
            question.answer.cancel()
        self._waiting.clear()

    async def _send_all(self) -> None:
        while batch := self._next_batch():
            try:
                await self._send_batch(batch)
            finally:
                for question in batch:
                    question.answer.cancel()  # nothing to do unless this task was cancelled

    def _next_batch(self) -> list[_Question]:
        batch: list[_Question] = []
        size_bytes = 0
        while self._waiting and len(batch) < MAX_REPORTS:
            question = self._waiting[0]
            size_bytes += question.report.ByteSize() + 8
            if batch and size_bytes > MAX_BATCH_BYTES:
                break
            self._waiting.popleft()
            if not question.answer.done():
                batch.append(question)
        return batch

    async def _send_batch(self, batch: list[_Question]) -> None:
        try:
            answers = await self._send([question.report for question in batch])
            if len(answers) != len(batch):
                raise WrongAnswers(f"expected {len(batch)} answers, found {len(answers)}")
        except grpc.aio.AioRpcError as error:
            if len(batch) > 1 and error.code() in _REFUSED_AS_A_WHOLE:
                middle = len(batch) // 2
                await self._send_batch(batch[:middle])
                await self._send_batch(batch[middle:])
                return
            _fail(batch, error)
        except Exception as error:  # whoever asked must hear it; the next batch is another matter
            _fail(batch, error)
        else:
            for question, answer in zip(batch, answers, strict=True):
                if not question.answer.done():
                    question.answer.set_result(answer)


def _give_up(answer: "asyncio.Future[execution_pb.ExecutionReportAnswer]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _fail(batch: list[_Question], error: Exception) -> None:
    for question in batch:
        if not question.answer.done():
            question.answer.set_exception(error)
