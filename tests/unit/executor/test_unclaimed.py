"""Work that came with its message: done at once, reported once, and claimed after all when it is no quick result."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from montage.v1 import resources_pb2, work_pb2
from prometheus_client import CollectorRegistry

from executor_service.completion.owners_keys import OwnersKeys
from executor_service.completion.reports import ExecutionReports
from executor_service.executors.context import Context
from executor_service.runner.attempt import Tools
from executor_service.runner.metrics import RunnerMetrics
from executor_service.runner.runner import Runner
from executor_service.runner.workspace import Workspace
from executor_service.task import AwaitingCallback, MediaType, Output, RetryLater, Task
from servicekit.failpoints import Failpoints
from servicekit.tracing import Tracer
from tests.fakes.clock import FakeClock
from tests.fakes.credentials import FakeCredentials
from tests.fakes.delivery import FakeDelivery
from tests.fakes.execution_service import FakeExecutionService

EXECUTION = "0193b2a4-0000-7000-8000-000000000001"
TASK = work_pb2.Task(
    execution=f"pipelines/p/nodes/n/executions/{EXECUTION}",
    node="pipelines/p/nodes/n",
    node_uid="5f0c6a2e-0000-4000-8000-000000000001",
    node_type="quick",
    provider="local",
    attempt=1,
)
SMALL = Output(
    type=MediaType.JSON, s3_key="", size_bytes=2, sha256="ab" * 32, content_type="application/json", content="{}"
)
Steps = Callable[[Task, Context], Awaitable[Output | AwaitingCallback]]


class Quick:
    def __init__(self, steps: Steps) -> None:
        self.execute = steps


class Bench:
    def __init__(self, work_dir: Path) -> None:
        self.service = FakeExecutionService()
        self.execution = self.service.given(EXECUTION, TASK)
        self.reports = ExecutionReports(self.service)
        self.workspace = Workspace(work_dir)

    async def handle(self, steps: Steps) -> FakeDelivery:
        tools = Tools(
            owners_keys=OwnersKeys(FakeCredentials()),
            reports=self.reports,
            executors={"quick": Quick(steps)},
            workspace=self.workspace,
            clock=FakeClock(now=datetime.now(UTC)),
            metrics=RunnerMetrics(CollectorRegistry()),
            tracer=Tracer(),
            failpoints=Failpoints.parse(""),
        )
        item = work_pb2.WorkItem(
            kind=work_pb2.WORK_KIND_RUN, execution_id=EXECUTION, dispatch_no=1, task_queue="noop", task=TASK
        )
        delivery = FakeDelivery(item.SerializeToString())
        await Runner(tools).handle(delivery)
        return delivery


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path / "work")
    yield made
    await made.reports.close()
    made.workspace.close()


async def answers_at_once(_task: Task, _context: Context) -> Output:
    return SMALL


async def test_quick_result_is_reported_without_a_claim_and_then_acknowledged(bench: Bench) -> None:
    bench.execution.takes_first_report = True

    delivery = await bench.handle(answers_at_once)

    assert bench.service.reports("start") == []
    assert bench.execution.output == resources_pb2.Output(
        type=resources_pb2.MEDIA_TYPE_JSON,
        size_bytes=2,
        sha256="ab" * 32,
        content_type="application/json",
        content="{}",
    )
    assert delivery.endings == ["ack"]


async def test_quick_result_of_work_that_another_holds_is_left_to_its_own_delivery(bench: Bench) -> None:
    bench.execution.claim = "0193b2a4-0000-4000-8000-00000000000f"

    delivery = await bench.handle(answers_at_once)

    assert bench.execution.output is None
    assert delivery.endings == []


async def test_report_that_is_refused_is_not_acknowledged(bench: Bench) -> None:
    bench.service.refusals = {
        "complete": grpc.StatusCode.FAILED_PRECONDITION,
        "fail": grpc.StatusCode.FAILED_PRECONDITION,
    }

    delivery = await bench.handle(answers_at_once)

    assert delivery.endings == ["nak"]


async def test_work_that_fails_is_begun_anew_under_a_claim_and_reported_there(bench: Bench) -> None:
    prefixes: list[str] = []

    async def wants_the_store(_task: Task, context: Context) -> Output:
        prefixes.append(context.key_prefix)
        if not context.key_prefix:
            raise RetryLater(reason="nowhere to write to", after=bench.service.lease)
        return replace(SMALL, content="", s3_key=f"{context.key_prefix}output.json")

    delivery = await bench.handle(wants_the_store)

    assert prefixes == ["", f"pipelines/p/nodes/n/executions/{EXECUTION}/{bench.execution.claim}/"]
    assert bench.execution.output is not None
    assert delivery.endings == ["ack"]


async def test_work_that_goes_on_elsewhere_is_claimed_first(bench: Bench) -> None:
    urls: list[str] = []

    async def hands_on(_task: Task, context: Context) -> AwaitingCallback:
        urls.append(context.callback_url)
        return AwaitingCallback()

    delivery = await bench.handle(hands_on)

    assert urls == ["", bench.service.callback_url]
    assert bench.execution.waiting_for == resources_pb2.WAITING_FOR_CALLBACK
    assert delivery.endings == ["ack"]
