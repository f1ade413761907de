"""The engine over a real Postgres: what is committed, what the database itself refuses."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from pipeline_service.commands.errors import (
    AlreadyExists,
    ArtifactMismatch,
    Contended,
    EtagMismatch,
    InvalidDocument,
    KeyOutsidePrefix,
    NotFound,
)
from pipeline_service.commands.ports import ObjectFacts
from pipeline_service.commands.reconcile import Reconciler
from pipeline_service.commands.timers import Timers
from pipeline_service.domain.engine.reports import Beat, Complete
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.keys import MANIFEST, artifact_prefix
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Disposition, RunState, StartOutcome, WaitingFor
from pipeline_service.domain.values import Output
from pipeline_service.store.pool import Pools
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, FILM, OWNER, Rig, expire, running_rig

CANCEL = "UPDATE executions SET state = 'CANCELLED', end_time = now(), dispatch_due_at = NULL WHERE id = $1"
DIAMOND = (noop("a"), noop("b", "a"), noop("c", "a"), noop("d", "b", "c"))


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


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


class TestTimers:
    @pytest.fixture
    def timers(self, rig: Rig) -> Timers:
        reconciler = Reconciler(artifacts=rig.artifacts, reporter=rig.reporter)
        return Timers(store=rig.store, batcher=rig.batcher, reconcile=reconciler.reconcile)

    async def test_dispatch_that_nobody_took_is_published_again(self, rig: Rig, timers: Timers) -> None:
        await rig.import_(noop("a"))
        await rig.run()
        execution = await rig.latest("a")
        await expire(rig.pool, "dispatch_due_at", [execution.id])

        await timers.tick()

        assert [dispatch.dispatch_no for dispatch in rig.outbox.dispatches] == [1, 2]

    async def test_execution_that_nobody_ever_takes_times_out(self, rig: Rig, timers: Timers) -> None:
        await rig.import_(noop("a"))
        await rig.run()
        for attempt in (1, 2, 3):
            execution = await rig.latest("a")
            assert (execution.attempt, execution.claim) == (attempt, None)
            assert execution.close_due_at is not None
            await expire(rig.pool, "close_due_at", [execution.id])
            await timers.tick()

        assert await rig.states() == {"a": "FAILED"}

    async def test_silent_worker_loses_its_execution(self, rig: Rig, timers: Timers) -> None:
        await rig.import_(noop("a"))
        await rig.run()
        await rig.claim("a")
        execution = await rig.latest("a")
        await expire(rig.pool, "lease_until", [execution.id])

        await timers.tick()

        queued = await rig.latest("a")
        assert (queued.id, queued.state, queued.dispatch_no) == (execution.id, "QUEUED", 2)

    async def test_three_reapers_make_one_new_attempt(self, rig: Rig, timers: Timers) -> None:
        await self._overdue(rig)

        await asyncio.gather(timers.tick(), timers.tick(), timers.tick())

        assert [view.execution.state for view in await rig.executions("a")] == ["QUEUED", "TIMED_OUT"]

    async def test_overdue_execution_with_a_manifest_is_completed_from_it(self, rig: Rig, timers: Timers) -> None:
        execution = await self._overdue(rig)
        assert execution.claim is not None
        prefix = artifact_prefix(execution.pipeline_uid, execution.node_uid, execution.id, execution.claim)
        rig.artifacts.objects[prefix + "output.mp4"] = ObjectFacts(size_bytes=10, sha256="", content_type="video/mp4")
        rig.artifacts.documents[prefix + MANIFEST] = {
            "process_uuid": str(execution.id),
            "result": {"s3_key": prefix + "output.mp4", "duration": 1.5, "size": 10},
        }

        await timers.tick()

        assert await rig.states() == {"a": "COMPLETED"}
        assert (await rig.latest("a")).id == execution.id

    async def test_overdue_execution_is_completed_from_the_manifest_of_an_earlier_claim(
        self, rig: Rig, timers: Timers
    ) -> None:
        """The first worker died after it had invoked the function, the second one's function never answered."""
        execution = await self._overdue(rig)
        earlier = Claim(uuid4())
        prefix = artifact_prefix(execution.pipeline_uid, execution.node_uid, execution.id, earlier)
        rig.artifacts.objects[prefix + "output.mp4"] = ObjectFacts(size_bytes=10, sha256="", content_type="video/mp4")
        rig.artifacts.documents[prefix + MANIFEST] = {
            "process_uuid": str(execution.id),
            "result": {"s3_key": prefix + "output.mp4", "duration": 1.5, "size": 10},
        }

        await timers.tick()

        assert await rig.states() == {"a": "COMPLETED"}

    async def test_overdue_execution_with_a_manifest_of_another_is_not(self, rig: Rig, timers: Timers) -> None:
        execution = await self._overdue(rig)
        assert execution.claim is not None
        prefix = artifact_prefix(execution.pipeline_uid, execution.node_uid, execution.id, execution.claim)
        rig.artifacts.documents[prefix + MANIFEST] = {"process_uuid": str(uuid4()), "error": "x"}

        await timers.tick()

        assert [view.execution.state for view in await rig.executions("a")] == ["QUEUED", "TIMED_OUT"]

    @staticmethod
    async def _overdue(rig: Rig) -> Execution:
        await rig.import_(noop("a"))
        await rig.run()
        started = await rig.claim("a")
        assert started.execution is not None
        assert started.execution.claim is not None
        await rig.reporter.report(
            Beat(
                execution_id=started.execution.id,
                claim=started.execution.claim,
                waiting_for=WaitingFor.CALLBACK,
                actor="worker",
            )
        )
        await expire(rig.pool, "close_due_at", [started.execution.id])
        return started.execution


