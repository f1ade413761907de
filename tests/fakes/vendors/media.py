"""Small real media for tests of vendors, made by FFmpeg."""

import subprocess
from pathlib import Path

import imageio_ffmpeg


def a_sound(path: Path, *, seconds: float = 1.0) -> Path:
    """A tone; the file's ending says in which format."""
    return _made(path, "-f", "lavfi", "-i", f"sine=frequency=330:duration={seconds}")


def a_picture(path: Path) -> Path:
    return _made(path, "-f", "lavfi", "-i", "color=c=0x224466:s=320x180", "-frames:v", "1")


def _made(path: Path, *source: str) -> Path:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *source, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path
