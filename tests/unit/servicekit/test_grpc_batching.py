"""Group commit of calls: what is asked while one runs is the next one, and each asker hears its own answer."""

import asyncio
from collections.abc import Sequence

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from servicekit.grpc_batching import MAX_BATCH_BYTES, MAX_ENTRIES, Batcher, WrongAnswers


def entry(number: int, *, size: int = 0) -> StringValue:
    return StringValue(value=str(number) + "x" * size)


class Line:
    """Answers each entry with its value; calls wait for the gate."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.is_busy = asyncio.Event()

    async def __call__(self, entries: Sequence[StringValue]) -> Sequence[str]:
        self.calls.append([one.value for one in entries])
        self.is_busy.set()
        await self.open.wait()
        return [one.value for one in entries]


async def settled() -> None:
    """Every task that could begin has begun."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_asked_at_once_is_one_call_with_an_answer_each() -> None:
    line = Line()
    batcher = Batcher(line)

    answers = await asyncio.gather(*(batcher.ask(entry(number), within_s=60) for number in range(50)))

    assert [len(call) for call in line.calls] == [50]
    assert answers == [str(number) for number in range(50)]


async def test_who_gets_no_answer_in_time_gives_up_and_is_left_out_of_the_next_call() -> None:
    line = Line()
    line.open.clear()
    batcher = Batcher(line)
    first = asyncio.create_task(batcher.ask(entry(0), within_s=60))
    await line.is_busy.wait()

    with pytest.raises(TimeoutError):
        await batcher.ask(entry(1), within_s=0.01)

    line.open.set()
    await asyncio.gather(first, batcher.ask(entry(2), within_s=60))
    assert line.calls == [["0"], ["2"]]


async def test_what_arrives_while_a_call_runs_is_the_next_call() -> None:
    line = Line()
    line.open.clear()
    batcher = Batcher(line)

    first = asyncio.create_task(batcher.ask(entry(0), within_s=60))
    await line.is_busy.wait()
    others = [asyncio.create_task(batcher.ask(entry(number), within_s=60)) for number in range(1, 6)]
    await settled()
    line.open.set()
    await asyncio.gather(first, *others)

    assert line.calls == [["0"], ["1", "2", "3", "4", "5"]]


async def test_no_more_calls_are_in_flight_than_allowed() -> None:
    line = Line()
    line.open.clear()
    batcher = Batcher(line, calls=2)
    asking = []

    for number in range(4):
        asking.append(asyncio.create_task(batcher.ask(entry(number), within_s=60)))
        await settled()
    in_flight = list(line.calls)
    line.open.set()

    assert in_flight == [["0"], ["1"]]
    assert await asyncio.gather(*asking) == ["0", "1", "2", "3"]
    assert line.calls == [["0"], ["1"], ["2", "3"]]


async def test_more_than_a_call_carries_takes_several() -> None:
    line = Line()
    batcher = Batcher(line)

    await asyncio.gather(*(batcher.ask(entry(number), within_s=60) for number in range(MAX_ENTRIES + 10)))

    assert [len(call) for call in line.calls] == [MAX_ENTRIES, 10]


async def test_large_entries_are_spread_over_calls_below_the_limit() -> None:
    line = Line()
    batcher = Batcher(line)

    await asyncio.gather(*(batcher.ask(entry(number, size=8_000), within_s=60) for number in range(200)))

    assert len(line.calls) == 3
    assert all(sum(map(len, call)) <= MAX_BATCH_BYTES for call in line.calls)


async def test_asker_that_went_away_is_not_sent() -> None:
    line = Line()
    line.open.clear()
    batcher = Batcher(line)

    first = asyncio.create_task(batcher.ask(entry(0), within_s=60))
    await line.is_busy.wait()
    gone, stays = (asyncio.create_task(batcher.ask(entry(number), within_s=60)) for number in (1, 2))
    await settled()
    gone.cancel()
    line.open.set()
    await asyncio.gather(first, stays)

    assert line.calls[1] == ["2"]


async def test_one_bad_entry_is_refused_alone() -> None:
    async def picky(entries: Sequence[StringValue]) -> Sequence[str]:
        if entry(3) in entries:
            nothing = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.INVALID_ARGUMENT, nothing, nothing)
        return [one.value for one in entries]

    batcher = Batcher(picky)
    answers = await asyncio.gather(
        *(batcher.ask(entry(number), within_s=60) for number in range(8)), return_exceptions=True
    )

    assert [number for number, answer in enumerate(answers) if answer != str(number)] == [3]
    assert isinstance(answers[3], grpc.aio.AioRpcError)


async def test_wrong_number_of_answers_is_everyones_error_and_not_the_end() -> None:
    answers: list[list[str]] = [[], ["2"]]

    async def forgetful(_entries: Sequence[StringValue]) -> Sequence[str]:
        return answers.pop(0)

    batcher = Batcher(forgetful)
    with pytest.raises(WrongAnswers):
        await batcher.ask(entry(1), within_s=60)

    assert await batcher.ask(entry(2), within_s=60) == "2"


async def test_close_cancels_who_still_waits() -> None:
    line = Line()
    line.open.clear()
    batcher = Batcher(line)
    waiting = [asyncio.create_task(batcher.ask(entry(number), within_s=60)) for number in range(3)]
    await line.is_busy.wait()

    await batcher.close()

    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