class TestDatabaseHolds:
    """Guards of the last line: the database refuses what the code must never try."""

    async def test_two_active_executions_of_one_node(self, rig: Rig) -> None:
        await rig.import_(noop("a"))
        await rig.run()

        with pytest.raises(asyncpg.UniqueViolationError, match="executions_one_active"):
            await rig.pool.execute(
                "INSERT INTO executions SELECT (jsonb_populate_record(e, jsonb_build_object('id', $1::text))).* "
                "FROM executions AS e",
                str(uuid4()),
            )

    async def test_two_open_purchases_of_equal_work(self, rig: Rig) -> None:
        await rig.import_(noop("a", provider="ledger"))
        await rig.run()
        await rig.claim("a")

        with pytest.raises(asyncpg.UniqueViolationError, match="purchases_one_open"):
            await rig.pool.execute(
                "INSERT INTO purchases SELECT (jsonb_populate_record(p, jsonb_build_object('id', $1::text, "
                "'submit_key', $1::text))).* FROM purchases AS p",
                str(uuid4()),
            )

    async def test_node_in_progress_without_an_execution(self, rig: Rig) -> None:
        await rig.import_(noop("a"))

        with pytest.raises(asyncpg.CheckViolationError, match="nodes_in_progress_has_execution"):
            await rig.pool.execute("UPDATE nodes SET status = 'in_progress'")

    async def test_queued_execution_that_is_never_due(self, rig: Rig) -> None:
        await rig.import_(noop("a"))
        await rig.run()

        with pytest.raises(asyncpg.CheckViolationError, match="executions_queued_is_due"):
            await rig.pool.execute("UPDATE executions SET dispatch_due_at = NULL")

    @pytest.mark.parametrize("statement", ["UPDATE events SET message = 'x'", "DELETE FROM events"])
    async def test_change_of_history(self, rig: Rig, statement: str) -> None:
        await rig.import_(noop("a"))

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rig.pool.execute(statement)

    async def test_save_over_a_row_that_changed_meanwhile_is_contended(self, rig: Rig) -> None:
        """The guard itself: the old state is in the WHERE, so that a decision about an old row writes nothing."""
        imported = await rig.import_(noop("a"))
        imported_uid = imported.pipeline_uid
        assert imported_uid is not None
        await rig.run()
        execution = await rig.latest("a")

        async def decide_about_an_old_row() -> None:
            async with rig.store.transaction([imported_uid]) as transaction:
                working_set = await transaction.load()
                # Somebody who does not take the lock, as a defect would.
                await rig.pool.execute(CANCEL, execution.id)
                working_set.put(replace(working_set.executions[execution.id], dispatch_no=9))
                await transaction.save(working_set)

        with pytest.raises(Contended):
            await decide_about_an_old_row()

        assert (await rig.latest("a")).state == "CANCELLED"


def _fan_in(number: int) -> tuple[dict[str, object], ...]:
    return noop(f"a{number}"), noop(f"b{number}"), noop(f"c{number}", f"a{number}", f"b{number}")
