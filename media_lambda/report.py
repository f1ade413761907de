"""The body that goes to the callback and into the manifest."""

from typing import Any

from media_lambda.errors import FfmpegFailed, MediaError
from media_lambda.event import Envelope, S3Object
from media_lambda.facts import MediaFacts
from media_lambda.store import Stored

CONTENT_TYPE = "video/mp4"
_MAX_DETAILS_CHARACTERS = 4000


def success_body(
    envelope: Envelope, *, output: S3Object, stored: Stored, facts: MediaFacts, sheet: str
) -> dict[str, Any]:
    """What was made, as measured on the output itself; `sheet` is the name of its contact sheet, empty without one."""
    if facts.video is None or facts.audio is None:
        raise FfmpegFailed("FFmpeg made a file without video or without sound")
    width, height = facts.video.display_size
    result = {
        "s3_key": output.key,
        "duration": round(float(facts.duration), 6),
        "size": stored.size_bytes,
        "sha256": stored.sha256,
        "content_type": CONTENT_TYPE,
        "width": width,
        "height": height,
        "fps": round(float(facts.video.identity.rate), 3),
        "video_codec": facts.video.identity.codec,
        "audio_codec": facts.audio.codec,
    }
    if sheet:
        result["contact_sheet"] = sheet
    return {**_identity(envelope), "result": result}


def failure_body(envelope: Envelope, error: MediaError) -> dict[str, Any]:
    """Why nothing was made; `details` are the last lines of FFmpeg, the very last ones if they are long."""
    return {
        **_identity(envelope),
        "error": str(error),
        "error_type": error.error_type,
        "details": error.details[-_MAX_DETAILS_CHARACTERS:],
    }


def _identity(envelope: Envelope) -> dict[str, Any]:
    return {
        "node_uuid": envelope.node_uuid,
        "executor_type": envelope.executor_type,
        "process_uuid": envelope.process_uuid,
    }
