"""Samples in and out of files, and how loud they are. Samples are float32, mono, -1..1."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from executor_service.integrations.local.errors import ErrorType, LocalVendorError

Samples = NDArray[np.float32]

SAMPLE_RATE = 48_000
_KEPT_ERROR_BYTES = 2000
_SILENCE = 10 ** (-50 / 20)
_BLOCK_S = 0.05


def decode(path: Path) -> Samples:
    """Read any audio file as 48 kHz mono. Raises LocalVendorError when FFmpeg finds no sound in it."""
    arguments = ["-i", f"file:{path}", "-map", "0:a:0", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "pipe:1"]
    data = run_ffmpeg(arguments, purpose=f"no readable audio in {path.name}", error_type=ErrorType.INVALID_INPUT)
    return np.frombuffer(data, dtype="<f4").astype(np.float32)


def encode_aac(samples: Samples, destination: Path) -> None:
    """Write 48 kHz mono AAC in an M4A file; equal samples give equal bytes."""
    arguments = [
        "-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0",
        "-c:a", "aac", "-b:a", "128k", "-flags:a", "+bitexact", "-map_metadata", "-1", "-fflags", "+bitexact",
        "-movflags", "+faststart", "-y", f"file:{destination}",
    ]  # fmt: skip
    run_ffmpeg(arguments, purpose="FFmpeg could not encode the voice", sound=samples.astype("<f4").tobytes())


def run_ffmpeg(
    arguments: list[str], *, purpose: str, sound: bytes = b"", error_type: ErrorType = ErrorType.FFMPEG_ERROR
) -> bytes:
    """Run FFmpeg on bytes and answer its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostats", "-protocol_whitelist", "file,pipe"]
    done = subprocess.run([*command, *arguments], input=sound, capture_output=True, check=False)
    if done.returncode != 0:
        details = done.stderr[-_KEPT_ERROR_BYTES:].decode(errors="replace").strip()
        raise LocalVendorError(error_type, purpose, details=details)
    return done.stdout


def speech_level(samples: Samples) -> float:
    """Root mean square of the parts that are not silence, 0..1; 0 when all of it is."""
    block = int(SAMPLE_RATE * _BLOCK_S)
    count = len(samples) // block
    blocks = samples[: count * block].reshape(count, block)
    levels = np.sqrt(np.mean(blocks**2, axis=1)) if count else np.zeros(0, dtype=np.float32)
    spoken = levels[levels > _SILENCE]
    return float(np.sqrt(np.mean(spoken**2))) if spoken.size else 0.0


def levelled(samples: Samples, *, level: float, ceiling: float) -> Samples:
    """Bring speech to a level and bend its peaks softly under the ceiling, so that nothing clips."""
    present = speech_level(samples)
    if present == 0.0:
        return samples
    louder = samples * np.float32(level / present)
    knee = ceiling * 0.6
    over = np.abs(louder) - knee
    bent = np.sign(louder) * (knee + (ceiling - knee) * np.tanh(np.maximum(over, 0) / (ceiling - knee)))
    return np.where(over > 0, bent, louder).astype(np.float32)
