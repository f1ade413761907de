"""What every executor is."""

from collections.abc import Awaitable, Mapping
from typing import Protocol, TypeAlias

from executor_service.executors.context import Context
from executor_service.task import AwaitingCallback, Output, Task


class Executor(Protocol):
    """The steps of one node type. Raises RetryLater, GiveUp, LeaseOver; anything else is a defect of ours."""

    def execute(self, task: Task, context: Context) -> Awaitable[Output | AwaitingCallback]: ...


Executors: TypeAlias = Mapping[str, Executor]
"""By node type."""
