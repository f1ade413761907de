"""Speaks a voice job in the child process: espeak-ng, then a little studio, then AAC."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from executor_service.integrations.local.errors import ErrorType, LocalVendorError, invalid_input
from executor_service.integrations.local.sound import SAMPLE_RATE, Samples, encode_aac, levelled, run_ffmpeg
from executor_service.integrations.local.voice import VoiceJob

_SPEECH_LEVEL = 10 ** (-17 / 20)
_CEILING = 10 ** (-2 / 20)
_LEAD_IN_S = 0.30
_LEAD_OUT_S = 0.90
_UNKNOWN_VOICE = 2

# espeak-ng is thin below, harsh around 3.5 kHz, dull above 6 kHz (it stops at 11 kHz) and bone dry: warm it, soften
# it, even out its loud vowels, and put it in a small room.
_STUDIO = ",".join(
    (
        f"aresample={SAMPLE_RATE}",
        "highpass=f=75",
        "equalizer=f=170:t=q:w=0.9:g=3.0",
        "equalizer=f=3400:t=q:w=1.1:g=-4.0",
        "equalizer=f=6500:t=q:w=0.9:g=2.0",
        "acompressor=threshold=0.12:ratio=2.6:attack=6:release=140:makeup=1.4",
        "aecho=0.92:0.30:19|31|47:0.16|0.11|0.07",
        "aformat=sample_fmts=flt:channel_layouts=mono",
    )
)


def render_voice(job: dict[str, Any], destination: Path, *, progress: Callable[[float], None]) -> None:
    """Write the voice of a job as M4A."""
    asked = VoiceJob(**job, destination=str(destination))
    wav = _spoken(asked)
    progress(0.5)
    polished = _polished(wav)
    progress(0.8)
    encode_aac(polished, destination)
    progress(1.0)


def _spoken(job: VoiceJob) -> bytes:
    program = Path(__file__).with_name("espeak_program.py")
    command = [
        sys.executable, "-P", str(program), "--voice", job.espeak_voice, "--rate-wpm", str(job.rate_wpm),
        "--pitch", str(job.pitch), "--pitch-range", str(job.pitch_range),
    ]  # fmt: skip
    done = subprocess.run(command, input="\n".join(job.lines).encode(), capture_output=True, check=False)
    complaint = done.stderr.decode(errors="replace").strip()
    if done.returncode == _UNKNOWN_VOICE:
        raise invalid_input(complaint)
    if done.returncode != 0:
        raise LocalVendorError(ErrorType.INTERNAL, "the speaking program failed", details=complaint)
    return done.stdout


def _polished(wav: bytes) -> Samples:
    arguments = ["-f", "wav", "-i", "pipe:0", "-af", _STUDIO, "-f", "f32le", "pipe:1"]
    data = run_ffmpeg(arguments, purpose="FFmpeg could not polish the voice", sound=wav)
    voice = levelled(np.frombuffer(data, dtype="<f4"), level=_SPEECH_LEVEL, ceiling=_CEILING)
    lead_in = np.zeros(int(SAMPLE_RATE * _LEAD_IN_S), dtype=np.float32)
    lead_out = np.zeros(int(SAMPLE_RATE * _LEAD_OUT_S), dtype=np.float32)
    return np.concatenate([lead_in, voice, lead_out])
