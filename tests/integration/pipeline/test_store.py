"""The engine over a real Postgres: what is committed, what the database itself refuses."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from pipeline_service.commands.errors import (
    AlreadyExists,
    ArtifactMismatch,
    EtagMismatch,
    InvalidDocument,
    KeyOutsidePrefix,
    NotFound,
)
from pipeline_service.commands.ports import ObjectFacts
from pipeline_service.domain.engine.reports import Beat, Complete
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.states import Disposition, MediaType, RunState, StartOutcome
from pipeline_service.domain.values import Output
from pipeline_service.store.pool import Pools
from tests.due_times import expire
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, FILM, OWNER, Rig, in_the_way, running_rig

CANCEL = "UPDATE executions SET state = 'CANCELLED', end_time = now(), dispatch_due_at = NULL WHERE id = $1"
DIAMOND = (noop("a"), noop("b", "a"), noop("c", "a"), noop("d", "b", "c"))


async def test_run_ends_succeeded_when_every_node_was_completed(rig: Rig) -> None:
    await rig.import_(*DIAMOND)
    run = await rig.run()

    for node in "abcd":
        assert await rig.complete(node) is Disposition.APPLIED

    assert await rig.states() == dict.fromkeys("abcd", "COMPLETED")
    view = await rig.reader.run(OWNER, FILM, run)
    assert view is not None
    assert view.run.state is RunState.SUCCEEDED


async def test_events_are_dense_and_agree_with_the_pipeline(rig: Rig) -> None:
    imported = await rig.import_(*DIAMOND)
    await rig.run()
    for node in "abcd":
        await rig.complete(node)

    assert imported.pipeline_uid is not None
    events = await rig.reader.events(imported.pipeline_uid, after=0, limit=500)
    pipeline = await rig.reader.pipeline(OWNER, FILM)

    assert [view.event.sequence for view in events] == list(range(1, len(events) + 1))
    assert pipeline is not None
    assert pipeline.last_sequence == len(events)


async def test_reports_of_one_call_apply_in_their_order_also_where_one_waits_for_the_store(rig: Rig) -> None:
    await rig.import_(noop("a"), noop("b"))
    await rig.run()
    a, b = [(await rig.claim(node)).execution for node in "ab"]
    assert a is not None
    assert b is not None
    assert a.claim is not None
    beat = Beat(execution_id=a.id, claim=a.claim, actor="worker")
    nobody = Beat(execution_id=ExecutionId(uuid4()), claim=a.claim, actor="worker")
    without_object = replace(rig.completion(b), output=Output(type=MediaType.JSON, s3_key="elsewhere", size_bytes=1))

    answers = await rig.reporter.report_all([beat, nobody, without_object, rig.completion(a), beat, rig.completion(b)])

    kinds = [answer if isinstance(answer, Disposition) else type(answer) for answer in answers]
    assert kinds == [
        *(Disposition.APPLIED, NotFound, KeyOutsidePrefix),
        *(Disposition.APPLIED, Disposition.SUPERSEDED, Disposition.APPLIED),
    ]


async def test_two_completions_that_meet_at_one_node_start_it_once(rig: Rig) -> None:
    """Fan-in: of two completions at the same moment the later one must see the earlier one."""
    await rig.import_(*(node for number in range(20) for node in _fan_in(number)))
    await rig.run()
    started = [await rig.claim(f"{side}{number}") for number in range(20) for side in "ab"]

    reports = [rig.reporter.report(rig.completion(one.execution)) for one in started if one.execution]
    answers = await asyncio.gather(*reports)

    assert set(answers) == {Disposition.APPLIED}
    for number in range(20):
        assert len(await rig.executions(f"c{number}")) == 1


async def test_two_replicas_that_complete_the_inputs_of_one_node_start_it_once(pools: Pools) -> None:
    async with running_rig(pools) as one, running_rig(pools) as two:
        two.artifacts.objects = one.artifacts.objects
        await one.import_(*(node for number in range(10) for node in _fan_in(number)))
        await one.run()
        for number in range(10):
            left, right = await one.claim(f"a{number}"), await one.claim(f"b{number}")
            assert left.execution is not None
            assert right.execution is not None
            answers = await asyncio.gather(
                one.reporter.report(one.completion(left.execution)),
                two.reporter.report(two.completion(right.execution)),
            )

            assert set(answers) == {Disposition.APPLIED}
            assert len(await one.executions(f"c{number}")) == 1


async def test_completions_that_wait_for_one_lock_see_each_other(pools: Pools) -> None:
    """Whoever comes second must not decide by what it could have read before it had the lock."""
    async with running_rig(pools) as one, running_rig(pools) as two:
        two.artifacts.objects = one.artifacts.objects
        imported = await one.import_(*_fan_in(1))
        await one.run()
        left, right = await one.claim("a1"), await one.claim("b1")
        assert left.execution is not None
        assert right.execution is not None

        async with in_the_way(one.pool, [imported.pipeline_uid], of=2):
            answers = asyncio.gather(
                one.reporter.report(one.completion(left.execution)),
                two.reporter.report(two.completion(right.execution)),
            )

        assert await answers == [Disposition.APPLIED, Disposition.APPLIED]
        assert await one.states() == {"a1": "COMPLETED", "b1": "COMPLETED", "c1": "IN_PROGRESS"}


async def test_fifty_workers_at_once_are_one_holder_and_forty_nine_that_wait(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()

    answers = await asyncio.gather(*(rig.claim("a") for _ in range(50)))

    outcomes = [answer.outcome for answer in answers]
    assert outcomes.count(StartOutcome.CLAIMED) == 1
    assert outcomes.count(StartOutcome.HELD) == 49


async def test_report_of_a_worker_that_lost_its_claim_changes_nothing(rig: Rig) -> None:
    await rig.import_(*DIAMOND)
    await rig.run()
    first = await rig.claim("a")
    assert first.execution is not None
    await expire(rig.pool, "lease_until", [first.execution.id])
    second = await rig.claim("a")

    answer = await rig.reporter.report(rig.completion(first.execution))

    assert answer is Disposition.LOST
    assert second.execution is not None
    assert (await rig.latest("a")).claim == second.execution.claim


async def test_report_whose_object_is_missing_is_refused_and_changes_nothing(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None
    completion = rig.completion(started.execution)
    del rig.artifacts.objects[completion.output.s3_key]

    with pytest.raises(ArtifactMismatch, match="there is no object"):
        await rig.reporter.report(completion)

    assert await rig.states() == {"a": "IN_PROGRESS"}


async def test_report_whose_object_has_another_size_is_refused(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None
    completion = rig.completion(started.execution)
    rig.artifacts.objects[completion.output.s3_key] = ObjectFacts(size_bytes=9, sha256="", content_type="")

    with pytest.raises(ArtifactMismatch, match="9 bytes, the report says 10"):
        await rig.reporter.report(completion)


@pytest.mark.parametrize("name", ["../output.json", "sub/output.json", "..", ""])
async def test_report_with_a_key_outside_its_prefix_is_refused(rig: Rig, name: str) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None

    with pytest.raises(KeyOutsidePrefix):
        await rig.reporter.report(rig.completion(started.execution, name=name))


async def test_report_under_the_prefix_of_another_claim_is_refused(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None
    foreign = rig.completion(started.execution, claim=Claim(uuid4())).output
    assert started.execution.claim is not None

    with pytest.raises(KeyOutsidePrefix):
        await rig.reporter.report(
            Complete(execution_id=started.execution.id, claim=started.execution.claim, output=foreign, actor="worker")
        )


async def test_report_of_an_unknown_execution_is_not_found(rig: Rig) -> None:
    nobody = ExecutionId(uuid4())

    with pytest.raises(NotFound):
        await rig.reporter.report(Beat(execution_id=nobody, claim=Claim(uuid4()), actor="worker"))


async def test_bad_entry_of_a_batch_stands_alone(rig: Rig) -> None:
    """A value that Postgres refuses takes no other report of its batch with it."""
    nodes = [noop(f"n{number}") for number in range(8)]
    await rig.import_(*nodes)
    await rig.run()
    started = [(await rig.claim(f"n{number}")).execution for number in range(8)]
    reports = [rig.completion(execution) for execution in started if execution]
    bad = reports[3]
    poisoned = Complete(
        execution_id=bad.execution_id,
        claim=bad.claim,
        output=Output(type=bad.output.type, s3_key=bad.output.s3_key, size_bytes=10, content_type="text/plain\x00"),
        actor=bad.actor,
    )
    reports[3] = poisoned

    answers = await asyncio.gather(*(rig.reporter.report(report) for report in reports), return_exceptions=True)

    assert [type(answer).__name__ for answer in answers].count("BadRow") == 1
    assert answers.count(Disposition.APPLIED) == 7
    assert (await rig.states())["n3"] == "IN_PROGRESS"


async def test_invalid_document_creates_nothing(rig: Rig) -> None:
    with pytest.raises(InvalidDocument) as refused:
        await rig.import_(noop("a", "nobody"), noop("b", nonce=5))

    assert len(refused.value.violations) == 2
    assert await rig.reader.pipeline(OWNER, FILM) is None


async def test_document_that_names_bytes_never_uploaded_creates_nothing(rig: Rig) -> None:
    asset = {"type": "image", "source": f"asset:sha256/{'0' * 64}.png"}

    with pytest.raises(InvalidDocument, match="1 problem"):
        await rig.import_({"id": "picture", "type": "asset", "asset": asset})

    assert await rig.reader.pipeline(OWNER, FILM) is None


async def test_import_again_resets_only_what_changed(rig: Rig) -> None:
    await rig.import_(*DIAMOND)
    await rig.run()
    for node in "abcd":
        await rig.complete(node)

    again = await rig.import_(noop("a"), noop("b", "a", nonce="new"), noop("d", "b"), noop("e"))

    nodes = again.plan.structure.nodes
    assert [nodes[uid].id for uid in again.plan.added] == ["e"]
    assert [nodes[uid].id for uid in again.plan.changed] == ["b", "d"]
    assert [spec.id for spec in again.plan.removed] == ["c"]
    assert await rig.states() == {"a": "COMPLETED", "b": "PENDING", "d": "PENDING", "e": "PENDING"}
    kept = await rig.reader.node(OWNER, FILM, nodes[again.plan.changed[0]].id)
    assert kept is not None
    assert kept.node.output is not None, "the last good output stays readable"


async def test_import_of_the_same_document_changes_nothing(rig: Rig) -> None:
    await rig.import_(*DIAMOND)
    await rig.run()
    await rig.complete("a")

    again = await rig.import_(*DIAMOND)

    assert (again.plan.added, again.plan.changed, again.plan.removed) == ((), (), ())
    assert (await rig.states())["b"] == "IN_PROGRESS"


async def test_create_only_import_of_an_existing_id_is_refused(rig: Rig) -> None:
    await rig.import_(noop("a"))

    with pytest.raises(AlreadyExists):
        await rig.pipelines.import_document(
            CALLER,
            {"id": "film", "nodes": [noop("z")]},
            create_only=True,
            validate_only=False,
        )

    assert list(await rig.states()) == ["a"]


async def test_import_under_an_older_etag_is_refused(rig: Rig) -> None:
    await rig.import_(noop("a"))
    read = await rig.reader.pipeline(OWNER, FILM)
    assert read is not None
    await rig.import_(noop("b"))

    with pytest.raises(EtagMismatch):
        await rig.pipelines.import_document(
            CALLER, {"id": "film", "nodes": [noop("z")]}, create_only=False, validate_only=False, etag=read.etag
        )

    assert list(await rig.states()) == ["b"]


async def test_callback_of_a_deleted_node_is_superseded(rig: Rig) -> None:
    await rig.import_(*DIAMOND)
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None
    completion = rig.completion(started.execution)

    await rig.import_(noop("z"))

    assert await rig.reporter.report(completion) is Disposition.SUPERSEDED


def _fan_in(number: int) -> tuple[dict[str, object], ...]:
    return noop(f"a{number}"), noop(f"b{number}"), noop(f"c{number}", f"a{number}", f"b{number}")
