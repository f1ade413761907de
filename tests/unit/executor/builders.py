"""Values for executor tests; change only what the case is about."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from executor_service.executors.context import Context
from executor_service.executors.lease import Lease
from executor_service.task import Asset, Config, ExecutionId, MediaType, Output, Progress, Task, TaskInput
from servicekit.failpoints import Failpoints
from tests.fakes.clock import FakeClock

EXECUTION = ExecutionId("0193b2a4-0000-7000-8000-000000000001")
NODE_UID = "5f0c6a2e-0000-4000-8000-000000000001"
KEY_PREFIX = f"pipelines/p/nodes/n/executions/{EXECUTION}/claim/"
CALLBACK_URL = "https://gateway.test/spi/video_production/executor_callback?cap=secret"


def an_artifact(key: str = "a/output.mp4", *, type: MediaType = MediaType.VIDEO) -> Output:  # noqa: A002
    return Output(type=type, s3_key=key, size_bytes=3, sha256="", content_type="application/octet-stream")


def an_input(slot: str, output: Output, *, position: int = 0) -> TaskInput:
    return TaskInput(slot=slot, position=position, node=f"pipelines/p/nodes/{slot}", output=output)


def a_task(
    node_type: str,
    *,
    provider: str = "local",
    title: str = "",
    config: Config | None = None,
    inputs: tuple[TaskInput, ...] = (),
    asset: Asset | None = None,
) -> Task:
    return Task(
        execution=f"pipelines/p/nodes/n/executions/{EXECUTION}",
        node="pipelines/p/nodes/n",
        node_uid=NODE_UID,
        node_type=node_type,
        provider=provider,
        title=title,
        config={} if config is None else config,
        inputs=inputs,
        asset=asset,
        attempt=1,
        deadline=None,
        start_to_close=None,
        details={},
    )


def a_context(
    folder: Path,
    *,
    clock: FakeClock | None = None,
    report_progress: Callable[[Progress], None] = lambda _progress: None,
    key_prefix: str = KEY_PREFIX,
    failpoints: str = "",
) -> Context:
    clock = clock or FakeClock()
    return Context(
        execution_id=EXECUTION,
        key_prefix=key_prefix,
        callback_url=CALLBACK_URL,
        folder=folder,
        lease=Lease(timedelta(seconds=60), asked_at=clock.monotonic(), clock=clock),
        time_left_s=lambda: 60.0,
        report_progress=report_progress,
        failpoints=Failpoints.parse(failpoints),
    )
