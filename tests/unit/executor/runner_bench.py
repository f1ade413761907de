"""A runner with everything around it, and executors that do what a test says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from montage.v1 import work_pb2 as work_pb
from prometheus_client import CollectorRegistry

from executor_service.completion.owners_keys import OwnersKeys
from executor_service.completion.reports import ExecutionReports
from executor_service.executors.context import Context
from executor_service.runner.attempt import Tools
from executor_service.runner.metrics import RunnerMetrics
from executor_service.runner.runner import Runner
from executor_service.runner.workspace import Workspace
from executor_service.task import (
    AwaitingCallback,
    MediaType,
    Output,
    Task,
)
from servicekit.failpoints import Failpoints
from servicekit.tracing import Tracer
from tests.fakes.clock import FakeClock
from tests.fakes.credentials import FakeCredentials
from tests.fakes.execution_service import FakeExecution, FakeExecutionService

EXECUTION = "0193b2a4-0000-7000-8000-000000000001"
OTHER_CLAIM = "0193b2a4-0000-4000-8000-00000000000f"

Steps = Callable[[Task, Context], Awaitable[Output | AwaitingCallback]]


class Scripted:
    """An executor that does what the test says."""

    def __init__(self, steps: Steps) -> None:
        self.execute = steps
        self.ask = steps


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
                owners_keys=OwnersKeys(FakeCredentials()),
                reports=self.reports,
                executors={"scripted": Scripted(steps)},
                workspace=self.workspace,
                clock=self.clock,
                metrics=RunnerMetrics(self.registry),
                tracer=Tracer(),
                failpoints=Failpoints.parse(failpoints),
            )
        )

    def given(self, task: work_pb.Task | None = None, **fields: object) -> FakeExecution:
        return self.service.given(EXECUTION, task or a_task(), **fields)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


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
