"""Values that nodes and executions carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pipeline_service.domain.states import MediaType

MAX_INLINE_BYTES = 4096
"""Most bytes of a result that is kept with its execution; larger ones lie in the object store."""

JsonValue = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
Json = Mapping[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """What probing a media file found; zero and empty where there is no such stream."""

    video_codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    audio_codec: str = ""
    sample_rate: int = 0
    channels: int = 0


@dataclass(frozen=True, kw_only=True)
class Output:
    """An artifact: bytes that are never written again, in the object store or, when they are few, here."""

    type: MediaType
    s3_key: str
    """Empty when `content` holds the bytes."""
    size_bytes: int
    content_type: str = ""
    sha256: str = ""
    """Lower-case hex; empty where neither store nor maker knows it."""
    duration: timedelta | None = None
    media: MediaFacts | None = None
    content: str = ""
    """Of a small text or JSON; then `sha256` is always known."""
    contact_sheet: str = ""
    """Name of the JPEG with twelve frames that lies beside `s3_key`; empty where there is none."""

    def is_same_result_as(self, other: "Output") -> bool:
        """Whether two reports tell of the same artifact: key and size agree, and the checksum where both state it."""
        if (self.s3_key, self.size_bytes) != (other.s3_key, other.size_bytes):
            return False
        return not (self.sha256 and other.sha256) or self.sha256 == other.sha256

    def content_digest(self, maker: UUID) -> str:
        """Identity of the bytes: their SHA-256, else the execution that made them, which equals nothing else."""
        return self.sha256 or f"execution:{maker}"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an execution gave up."""

    error_type: str
    message: str
    details: str = ""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """Material that a user gives: uploaded (`sha256`, `extension`) or to be fetched (`url`)."""

    type: MediaType
    sha256: str = ""
    extension: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a worker says it is."""

    stage: str
    fraction: float | None
    reported_at: datetime
