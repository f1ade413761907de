"""Sound files of any kind as one MP3, joined without a gap: decoded, put end to end, encoded once."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from executor_service.task import ErrorType, GiveUp

_LONGEST_S = 300
_BIT_RATE = "128k"


async def to_mp3(sources: Sequence[Path], destination: Path) -> None:
    """Write the sources, which lie on this machine, in their order. Raises GiveUp for what has no sound."""
    process = await asyncio.create_subprocess_exec(
        *_command(sources, destination),
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
        raise GiveUp(ErrorType.TIMEOUT, f"joining the sound took longer than {_LONGEST_S} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    if process.returncode != 0:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, "the sound cannot be read", complaints.decode(errors="replace")[-2000:])


def _command(sources: Sequence[Path], destination: Path) -> list[str]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    for source in sources:
        command += ["-protocol_whitelist", "file", "-i", f"file:{source}"]
    parts = "".join(f"[{number}:a:0]" for number in range(len(sources)))
    return [
        *command, "-filter_complex", f"{parts}concat=n={len(sources)}:v=0:a=1[joined]", "-map", "[joined]",
        "-c:a", "libmp3lame", "-b:a", _BIT_RATE, "-map_metadata", "-1", "-f", "mp3", f"file:{destination}",
    ]  # fmt: skip
