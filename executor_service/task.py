"""The executor's own values: what work is, what comes of it, and how it can go wrong. No proto, no vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, TypeAlias

ExecutionId = NewType("ExecutionId", str)
"""UUID of an execution; the `process_uuid` of callbacks."""
ClaimId = NewType("ClaimId", str)
"""UUID that this worker chose for one delivery; fences everything it reports."""
TaskQueue = NewType("TaskQueue", str)

JsonValue: TypeAlias = bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
Config: TypeAlias = Mapping[str, JsonValue]


class MediaType(StrEnum):
    TEXT = "text"
    JSON = "json"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class ErrorType(StrEnum):
    """Class of a failure; the pipeline service decides by it about a retry."""

    RATE_LIMITED = "rate_limited"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    TIMEOUT = "timeout"
    LAMBDA_ERROR = "lambda_error"
    INTERNAL = "internal"
    INVALID_INPUT = "invalid_input"
    MODERATION = "moderation"
    QUOTA_EXHAUSTED = "quota_exhausted"
    CREDENTIAL = "credential"
    MEDIA_MISMATCH = "media_mismatch"
    FFMPEG_ERROR = "ffmpeg_error"
    CANCELLED = "cancelled"


class WorkKind(StrEnum):
    RUN = "run"
    POLL = "poll"
    RECONCILE = "reconcile"
    CANCEL = "cancel"


class PurchaseState(StrEnum):
    INTENDED = "intended"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"


class PurchaseOutcome(StrEnum):
    """What a worker learned of a purchase."""

    SUBMITTED = "submitted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    FAILED = "failed"


class Disposition(StrEnum):
    """What a report changed."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """A hint to begin, as it came over the queue; the claim decides."""

    kind: WorkKind
    execution_id: ExecutionId
    dispatch_no: int
    task_queue: TaskQueue
    task: "Task | None" = None
    """The work itself, when it may be done without a claim."""


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """What probing a media file found; empty or 0 for what it does not have."""

    video_codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    audio_codec: str = ""
    sample_rate: int = 0
    channels: int = 0


@dataclass(frozen=True, kw_only=True)
class Output:
    """A finished artifact. Written once, never overwritten."""

    type: MediaType
    s3_key: str
    """Empty when `content` holds the bytes."""
    size_bytes: int
    sha256: str
    """Lower-case hex; empty where the store does not know it."""
    content_type: str
    duration: timedelta | None = None
    media: MediaFacts | None = None
    content: str = ""
    """Of a small text or JSON, at most 4 KiB; it travels with the report instead of lying in the store."""
    contact_sheet: str = ""
    """Name of the JPEG with twelve frames that lies beside `s3_key`; empty where there is none."""
    cost_micros: int | None = None
    """What a vendor charged, in millionths of a US dollar; None when unknown."""

    def at_cost(self, cost_micros: int | None) -> "Output":
        """The same, paid for."""
        return replace(self, cost_micros=cost_micros)


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """What is bought for a task: the same for every attempt of the same work."""

    submit_key: str
    """Also the vendor's idempotency key."""
    state: PurchaseState
    job_id: str
    """The vendor's; empty before it is SUBMITTED."""
    possible_submissions: int = 0
    """How many earlier workers may have submitted it."""
    intend_time: datetime | None = None
    """When it was intended; None when not known."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What became of a purchase, for the report."""

    outcome: PurchaseOutcome
    job_id: str = ""
    ask_after: timedelta | None = None
    cost_micros: int | None = None


@dataclass(frozen=True, kw_only=True)
class TaskInput:
    """One input of a task: the artifact that its source node made."""

    slot: str
    position: int
    node: str
    output: Output


@dataclass(frozen=True, kw_only=True)
class Asset:
    """Material given by a user; here always an address to fetch it from."""

    type: MediaType
    source: str = field(repr=False)
    """May carry a secret in its query, so it is never shown."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One attempt's work, pinned when it was queued."""

    execution: str
    """Resource name."""
    node: str
    node_uid: str
    node_type: str
    provider: str
    title: str
    config: Config
    inputs: tuple[TaskInput, ...]
    """In order of slot and position."""
    asset: Asset | None
    attempt: int
    deadline: datetime | None
    start_to_close: timedelta | None
    details: Mapping[str, str]
    """What the last worker left for this one."""
    purchase: Purchase | None = None
    """What is bought for it; None where nothing is."""

    def inputs_of(self, slot: str) -> tuple[Output, ...]:
        """The artifacts of a slot in order; empty if the node has none there."""
        return tuple(given.output for given in self.inputs if given.slot == slot)


@dataclass(frozen=True, kw_only=True)
class AwaitingCallback:
    """The work goes on elsewhere, which will call back; the execution is parked."""


@dataclass(frozen=True)
class AwaitingPerson:
    """Only a person can find out how it stands."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the work is; only the newest is kept."""

    stage: str
    fraction: float | None = None
    """Done share, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class VendorTrouble:
    """What is the matter with a vendor, for all who would submit to it."""

    error_type: ErrorType
    """RATE_LIMITED when it has enough to do, else PROVIDER_UNAVAILABLE."""
    retry_after: timedelta | None = None
    """How long it wants to be left alone; None when it does not say."""


@dataclass(frozen=True, kw_only=True)
class AwaitingVendor:
    """A vendor works on it; it is asked again."""

    job_id: str
    ask_after: timedelta
    progress: Progress | None = None
    vendor: VendorTrouble | None = None
    """Why it keeps the job waiting."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an execution did not produce its output, in words for a person."""

    error_type: ErrorType
    message: str
    details: str = ""
    """Last lines of the tool or vendor that failed."""
    purchase: Learned | None = None
    """What became of the purchase; None says nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """This worker has the execution."""

    task: Task
    lease: timedelta
    """How long the claim lasts without a heartbeat, counted from before it was asked for."""
    callback_url: str = field(repr=False)
    """Carries the capability."""
    progress_url: str = field(default="", repr=False)
    """Where a function of a user may tell how far it is; empty for other work. As secret."""
    render_data_url: str = field(default="", repr=False)
    """Where a function of a user may read what it renders; empty where the operator serves none. As secret."""
    key_prefix: str
    """Every key that this claim may write begins with it; ends with `/`."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """Another worker has it."""

    until: datetime


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """Nobody needs this delivery: the execution ended, a newer dispatch is out, or its run is paused."""

    reason: str
    """`stale` or `paused`."""


StartAnswer: TypeAlias = Claimed | Held | Dropped


@dataclass(frozen=True, kw_only=True)
class HeartbeatAnswer:
    disposition: Disposition
    lease: timedelta
    """How long the claim lasts from before the heartbeat was sent; zero unless APPLIED."""


class RetryLater(Exception):
    """The same attempt can succeed later: back to the queue, not before `after` has passed."""

    def __init__(
        self,
        after: timedelta,
        reason: str,
        *,
        purchase: Learned | None = None,
        vendor: VendorTrouble | None = None,
    ) -> None:
        """`vendor` says what is the matter with the vendor, where that is the reason."""
        super().__init__(reason)
        self.after = after
        self.purchase = purchase
        self.vendor = vendor


class GiveUp(Exception):
    """This attempt cannot succeed; `error_type` decides whether another one is made."""

    def __init__(
        self, error_type: ErrorType, message: str, details: str = "", *, purchase: Learned | None = None
    ) -> None:
        super().__init__(message)
        self.failure = Failure(error_type=error_type, message=message, details=details, purchase=purchase)
