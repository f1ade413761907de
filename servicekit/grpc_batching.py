"""Group commit without a timer: whatever was asked while one call ran is the next call."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

MAX_ENTRIES = 256
"""Of one call."""
MAX_BATCH_BYTES = 768 * 1024
"""Below the 1 MiB that a server accepts unless told otherwise. An entry that is larger goes alone."""

# A call that is refused as a whole may be one bad entry's fault; the others get their answers in smaller calls.
_REFUSED_AS_A_WHOLE = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL}
)

Entry = TypeVar("Entry", bound=Message)
Answer = TypeVar("Answer")

SendBatch: TypeAlias = Callable[[Sequence[Entry]], Awaitable[Sequence[Answer]]]
"""One call; as many answers as entries, in the same order. Raises AioRpcError."""


class WrongAnswers(RuntimeError):
    """The service answered a batch with another number of answers than it had entries."""


@dataclass(frozen=True, kw_only=True)
class _Question(Generic[Entry, Answer]):
    entry: Entry
    answer: "asyncio.Future[Answer]"


class Batcher(Generic[Entry, Answer]):
    """Each asker gets its own answer, or the error of the call that carried its entry.

    Nothing bounds how many wait: whoever asks bounds how many ask at once.
    """

    def __init__(self, send: SendBatch[Entry, Answer], *, calls: int = 1) -> None:
        """Keeps at most `calls` in flight."""
        self._send = send
        self._calls = calls
        self._waiting: deque[_Question[Entry, Answer]] = deque()
        self._senders: list[asyncio.Task[None]] = []

    async def ask(self, entry: Entry, *, within_s: float) -> Answer:
        """Raises TimeoutError when there is no answer in time.

        Whoever has given up or was cancelled while waiting is left out of calls that have not begun.
        """
        loop = asyncio.get_running_loop()
        question: _Question[Entry, Answer] = _Question(entry=entry, answer=loop.create_future())
        self._waiting.append(question)
        self._senders = [sender for sender in self._senders if not sender.done()]
        if len(self._senders) < self._calls:
            self._senders.append(asyncio.create_task(self._send_all(), name="batch_sender"))
        # Less than half of what `asyncio.timeout` costs, thousands of times a second.
        deadline = loop.call_later(within_s, _give_up, question.answer)
        try:
            return await question.answer
        finally:
            deadline.cancel()

    async def close(self) -> None:
        """Ends the calls in flight; who still waits is cancelled."""
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
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

    def _next_batch(self) -> list[_Question[Entry, Answer]]:
        batch: list[_Question[Entry, Answer]] = []
        size_bytes = 0
        while self._waiting and len(batch) < MAX_ENTRIES:
            question = self._waiting[0]
            size_bytes += question.entry.ByteSize() + 8
            if batch and size_bytes > MAX_BATCH_BYTES:
                break
            self._waiting.popleft()
            if not question.answer.done():
                batch.append(question)
        return batch

    async def _send_batch(self, batch: list[_Question[Entry, Answer]]) -> None:
        try:
            answers = await self._send([question.entry for question in batch])
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


def _give_up(answer: "asyncio.Future[Answer]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _fail(batch: list[_Question[Entry, Answer]], error: Exception) -> None:
    for question in batch:
        if not question.answer.done():
            question.answer.set_exception(error)
