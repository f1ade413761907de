"""Equal work of one owner over a real Postgres: done once, taken over by all."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from pipeline_service.commands.errors import BadRow
from pipeline_service.domain.ids import NodeId, PipelineId, RunId
from pipeline_service.domain.states import RunDecision, RunState
from pipeline_service.store.pool import Pools
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, OWNER, Rig, running_rig


def same(node_id: str, *after: str) -> dict[str, Any]:
    """A node that does the same work in every document."""
    return noop(node_id, *after, nonce=node_id)


CHAIN = (same("a"), same("b", "a"), same("c", "b"))
OTHERS = tuple(f"copy-{number}" for number in range(8))


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


async def decisions(rig: Rig, run: RunId, pipeline: str) -> dict[str, str]:
    view = await rig.run_view(run, pipeline=pipeline)
    return {row.node_id: row.decision.value for row in view.nodes}


async def state(rig: Rig, run: RunId, pipeline: str) -> RunState:
    return (await rig.run_view(run, pipeline=pipeline)).run.state


async def executions_in(rig: Rig, pipeline: str) -> int:
    count = "SELECT count(*) FROM executions AS e JOIN pipelines AS p ON p.uid = e.pipeline_uid WHERE p.id = $1"
    return int(await rig.pool.fetchval(count, pipeline))


async def test_copy_of_a_pipeline_takes_over_every_result_level_by_level(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await rig.run()
    for node in "abc":
        await rig.complete(node)
    await rig.import_(*CHAIN, document_id="copy")

    run = await rig.run(pipeline="copy")
    assert await decisions(rig, run, "copy") == {"a": "REUSED", "b": "WANTED", "c": "WANTED"}
    await rig.wake()

    assert await state(rig, run, "copy") is RunState.SUCCEEDED
    assert await executions_in(rig, "copy") == 0
    made = await rig.latest("c")
    row = (await rig.run_view(run, pipeline="copy")).nodes[2]
    assert row.reused_from == f"pipelines/film/nodes/c/executions/{made.id}"
    node = await rig.reader.node(OWNER, PipelineId("copy"), NodeId("c"))
    assert node is not None
    assert node.node.output == made.output
    assert node.is_current


async def test_same_work_in_another_pipeline_is_waited_for_and_taken_over(rig: Rig) -> None:
    await rig.import_(same("a"))
    await rig.import_(same("a"), document_id="copy")
    await rig.run()

    run = await rig.run(pipeline="copy")
    assert await decisions(rig, run, "copy") == {"a": "WAITING"}
    await rig.complete("a")
    await rig.wake()

    assert await decisions(rig, run, "copy") == {"a": "REUSED"}
    assert await state(rig, run, "copy") is RunState.SUCCEEDED
    assert await executions_in(rig, "copy") == 0


async def test_node_that_is_executed_answers_who_does_or_did_the_same_work(rig: Rig) -> None:
    await rig.import_(same("a"))
    await rig.import_(same("a"), document_id="copy")
    await rig.run()
    expected = f"pipelines/film/nodes/a/executions/{(await rig.latest('a')).id}"

    while_it_runs = await rig.nodes.execute(CALLER, PipelineId("copy"), NodeId("a"), force=False)
    await rig.complete("a")
    await rig.wake()
    await rig.import_(same("a"), document_id="third")
    afterwards = await rig.nodes.execute(CALLER, PipelineId("third"), NodeId("a"), force=False)

    assert (while_it_runs, afterwards) == (expected, expected)


async def test_one_waiter_takes_over_when_the_holder_fails(rig: Rig) -> None:
    for pipeline in ("film", "copy", "more"):
        await rig.import_(same("a"), document_id=pipeline)
    await rig.run()
    runs = {pipeline: await rig.run(pipeline=pipeline) for pipeline in ("copy", "more")}

    await rig.fail("a", "invalid_input")
    await rig.wake()

    found = [(await decisions(rig, run, pipeline))["a"] for pipeline, run in runs.items()]
    assert sorted(found) == [RunDecision.ACTIVE, RunDecision.WAITING]


async def test_edit_that_cancels_the_holder_wakes_who_waits(rig: Rig) -> None:
    await rig.import_(same("a"))
    await rig.import_(same("a"), document_id="copy")
    await rig.run()
    run = await rig.run(pipeline="copy")

    await rig.import_(noop("a", nonce="x"))
    await rig.wake()

    assert await decisions(rig, run, "copy") == {"a": "ACTIVE"}


async def test_many_pipelines_that_begin_the_same_work_at_once_do_it_once(pools: Pools) -> None:
    """Two replicas: none of the transactions sees the others' executions."""
    async with running_rig(pools) as one, running_rig(pools) as two:
        two.artifacts.objects = one.artifacts.objects
        for pipeline in OTHERS:
            await one.import_(same("a"), same("b"), same("c", "a", "b"), document_id=pipeline)

        runs = await asyncio.gather(
            *((one if number % 2 else two).run(pipeline=pipeline) for number, pipeline in enumerate(OTHERS))
        )

        active = await one.pool.fetch("SELECT work_digest FROM executions WHERE end_time IS NULL")
        assert len(active) == 2
        for node in "abc":
            (holder,) = [pipeline for pipeline in OTHERS if await executions_of(one, pipeline, node)]
            await one.complete(node, pipeline=holder)
            await one.wake()
            await two.wake()
        assert [await state(one, run, pipeline) for run, pipeline in zip(runs, OTHERS, strict=True)] == [
            RunState.SUCCEEDED
        ] * len(OTHERS)
        assert await one.pool.fetchval("SELECT count(*) FROM executions") == 3


