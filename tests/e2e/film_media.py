"""Media files as numbers, read with PyAV: nothing here knows how they were made."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

Luma: TypeAlias = NDArray[np.uint8]
"""Height by width; as coded, so white is 235."""
Rgb: TypeAlias = NDArray[np.uint8]
"""Height by width by three."""
Sound: TypeAlias = NDArray[np.float32]
"""Two channels by samples, full scale is 1."""

SAMPLE_RATE = 48_000


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    codec: str
    width: int
    height: int
    pixel_format: str
    fps: float
    start_s: float
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class AudioFacts:
    codec: str
    channels: int
    sample_rate: int
    start_s: float
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a file says of itself."""

    kinds: tuple[str, ...]
    """Of all streams, sorted: `("audio", "video")`."""
    duration_s: float
    video: VideoFacts | None
    audio: AudioFacts | None


def probe(path: Path) -> Facts:
    """The facts of a file; of several streams of a kind, those of the first."""
    with av.open(str(path)) as container:
        return Facts(
            kinds=tuple(sorted(stream.type for stream in container.streams)),
            duration_s=_seconds(container.duration, Fraction(1, av.time_base)),
            video=next((_video_facts(stream) for stream in container.streams.video), None),
            audio=next((_audio_facts(stream) for stream in container.streams.audio), None),
        )


def top_level_boxes(path: Path) -> list[str]:
    """Names of an MP4's outermost boxes in their order."""
    names = []
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at < size_bytes:
            file.seek(at)
            length, name = int.from_bytes(file.read(4), "big"), file.read(4).decode("latin-1")
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
            names.append(name)
            # A box without a length lasts until the end.
            at = at + length if length else size_bytes
    return names


def lumas(path: Path) -> Iterator[Luma]:
    """Every picture of a yuv420p file in the order they are shown."""
    with av.open(str(path)) as container:
        for frame in container.decode(_pictures_of(container)):
            yield _luma(frame)


def pictures_at(path: Path, numbers: Collection[int]) -> dict[int, Luma]:
    """The pictures that are shown at these multiples of the frame's duration, by the times the file gives them."""
    wanted = set(numbers)
    found = {}
    with av.open(str(path)) as container:
        pictures = _pictures_of(container)
        rate = _rate_of(pictures)
        for frame in container.decode(pictures):
            number = round(_seconds(frame.pts, frame.time_base) * rate)
            if number in wanted:
                found[number] = _luma(frame)
    assert found.keys() == wanted, f"{path.name} has no pictures {sorted(wanted - found.keys())}"
    return found


def colours(path: Path) -> Iterator[Rgb]:
    """Every picture in the order they are shown."""
    with av.open(str(path)) as container:
        for frame in container.decode(_pictures_of(container)):
            yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def sound(path: Path) -> Sound:
    """The first audio stream at 48 kHz in stereo; a mono recording is as loud as before, 3 dB lower on each side."""
    parts = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
        for frame in (*container.decode(container.streams.audio[0]), None):
            parts += [part.to_ndarray() for part in resampler.resample(frame)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _video_facts(stream: av.VideoStream) -> VideoFacts:
    return VideoFacts(
        codec=stream.codec_context.name,
        width=stream.width,
        height=stream.height,
        pixel_format=stream.pix_fmt or "",
        fps=float(_rate_of(stream)),
        start_s=_seconds(stream.start_time, stream.time_base),
        duration_s=_seconds(stream.duration, stream.time_base),
    )


def _audio_facts(stream: av.AudioStream) -> AudioFacts:
    return AudioFacts(
        codec=stream.codec_context.name,
        channels=stream.channels,
        sample_rate=stream.rate,
        start_s=_seconds(stream.start_time, stream.time_base),
        duration_s=_seconds(stream.duration, stream.time_base),
    )


def _seconds(ticks: int | None, base: Fraction | None) -> float:
    assert ticks is not None, "the file does not say a time"
    assert base is not None, "the file does not say the unit of its times"
    return float(ticks * base)


def _rate_of(stream: av.VideoStream) -> Fraction:
    assert stream.average_rate is not None, "the file does not say how many pictures a second has"
    return stream.average_rate


def _pictures_of(container: InputContainer) -> av.VideoStream:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return stream


def _luma(frame: av.VideoFrame) -> Luma:
    assert frame.format.name == "yuv420p", f"expected yuv420p, found {frame.format.name}"
    plane = frame.planes[0]
    # A copy, because the decoder uses its memory again.
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
