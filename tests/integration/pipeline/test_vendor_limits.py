"""A vendor that takes three at a time, in front of two replicas: counted exactly, by whoever holds its row."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from pipeline_service.commands.ports import Line, QueueLoad
from pipeline_service.domain.engine.reports import Beat, Learned, StartAnswer, VendorReport
from pipeline_service.domain.ids import PipelineId, TaskQueue
from pipeline_service.domain.states import PurchaseOutcome, StartOutcome, VendorTrouble, WaitingFor
from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.store.pool import Pools
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, Rig, running_rig

LIMIT = 3
LEDGER = Line(TaskQueue("ledger"))
NAMES = [f"film-{number}" for number in range(12)]
WORKER = "spiffe://montage/executor"


@pytest.fixture(name="replicas")
async def _replicas(pools: Pools) -> AsyncIterator[tuple[Rig, Rig]]:
    limits = {"ledger": LIMIT}
    async with running_rig(pools, concurrency=limits) as one, running_rig(pools, concurrency=limits) as other:
        yield one, other


async def submit(rig: Rig, names: Sequence[str]) -> None:
    for name in names:
        await rig.import_(noop("clip", provider="ledger", nonce=name), document_id=name)
        await rig.run(pipeline=name)


async def unlimited_claims(replicas: tuple[Rig, Rig], names: Sequence[str]) -> list[StartAnswer]:
    """Every execution is asked for at once, whether it was handed out or not, half of them at each replica."""
    return await asyncio.gather(
        *(replicas[number % 2].claim("clip", pipeline=name) for number, name in enumerate(names))
    )


async def park(rig: Rig, name: str, **told: object) -> None:
    """Its worker has submitted it."""
    execution = await rig.latest("clip", pipeline=name)
    assert execution.claim is not None
    learned = Learned(outcome=PurchaseOutcome.SUBMITTED, job_id=f"job-{name}", next_poll_after=timedelta(seconds=3600))
    beat = Beat(
        execution_id=execution.id,
        claim=execution.claim,
        purchase=learned,
        waiting_for=WaitingFor.VENDOR,
        actor=WORKER,
    )
    await rig.reporter.report(beat)


async def limit_of(rig: Rig) -> VendorLimit:
    _, limits = await rig.store.vendor_limits()
    return limits[0]


def claimed(names: Sequence[str], answers: Sequence[StartAnswer]) -> list[str]:
    return [name for name, answer in zip(names, answers, strict=True) if answer.outcome is StartOutcome.CLAIMED]


async def test_claims_at_two_replicas_never_take_more_than_the_vendor_does(replicas: tuple[Rig, Rig]) -> None:
    await submit(replicas[0], NAMES)

    answers = await unlimited_claims(replicas, NAMES)

    assert Counter(answer.outcome for answer in answers) == {
        StartOutcome.CLAIMED: LIMIT,
        StartOutcome.STALE: len(NAMES) - LIMIT,
    }
    assert (await limit_of(replicas[0])).in_use == LIMIT


async def test_no_more_is_handed_out_than_the_vendor_takes_and_what_it_works_on_counts(
    replicas: tuple[Rig, Rig],
) -> None:
    rig = replicas[0]
    await submit(rig, NAMES[:5])
    names = [str(one.pipeline_id) for one in rig.outbox.dispatches]
    assert len(names) == LIMIT

    for name in names:
        await rig.claim("clip", pipeline=name)
        await park(rig, name)
    await rig.filler.tick()

    assert len(rig.outbox.dispatches) == LIMIT
    assert await rig.store.queue_loads() == {LEDGER: QueueLoad(out=LIMIT, has_line=True)}


async def test_each_slot_that_a_vendor_gives_back_is_taken_once(replicas: tuple[Rig, Rig]) -> None:
    rig, other = replicas
    await submit(rig, NAMES[:6])
    done = claimed(NAMES[:3], await unlimited_claims(replicas, NAMES[:3]))

    for name in done[:2]:
        await rig.reporter.report(rig.completion(await rig.latest("clip", pipeline=name)))
    handed_out = len(rig.outbox.dispatches) + len(other.outbox.dispatches)
    await asyncio.gather(rig.filler.tick(), other.filler.tick())

    assert len(rig.outbox.dispatches) + len(other.outbox.dispatches) == handed_out + 2


async def test_job_of_cancelled_work_keeps_its_slot_and_starts_no_circle(replicas: tuple[Rig, Rig]) -> None:
    rig = replicas[0]
    await submit(rig, NAMES[:5])
    for name in [str(one.pipeline_id) for one in rig.outbox.dispatches]:
        await rig.claim("clip", pipeline=name)
        await park(rig, name)
        await rig.control.cancel_pipeline(CALLER, PipelineId(name))

    published = len(rig.outbox.dispatches)
    await rig.filler.tick()

    assert len(rig.outbox.dispatches) == published
    assert (await limit_of(rig)).in_use == LIMIT


async def test_slot_of_which_nobody_has_heard_for_its_lease_is_free_again(replicas: tuple[Rig, Rig]) -> None:
    rig = replicas[0]
    await submit(rig, NAMES[:4])
    await unlimited_claims(replicas, NAMES[:3])
    await rig.pool.execute("UPDATE purchases SET slot_until = clock_timestamp() - interval '1 second'")

    answer = await rig.claim("clip", pipeline=NAMES[3])

    assert answer.outcome is StartOutcome.CLAIMED


async def test_vendor_that_is_busy_is_left_alone_by_both_replicas(replicas: tuple[Rig, Rig]) -> None:
    rig, other = replicas
    await submit(rig, NAMES[:2])
    answer = await rig.claim("clip", pipeline=NAMES[0])
    assert answer.execution is not None
    assert answer.execution.claim is not None
    busy = VendorReport(trouble=VendorTrouble.RATE_LIMITED, retry_after=timedelta(seconds=60))
    refused = Learned(outcome=PurchaseOutcome.REFUSED)
    await rig.reporter.report(
        Beat(
            execution_id=answer.execution.id,
            claim=answer.execution.claim,
            purchase=refused,
            requeue_after=timedelta(seconds=60),
            vendor=busy,
            actor=WORKER,
        )
    )

    late = await other.claim("clip", pipeline=NAMES[1])
    published = len(other.outbox.dispatches)
    await other.filler.tick()

    limit = await limit_of(other)
    assert late.outcome is StartOutcome.STALE
    assert len(other.outbox.dispatches) == published
    assert (limit.in_use, limit.concurrency) == (0, 1)
    assert limit.not_before is not None


async def test_free_work_never_looks_at_a_limit(replicas: tuple[Rig, Rig]) -> None:
    rig = replicas[0]
    await rig.import_(noop("free"), document_id="free")
    await rig.run(pipeline="free")

    await rig.complete("free", pipeline="free")
    await rig.filler.tick()

    assert await rig.pool.fetchval("SELECT count(*) FROM vendor_limits") == 0
