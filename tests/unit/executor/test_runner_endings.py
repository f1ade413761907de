"""How an attempt ends and what is said of it, against a service in memory."""

import errno
from datetime import timedelta
from pathlib import Path

import grpc
from montage.v1 import resources_pb2 as resource_pb

from executor_service.executors.context import Context
from executor_service.task import (
    AwaitingCallback,
    ErrorType,
    GiveUp,
    Output,
    RetryLater,
    Task,
)
from tests.fakes.delivery import FakeDelivery
from tests.unit.executor.runner_bench import EXECUTION, Bench, a_task, an_output, completes, must_not_run, never_ends


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
