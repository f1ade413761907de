"""How an attempt keeps its claim, loses it and stops, against a service in memory."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from executor_service.executors.context import Context
from executor_service.task import (
    ExecutionId,
    Output,
    Progress,
    Task,
)
from tests.fakes.delivery import FakeDelivery
from tests.unit.executor.runner_bench import (
    EXECUTION,
    OTHER_CLAIM,
    Bench,
    Started,
    an_output,
    completes,
    must_not_run,
)


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

    async def test_change_that_is_told_before_the_claim_is_answered_is_asked_about_at_once(self, bench: Bench) -> None:
        bench.given()
        bench.service.gate = asyncio.Event()
        delivery = FakeDelivery.of(EXECUTION)
        work = Started()
        runner = bench.runner(work)

        handling = asyncio.create_task(runner.handle(delivery))
        await bench.service.at_gate.wait()
        runner.look_after(ExecutionId(EXECUTION))
        bench.service.gate.set()
        await work.begun.wait()
        # Far less than the 15 s to the first heartbeat that nobody asked for.
        async with asyncio.timeout(5):
            await delivery.beaten.wait()
        runner.release_all()
        await handling

        assert work.cancelled.is_set()

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
