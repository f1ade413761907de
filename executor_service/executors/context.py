"""What an executor gets besides its task."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from executor_service.executors.lease import Lease
from executor_service.task import ExecutionId, Progress
from servicekit.failpoints import Failpoints


async def nobodys_key(_vendor: str) -> None:
    """Where nobody can be asked for one."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One attempt's surroundings."""

    execution_id: ExecutionId
    key_prefix: str
    """Every key that the attempt may write begins with it; ends with `/`."""
    callback_url: str = field(repr=False)
    """For work that goes on elsewhere. Carries the capability."""
    progress_url: str = field(default="", repr=False)
    """Where a function may tell how far it is, and nothing else; empty for work that nobody else does."""
    render_data_url: str = field(default="", repr=False)
    """Where a function of a user may read what it renders; empty where the operator serves none."""
    folder: Path
    """Private, empty at the start, removed afterwards."""
    lease: Lease
    time_left_s: Callable[[], float]
    """Until the attempt must have ended, on the monotonic clock."""
    report_progress: Callable[[Progress], None]
    """Goes out with the next heartbeat; cheap."""
    failpoints: Failpoints
    owners_key: Callable[[str], Awaitable[str | None]] = nobodys_key
    """What the owner of the work has at a vendor, None where it has nothing. Raises GiveUp, RetryLater, LeaseOver."""
    is_called_off: bool = False
    """Whether nobody wants the work any more: its vendor is to stop, where it can."""
    traceparent: str = ""
    """W3C trace context of the attempt, for work that goes on elsewhere; empty when nobody knows."""
