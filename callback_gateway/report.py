"""What somebody outside says happened, in one shape whoever said it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias


class Disposition(StrEnum):
    """What a report changed, as the pipeline service answers it."""

    APPLIED = "APPLIED"
    DUPLICATE = "DUPLICATE"
    CONFLICT = "CONFLICT"
    SUPERSEDED = "SUPERSEDED"
    LOST = "LOST"

    @property
    def is_stale(self) -> bool:
        """True when the report changed nothing because its time had passed."""
        return self in (Disposition.CONFLICT, Disposition.SUPERSEDED, Disposition.LOST)


class MediaType(StrEnum):
    """Kinds of material."""

    TEXT = "text"
    JSON = "json"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class ErrorType(StrEnum):
    """The classes of failure that work elsewhere may claim for itself; all others are ours to say."""

    LAMBDA_ERROR = "lambda_error"
    FFMPEG_ERROR = "ffmpeg_error"
    INVALID_INPUT = "invalid_input"


@dataclass(frozen=True, kw_only=True)
class Output:
    """What the work produced. Facts that were not stated are None, never guessed."""

    media_type: MediaType
    s3_key: str
    """Empty when `content` holds the bytes."""
    size_bytes: int
    content_type: str
    duration: timedelta | None = None
    sha256: str | None = None
    """Of the bytes, lower-case hex."""
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    content: str = ""
    """The bytes themselves, of a text or JSON."""
    contact_sheet: str | None = None
    """Name of the JPEG with frames of the film that lies beside `s3_key`."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why the work produced nothing."""

    error_type: ErrorType
    message: str
    details: str = ""
    """Last lines of the tool that failed; at most 8 KiB."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the work is; it goes on."""

    stage: str
    """A word or a short sentence for what happens now."""
    fraction: float | None = None
    """Done share, 0 to 1; None when nobody said."""


Outcome: TypeAlias = Output | Failure | Progress


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report. Ids are what the body says; a body that says none leaves it to the capability."""

    execution_id: str | None
    node_uid: str | None
    executor_type: str | None
    outcome: Outcome
