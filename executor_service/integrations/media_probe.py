"""Looks into a media file that a stranger gave us, in a child process without network files, time or memory to waste.

Run as `python -m executor_service.integrations.media_probe` it is that child: path and format on standard input, what
it found on standard output.
"""

import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from executor_service.integrations import limited_child
from executor_service.task import ErrorType, GiveUp, MediaFacts

_PROBE_S = 30
_MODULE = "executor_service.integrations.media_probe"


@dataclass(frozen=True, kw_only=True)
class Probed:
    duration: timedelta | None
    facts: MediaFacts


async def probe(path: Path, *, container_format: str) -> Probed:
    """`container_format` is FFmpeg's name of the format that the first bytes show; no other is tried, so that a
    playlist that calls itself a film opens nothing. Raises GiveUp(MEDIA_MISMATCH)."""
    question = {"path": str(path), "format": container_format}
    try:
        answer = await limited_child.ask(_MODULE, question, time_limit_s=_PROBE_S)
    except TimeoutError as err:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"looking into the file took longer than {_PROBE_S} s") from err
    if answer is None:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"the file cannot be read as {container_format}")
    return _probed(json.loads(answer))


def _probed(found: dict[str, Any]) -> Probed:
    duration_s = found.pop("duration_s")
    duration = None if duration_s is None else timedelta(seconds=duration_s)
    return Probed(duration=duration, facts=MediaFacts(**found))


def _look(path: str, container_format: str) -> dict[str, Any]:
    import av  # only the child needs it

    # Only local files, and of them only the one that is named: no playlist, no reference to another file.
    options = {"protocol_whitelist": "file"}
    if container_format == "mov":
        options["enable_drefs"] = "0"
    with av.open(path, format=container_format, options=options) as container:
        video = next(iter(container.streams.video), None)
        audio = next(iter(container.streams.audio), None)
        if video is None and audio is None:
            raise ValueError("no stream")
        return {
            "duration_s": container.duration / av.time_base if container.duration else None,
            "video_codec": video.codec_context.name if video else "",
            "width": video.width if video else 0,
            "height": video.height if video else 0,
            "fps": float(video.average_rate) if video and video.average_rate else 0.0,
            "audio_codec": audio.codec_context.name if audio else "",
            "sample_rate": (audio.sample_rate or 0) if audio else 0,
            "channels": audio.channels if audio else 0,
        }


def main() -> int:
    """The child. Any error is its exit code: what a hostile file makes FFmpeg say helps nobody."""
    limited_child.limit_this_process(time_limit_s=_PROBE_S)
    question = json.load(sys.stdin)
    try:
        found = _look(question["path"], question["format"])
    except Exception:  # see above
        return 1
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
