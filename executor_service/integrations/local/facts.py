"""What is known of a file that a local vendor wrote."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Probed from the finished file, not assumed."""

    path: Path
    content_type: str
    size_bytes: int
    duration_s: float
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None


def unfinished(destination: Path) -> Path:
    """Where a file grows until it is whole: in the same folder, so that the last step is a rename."""
    return destination.with_name(f".unfinished-{destination.name}")


def probe(path: Path) -> Facts:
    """Open a finished MP4 or M4A and say what is in it."""
    import av  # costs a tenth of a second and is wanted only in the child that has just encoded

    with av.open(str(path)) as container:
        video = next(iter(container.streams.video), None)
        audio = next(iter(container.streams.audio), None)
        return Facts(
            path=path,
            content_type="audio/mp4" if video is None else "video/mp4",
            size_bytes=path.stat().st_size,
            duration_s=round((container.duration or 0) / av.time_base, 6),
            width=video.width if video else None,
            height=video.height if video else None,
            fps=float(video.average_rate) if video and video.average_rate else None,
            video_codec=video.codec_context.name if video else None,
            audio_codec=audio.codec_context.name if audio else None,
        )
