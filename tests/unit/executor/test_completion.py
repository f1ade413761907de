"""Group commit of reports: what is asked while a call runs is the next call, and each asker hears its own answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import grpc
import pytest
from montage.v1 import execution_service_pb2 as pb
from montage.v1 import work_pb2 as work_pb

from executor_service.completion.batcher import MAX_BATCH_BYTES, MAX_REPORTS, Batcher, WrongAnswers
from executor_service.completion.reports import ExecutionReports, ReportRefused, ServiceUnreachable
from executor_service.task import Claimed, ClaimId, Disposition, Dropped, ErrorType, ExecutionId, Failure, Held
from tests.fakes.execution_service import FakeExecutionService, rpc_error


def an_id(number: int) -> ExecutionId:
    return ExecutionId(str(UUID(int=number)))


CLAIM = ClaimId(str(UUID(int=999)))


def patient() -> float:
    return 5.0


def start(number: int) -> pb.ExecutionReport:
    return pb.ExecutionReport(start=pb.StartExecutionRequest(execution_id=an_id(number), claim=CLAIM, dispatch_no=1))


def fail(number: int, size: int) -> pb.ExecutionReport:
    report = pb.ExecutionReport(fail=pb.FailExecutionRequest(execution_id=an_id(number), claim=CLAIM))
    report.fail.failure.details = "x" * size
    return report


class Line:
    """Answers each report with its own execution id; calls wait for the gate."""

    def __init__(self) -> None:
        self.calls: list[list[pb.ExecutionReport]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.is_busy = asyncio.Event()

    async def __call__(self, reports: Sequence[pb.ExecutionReport]) -> Sequence[pb.ExecutionReportAnswer]:
        self.calls.append(list(reports))
        self.is_busy.set()
        await self.open.wait()
        return [
            pb.ExecutionReportAnswer(start=pb.StartExecutionResponse(key_prefix=report.start.execution_id))
            for report in reports
        ]


class TestBatcher:
    async def test_what_is_asked_at_once_is_one_call_with_an_answer_each(self) -> None:
        line = Line()
        batcher = Batcher(line)

        answers = await asyncio.gather(*(batcher.ask(start(number), within_s=60) for number in range(50)))

        assert [len(call) for call in line.calls] == [50]
        assert [answer.start.key_prefix for answer in answers] == [an_id(number) for number in range(50)]

    async def test_who_gets_no_answer_in_time_gives_up_and_is_left_out_of_the_next_call(self) -> None:
        line = Line()
        line.open.clear()
        batcher = Batcher(line)
        first = asyncio.create_task(batcher.ask(start(0), within_s=60))
        await line.is_busy.wait()

        with pytest.raises(TimeoutError):
            await batcher.ask(start(1), within_s=0.01)

        line.open.set()
        await asyncio.gather(first, batcher.ask(start(2), within_s=60))
        assert [[report.start.execution_id for report in call] for call in line.calls] == [[an_id(0)], [an_id(2)]]

    async def test_what_arrives_while_a_call_runs_is_the_next_call(self) -> None:
        line = Line()
        line.open.clear()
        batcher = Batcher(line)

        first = asyncio.create_task(batcher.ask(start(0), within_s=60))
        await line.is_busy.wait()
        others = [asyncio.create_task(batcher.ask(start(number), within_s=60)) for number in range(1, 6)]
        await asyncio.sleep(0)
        line.open.set()
        await asyncio.gather(first, *others)

        assert [len(call) for call in line.calls] == [1, 5]

    async def test_more_than_a_call_carries_takes_several(self) -> None:
        line = Line()
        batcher = Batcher(line)

        await asyncio.gather(*(batcher.ask(start(number), within_s=60) for number in range(MAX_REPORTS + 10)))

        assert [len(call) for call in line.calls] == [MAX_REPORTS, 10]

    async def test_large_reports_are_spread_over_calls_below_the_limit(self) -> None:
        line = Line()
        batcher = Batcher(line)

        await asyncio.gather(*(batcher.ask(fail(number, 8_000), within_s=60) for number in range(200)))

        assert len(line.calls) == 3
        assert all(sum(report.ByteSize() for report in call) <= MAX_BATCH_BYTES for call in line.calls)

    async def test_asker_that_went_away_is_not_sent(self) -> None:
        line = Line()
        line.open.clear()
        batcher = Batcher(line)

        first = asyncio.create_task(batcher.ask(start(0), within_s=60))
        await line.is_busy.wait()
        gone, stays = (asyncio.create_task(batcher.ask(start(number), within_s=60)) for number in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        line.open.set()
        await asyncio.gather(first, stays)

        assert [report.start.execution_id for report in line.calls[1]] == [an_id(2)]

    async def test_one_bad_report_is_refused_alone(self) -> None:
        async def picky(reports: Sequence[pb.ExecutionReport]) -> Sequence[pb.ExecutionReportAnswer]:
            if any(report.start.execution_id == an_id(3) for report in reports):
                raise rpc_error(grpc.StatusCode.INVALID_ARGUMENT)
            return [
                pb.ExecutionReportAnswer(start=pb.StartExecutionResponse(outcome=pb.START_OUTCOME_STALE))
                for _ in reports
            ]

        batcher = Batcher(picky)
        answers = await asyncio.gather(
            *(batcher.ask(start(number), within_s=60) for number in range(8)), return_exceptions=True
        )

        refused = [number for number, answer in enumerate(answers) if isinstance(answer, grpc.aio.AioRpcError)]
        assert refused == [3]

    async def test_wrong_number_of_answers_is_everyones_error_and_not_the_end(self) -> None:
        answers: list[list[pb.ExecutionReportAnswer]] = [[], [pb.ExecutionReportAnswer()]]

        async def forgetful(_reports: Sequence[pb.ExecutionReport]) -> Sequence[pb.ExecutionReportAnswer]:
            return answers.pop(0)

        batcher = Batcher(forgetful)
        with pytest.raises(WrongAnswers):
            await batcher.ask(start(1), within_s=60)

        assert await batcher.ask(start(2), within_s=60) == pb.ExecutionReportAnswer()

    async def test_close_cancels_who_still_waits(self) -> None:
        line = Line()
        line.open.clear()
        batcher = Batcher(line)
        waiting = [asyncio.create_task(batcher.ask(start(number), within_s=60)) for number in range(3)]
        await line.is_busy.wait()

        await batcher.close()

        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)


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
