"""Twelve frames of a film on one JPEG, four in a row, drawn in a child process.

Run as `python -m executor_service.integrations.contact_sheet` it is that child: path and format on standard input, the
JPEG on standard output. The media function draws its own films' sheets in the same way; a test compares the two.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from executor_service.integrations import limited_child
from executor_service.integrations.sniff import HEAD_BYTES, sniff

_MODULE = "executor_service.integrations.contact_sheet"
_TIME_LIMIT_S = 60
_COLUMNS, _ROWS = 4, 3
_FRAMES = _COLUMNS * _ROWS
_CELL_SIDE = 320
"""Pixels of the longer side of a frame."""
_QUALITY = 5
"""Quantiser of the JPEG, 2 (best) to 31: about 100 KB a sheet."""
_QUARTER_TURNS = {90: ("cclock",), 180: ("clock", "clock"), 270: ("clock",)}
"""What shows a frame upright, by its rotation against the clock."""


async def draw(film: Path) -> bytes | None:
    """The sheet, or None when the film has no frames that can be read within a minute."""
    found = await asyncio.to_thread(lambda: sniff(_head(film)))
    if found is None or found.container is None:
        return None
    try:
        question = {"path": str(film), "format": found.container}
        return await limited_child.ask(_MODULE, question, time_limit_s=_TIME_LIMIT_S)
    except TimeoutError:
        return None


def _head(film: Path) -> bytes:
    with film.open("rb") as file:
        return file.read(HEAD_BYTES)


def _drawn(path: str, container_format: str) -> bytes:
    import av  # only the child needs it

    with av.open(path, format=container_format, options={"protocol_whitelist": "file"}) as container:
        return _jpeg(av, _tiled(av, _frames(av, container)))


def _frames(av: Any, container: Any) -> list[Any]:
    """Those in the middle of each twelfth: key frames where there are enough, for the rest must be decoded in turn."""
    video = container.streams.video[0]
    video.thread_count = 1
    length = video.duration * video.time_base if video.duration else Fraction(container.duration, av.time_base)
    start = (video.start_time or 0) * video.time_base
    moments = [start + length * (2 * index + 1) / (2 * _FRAMES) for index in range(_FRAMES)]
    found = list(_key_frames(container, video, moments))
    if len({frame.pts for frame in found}) == _FRAMES:
        return found
    container.seek(0)
    return _decoded(container, video, moments)


def _key_frames(container: Any, video: Any, moments: list[Fraction]) -> Iterator[Any]:
    """The last key frame before each moment."""
    video.codec_context.skip_frame = "NONKEY"
    for moment in moments:
        container.seek(int(moment / video.time_base), stream=video, backward=True)
        yield from (frame for frame, _ in zip(container.decode(video), range(1), strict=False))
    video.codec_context.skip_frame = "DEFAULT"


def _decoded(container: Any, video: Any, moments: list[Fraction]) -> list[Any]:
    found: list[Any] = []
    shown = None
    for frame in container.decode(video):
        while shown is not None and len(found) < _FRAMES and frame.pts * frame.time_base > moments[len(found)]:
            found.append(shown)
        if len(found) == _FRAMES:
            return found
        shown = frame
    return found + [shown] * (_FRAMES - len(found))


def _tiled(av: Any, frames: list[Any]) -> Any:
    first, base = frames[0], Fraction(1, 25)
    graph = av.filter.Graph()
    chain = [graph.add_buffer(width=first.width, height=first.height, format=first.format.name, time_base=base)]
    turns = _QUARTER_TURNS.get(round(first.rotation) % 360, ())
    side = f"w={_CELL_SIDE}:h={_CELL_SIDE}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    tile = f"{_COLUMNS}x{_ROWS}:padding=4:margin=4:color=0x101014"
    for name, options in (
        *(("transpose", turn) for turn in turns),
        ("scale", side), ("tile", tile), ("format", "yuvj420p"), ("buffersink", None),
    ):  # fmt: skip
        chain.append(graph.add(name, options))
        chain[-2].link_to(chain[-1])
    graph.configure()
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index, base
        chain[0].push(frame)
    return chain[-1].pull()


def _jpeg(av: Any, picture: Any) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = picture.width, picture.height
    encoder.pix_fmt, encoder.time_base = picture.format.name, Fraction(1, 25)
    encoder.qmin = encoder.qmax = _QUALITY
    encoder.options = {"flags": "+bitexact"}
    return b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))


def main() -> int:
    """The child. Any error is its exit code: what a hostile file makes FFmpeg say helps nobody."""
    limited_child.limit_this_process(time_limit_s=_TIME_LIMIT_S)
    question = json.load(sys.stdin)
    try:
        jpeg = _drawn(question["path"], question["format"])
    except Exception:  # see above
        return 1
    sys.stdout.buffer.write(jpeg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
