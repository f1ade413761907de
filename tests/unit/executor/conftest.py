"""What the tests of the runner share."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from executor_service.completion.reports import ExecutionReports
from executor_service.runner.workspace import Workspace
from tests.fakes.clock import FakeClock
from tests.fakes.execution_service import FakeExecutionService
from tests.unit.executor.runner_bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    service = FakeExecutionService()
    workspace = Workspace(tmp_path / "work")
    reports = ExecutionReports(service)
    clock = FakeClock(now=datetime.now(UTC))
    yield Bench(service=service, reports=reports, clock=clock, registry=CollectorRegistry(), workspace=workspace)
    await reports.close()
    workspace.close()
