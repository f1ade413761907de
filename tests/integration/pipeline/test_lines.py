"""Who stands in line for a full task queue, who goes next, and that nobody is forgotten there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from pipeline_service.commands.ports import Line, QueueLoad
from pipeline_service.domain.ids import PipelineId, TaskQueue
from pipeline_service.store.pool import Pools
from tests.due_times import expire
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, Rig, running_rig

WINDOW = 3
NOOP = Line(TaskQueue("noop"))


@pytest.fixture
async def full(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools, window=WINDOW) as rig:
        yield rig


async def submit(rig: Rig, pipeline: str, *nodes: str, priority: int = 0) -> None:
    await rig.import_(*(noop(node) for node in nodes), document_id=pipeline)
    await rig.run(pipeline=pipeline, priority=priority)


def handed_out(rig: Rig) -> list[str]:
    """Pipeline and node of what was published, in that order."""
    return [f"{one.pipeline_id}/{one.execution.work.node_id}" for one in rig.outbox.dispatches]


async def work_off(rig: Rig, names: Sequence[str]) -> None:
    for name in names:
        pipeline, _, node = name.partition("/")
        await rig.complete(node, pipeline=pipeline)


async def test_window_bounds_what_is_out_and_the_line_keeps_the_rest(full: Rig) -> None:
    await submit(full, "big", *"abcdefgh")

    assert len(handed_out(full)) == WINDOW
    assert await full.store.queue_loads() == {NOOP: QueueLoad(out=WINDOW, has_line=True)}
    await full.filler.tick()
    assert len(handed_out(full)) == WINDOW


async def test_completed_work_makes_room_for_the_next_in_line(full: Rig) -> None:
    await submit(full, "big", *"abcde")

    await work_off(full, handed_out(full)[:1])
    assert full.outbox.windows is not None
    assert full.outbox.windows.bell.is_set()
    await full.filler.tick()

    assert len(handed_out(full)) == WINDOW + 1
    assert (await full.store.queue_loads())[NOOP] == QueueLoad(out=WINDOW, has_line=True)


async def test_small_pipeline_goes_before_the_rest_of_a_big_one(full: Rig) -> None:
    """Fewest out of its pipeline, then age; what goes counts at once, so that two big ones share."""
    await submit(full, "big", *"abcdefgh")
    await submit(full, "late", *"xyz")

    await work_off(full, handed_out(full))
    await full.filler.tick()

    assert Counter(name.partition("/")[0] for name in handed_out(full)[WINDOW:]) == {"big": 2, "late": 1}
    late = [name for name in handed_out(full) if name.startswith("late/")]
    await work_off(full, late)
    await full.filler.tick()
    assert handed_out(full)[-1].startswith("late/")


async def test_higher_priority_goes_first_however_late_it_came(full: Rig) -> None:
    await submit(full, "big", *"abcdefgh")
    await submit(full, "low", "x", priority=-5)
    await submit(full, "urgent", *"uvw", priority=7)

    await work_off(full, handed_out(full))
    await full.filler.tick()

    assert sorted(handed_out(full)[WINDOW:]) == ["urgent/u", "urgent/v", "urgent/w"]
    await work_off(full, ["urgent/u"])
    await full.filler.tick()
    assert handed_out(full)[-1].startswith("big/")


async def test_work_asked_for_again_with_a_higher_priority_moves_up(full: Rig) -> None:
    await submit(full, "big", *"abcdefgh")
    await submit(full, "late", "x")
    last = next(name for name in "abcdefgh" if f"big/{name}" not in handed_out(full))
    await full.run(last, pipeline="big", priority=9)

    await work_off(full, handed_out(full)[:1])
    await full.filler.tick()

    assert handed_out(full)[-1] == f"big/{last}"


async def test_successor_does_not_pass_those_who_stand_in_line(full: Rig) -> None:
    await full.import_(noop("a"), noop("b", "a"), document_id="chain")
    await full.run(pipeline="chain")
    await submit(full, "big", *"cdefgh")

    await work_off(full, ["chain/a"])

    assert "chain/b" not in handed_out(full)
    await full.filler.tick()
    assert handed_out(full)[-1] == "chain/b"


async def test_what_stood_in_line_when_its_service_died_is_handed_out_by_another(pools: Pools) -> None:
    async with running_rig(pools, window=WINDOW) as dead:
        await submit(dead, "big", *"abcd")
        await work_off(dead, handed_out(dead))
        left = {f"big/{node}" for node in "abcd"} - set(handed_out(dead))

    async with running_rig(pools, window=WINDOW) as other:
        await other.filler.tick()

        assert set(handed_out(other)) == left


async def test_due_time_of_the_row_finds_who_was_overlooked_in_line(full: Rig) -> None:
    """A backstop: it lets nobody pass, and puts nobody at the end."""
    await submit(full, "big", *"abcd")
    waiting = next(one for one in "abcd" if f"big/{one}" not in handed_out(full))
    execution = await full.latest(waiting, pipeline="big")
    await expire(full.pool, "dispatch_due_at", [execution.id])

    due = await full.store.due_work(10)

    assert [one.place.execution_id for one in due.dispatches] == [execution.id]


async def test_two_services_fill_one_queue_and_nothing_goes_out_twice(pools: Pools) -> None:
    async with running_rig(pools, window=WINDOW) as left, running_rig(pools, window=WINDOW) as right:
        await submit(left, "big", *"abcdefghijkl")
        done: set[str] = set()
        while len(done) < 12:
            out = [name for rig in (left, right) for name in handed_out(rig) if name not in done]
            assert 0 < len(out) <= WINDOW, out
            await work_off(right, out)
            done |= set(out)
            await asyncio.gather(left.filler.tick(), right.filler.tick())

        assert sorted(handed_out(left) + handed_out(right)) == sorted(done)


async def test_work_of_a_paused_pipeline_stands_in_nobodys_way(full: Rig) -> None:
    await submit(full, "held", *"abcdef", priority=5)
    await submit(full, "late", "x")
    claimed = [await full.claim(name.rpartition("/")[2], pipeline="held") for name in handed_out(full)]
    await full.control.pause_pipeline(CALLER, PipelineId("held"))

    for one in claimed:
        assert one.execution is not None
        await full.reporter.report(full.completion(one.execution))
    for _ in range(2):
        await full.filler.tick()

    assert handed_out(full)[WINDOW:] == ["late/x"]
