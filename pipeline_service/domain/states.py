"""The words for where things stand, as in the contract; `store` maps node states to the words of the column."""

from enum import StrEnum


class NodeState(StrEnum):
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class ExecutionState(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    CANCELLED = "CANCELLED"

    @property
    def is_active(self) -> bool:
        return self in _ACTIVE


_ACTIVE = frozenset({ExecutionState.QUEUED, ExecutionState.RUNNING, ExecutionState.WAITING})


class QueuePlace(StrEnum):
    """Where the work of a QUEUED execution is."""

    BACKING_OFF = "BACKING_OFF"
    """Nowhere yet: its time has not come."""
    HELD = "HELD"
    """Kept back by a user."""
    IN_LINE = "IN_LINE"
    """Kept back because its task queue is full: whoever finds room there hands it out."""
    OUT = "OUT"
    """Handed to the task queue, where it waits for a worker."""


class WaitingFor(StrEnum):
    CALLBACK = "CALLBACK"
    VENDOR = "VENDOR"
    HUMAN = "HUMAN"


class RunState(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_open(self) -> bool:
        """Whether it still works on its nodes, or will."""
        return self in (RunState.ACTIVE, RunState.PAUSED)


class RunDecision(StrEnum):
    WANTED = "WANTED"
    WAITING = "WAITING"
    BLOCKED = "BLOCKED"
    ACTIVE = "ACTIVE"
    DONE = "DONE"
    REUSED = "REUSED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"

    @property
    def is_open(self) -> bool:
        """Whether the run still expects something of the node."""
        return self in _OPEN

    @property
    def is_satisfied(self) -> bool:
        """Whether the node's output is there for those who need it."""
        return self in (RunDecision.DONE, RunDecision.REUSED)


_OPEN = frozenset({RunDecision.WANTED, RunDecision.WAITING, RunDecision.ACTIVE})


class PurchaseState(StrEnum):
    INTENDED = "INTENDED"
    SUBMITTED = "SUBMITTED"
    UNKNOWN = "UNKNOWN"
    SETTLED = "SETTLED"
    REFUSED = "REFUSED"

    @property
    def is_open(self) -> bool:
        """Whether money may still be on its way: then nothing equal is bought."""
        return self in _OPEN_PURCHASE


_OPEN_PURCHASE = frozenset({PurchaseState.INTENDED, PurchaseState.SUBMITTED, PurchaseState.UNKNOWN})


class PurchaseOutcome(StrEnum):
    """What a worker learned of a purchase."""

    SUBMITTED = "SUBMITTED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    FAILED = "FAILED"


class VendorTrouble(StrEnum):
    """Why a vendor could not be used; by the names of the error classes."""

    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "provider_unavailable"


class WorkKind(StrEnum):
    """What a worker is told to do."""

    RUN = "RUN"
    POLL = "POLL"
    RECONCILE = "RECONCILE"
    CANCEL = "CANCEL"


class Buys(StrEnum):
    """Whether an execution's work is bought from a vendor."""

    NOTHING = ""
    ONCE = "ONCE"
    """It shares the open purchase of equal work."""
    ANEW = "ANEW"
    """A user forced it: another purchase, though equal work was bought before."""


class Disposition(StrEnum):
    """What a report changed; see the table in docs/architecture.md."""

    APPLIED = "APPLIED"
    DUPLICATE = "DUPLICATE"
    CONFLICT = "CONFLICT"
    SUPERSEDED = "SUPERSEDED"
    LOST = "LOST"


class Alarm(StrEnum):
    """What an operator should look at; counted, since no caller can do anything about it."""

    CONFLICT = "conflict"
    """One claim reported two results."""
    QUARANTINED = "quarantined"
    """Work took its workers down until no attempt was left."""
    DEADLOCK = "deadlock"
    """Two transactions waited for each other; one of them was repeated."""
    UNCLAIMED = "unclaimed"
    """No worker has taken what was published minutes ago; counted at every further publish."""
    AUDIT_GAP = "audit_gap"
    """The chain of seals does not go on where this process saw it end; nothing more is sealed."""
    QUEUE_REFUSED = "queue_refused"
    """The queue did not let this service say or hear something: a wrong set-up, or somebody who tries."""
    RELOAD_FAILED = "reload_failed"
    """Certificates or master keys were replaced by files that cannot be used; the old ones stay in force."""
    VENDOR_SILENT = "vendor_silent"
    """A vendor did not answer several submissions in a row, and is left alone."""


class Freshness(StrEnum):
    CURRENT = "CURRENT"
    STALE = "STALE"
    MISSING = "MISSING"
    BLOCKED = "BLOCKED"


class StartOutcome(StrEnum):
    CLAIMED = "CLAIMED"
    HELD = "HELD"
    STALE = "STALE"
    PAUSED = "PAUSED"


class MediaType(StrEnum):
    TEXT = "text"
    JSON = "json"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class EventType(StrEnum):
    PIPELINE_CREATED = "PIPELINE_CREATED"
    PIPELINE_IMPORTED = "PIPELINE_IMPORTED"
    NODE_CREATED = "NODE_CREATED"
    NODE_UPDATED = "NODE_UPDATED"
    NODE_DELETED = "NODE_DELETED"
    ASSET_COMPLETED = "ASSET_COMPLETED"
    RUN_CREATED = "RUN_CREATED"
    RUN_SUCCEEDED = "RUN_SUCCEEDED"
    RUN_FAILED = "RUN_FAILED"
    RUN_CANCELLED = "RUN_CANCELLED"
    EXECUTION_QUEUED = "EXECUTION_QUEUED"
    EXECUTION_STARTED = "EXECUTION_STARTED"
    EXECUTION_WAITING = "EXECUTION_WAITING"
    EXECUTION_REQUEUED = "EXECUTION_REQUEUED"
    EXECUTION_SUCCEEDED = "EXECUTION_SUCCEEDED"
    EXECUTION_FAILED = "EXECUTION_FAILED"
    EXECUTION_TIMED_OUT = "EXECUTION_TIMED_OUT"
    EXECUTION_CANCELLED = "EXECUTION_CANCELLED"
    PIPELINE_UPDATED = "PIPELINE_UPDATED"
    PIPELINE_DELETED = "PIPELINE_DELETED"
    RUN_PAUSED = "RUN_PAUSED"
    RUN_RESUMED = "RUN_RESUMED"
    PIPELINE_PAUSED = "PIPELINE_PAUSED"
    PIPELINE_RESUMED = "PIPELINE_RESUMED"
    NODE_PAUSED = "NODE_PAUSED"
    NODE_RESUMED = "NODE_RESUMED"
    NODE_RETRIED = "NODE_RETRIED"
    EXECUTION_APPROVED = "EXECUTION_APPROVED"
    EXECUTION_QUARANTINED = "EXECUTION_QUARANTINED"
    NODE_REUSED = "NODE_REUSED"
    NODE_DESCRIBED = "NODE_DESCRIBED"
    PURCHASE_INTENDED = "PURCHASE_INTENDED"
    PURCHASE_SUBMITTED = "PURCHASE_SUBMITTED"
    PURCHASE_UNKNOWN = "PURCHASE_UNKNOWN"
    PURCHASE_SETTLED = "PURCHASE_SETTLED"
    PURCHASE_REFUSED = "PURCHASE_REFUSED"
