"""The life of an attempt, against a service in memory: every way it can begin, go on and end."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from montage.v1 import resources_pb2 as resource_pb
from montage.v1 import work_pb2 as work_pb
from prometheus_client import CollectorRegistry

from executor_service.completion.reports import ExecutionReports
from executor_service.executors.context import Context
from executor_service.runner.attempt import Tools
from executor_service.runner.metrics import RunnerMetrics
from executor_service.runner.runner import Runner
from executor_service.runner.workspace import Workspace
from executor_service.task import (
    AwaitingCallback,
    ErrorType,
    ExecutionId,
    GiveUp,
    MediaType,
    Output,
    Progress,
    RetryLater,
    Task,
)
from servicekit.failpoints import Failpoints
from tests.fakes.clock import FakeClock
from tests.fakes.delivery import FakeDelivery
from tests.fakes.execution_service import FakeExecution, FakeExecutionService

EXECUTION = "0193b2a4-0000-7000-8000-000000000001"
OTHER_CLAIM = "0193b2a4-0000-4000-8000-00000000000f"

Steps = Callable[[Task, Context], Awaitable[Output | AwaitingCallback]]


class Scripted:
    """An executor that does what the test says."""

    def __init__(self, steps: Steps) -> None:
        self.execute = steps


def a_task(**fields: object) -> work_pb.Task:
    values = {
        "execution": f"pipelines/p/nodes/n/executions/{EXECUTION}",
        "node": "pipelines/p/nodes/n",
        "node_uid": "5f0c6a2e-0000-4000-8000-000000000001",
        "node_type": "scripted",
        "provider": "local",
        "attempt": 1,
    }
    return work_pb.Task(**{**values, **fields})  # type: ignore[arg-type]


def an_output(context: Context) -> Output:
    return Output(
        type=MediaType.TEXT,
        s3_key=f"{context.key_prefix}output.txt",
        size_bytes=2,
        sha256="ab" * 32,
        content_type="text/plain",
    )


@dataclass
class Bench:
    """A runner with everything around it."""

    service: FakeExecutionService
    reports: ExecutionReports
    clock: FakeClock
    registry: CollectorRegistry
    workspace: Workspace

    def runner(self, steps: Steps, *, failpoints: str = "") -> Runner:
        return Runner(
            Tools(
                reports=self.reports,
                executors={"scripted": Scripted(steps)},
                workspace=self.workspace,
                clock=self.clock,
                metrics=RunnerMetrics(self.registry),
                failpoints=Failpoints.parse(failpoints),
            )
        )

    def given(self, task: work_pb.Task | None = None, **fields: object) -> FakeExecution:
        return self.service.given(EXECUTION, task or a_task(), **fields)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    service = FakeExecutionService()
    workspace = Workspace(tmp_path / "work")
    reports = ExecutionReports(service)
    clock = FakeClock(now=datetime.now(UTC))
    yield Bench(service=service, reports=reports, clock=clock, registry=CollectorRegistry(), workspace=workspace)
    await reports.close()
    workspace.close()


async def completes(_task: Task, context: Context) -> Output:
    return an_output(context)


async def must_not_run(_task: Task, _context: Context) -> Output:
    raise AssertionError("the executor was called")


async def never_ends(_task: Task, _context: Context) -> Output:
    await asyncio.Event().wait()
    raise AssertionError("waited for ever and came back")


class Started:
    """Steps that say when they have begun, and go on for ever."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, _task: Task, _context: Context) -> Output:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise AssertionError("waited for ever and came back")


