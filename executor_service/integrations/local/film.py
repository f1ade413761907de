"""Encodes frames as they are drawn: H.264 in yuv420p, BT.709, faststart; equal frames give equal bytes."""

import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from executor_service.integrations.local.errors import ErrorType, LocalVendorError, invalid_input

_REPORT_EVERY_FRAMES = 15
_KEPT_ERROR_BYTES = 2000
_MIN_SIDE, _MAX_SIDE = 64, 3840
_MIN_FPS, _MAX_FPS = 10, 60


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The shape of a film: even sides, because yuv420p halves the colour planes."""

    width: int
    height: int
    fps: int

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            if not _MIN_SIDE <= side <= _MAX_SIDE or side % 2:
                raise invalid_input(f"{name} must be an even number from {_MIN_SIDE} to {_MAX_SIDE}, found {side}")
        if not _MIN_FPS <= self.fps <= _MAX_FPS:
            raise invalid_input(f"fps must be from {_MIN_FPS} to {_MAX_FPS}, found {self.fps}")

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


def write_film(
    frames: Iterable[bytes],
    destination: Path,
    *,
    picture: Picture,
    frame_count: int,
    audio: Path | None = None,
    progress: Callable[[float], None],
) -> None:
    """Encode `frame_count` frames of packed RGB, with the first audio stream of `audio` where one is given."""
    with tempfile.TemporaryFile() as complaints:
        command = _command(destination, picture=picture, audio=audio)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints) as encoder:
            try:
                _feed(encoder, frames, frame_count=frame_count, progress=progress)
            except BaseException:
                encoder.kill()
                raise
        if encoder.returncode != 0:
            raise LocalVendorError(
                ErrorType.FFMPEG_ERROR, "FFmpeg could not encode the film", details=_tail(complaints)
            )


def _feed(
    encoder: subprocess.Popen[bytes],
    frames: Iterable[bytes],
    *,
    frame_count: int,
    progress: Callable[[float], None],
) -> None:
    if encoder.stdin is None:
        raise RuntimeError("FFmpeg was started without a pipe for its input")
    try:
        for number, frame in enumerate(frames, start=1):
            encoder.stdin.write(frame)
            if number % _REPORT_EVERY_FRAMES == 0:
                progress(number / frame_count)
        encoder.stdin.close()
    except BrokenPipeError:
        # FFmpeg left early; its exit code and last lines say why, and the caller reads them.
        return


def _command(destination: Path, *, picture: Picture, audio: Path | None) -> list[str]:
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{picture.width}x{picture.height}", "-r", str(picture.fps)]
    sound_in = ["-i", f"file:{audio}", "-map", "0:v:0", "-map", "1:a:0"] if audio else []
    sound_out = ["-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2", "-flags:a", "+bitexact"] if audio else []
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostats", "-y",
        *raw, "-i", "pipe:0", *sound_in,
        "-vf", "scale=in_range=full:out_range=tv:out_color_matrix=bt709:flags=bilinear,format=yuv420p",
        "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
        # Threads are fixed because their number decides how x264 cuts its work, and so the bytes.
        "-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-g", str(2 * picture.fps), "-threads", "2",
        "-x264-params", "aq-mode=3", "-flags:v", "+bitexact", *sound_out,
        "-map_metadata", "-1", "-fflags", "+bitexact", "-movflags", "+faststart", f"file:{destination}",
    ]  # fmt: skip


def _tail(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    return complaints.read()[-_KEPT_ERROR_BYTES:].decode(errors="replace").strip()
