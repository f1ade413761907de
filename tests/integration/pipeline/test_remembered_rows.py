"""What a process remembers of a pipeline's rows: only as long as nobody else has written, and never for a refusal."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from pipeline_service.domain.engine.reports import Beat, Complete
from pipeline_service.domain.ids import Claim, PipelineUid
from pipeline_service.domain.states import Disposition, MediaType, StartOutcome
from pipeline_service.domain.values import Output
from pipeline_service.store.pool import Pools
from tests.factories import noop
from tests.integration.pipeline.rig import Rig, running_rig

FORGET_THE_CLAIM = "UPDATE executions SET state = 'QUEUED', claim = NULL, lease_until = NULL, dispatch_due_at = now()"
CHAIN = (noop("a", inline=True), noop("b", "a", inline=True), noop("c", "b", inline=True))


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


async def uid_of(rig: Rig) -> PipelineUid:
    return PipelineUid(await rig.pool.fetchval("SELECT uid FROM pipelines"))


async def remembers(rig: Rig) -> bool:
    async with rig.store.transaction([await uid_of(rig)]) as transaction:
        await transaction.load()
        return bool(transaction.remembered)


async def a_small_result(rig: Rig, node: str) -> Complete:
    execution = await rig.latest(node)
    output = Output(type=MediaType.JSON, s3_key="", size_bytes=2, sha256="ab" * 32, content="{}")
    return Complete(execution_id=execution.id, claim=Claim(uuid4()), output=output, actor="spiffe://montage/executor")


async def test_rows_of_a_run_are_remembered_until_it_ends(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    assert not await remembers(rig)

    await rig.run()
    assert await remembers(rig)
    for node in "abc":
        assert await rig.reporter.report(await a_small_result(rig, node)) is Disposition.APPLIED

    assert not await remembers(rig)
    assert await rig.states() == dict.fromkeys("abc", "COMPLETED")


async def test_what_another_replica_wrote_is_loaded(rig: Rig, pools: Pools) -> None:
    await rig.import_(*CHAIN)
    await rig.run()

    async with running_rig(pools) as other:
        assert await other.reporter.report(await a_small_result(other, "a")) is Disposition.APPLIED
        assert await remembers(other)

        assert not await remembers(rig)
    assert await rig.reporter.report(await a_small_result(rig, "b")) is Disposition.APPLIED
    assert await rig.reporter.report(await a_small_result(rig, "c")) is Disposition.APPLIED


async def test_heartbeat_is_no_event_and_is_seen_by_another_replica_all_the_same(rig: Rig, pools: Pools) -> None:
    await rig.import_(*CHAIN)
    await rig.run()
    async with running_rig(pools) as other:
        claimed = await other.claim("a")
        assert claimed.execution is not None
        assert claimed.execution.claim is not None
        assert not await remembers(rig)
        await rig.claim("a", claim=claimed.execution.claim)
        assert await remembers(rig)

        beat = Beat(execution_id=claimed.execution.id, claim=claimed.execution.claim, stage="working", actor="worker")
        assert await other.reporter.report(beat) is Disposition.APPLIED

        assert not await remembers(rig)


async def test_refusal_is_never_given_from_memory(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await rig.run()
    assert (await rig.claim("a")).outcome is StartOutcome.CLAIMED
    assert (await rig.claim("a")).outcome is StartOutcome.HELD
    # Past the pipeline's row, so that what is remembered looks right and is wrong.
    await rig.pool.execute(FORGET_THE_CLAIM)
    assert await remembers(rig)

    assert (await rig.claim("a")).outcome is StartOutcome.CLAIMED


async def test_change_that_memory_allows_and_the_database_does_not_is_decided_anew(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await rig.run()
    report = await a_small_result(rig, "a")
    await rig.pool.execute(
        "UPDATE executions SET state = 'CANCELLED', end_time = now(), dispatch_due_at = NULL, close_due_at = NULL"
    )
    assert await remembers(rig)

    assert await rig.reporter.report(report) is Disposition.SUPERSEDED


async def test_dry_decision_is_not_remembered(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await rig.run()
    async with rig.store.transaction([await uid_of(rig)]) as transaction:
        working_set = await transaction.load()
        for node in list(working_set.nodes.values()):
            del working_set.nodes[node.uid]

    async with rig.store.transaction([await uid_of(rig)]) as transaction:
        assert len((await transaction.load()).nodes) == 3


async def test_refusal_has_only_the_rows_of_its_own_pipeline_loaded_anew(rig: Rig) -> None:
    uids = []
    for film in ("first", "second"):
        await rig.import_(*CHAIN, document_id=film)
        await rig.run(pipeline=film)
        uids.append(PipelineUid(await rig.pool.fetchval("SELECT uid FROM pipelines WHERE id = $1", film)))

    async with rig.store.transaction(uids) as transaction:
        await transaction.load()
        assert transaction.remembered == set(uids)
        working_set = await transaction.load(anew=uids[:1])
        assert transaction.remembered == set(uids[1:])

    assert {node.pipeline_uid for node in working_set.nodes.values()} == set(uids)
