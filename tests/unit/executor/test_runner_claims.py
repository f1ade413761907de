"""How an attempt begins, against a service in memory."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from montage.v1 import work_pb2 as work_pb

from executor_service.executors.context import Context
from executor_service.task import (
    Output,
    Task,
)
from tests.fakes.delivery import FakeDelivery
from tests.unit.executor.runner_bench import (
    EXECUTION,
    OTHER_CLAIM,
    Bench,
    a_task,
    an_output,
    completes,
    must_not_run,
)


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

    async def test_cancel_claims_the_purchase_and_asks_with_the_word_that_nobody_wants_it(self, bench: Bench) -> None:
        bench.given()
        delivery = FakeDelivery.of(EXECUTION, kind=work_pb.WORK_KIND_CANCEL)
        told: list[bool] = []

        async def asks(_task: Task, context: Context) -> Output:
            told.append(context.is_called_off)
            return an_output(context)

        await bench.runner(asks).handle(delivery)

        assert told == [True]
        assert [report.start.kind for report in bench.service.reports("start")] == [work_pb.WORK_KIND_CANCEL]
        assert delivery.endings == ["ack"]

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