async def test_same_work_is_in_flight_once_whoever_writes_it(rig: Rig) -> None:
    await rig.import_(same("a"), same("b"))
    await rig.run()

    with pytest.raises(asyncpg.UniqueViolationError, match="executions_one_flight"):
        await rig.pool.execute("UPDATE executions SET work_digest = (SELECT min(work_digest) FROM executions)")


async def test_waiter_whose_wake_was_missed_is_found_by_the_sweep(rig: Rig) -> None:
    await rig.import_(same("a"))
    await rig.import_(same("a"), document_id="copy")
    await rig.run()
    run = await rig.run(pipeline="copy")
    assert await rig.waker.sweep() == 0, "its holder is active"
    await rig.complete("a")
    await rig.pool.execute("DELETE FROM wakes")

    assert await rig.waker.sweep() == 1

    assert await state(rig, run, "copy") is RunState.SUCCEEDED
    assert await rig.waker.sweep() == 0


async def test_wake_that_is_refused_is_not_looked_for_again_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.import_(same("a"))
    await rig.import_(same("a"), document_id="copy")
    await rig.run()
    run = await rig.run(pipeline="copy")
    await rig.complete("a")

    async def refuse(*_of: object) -> None:
        raise BadRow("a column has no such value")

    with monkeypatch.context() as refusing:
        refusing.setattr(rig.batcher, "submit", refuse)
        assert await rig.waker.tick() == 0
        assert await rig.waker.sweep() == 0

    assert await rig.waker.tick() == 1
    assert await state(rig, run, "copy") is RunState.SUCCEEDED


@pytest.mark.parametrize("held", [(), (NodeId("a"),)], ids=["pipeline", "node"])
async def test_waiter_that_is_held_is_served_when_the_hold_is_over_and_not_looked_for_before(
    rig: Rig, held: tuple[NodeId, ...]
) -> None:
    """A look that finds something is repeated at once: it would go on as long as the hold."""
    pause, resume = (
        (rig.control.pause_node, rig.control.resume_node)
        if held
        else (rig.control.pause_pipeline, rig.control.resume_pipeline)
    )
    await rig.import_(same("a"))
    await rig.import_(same("a"), document_id="copy")
    await rig.run()
    run = await rig.run(pipeline="copy")
    await pause(CALLER, PipelineId("copy"), *held)
    await rig.fail("a", "invalid_input")
    await rig.wake()
    assert await decisions(rig, run, "copy") == {"a": "WAITING"}

    assert await rig.waker.sweep() == 0

    await resume(CALLER, PipelineId("copy"), *held)
    assert await decisions(rig, run, "copy") == {"a": "ACTIVE"}


async def test_wake_of_a_deleted_pipeline_is_taken_away(rig: Rig) -> None:
    await rig.import_(same("a"))
    imported = await rig.import_(same("a"), document_id="copy")
    await rig.run()
    await rig.run(pipeline="copy")
    await rig.complete("a")
    await rig.pools.edit.execute("UPDATE pipelines SET delete_time = now() WHERE uid = $1", imported.pipeline_uid)

    await rig.wake()

    assert await rig.pool.fetchval("SELECT count(*) FROM wakes") == 0


async def test_late_result_of_cancelled_work_serves_the_next_run(rig: Rig) -> None:
    """Salvaged under the digest of the work that was done, not of what the node is by now."""
    await rig.import_(same("a"))
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None
    await rig.import_(noop("a", nonce="x"))
    await rig.reporter.report(rig.completion(started.execution))

    changed = await rig.run()
    assert await decisions(rig, changed, "film") == {"a": "ACTIVE"}
    await rig.import_(same("a"))
    again = await rig.run()

    assert await state(rig, again, "film") is RunState.SUCCEEDED
    assert (await rig.run_view(again)).nodes[0].reused_from.endswith(str(started.execution.id))


async def test_run_by_force_makes_anew_what_another_pipeline_has_made(rig: Rig) -> None:
    await rig.import_(same("a"))
    await rig.import_(same("a"), document_id="copy")
    await rig.run()
    await rig.complete("a")

    run = await rig.run(pipeline="copy", force=True)

    assert await decisions(rig, run, "copy") == {"a": "ACTIVE"}


async def executions_of(rig: Rig, pipeline: str, node: str) -> int:
    count = """
    SELECT count(*) FROM executions AS e JOIN pipelines AS p ON p.uid = e.pipeline_uid
    WHERE p.id = $1 AND e.work ->> 'nodeId' = $2
    """
    return int(await rig.pool.fetchval(count, pipeline, node))
