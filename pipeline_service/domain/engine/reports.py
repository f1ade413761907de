"""What workers, callbacks and timers say about an execution."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Disposition, StartOutcome, WaitingFor
from pipeline_service.domain.values import Failure, Output


@dataclass(frozen=True, kw_only=True)
class Start:
    """A worker wants the execution that dispatch `dispatch_no` told it of."""

    execution_id: ExecutionId
    claim: Claim
    dispatch_no: int
    actor: str


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A worker is alive. With `waiting_for` or `requeue_after` it lets go of the execution."""

    execution_id: ExecutionId
    claim: Claim
    stage: str = ""
    fraction: float | None = None
    details: Mapping[str, str] | None = None
    """Replaces the last ones; None keeps them."""
    waiting_for: WaitingFor | None = None
    requeue_after: timedelta | None = None
    actor: str


@dataclass(frozen=True, kw_only=True)
class Complete:
    """The execution produced its output."""

    execution_id: ExecutionId
    claim: Claim
    output: Output
    is_external: bool = False
    """Named by a capability, not by the worker that holds the claim: the claim only tells where the bytes lie."""
    actor: str


@dataclass(frozen=True, kw_only=True)
class Fail:
    """The execution gave up."""

    execution_id: ExecutionId
    claim: Claim
    failure: Failure
    is_external: bool = False
    actor: str


@dataclass(frozen=True, kw_only=True)
class DispatchDue:
    """A timer saw that the execution is to be published (again)."""

    execution_id: ExecutionId
    due: datetime


@dataclass(frozen=True, kw_only=True)
class LeaseOver:
    """A timer saw that the worker went silent."""

    execution_id: ExecutionId
    due: datetime


@dataclass(frozen=True, kw_only=True)
class CloseDue:
    """A timer saw that the execution passed its deadline, and the store has no result of it."""

    execution_id: ExecutionId
    due: datetime


Report = Start | Beat | Complete | Fail | DispatchDue | LeaseOver | CloseDue


@dataclass(frozen=True, kw_only=True)
class StartAnswer:
    """Whether the worker has it."""

    outcome: StartOutcome
    held_until: datetime | None = None
    execution: Execution | None = None
    """As claimed; only with CLAIMED."""


@dataclass(frozen=True, kw_only=True)
class UnknownExecution:
    """There never was such an execution."""

    execution_id: ExecutionId


Answer = StartAnswer | Disposition | UnknownExecution