class TestClaim:
    async def test_claimed_work_that_completes_is_acknowledged(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(completes).handle(delivery)

        assert execution.output is not None
        assert execution.output.s3_key.startswith(f"pipelines/p/nodes/n/executions/{EXECUTION}/{execution.claim}/")
        assert delivery.endings == ["ack"]
        assert bench.counted("executor_executions_total", node_type="scripted", outcome="completed") == 1
        assert bench.counted("executor_held_executions") == 0

    async def test_acknowledgement_waits_for_the_answer(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        answered = asyncio.Event()

        async def closes_the_gate(_task: Task, context: Context) -> Output:
            bench.service.gate = answered
            return an_output(context)

        handling = asyncio.create_task(bench.runner(closes_the_gate).handle(delivery))
        await bench.service.at_gate.wait()
        told_before = list(delivery.told)
        answered.set()
        await handling

        assert told_before == []
        assert execution.output is not None
        assert delivery.endings == ["ack"]

    async def test_work_held_by_another_is_put_off_until_its_lease_ends(self, bench: Bench) -> None:
        bench.given(claim=OTHER_CLAIM)
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(must_not_run).handle(delivery)

        assert delivery.endings == ["nak"]
        assert delivery.delay is not None
        assert timedelta(seconds=25) < delivery.delay <= timedelta(seconds=31)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [({"is_cancelled": True}, "stale"), ({"dispatch_no": 2}, "stale"), ({"is_paused": True}, "paused")],
    )
    async def test_work_that_nobody_needs_is_dropped(self, bench: Bench, fields: dict[str, Any], reason: str) -> None:
        bench.given(**fields)
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(must_not_run).handle(delivery)

        assert delivery.endings == ["ack"]
        assert bench.counted("executor_deliveries_total", reason=reason) == 1

    @pytest.mark.parametrize("body", [b"\xff\xfe garbage", b"", work_pb.WorkItem(execution_id="x").SerializeToString()])
    async def test_garbage_is_terminated_and_counted(self, bench: Bench, body: bytes) -> None:
        delivery = FakeDelivery(body)

        await bench.runner(must_not_run).handle(delivery)

        assert delivery.endings == ["term"]
        assert bench.service.calls == []
        assert bench.counted("executor_deliveries_total", reason="garbage") == 1

    async def test_unknown_execution_is_terminated(self, bench: Bench) -> None:
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(must_not_run).handle(delivery)

        assert delivery.endings == ["term"]
        assert bench.counted("executor_deliveries_total", reason="unknown_execution") == 1

    async def test_cancel_is_terminated_since_no_vendor_here_can(self, bench: Bench) -> None:
        bench.given()
        delivery = FakeDelivery.of(EXECUTION, kind=work_pb.WORK_KIND_CANCEL)

        await bench.runner(must_not_run).handle(delivery)

        assert delivery.endings == ["term"]
        assert bench.service.calls == []

    async def test_claim_repeated_through_an_outage_is_the_same_claim(self, bench: Bench) -> None:
        execution = bench.given()
        bench.service.errors.extend([grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(completes).handle(delivery)

        assert execution.output is not None
        assert len({report.start.claim for report in bench.service.reports("start")}) == 1
        assert delivery.endings == ["ack"]

    async def test_refused_worker_puts_the_message_off(self, bench: Bench) -> None:
        bench.given()
        bench.service.refusals["start"] = grpc.StatusCode.PERMISSION_DENIED
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(must_not_run).handle(delivery)

        assert delivery.endings == ["nak"]
        assert delivery.delay is not None
        assert delivery.delay >= timedelta(seconds=10)

    async def test_task_that_cannot_be_read_is_reported_as_failed(self, bench: Bench) -> None:
        execution = bench.given(a_task(node_type=""))
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(must_not_run).handle(delivery)

        assert execution.failure is not None
        assert "node_type" in execution.failure.details
        assert delivery.endings == ["ack"]


class TestEndings:
    async def test_retry_later_goes_back_to_the_queue(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def comes_later(_task: Task, _context: Context) -> Output:
            raise RetryLater(timedelta(seconds=7), "busy")

        await bench.runner(comes_later).handle(delivery)

        assert execution.requeued_after == timedelta(seconds=7)
        assert not execution.has_ended
        assert delivery.endings == ["ack"]

    async def test_give_up_fails_with_its_class_words_and_details(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def gives_up(_task: Task, _context: Context) -> Output:
            raise GiveUp(ErrorType.MODERATION, "not allowed", "last line")

        await bench.runner(gives_up).handle(delivery)

        assert execution.failure == resource_pb.Failure(
            error_type="moderation", message="not allowed", details="last line"
        )
        assert delivery.endings == ["ack"]

    async def test_crash_fails_as_internal_without_telling_the_cause(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def crashes(_task: Task, _context: Context) -> Output:
            raise RuntimeError("password=hunter2")

        await bench.runner(crashes).handle(delivery)

        assert execution.failure is not None
        assert execution.failure.error_type == "internal"
        assert "hunter2" not in str(execution.failure)
        assert delivery.endings == ["ack"]

    async def test_unknown_node_type_fails_naming_the_known_ones(self, bench: Bench) -> None:
        execution = bench.given(a_task(node_type="generate-smell"))

        await bench.runner(must_not_run).handle(FakeDelivery.of(EXECUTION))

        assert execution.failure is not None
        assert execution.failure.error_type == "invalid_input"
        assert "scripted" in execution.failure.message

    async def test_work_awaiting_a_callback_is_parked(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def hands_over(_task: Task, _context: Context) -> AwaitingCallback:
            return AwaitingCallback()

        await bench.runner(hands_over).handle(delivery)

        assert execution.waiting_for == resource_pb.WAITING_FOR_CALLBACK
        assert delivery.endings == ["ack"]

    async def test_callback_before_the_parking_leaves_nothing_to_do(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def is_overtaken(_task: Task, _context: Context) -> AwaitingCallback:
            execution.output = resource_pb.Output(s3_key="made/elsewhere.mp4")
            return AwaitingCallback()

        await bench.runner(is_overtaken).handle(delivery)

        assert execution.waiting_for == 0
        assert delivery.endings == ["ack"]

    async def test_result_that_is_refused_becomes_a_failure(self, bench: Bench) -> None:
        execution = bench.given()
        bench.service.refusals["complete"] = grpc.StatusCode.FAILED_PRECONDITION
        delivery = FakeDelivery.of(EXECUTION)

        await bench.runner(completes).handle(delivery)

        assert execution.failure is not None
        assert execution.failure.error_type == "internal"
        assert delivery.endings == ["ack"]

    async def test_result_for_a_deleted_execution_is_dropped(self, bench: Bench) -> None:
        bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def is_deleted(_task: Task, context: Context) -> Output:
            bench.service.executions.clear()
            return an_output(context)

        await bench.runner(is_deleted).handle(delivery)

        assert delivery.endings == ["ack"]

    async def test_report_is_repeated_until_the_service_is_back(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def loses_the_service(_task: Task, context: Context) -> Output:
            bench.service.errors.extend([grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
            return an_output(context)

        await bench.runner(loses_the_service).handle(delivery)

        assert execution.output is not None
        assert delivery.endings == ["ack"]

    async def test_deadline_ends_the_work_as_timeout(self, bench: Bench) -> None:
        task = a_task()
        task.start_to_close.FromTimedelta(timedelta(seconds=0.1))
        execution = bench.given(task)

        await bench.runner(never_ends).handle(FakeDelivery.of(EXECUTION))

        assert execution.failure is not None
        assert execution.failure.error_type == "timeout"

    async def test_timeout_inside_an_executor_is_not_taken_for_the_deadline(self, bench: Bench) -> None:
        execution = bench.given()

        async def times_out(_task: Task, _context: Context) -> Output:
            raise TimeoutError

        await bench.runner(times_out).handle(FakeDelivery.of(EXECUTION))

        assert execution.failure is not None
        assert execution.failure.error_type == "internal"

    async def test_folder_of_the_attempt_is_removed_whatever_happens(self, bench: Bench) -> None:
        bench.given()
        folders: list[Path] = []

        async def leaves_a_mess(_task: Task, context: Context) -> Output:
            folders.append(context.folder)
            (context.folder / "big.tmp").write_bytes(b"x")
            raise RuntimeError

        await bench.runner(leaves_a_mess).handle(FakeDelivery.of(EXECUTION))

        assert len(folders) == 1
        assert not folders[0].exists()

    async def test_full_disk_puts_the_work_off(self, bench: Bench) -> None:
        execution = bench.given()

        async def finds_no_room(_task: Task, _context: Context) -> Output:
            raise OSError(errno.ENOSPC, "No space left on device")

        await bench.runner(finds_no_room).handle(FakeDelivery.of(EXECUTION))

        assert execution.requeued_after is not None
        assert execution.requeued_after > timedelta(0)
        assert not execution.has_ended


class TestHeartbeats:
    async def test_progress_goes_out_and_the_queue_hears_of_it_only_afterwards(self, bench: Bench) -> None:
        bench.service.lease = timedelta(seconds=0.2)
        bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def works_a_while(_task: Task, context: Context) -> Output:
            context.report_progress(Progress(stage="drawing", fraction=0.5))
            await delivery.beaten.wait()
            return an_output(context)

        await bench.runner(works_a_while).handle(delivery)

        beats = bench.service.reports("heartbeat")
        assert beats[0].heartbeat.progress.stage == "drawing"
        assert beats[0].heartbeat.progress.fraction == 0.5
        assert delivery.told[0] == "in_progress"
        assert delivery.endings == ["ack"]

    async def test_execution_lost_to_another_stops_the_work_and_touches_nothing(self, bench: Bench) -> None:
        bench.service.lease = timedelta(seconds=0.2)
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        work = Started()

        handling = asyncio.create_task(bench.runner(work).handle(delivery))
        await work.begun.wait()
        execution.claim = OTHER_CLAIM
        await handling

        assert work.cancelled.is_set()
        assert delivery.endings == []
        assert not execution.has_ended
        assert bench.service.reports("complete") == bench.service.reports("fail") == []

    async def test_cancelled_execution_stops_the_work_at_once_when_told(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        work = Started()
        runner = bench.runner(work)

        handling = asyncio.create_task(runner.handle(delivery))
        await work.begun.wait()
        execution.is_cancelled = True
        runner.look_after(ExecutionId(EXECUTION))
        await handling

        assert work.cancelled.is_set()
        assert delivery.endings == ["ack"]

    async def test_lease_that_ran_out_stops_the_work_without_asking(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        work = Started()
        runner = bench.runner(work)

        handling = asyncio.create_task(runner.handle(delivery))
        await work.begun.wait()
        bench.clock.advance(timedelta(seconds=61))
        runner.look_after(ExecutionId(EXECUTION))
        await handling

        assert work.cancelled.is_set()
        assert bench.service.reports("heartbeat") == []
        assert delivery.told == []
        assert not execution.has_ended

    async def test_jump_of_the_wall_clock_ends_no_lease(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def is_told_another_time(_task: Task, context: Context) -> Output:
            bench.clock.set_wall_time(datetime(2030, 1, 1, tzinfo=UTC))
            context.lease.require(10)
            return an_output(context)

        await bench.runner(is_told_another_time).handle(delivery)

        assert execution.output is not None

    async def test_result_after_the_lease_is_not_reported(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def was_stopped_too_long(_task: Task, context: Context) -> Output:
            bench.clock.advance(timedelta(seconds=61))
            return an_output(context)

        await bench.runner(was_stopped_too_long).handle(delivery)

        assert bench.service.reports("complete") == []
        assert not execution.has_ended
        assert delivery.endings == []

    async def test_upload_after_the_lease_is_not_begun(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        async def wants_to_upload(_task: Task, context: Context) -> Output:
            bench.clock.advance(timedelta(seconds=55))
            context.lease.require(10)
            return an_output(context)

        await bench.runner(wants_to_upload).handle(delivery)

        assert not execution.has_ended
        assert delivery.endings == []

    async def test_service_away_for_longer_than_the_lease_loses_the_execution(self, bench: Bench) -> None:
        bench.service.lease = timedelta(seconds=0.1)
        bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        work = Started()

        async def time_passes() -> None:
            while not work.cancelled.is_set():
                bench.clock.advance(timedelta(seconds=0.01))
                await asyncio.sleep(0.005)

        handling = asyncio.create_task(bench.runner(work).handle(delivery))
        await work.begun.wait()
        bench.service.is_away = True
        await asyncio.gather(handling, time_passes())

        assert delivery.told == []


class TestShutdown:
    async def test_released_work_goes_back_to_the_queue_at_once(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        work = Started()
        runner = bench.runner(work)

        handling = asyncio.create_task(runner.handle(delivery))
        await work.begun.wait()
        runner.release_all()
        await handling

        assert work.cancelled.is_set()
        assert execution.requeued_after == timedelta(0)
        assert delivery.endings == ["ack"]

    async def test_delivery_after_the_release_is_left_to_others(self, bench: Bench) -> None:
        bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        runner = bench.runner(must_not_run)
        runner.release_all()

        await runner.handle(delivery)

        assert bench.service.calls == []
        assert delivery.endings == ["nak"]

    async def test_cancel_during_the_report_waits_for_its_answer(self, bench: Bench) -> None:
        execution = bench.given()
        delivery = FakeDelivery.of(EXECUTION)
        answered = asyncio.Event()

        async def closes_the_gate(_task: Task, context: Context) -> Output:
            bench.service.gate = answered
            return an_output(context)

        handling = asyncio.create_task(bench.runner(closes_the_gate).handle(delivery))
        await bench.service.at_gate.wait()
        handling.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        answered.set()
        with pytest.raises(asyncio.CancelledError):
            await handling

        assert execution.output is not None
        assert delivery.endings == ["ack"]

    @pytest.mark.parametrize("place", ["executor.got_message", "executor.after_claim", "executor.before_ack"])
    async def test_failpoint_is_passed_once_in_each_delivery(self, bench: Bench, place: str) -> None:
        bench.given()
        delivery = FakeDelivery.of(EXECUTION)

        with pytest.raises(RuntimeError, match=place):
            await bench.runner(completes, failpoints=f"{place}=raise").handle(delivery)

        assert delivery.endings == []
