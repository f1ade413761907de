"""Outputs, failures, JSON objects and times."""

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2
from montage.v1 import resources_pb2

from pipeline_service.domain.keys import CONTACT_SHEET
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import (
    MAX_INLINE_BYTES,
    Asset,
    Failure,
    JsonValue,
    MediaFacts,
    Output,
    Progress,
)
from servicekit.telemetry import redact_text

MAX_DEPTH = 30
"""Levels of a document; a message of more than these may have a hundred messages in each other, which gRPC refuses."""
_EXACT = 2**53
"""Up to here a double tells every whole number from its neighbours."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DURATION = timedelta(days=366)
"""Longer than any film, and than any wait."""
_MEDIA_TYPES = {
    MediaType.TEXT: resources_pb2.MEDIA_TYPE_TEXT,
    MediaType.JSON: resources_pb2.MEDIA_TYPE_JSON,
    MediaType.IMAGE: resources_pb2.MEDIA_TYPE_IMAGE,
    MediaType.AUDIO: resources_pb2.MEDIA_TYPE_AUDIO,
    MediaType.VIDEO: resources_pb2.MEDIA_TYPE_VIDEO,
}
_MEDIA_TYPE_OF = {number: media_type for media_type, number in _MEDIA_TYPES.items()}


class Incomplete(ValueError):
    """A message lacks what it must have, or holds what cannot be."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


def media_type_number(media_type: MediaType | None) -> resources_pb2.MediaType:
    """The contract's number of a kind of material; unspecified for none."""
    return resources_pb2.MEDIA_TYPE_UNSPECIFIED if media_type is None else _MEDIA_TYPES[media_type]


def media_type_value(number: resources_pb2.MediaType, *, field: str) -> MediaType:
    """A kind of material. Raises Incomplete for none."""
    if number not in _MEDIA_TYPE_OF:
        raise Incomplete(field, "expected text, json, image, audio or video")
    return _MEDIA_TYPE_OF[number]


def timestamp(moment: datetime | None) -> timestamp_pb2.Timestamp | None:
    if moment is None:
        return None
    # Exact, and half the cost of what the library offers: a page of pipelines has fifty of them.
    since = moment - _EPOCH
    return timestamp_pb2.Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def json_object(message: struct_pb2.Struct, *, field: str, above: int = 0) -> dict[str, JsonValue]:
    """A Struct as plain values. Its numbers are doubles: whole ones become integers, others must be finite.

    `above` are the levels that it gets where it will stand. Raises Incomplete.
    """
    # By hand: the library's way, and then a look at all that it made, takes nearly twice as long.
    return _object(message, field, above)


def storable_text(text: str, *, field: str) -> str:
    """The text. Raises Incomplete for the one character that Postgres cannot store."""
    if "\x00" in text:
        raise Incomplete(field, "expected text without the character U+0000")
    return text


