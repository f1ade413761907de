"""Films as simulated vendors make them: real, short and plain. Imports nothing of ours."""

import subprocess
import threading
from pathlib import Path

import imageio_ffmpeg

_made: dict[tuple[int, int, int], bytes] = {}
_making = threading.Lock()


def a_film(folder: Path, *, width: int, height: int, seconds: int) -> bytes:
    """MP4 without sound; made once for each shape and length."""
    wanted = (width, height, seconds)
    with _making:
        if wanted not in _made:
            path = folder / f"{width}x{height}-{seconds}.mp4"
            command = [
                imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y",
                "-f", "lavfi", "-i", f"testsrc=s={width}x{height}:r=24:d={seconds}",
                "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path),
            ]  # fmt: skip
            subprocess.run(command, check=True, capture_output=True)
            _made[wanted] = path.read_bytes()
        return _made[wanted]
