"""Small clips made on the fly, and what can be measured on the films that come of them."""

import hashlib
import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def make_clip(
    path: Path,
    *,
    seconds: float = 2,
    size: str = "320x180",
    rate: int = 25,
    picture: str = "testsrc2",
    tone_hz: int | None = 440,
    tone_seconds: float | None = None,
    volume: float = 0.25,
    codec: tuple[str, ...] = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-threads", "1"),
) -> Path:
    """A clip with a moving picture (or `color=red` and the like) and, unless `tone_hz` is None, a mono sine."""
    glue = ":" if "=" in picture else "="
    sources = ["-f", "lavfi", "-i", f"{picture}{glue}size={size}:rate={rate}:duration={seconds}"]
    sound: list[str] = []
    if tone_hz is not None:
        sources += ["-f", "lavfi", "-i", f"sine={tone_hz}:duration={tone_seconds or seconds}:sample_rate=44100"]
        # FFmpeg's sine has an eighth of full scale.
        sound = ["-af", f"volume={volume * 8}", "-c:a", "aac" if path.suffix == ".mp4" else "libopus"]
    run_ffmpeg(*sources, *codec, *sound, str(path))
    return path


def make_tone(path: Path, *, seconds: float, hz: int, volume: float = 0.25) -> Path:
    """A sound file with one sine; the suffix chooses its kind."""
    source = f"sine={hz}:duration={seconds}:sample_rate=44100"
    run_ffmpeg("-f", "lavfi", "-i", source, "-af", f"volume={volume * 8}", str(path))
    return path


def run_ffmpeg(*arguments: str) -> bytes:
    """Run FFmpeg; its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def frame_at(path: Path, seconds: float) -> Pixels:
    """One decoded picture as rows x columns x RGB."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= seconds - 1e-6:
                return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    raise AssertionError(f"{path} has no picture at {seconds} s")


def frame_count(path: Path) -> int:
    """How many pictures it really has."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def sound_of(path: Path) -> Samples:
    """All of its sound as samples x 2 at 48 kHz."""
    raw = run_ffmpeg("-i", str(path), "-map", "0:a:0", "-f", "f32le", "-ar", "48000", "-ac", "2", "-")
    return np.frombuffer(raw, dtype=np.float32).reshape(-1, 2)


def rms(samples: Samples, begin_s: float, end_s: float) -> float:
    """Root mean square of the left channel between two times."""
    part = samples[round(begin_s * 48_000) : round(end_s * 48_000), 0]
    return float(np.sqrt(np.mean(np.square(part, dtype=np.float64))))


def level_of(samples: Samples, hz: int, begin_s: float, end_s: float) -> float:
    """Amplitude of one frequency on the left channel between two times."""
    part = samples[round(begin_s * 48_000) : round(end_s * 48_000), 0].astype(np.float64)
    phase = 2j * np.pi * hz * np.arange(len(part)) / 48_000
    return float(2 * abs(np.mean(part * np.exp(-phase))))


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """What FFmpeg's EBU R 128 meter says of a file."""

    integrated_lufs: float
    true_peak_dbfs: float


def loudness_of(path: Path) -> Loudness:
    """Measure all of its sound."""
    meter = ("-nostdin", "-i", str(path), "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    printed = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), *meter], capture_output=True, text=True, check=True, timeout=60
    ).stderr
    summary = printed[printed.index("Summary:") :]
    found = dict(re.findall(r"(I|Peak):\s+(-?[\d.]+|-inf)", summary))
    return Loudness(integrated_lufs=float(found["I"]), true_peak_dbfs=float(found["Peak"]))


def packet_digests(path: Path) -> list[str]:
    """The digest of every coded picture, in the order of the file."""
    with av.open(str(path)) as container:
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(video=0) if packet.size]


def sound_packets(path: Path) -> list[bytes]:
    """Every coded packet of sound, in the order of the file."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@dataclass(frozen=True, kw_only=True)
class Film:
    """The outside of a finished film."""

    duration: Fraction
    video_codec: str
    audio_codec: str
    size: tuple[int, int]
    pixel_format: str
    is_faststart: bool


def film(path: Path) -> Film:
    """Look at the outside of a film."""
    content = path.read_bytes()
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        return Film(
            duration=Fraction(container.duration or 0, av.time_base),
            video_codec=video.codec_context.name,
            audio_codec=audio.codec_context.name,
            size=(video.codec_context.width, video.codec_context.height),
            pixel_format=video.codec_context.pix_fmt or "",
            is_faststart=content.index(b"moov") < content.index(b"mdat"),
        )
