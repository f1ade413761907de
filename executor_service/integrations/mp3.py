"""A sound of any kind as MP3, by FFmpeg."""

import asyncio
import contextlib
from pathlib import Path

import imageio_ffmpeg

from executor_service.task import ErrorType, GiveUp

_LONGEST_S = 300
_BIT_RATE = "128k"


async def to_mp3(source: Path, destination: Path, *, pcm_rate: int | None = None) -> None:
    """Encode a file of this machine. `pcm_rate` says that it is bare samples: 16 bits, little-endian, mono, so many a
    second. Raises GiveUp for what has no sound."""
    process = await asyncio.create_subprocess_exec(
        *_command(source, destination, pcm_rate),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_LONGEST_S):
            _, complaints = await process.communicate()
    except TimeoutError as error:
        raise GiveUp(ErrorType.TIMEOUT, f"encoding the sound took longer than {_LONGEST_S} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    if process.returncode != 0:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, "the sound cannot be read", complaints.decode(errors="replace")[-2000:])


def _command(source: Path, destination: Path, pcm_rate: int | None) -> list[str]:
    samples = [] if pcm_rate is None else ["-f", "s16le", "-ar", str(pcm_rate), "-ac", "1"]
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-protocol_whitelist", "file",
        *samples, "-i", f"file:{source}", "-map", "0:a:0",
        "-c:a", "libmp3lame", "-b:a", _BIT_RATE, "-map_metadata", "-1", "-f", "mp3", f"file:{destination}",
    ]  # fmt: skip
