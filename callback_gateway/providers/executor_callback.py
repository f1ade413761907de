"""The body with which work that runs elsewhere reports its end: a result, a small content or an error of one node.

    {"node_uuid", "executor_type", "process_uuid"?, "result": {"s3_key", "size", "duration"?, "sha256"?, …}}
    {"node_uuid", "executor_type", "process_uuid"?, "content", "content_type"?}
    {"node_uuid", "executor_type", "process_uuid"?, "error", "error_type"?, "details"?}

Fields that are not listed here are ignored: refusing them would lose a result that was paid for. Those that are listed
are typed, and `null` means that the field was left out. Secrets in `content`, `error` and `details` are masked.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated

import msgspec

from callback_gateway.providers.json_body import MalformedReport, decode, uuid_of
from callback_gateway.providers.masking import Json, masked, masked_content
from callback_gateway.report import ErrorType, Failure, MediaType, Outcome, Output, Report

MAX_MESSAGE_BYTES = 2 * 1024
MAX_DETAILS_BYTES = 8 * 1024
MAX_CONTENT_BYTES = 4 * 1024
MAX_DURATION_S = 365 * 86_400

_MEDIA_TYPES = {
    "application/json": MediaType.JSON,
    "audio": MediaType.AUDIO,
    "image": MediaType.IMAGE,
    "text": MediaType.TEXT,
    "video": MediaType.VIDEO,
}
"""By whole content type or by its first half."""
_CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".txt": "text/plain",
    ".wav": "audio/wav",
}
"""By ending of the key, for callers that state none."""
_DEFAULT_CONTENT_TYPE = "video/mp4"
"""Every executor of the first generation made films and did not say so."""

EXAMPLES: Mapping[str, Json] = {
    "result": {
        "node_uuid": "7d444840-9dc0-41d1-b245-5ffdce74fad2",
        "executor_type": "merge-videos",
        "result": {"s3_key": "pipelines/…/output.mp4", "duration": 10.5, "size": 1048576},
    },
    "content": {
        "node_uuid": "7d444840-9dc0-41d1-b245-5ffdce74fad2",
        "executor_type": "invoke-lambda",
        "content": '{"speakers": 2}',
    },
    "error": {
        "node_uuid": "7d444840-9dc0-41d1-b245-5ffdce74fad2",
        "executor_type": "merge-videos",
        "error": "FFmpeg failed",
        "error_type": "ffmpeg_error",
    },
}

_Fact = Annotated[str, msgspec.Meta(max_length=64)]
_Int32 = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class _Result(msgspec.Struct):
    s3_key: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    size: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    duration: Annotated[float, msgspec.Meta(ge=0, le=MAX_DURATION_S)] | None = None
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$", max_length=64)] | None = None
    content_type: Annotated[str, msgspec.Meta(max_length=127)] | None = None
    width: _Int32 | None = None
    height: _Int32 | None = None
    fps: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    video_codec: _Fact | None = None
    audio_codec: _Fact | None = None
    contact_sheet: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}\.jpg\Z")] | None = None


class Body(msgspec.Struct):
    """A report of one node; exactly one of `result`, `content` and `error`."""

    node_uuid: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    executor_type: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    process_uuid: str | None = None
    result: _Result | None = None
    content: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CONTENT_BYTES)] | None = None
    content_type: Annotated[str, msgspec.Meta(max_length=127)] | None = None
    error: str | None = None
    error_type: str | None = None
    details: str | None = None


def parse(body: bytes) -> Report:
    """Bring an executor's callback into our shape. Raises MalformedReport."""
    decoded = decode(body, Body)
    if not decoded.node_uuid:
        raise MalformedReport("node_uuid is required")
    if not decoded.executor_type:
        raise MalformedReport("executor_type is required")
    return Report(
        execution_id=uuid_of(decoded.process_uuid, field="process_uuid"),
        node_uid=decoded.node_uuid,
        executor_type=decoded.executor_type,
        outcome=_outcome(decoded),
    )


def _outcome(body: Body) -> Outcome:
    if body.result is not None and body.error is not None:
        raise MalformedReport("result and error exclude each other")
    if body.content is not None:
        if body.result is not None or body.error is not None:
            raise MalformedReport("content excludes result and error")
        return _small_output(body.content, content_type=body.content_type or "application/json")
    if body.result is not None:
        return _output(body.result)
    if body.error is not None:
        return _failure(body.error, error_type=body.error_type, details=body.details)
    raise MalformedReport("result or error is required")


def _small_output(content: str, *, content_type: str) -> Output:
    """A text or JSON that needs no object. Its length in bytes is for the pipeline service to judge."""
    kind = content_type.partition(";")[0].strip().lower()
    media_type = _media_type(kind)
    if media_type not in (MediaType.TEXT, MediaType.JSON):
        raise MalformedReport(f"content_type: expected text or JSON, found {content_type!r}")
    return Output(media_type=media_type, s3_key="", size_bytes=0, content_type=kind, content=masked_content(content))


def _output(result: _Result) -> Output:
    content_type = _content_type(result)
    media_type = _media_type(content_type)
    if media_type is None:
        raise MalformedReport(f"result.content_type: expected media, text or JSON, found {content_type!r}")
    return Output(
        media_type=media_type,
        s3_key=result.s3_key,
        size_bytes=result.size,
        content_type=content_type,
        duration=None if result.duration is None else timedelta(seconds=result.duration),
        sha256=None if result.sha256 is None else result.sha256.lower(),
        width=result.width,
        height=result.height,
        fps=result.fps,
        video_codec=result.video_codec,
        audio_codec=result.audio_codec,
        contact_sheet=result.contact_sheet,
    )


def _media_type(content_type: str) -> MediaType | None:
    return _MEDIA_TYPES.get(content_type) or _MEDIA_TYPES.get(content_type.partition("/")[0])


def _content_type(result: _Result) -> str:
    stated = (result.content_type or "").partition(";")[0].strip().lower()
    # What object stores call bytes of which nobody said anything; so it says nothing here either.
    if stated and stated != "application/octet-stream":
        return stated
    return _CONTENT_TYPES.get(PurePosixPath(result.s3_key).suffix.lower(), _DEFAULT_CONTENT_TYPE)


def _failure(error: str, *, error_type: str | None, details: str | None) -> Failure:
    """A class that only we may state becomes `lambda_error`; the caller's word for it stays in the message."""
    message = masked(error) or "no reason given"
    kind = next((known for known in ErrorType if known.value == error_type), None)
    if error_type and kind is None:
        message = f"{message} ({error_type})"
    return Failure(
        error_type=kind or ErrorType.LAMBDA_ERROR,
        message=message.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore"),
        # The end, because tools say last what went wrong.
        details=masked(details or "").encode()[-MAX_DETAILS_BYTES:].decode(errors="ignore"),
    )
