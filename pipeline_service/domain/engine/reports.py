"""What workers, callbacks and timers say about an execution."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline_service.domain.ids import Claim, ExecutionId, PipelineId, PipelineUid
from pipeline_service.domain.model import Execution
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import (
    Disposition,
    PurchaseOutcome,
    StartOutcome,
    VendorTrouble,
    WaitingFor,
    WorkKind,
)
from pipeline_service.domain.values import Failure, Output


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What a worker learned of a purchase."""

    outcome: PurchaseOutcome
    job_id: str = ""
    next_poll_after: timedelta | None = None
    cost_micros: int | None = None


@dataclass(frozen=True, kw_only=True)
class VendorReport:
    """What a worker learned of the vendor."""

    trouble: VendorTrouble
    retry_after: timedelta | None = None
    """How long it wants to be left alone; None when it does not say."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A worker wants the execution that dispatch `dispatch_no` told it of, or wants to ask about its purchase."""

    execution_id: ExecutionId
    claim: Claim
    dispatch_no: int
    kind: WorkKind = WorkKind.RUN
    actor: str
    trace: str = ""
    """Trace context of what the worker does; empty when nobody follows it."""


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
    purchase: Learned | None = None
    vendor: VendorReport | None = None
    actor: str
    trace: str = ""


@dataclass(frozen=True, kw_only=True)
class Progressed:
    """Work that runs elsewhere tells how far it is. It has no lease to keep: its deadline alone bounds it."""

    execution_id: ExecutionId
    claim: Claim
    stage: str
    fraction: float | None


@dataclass(frozen=True, kw_only=True)
class Complete:
    """The execution produced its output."""

    execution_id: ExecutionId
    claim: Claim
    output: Output
    cost_micros: int | None = None
    is_external: bool = False
    """Named by a capability, not by the worker that holds the claim: the claim only tells where the bytes lie."""
    actor: str
    trace: str = ""


@dataclass(frozen=True, kw_only=True)
class Fail:
    """The execution gave up."""

    execution_id: ExecutionId
    claim: Claim
    failure: Failure
    purchase: Learned | None = None
    is_external: bool = False
    actor: str
    trace: str = ""


@dataclass(frozen=True, kw_only=True)
class DispatchDue:
    """A timer saw that the execution is to be published (again)."""

    execution_id: ExecutionId
    due: datetime


@dataclass(frozen=True, kw_only=True)
class RoomFound:
    """Somebody who counted saw that the execution's task queue has room for it."""

    execution_id: ExecutionId
    due: datetime
    """As it was seen in line."""


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


@dataclass(frozen=True, kw_only=True)
class PollDue:
    """A timer saw that a vendor is to be asked about the purchase that the execution is attached to."""

    execution_id: ExecutionId
    due: datetime | None
    """None when it saw that nobody had planned to ask."""
    is_wanted: bool = True
    """False when it saw that nobody wants what was bought and called off."""


@dataclass(frozen=True, kw_only=True)
class JobSignalled:
    """A vendor said by itself that there are news of the job that was bought for the execution."""

    execution_id: ExecutionId


@dataclass(frozen=True, kw_only=True)
class Wake:
    """A pipeline has something to do because of what happened elsewhere, or in its transaction before."""

    pipeline_uid: PipelineUid


Hint = DispatchDue | RoomFound | LeaseOver | CloseDue | PollDue | JobSignalled
"""Says that it is time to look; what is to be done is decided by the rows."""
ExecutionReport = Start | Beat | Progressed | Complete | Fail | Hint
Report = ExecutionReport | Wake
Traced = Start | Beat | Complete | Fail
"""Reports of which somebody may follow the way."""


@dataclass(frozen=True, kw_only=True)
class StartAnswer:
    """Whether the worker has it."""

    outcome: StartOutcome
    held_until: datetime | None = None
    execution: Execution | None = None
    """As claimed; only with CLAIMED."""
    pipeline_id: PipelineId | None = None
    """The execution's; only with CLAIMED."""
    purchase: Purchase | None = None
    """What is bought for it; only with CLAIMED, and only for work that is bought."""


@dataclass(frozen=True, kw_only=True)
class UnknownExecution:
    """There never was such an execution."""

    execution_id: ExecutionId


Answer = StartAnswer | Disposition | UnknownExecution
