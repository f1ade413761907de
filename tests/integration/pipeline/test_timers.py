"""What happens because nothing happened, over a real store."""

import asyncio
from uuid import uuid4

import pytest

from pipeline_service.commands.errors import BadRow
from pipeline_service.commands.ports import ObjectFacts
from pipeline_service.commands.reconcile import Reconciler
from pipeline_service.commands.timers import Timers
from pipeline_service.domain.engine.reports import Answer, Beat, Report
from pipeline_service.domain.ids import Claim, PipelineUid
from pipeline_service.domain.keys import MANIFEST, artifact_prefix
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import WaitingFor
from tests.due_times import expire
from tests.factories import noop
from tests.integration.pipeline.rig import Rig


def refuse(monkeypatch: pytest.MonkeyPatch, rig: Rig, pipeline: PipelineUid) -> None:
    """Let the database take nothing of one pipeline."""
    submit = rig.batcher.submit

    async def refusing(report: Report, pipeline_uid: PipelineUid) -> Answer:
        if pipeline_uid == pipeline:
            raise BadRow("a column has no such value")
        return await submit(report, pipeline_uid)

    monkeypatch.setattr(rig.batcher, "submit", refusing)


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

    async def test_dispatch_that_cannot_be_published_is_put_off_and_not_further_away(self, rig: Rig) -> None:
        """Only work that was handed out and that nobody took is waited for ever longer."""
        reconciler = Reconciler(artifacts=rig.artifacts, reporter=rig.reporter)
        is_there = [False]
        timers = Timers(
            store=rig.store, batcher=rig.batcher, reconcile=reconciler.reconcile, can_publish=lambda: is_there[0]
        )
        await rig.import_(noop("a"))
        await rig.run()
        before = await rig.latest("a")
        await expire(rig.pool, "dispatch_due_at", [before.id])
        for _ in range(3):
            await timers.tick()
        assert (await rig.latest("a")).dispatch_no == before.dispatch_no

        is_there[0] = True
        await timers.tick()

        assert [dispatch.dispatch_no for dispatch in rig.outbox.dispatches] == [1, 2]

    async def test_what_is_due_and_refused_is_not_looked_for_again_at_once(
        self, rig: Rig, timers: Timers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for pipeline in ("film", "copy"):
            await rig.import_(noop("a", nonce=pipeline), document_id=pipeline)
            await rig.run(pipeline=pipeline)
            due = await rig.latest("a", pipeline=pipeline)
            await expire(rig.pool, "dispatch_due_at", [due.id])
        refuse(monkeypatch, rig, due.pipeline_uid)

        assert await timers.tick() == 1
        assert await timers.tick() == 0

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
