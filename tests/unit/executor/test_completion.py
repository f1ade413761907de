"""What an executor tells the pipeline service, and hears of it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import grpc
import pytest
from montage.v1 import work_pb2 as work_pb

from executor_service.completion.reports import ExecutionReports, ReportRefused, ServiceUnreachable
from executor_service.task import Claimed, ClaimId, Disposition, Dropped, ErrorType, ExecutionId, Failure, Held
from tests.fakes.execution_service import FakeExecutionService


def an_id(number: int) -> ExecutionId:
    return ExecutionId(str(UUID(int=number)))


CLAIM = ClaimId(str(UUID(int=999)))


def patient() -> float:
    return 5.0


@pytest.fixture
async def service() -> FakeExecutionService:
    return FakeExecutionService()


@pytest.fixture
async def reports(service: FakeExecutionService) -> AsyncIterator[ExecutionReports]:
    client = ExecutionReports(service)
    yield client
    await client.close()


def a_task(number: int) -> work_pb.Task:
    return work_pb.Task(execution=f"x/executions/{an_id(number)}", node="x", node_uid="u", node_type="noop")


class TestReports:
    async def test_start_says_claimed_held_or_dropped(
        self, service: FakeExecutionService, reports: ExecutionReports
    ) -> None:
        service.given(an_id(1), a_task(1))
        service.given(an_id(2), a_task(2), claim="another")
        service.given(an_id(3), a_task(3), is_paused=True)

        claimed, held, dropped = await asyncio.gather(
            *(reports.start(an_id(number), claim=CLAIM, dispatch_no=1, patience=patient) for number in (1, 2, 3))
        )

        assert isinstance(claimed, Claimed)
        assert claimed.task.node_type == "noop"
        assert isinstance(held, Held)
        assert dropped == Dropped(reason="paused")
        assert len(service.calls) == 1

    @pytest.mark.parametrize(
        "code",
        [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED],
    )
    async def test_passing_trouble_is_repeated(
        self, service: FakeExecutionService, reports: ExecutionReports, code: grpc.StatusCode
    ) -> None:
        service.given(an_id(1), a_task(1), claim=CLAIM)
        service.errors.extend([code, code])
        failure = Failure(error_type=ErrorType.TIMEOUT, message="late")

        answer = await reports.fail(an_id(1), claim=CLAIM, failure=failure, patience=patient)

        assert answer is Disposition.APPLIED

    async def test_patience_at_its_end_is_unreachable(
        self, service: FakeExecutionService, reports: ExecutionReports
    ) -> None:
        service.is_away = True
        left = iter([0.2, 0.1, 0.1, 0.0, 0.0, 0.0])

        with pytest.raises(ServiceUnreachable):
            await reports.park(an_id(1), claim=CLAIM, patience=lambda: next(left, 0.0))

    async def test_call_that_hangs_is_given_up_when_patience_ends(
        self, service: FakeExecutionService, reports: ExecutionReports
    ) -> None:
        service.gate = asyncio.Event()

        with pytest.raises(ServiceUnreachable):
            await reports.park(an_id(1), claim=CLAIM, patience=lambda: 0.02)

    async def test_refusal_of_one_entry_is_raised_to_its_caller_only(
        self, service: FakeExecutionService, reports: ExecutionReports
    ) -> None:
        service.given(an_id(1), a_task(1))

        known, unknown = await asyncio.gather(
            *(reports.start(an_id(number), claim=CLAIM, dispatch_no=1, patience=patient) for number in (1, 2)),
            return_exceptions=True,
        )

        assert isinstance(known, Claimed)
        assert isinstance(unknown, ReportRefused)
        assert unknown.code is grpc.StatusCode.NOT_FOUND

    async def test_slow_result_holds_up_no_heartbeat(
        self, service: FakeExecutionService, reports: ExecutionReports
    ) -> None:
        service.given(an_id(1), a_task(1), claim=CLAIM)
        slow = service.gate = asyncio.Event()
        failing = asyncio.create_task(
            reports.fail(
                an_id(1),
                claim=CLAIM,
                failure=Failure(error_type=ErrorType.TIMEOUT, message="late"),
                patience=patient,
            )
        )
        for _ in range(5):
            await asyncio.sleep(0)
        service.gate = None

        answer = await reports.heartbeat(an_id(1), claim=CLAIM, progress=None, patience=patient)
        slow.set()

        assert answer.disposition is Disposition.APPLIED
        assert await failing is Disposition.APPLIED

    async def test_again_is_duplicate_and_anothers_is_lost(
        self, service: FakeExecutionService, reports: ExecutionReports
    ) -> None:
        service.given(an_id(1), a_task(1), claim="another")

        assert await reports.park(an_id(1), claim=CLAIM, patience=patient) is Disposition.LOST
