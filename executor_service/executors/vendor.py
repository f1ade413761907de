"""What an executor needs of a vendor, in our words."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

from executor_service.executors.context import Context
from executor_service.task import ErrorType, Output, Task

Order = TypeVar("Order")
"""Whatever a vendor's module makes of a task before it submits it."""


@dataclass(frozen=True, kw_only=True)
class InDoubt:
    """What may be done about a submission whose answer got lost. By default nothing: a person is asked."""

    repeat_within: timedelta = timedelta(0)
    """So long after the intent a submission repeated under its key is the same job."""
    can_find: bool = False
    """Whether a submission can be found by its key."""
    resubmissions: int = 0
    """How often it is submitted once more, at the risk of paying twice."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """The job goes on."""

    job_id: str
    ask_after: timedelta
    stage: str = "rendering"
    fraction: float | None = None
    """Done share, 0 to 1, where the vendor tells."""
    is_throttled: bool = False
    """Whether the vendor has accepted it and keeps it waiting, since it works on others of ours."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """The job's result can be fetched."""

    job_id: str
    cost_micros: int | None = None
    """None when the vendor does not state it with the job."""


@dataclass(frozen=True, kw_only=True)
class Over:
    """The job ended without a result."""

    error_type: ErrorType
    message: str
    cost_micros: int | None


Status: TypeAlias = Running | Done | Over


class Spoilt(Exception):
    """What the vendor delivered is not what was bought, and will not become it."""


class Vendor(Protocol[Order]):
    """One that works on jobs and is asked how they stand."""

    @property
    def in_doubt(self) -> InDoubt: ...

    @property
    def submit_timeout_s(self) -> float:
        """How long a submission may take."""

    def prepare(self, task: Task, context: Context) -> Awaitable[Order]:
        """All that comes before the submission and costs nothing. Raises Refused, Away, GiveUp, RetryLater."""

    def submit(self, order: Order, *, key: str) -> Awaitable[Running]:
        """Raises Refused, Away."""

    def find(self, key: str) -> Awaitable[Status | None]:
        """What became of a submission; None when there was none. Only where it can be found. Raises Away."""

    def status(self, job_id: str) -> Awaitable[Status]:
        """Raises Refused, Away, Gone."""

    def fetch(self, job_id: str, context: Context) -> Awaitable[Output]:
        """Bring the result into the store. Raises Refused, Away, Gone, Spoilt."""


@runtime_checkable
class Stoppable(Protocol):
    """A vendor that can be asked to stop a job."""

    def stop(self, job_id: str) -> Awaitable[None]:
        """Answers when the job is over there, whatever it cost. Raises Refused, Away."""