def struct(value: Mapping[str, JsonValue]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(dict(value))
    return message


def output_message(output: Output | None) -> resources_pb2.Output | None:
    if output is None:
        return None
    message = resources_pb2.Output(
        type=_MEDIA_TYPES[output.type],
        s3_key=output.s3_key,
        size_bytes=output.size_bytes,
        sha256=output.sha256,
        content_type=output.content_type,
        media=_media_message(output.media),
        content=output.content,
        contact_sheet=output.contact_sheet,
    )
    if output.duration is not None:
        message.duration.FromTimedelta(output.duration)
    return message


def output_value(
    message: resources_pb2.Output, *, field: str = "output", max_content_bytes: int = MAX_INLINE_BYTES
) -> Output:
    """An output as reported; its content may have `max_content_bytes`. Raises Incomplete."""
    if message.type not in _MEDIA_TYPE_OF:
        raise Incomplete(f"{field}.type", "expected text, json, image, audio or video")
    if message.content:
        return _inline_output(message, field=field, max_bytes=max_content_bytes)
    if not message.s3_key or len(message.s3_key) > 1024:
        raise Incomplete(f"{field}.s3_key", "expected a key of 1 to 1,024 characters")
    if message.size_bytes < 0:
        raise Incomplete(f"{field}.size_bytes", f"expected at least 0, found {message.size_bytes}")
    if message.sha256 and not (len(message.sha256) == 64 and set(message.sha256) <= set("0123456789abcdef")):
        raise Incomplete(f"{field}.sha256", "expected 64 lower-case hex digits")
    # A name and no key, so that it cannot lie outside the prefix that the output was checked against.
    if message.contact_sheet and not CONTACT_SHEET.fullmatch(message.contact_sheet):
        raise Incomplete(f"{field}.contact_sheet", "expected the name of a JPEG beside the output")
    return Output(
        type=_MEDIA_TYPE_OF[message.type],
        s3_key=_clean(message.s3_key),
        size_bytes=message.size_bytes,
        sha256=message.sha256,
        content_type=_clean(message.content_type)[:255],
        duration=duration_value(message.duration, field=f"{field}.duration") if message.HasField("duration") else None,
        media=_media_value(message.media, field=f"{field}.media") if message.HasField("media") else None,
        contact_sheet=message.contact_sheet,
    )


def _inline_output(message: resources_pb2.Output, *, field: str, max_bytes: int) -> Output:
    """A small text or JSON in the report itself. What is said of its bytes must be true; what is not is found out."""
    if message.type not in (resources_pb2.MEDIA_TYPE_TEXT, resources_pb2.MEDIA_TYPE_JSON):
        raise Incomplete(f"{field}.content", "expected text or JSON; other material belongs into the object store")
    if message.s3_key:
        raise Incomplete(f"{field}.s3_key", "expected none beside content")
    content = message.content.encode()
    if len(content) > max_bytes or b"\x00" in content:
        raise Incomplete(f"{field}.content", f"expected at most {max_bytes} bytes without U+0000")
    if message.size_bytes not in (0, len(content)):
        raise Incomplete(f"{field}.size_bytes", f"expected {len(content)}, the size of content")
    sha256 = hashlib.sha256(content).hexdigest()
    if message.sha256 not in ("", sha256):
        raise Incomplete(f"{field}.sha256", "expected the checksum of content")
    return Output(
        type=_MEDIA_TYPE_OF[message.type],
        s3_key="",
        size_bytes=len(content),
        sha256=sha256,
        content_type=_clean(message.content_type)[:255],
        content=message.content,
    )


def failure_message(failure: Failure | None) -> resources_pb2.Failure | None:
    if failure is None:
        return None
    return resources_pb2.Failure(error_type=failure.error_type, message=failure.message, details=failure.details)


def failure_value(message: resources_pb2.Failure) -> Failure:
    """A failure as reported, cut to what is kept of it.

    What a worker met may stand in its words: no address keeps its signature, no header its token.
    """
    return Failure(
        error_type=_clean(message.error_type)[:64] or "internal",
        message=redact_text(_clean(message.message))[:2048] or "no reason was given",
        details=redact_text(_clean(message.details))[-8192:],
    )


def asset_message(asset: Asset | None) -> resources_pb2.Asset | None:
    if asset is None:
        return None
    source = asset.url or f"asset:sha256/{asset.sha256}.{asset.extension}"
    return resources_pb2.Asset(type=_MEDIA_TYPES[asset.type], source=source)


def progress_message(progress: Progress | None) -> resources_pb2.Progress | None:
    if progress is None:
        return None
    return resources_pb2.Progress(
        stage=progress.stage, fraction=progress.fraction, report_time=timestamp(progress.reported_at)
    )


def duration_value(message: duration_pb2.Duration, *, field: str) -> timedelta:
    """A protobuf Duration as a timedelta. Raises Incomplete for one that cannot be, or that is below zero."""
    try:
        value: timedelta = message.ToTimedelta()
    except (OverflowError, ValueError):
        value = timedelta.max
    if not timedelta(0) <= value <= MAX_DURATION:
        raise Incomplete(field, f"expected 0 to {MAX_DURATION.days} days, found {message.seconds} s {message.nanos} ns")
    return value


def _media_message(media: MediaFacts | None) -> resources_pb2.MediaFacts | None:
    if media is None:
        return None
    return resources_pb2.MediaFacts(
        video_codec=media.video_codec,
        width=media.width,
        height=media.height,
        fps=media.fps,
        audio_codec=media.audio_codec,
        sample_rate=media.sample_rate,
        channels=media.channels,
    )


def _media_value(message: resources_pb2.MediaFacts, *, field: str) -> MediaFacts:
    if not math.isfinite(message.fps):
        raise Incomplete(f"{field}.fps", "expected a finite number")
    return MediaFacts(
        video_codec=_clean(message.video_codec)[:64],
        width=message.width,
        height=message.height,
        fps=message.fps,
        audio_codec=_clean(message.audio_codec)[:64],
        sample_rate=message.sample_rate,
        channels=message.channels,
    )


def _clean(text: str) -> str:
    """Postgres cannot store U+0000."""
    return text.replace("\x00", "")


def _object(message: struct_pb2.Struct, field: str, depth: int) -> dict[str, JsonValue]:
    return {
        storable_text(key, field=field): _plain(value, f"{field}.{key}", depth + 1)
        for key, value in message.fields.items()
    }


def _plain(message: struct_pb2.Value, field: str, depth: int) -> JsonValue:
    if depth > MAX_DEPTH:
        raise Incomplete(field, f"nested deeper than {MAX_DEPTH} levels, counted from the top of its document")
    match message.WhichOneof("kind"):
        case "string_value":
            return storable_text(message.string_value, field=field)
        case "number_value":
            return _number(message.number_value, field)
        case "bool_value":
            return message.bool_value
        case "struct_value":
            return _object(message.struct_value, field, depth)
        case "list_value":
            return [_plain(value, field, depth + 1) for value in message.list_value.values]
    return None


def _number(value: float, field: str) -> int | float:
    if not math.isfinite(value):
        raise Incomplete(field, "numbers must be finite")
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value
