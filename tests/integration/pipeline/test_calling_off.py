"""What was called off is asked about as nobody's, unless another execution does the same work."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from pipeline_service.commands.ports import DueExecution
from pipeline_service.commands.timers import Timers
from pipeline_service.domain.engine.reports import Beat, Learned
from pipeline_service.domain.ids import PipelineId
from pipeline_service.domain.states import PurchaseOutcome, WaitingFor, WorkKind
from pipeline_service.store.pool import Pools
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, Rig, running_rig

NODE = noop("clip", provider="ledger", nonce="one")
DUE = "UPDATE purchases SET next_poll_at = clock_timestamp() - interval '1 second'"


@pytest.fixture(name="shop")
async def _shop(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools, concurrency={"ledger": 5}) as rig:
        yield rig


async def submit(rig: Rig, pipeline: str) -> None:
    """A worker submits the pipeline's one node, and parks it."""
    await rig.import_(NODE, document_id=pipeline)
    await rig.run(pipeline=pipeline)
    answer = await rig.claim("clip", pipeline=pipeline)
    assert answer.execution is not None
    assert answer.execution.claim is not None
    learned = Learned(outcome=PurchaseOutcome.SUBMITTED, job_id="job-1", next_poll_after=timedelta(hours=1))
    beat = Beat(
        execution_id=answer.execution.id,
        claim=answer.execution.claim,
        purchase=learned,
        waiting_for=WaitingFor.VENDOR,
        actor="spiffe://montage/executor",
    )
    await rig.reporter.report(beat)


async def asked(rig: Rig) -> WorkKind:
    """What a worker is told to do about the purchase once it is due."""
    await rig.pool.execute(DUE)
    published = len(rig.outbox.dispatches)
    await Timers(store=rig.store, batcher=rig.batcher, reconcile=_nothing_found).tick()
    (told,) = rig.outbox.dispatches[published:]
    return told.kind


async def _nothing_found(_due: DueExecution) -> bool:
    return False


async def test_cancelled_work_that_nobody_wants_is_called_off(shop: Rig) -> None:
    await submit(shop, "film")
    await shop.control.cancel_pipeline(CALLER, PipelineId("film"))

    assert await asked(shop) is WorkKind.CANCEL


async def test_work_that_another_pipeline_waited_for_goes_on(shop: Rig) -> None:
    await submit(shop, "film")
    await shop.import_(NODE, document_id="other")
    await shop.run(pipeline="other")
    await shop.control.cancel_pipeline(CALLER, PipelineId("film"))
    await shop.wake()

    assert await asked(shop) is WorkKind.POLL


async def test_job_that_runs_on_is_asked_about_and_not_called_off(shop: Rig) -> None:
    await submit(shop, "film")

    assert await asked(shop) is WorkKind.POLL
