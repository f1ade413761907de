"""Runs that users start are decided in batches, among the reports of workers and each other's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from pipeline_service.commands.apply_batch import Change
from pipeline_service.commands.batcher import MAX_EFFECTS, Batcher
from pipeline_service.commands.errors import FailedPrecondition, NotFound, RequestRepeated
from pipeline_service.commands.identifiers import uuid7
from pipeline_service.commands.ports import Graph, RequestKey
from pipeline_service.commands.runs import RunRequest, Runs
from pipeline_service.domain.engine.runs import start_run
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import Owner, PipelineId, PipelineUid
from pipeline_service.domain.states import RunDecision
from pipeline_service.store.pool import Pools
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.structures import StructureCache
from tests.factories import noop, some_rules
from tests.fakes.observer import Unobserved
from tests.integration.pipeline.rig import ACTOR, CALLER, OWNER, Outbox, Rig, running_rig

RULES = some_rules(new_id=uuid7)
FILMS = tuple(f"film-{number}" for number in range(4))
COUNT_TRANSACTIONS = "SELECT count(DISTINCT xmin::text) FROM runs"


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        for film in FILMS:
            await rig.import_(noop("a"), noop("b", "a"), document_id=film)
        yield rig


@asynccontextmanager
async def one_writer(rig: Rig) -> AsyncIterator[tuple[Batcher, asyncio.Event]]:
    """A batcher that writes nothing before the event is set: all that was asked until then is there together."""
    outbox, begin = Outbox(), asyncio.Event()

    async def no_crash(_name: str) -> None:
        return None

    batcher = Batcher(
        store=rig.store,
        rules=RULES,
        publisher=outbox,
        journal=outbox,
        observer=Unobserved(),
        crash_point=no_crash,
        writers=1,
    )

    async def write() -> None:
        await begin.wait()
        await batcher.run()

    writing = asyncio.create_task(write())
    try:
        yield batcher, begin
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


async def uid_of(rig: Rig, film: str) -> PipelineUid:
    found = await rig.store.find_pipeline(OWNER, PipelineId(film))
    assert found is not None
    return found


async def a_run_of(rig: Rig, film: str, *, request: RequestKey | None = None) -> Change:
    uid = await uid_of(rig, film)

    def decide(ws: WorkingSet) -> None:
        start_run(ws, uid, targets=(), force=False, rules=RULES, actor=ACTOR)

    return Change(pipeline_uid=uid, decide=decide, resource=f"pipelines/{film}/runs/1", request=request)


def a_request(request_id: str) -> RequestKey:
    return RequestKey(
        owner=Owner("default"), identity=ACTOR, method="RunPipeline", request_id=request_id, sha256=b"x" * 32
    )


async def outcomes(batcher: Batcher, begin: asyncio.Event, *changes: Change, effects: int = 2) -> list[object]:
    """What comes of changes that are asked for together."""
    asked = [asyncio.create_task(batcher.change(change, effects=effects)) for change in changes]
    await asyncio.sleep(0)
    begin.set()
    return list(await asyncio.gather(*asked, return_exceptions=True))


async def test_runs_of_several_pipelines_are_one_transaction(rig: Rig) -> None:
    async with one_writer(rig) as (batcher, begin):
        found = await outcomes(batcher, begin, *[await a_run_of(rig, film) for film in FILMS])

    assert all(isinstance(one, WorkingSet) for one in found)
    assert await rig.pool.fetchval("SELECT count(*) FROM runs") == len(FILMS)
    assert await rig.pool.fetchval(COUNT_TRANSACTIONS) == 1


async def test_runs_of_large_pipelines_do_not_share_a_transaction(rig: Rig) -> None:
    async with one_writer(rig) as (batcher, begin):
        changes = [await a_run_of(rig, film) for film in FILMS]
        found = await outcomes(batcher, begin, *changes, effects=MAX_EFFECTS // 2 + 1)

    assert all(isinstance(one, WorkingSet) for one in found)
    assert await rig.pool.fetchval(COUNT_TRANSACTIONS) == len(FILMS)


async def test_refused_change_leaves_the_others_of_its_batch_alone(rig: Rig) -> None:
    def refuse(_ws: WorkingSet) -> None:
        raise FailedPrecondition("not now")

    refused = Change(pipeline_uid=await uid_of(rig, FILMS[1]), decide=refuse, resource="nothing")
    async with one_writer(rig) as (batcher, begin):
        found = await outcomes(batcher, begin, await a_run_of(rig, FILMS[0]), refused, await a_run_of(rig, FILMS[2]))

    assert [type(one) for one in found] == [WorkingSet, FailedPrecondition, WorkingSet]
    assert await rig.pool.fetchval("SELECT count(*) FROM runs") == 2


async def test_request_that_was_made_before_makes_no_second_run_and_lets_the_others_pass(rig: Rig) -> None:
    once, again = [await a_run_of(rig, FILMS[0], request=a_request("same")) for _ in range(2)]
    async with one_writer(rig) as (batcher, begin):
        found = await outcomes(batcher, begin, once, again, await a_run_of(rig, FILMS[1], request=a_request("other")))

    assert [type(one) for one in found] == [WorkingSet, RequestRepeated, WorkingSet]
    assert await rig.pool.fetchval("SELECT count(*) FROM runs") == 2


async def test_run_is_told_as_its_transaction_left_it(rig: Rig) -> None:
    run = await rig.runs.start(CALLER, PipelineId(FILMS[0]), RunRequest())

    assert [(node.node_id, node.decision) for node in run.nodes] == [
        ("a", RunDecision.ACTIVE),
        ("b", RunDecision.WANTED),
    ]
    assert run.nodes[0].execution_id == (await rig.latest("a", pipeline=FILMS[0])).id
    assert run == await rig.run_view(run.run.id, pipeline=FILMS[0])


async def test_run_that_takes_over_names_the_makers(rig: Rig) -> None:
    for film in ("first", "second"):
        await rig.import_(noop("a", nonce="same"), document_id=film)
    await rig.run(pipeline="first")
    await rig.complete("a", pipeline="first")
    maker = await rig.latest("a", pipeline="first")

    run = await rig.runs.start(CALLER, PipelineId("second"), RunRequest())

    assert run.nodes[0].reused_from == f"pipelines/first/nodes/a/executions/{maker.id}"
    assert run == await rig.run_view(run.run.id, pipeline="second")


async def test_run_of_a_pipeline_that_was_deleted_since_it_was_found_is_refused(rig: Rig, pools: Pools) -> None:
    deleted = await uid_of(rig, FILMS[0])
    await rig.pipelines.delete(CALLER, PipelineId(FILMS[0]), force=False, etag="")

    class Late(PostgresStore):
        async def find_graph(self, _owner: Owner, _pipeline: PipelineId) -> Graph | None:
            return Graph(pipeline_uid=deleted, nodes=2)

    late = Runs(
        store=Late(pools, structures=StructureCache(), concurrency={}),
        rules=RULES,
        batcher=rig.batcher,
        publisher=rig.outbox,
        journal=rig.outbox,
    )
    with pytest.raises(NotFound):
        await late.start(CALLER, PipelineId(FILMS[0]), RunRequest())
    assert await rig.pool.fetchval("SELECT count(*) FROM runs") == 0


async def test_run_of_a_pipeline_without_nodes_is_over_at_once(rig: Rig) -> None:
    await rig.pipelines.create(CALLER, "empty", title="", version="1", labels={})

    run = await rig.runs.start(CALLER, PipelineId("empty"), RunRequest())

    assert run.nodes == ()
    assert run.run.end_time is not None
