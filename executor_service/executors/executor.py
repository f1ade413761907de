"""What every executor is."""

from collections.abc import Awaitable, Mapping
from typing import Protocol, TypeAlias, runtime_checkable

from executor_service.executors.context import Context
from executor_service.task import AwaitingCallback, AwaitingPerson, AwaitingVendor, Output, Task

Result: TypeAlias = Output | AwaitingCallback | AwaitingVendor | AwaitingPerson


class Executor(Protocol):
    """The steps of one node type. Raises RetryLater, GiveUp, LeaseOver; anything else is a defect of ours."""

    def execute(self, task: Task, context: Context) -> Awaitable[Result]: ...


@runtime_checkable
class Buyer(Protocol):
    """An executor whose work may be bought from a vendor."""

    def ask(self, task: Task, context: Context) -> Awaitable[Result]:
        """Ask the vendor once about the task's purchase; the execution may have ended. Raises as `execute`."""


class PaidExecutor(Executor, Buyer, Protocol):
    """The steps of work that a vendor is paid for."""


Executors: TypeAlias = Mapping[str, Executor]
"""By node type."""
