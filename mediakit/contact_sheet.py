"""Twelve frames of a film on one JPEG, four in a row.

Opens what may be a stranger's file, so it belongs into a child process with limits.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_COLUMNS, _ROWS = 4, 3
_FRAMES = _COLUMNS * _ROWS
_CELL_SIDE = 320
"""Pixels of the longer side of a frame."""
_QUALITY = 5
"""Quantiser of the JPEG, 2 (best) to 31: about 100 KB a sheet."""
_QUARTER_TURNS = {90: ("cclock",), 180: ("clock", "clock"), 270: ("clock",)}
"""What shows a frame upright, by its rotation against the clock."""
_TICK = Fraction(1, 25)


class NoPictures(Exception):
    """A film of which no frame can be read, in FFmpeg's words."""


def draw_contact_sheet(film: Path, *, demuxer: str) -> bytes:
    """The JPEG. `demuxer` is FFmpeg's name of the only container that the film may be. Raises NoPictures."""
    try:
        with av.open(str(film), format=demuxer, options={"protocol_whitelist": "file"}) as container:
            return _jpeg(_tiled(_frames(container)))
    except av.FFmpegError as error:
        raise NoPictures(str(error.strerror or error)) from error


def _frames(container: InputContainer) -> Sequence[VideoFrame]:
    """Those in the middle of each twelfth, or the key frames before these where each has one of its own."""
    if not container.streams.video:
        raise NoPictures("it has no video")
    video = container.streams.video[0]
    video.thread_count = 1
    base = video.time_base or Fraction(1, av.time_base)
    start = (video.start_time or 0) * base
    length = video.duration * base if video.duration else Fraction(container.duration or 0, av.time_base)
    moments = [start + length * (2 * index + 1) / (2 * _FRAMES) for index in range(_FRAMES)]
    places = zip(_key_frames(container, video, moments), moments, strict=True)
    found: list[VideoFrame] = []
    for _, group in groupby(places, key=lambda place: place[0].pts):
        shared = list(group)
        if len(shared) == 1:
            found.append(shared[0][0])
        else:
            found += _decoded(container, video, [moment for _, moment in shared])
    return found


def _key_frames(container: InputContainer, video: VideoStream, moments: Sequence[Fraction]) -> list[VideoFrame]:
    """The last key frame before each moment."""
    video.codec_context.skip_frame = "NONKEY"
    found = []
    for moment in moments:
        _seek(container, video, moment)
        frame = next(container.decode(video), None)
        if frame is None:
            raise NoPictures("it has no frame that can be decoded")
        found.append(frame)
    video.codec_context.skip_frame = "DEFAULT"
    return found


def _decoded(container: InputContainer, video: VideoStream, moments: Sequence[Fraction]) -> list[VideoFrame]:
    """What is shown at moments behind one and the same key frame: nothing is decoded beyond the last of them."""
    _seek(container, video, moments[0])
    found: list[VideoFrame] = []
    shown = None
    for frame in container.decode(video):
        while shown is not None and len(found) < len(moments) and _time(frame) > moments[len(found)]:
            found.append(shown)
        if len(found) == len(moments):
            return found
        shown = frame
    if shown is None:
        raise NoPictures("it has no frame that can be decoded")
    return found + [shown] * (len(moments) - len(found))


def _seek(container: InputContainer, video: VideoStream, moment: Fraction) -> None:
    container.seek(int(moment / (video.time_base or 1)), stream=video, backward=True)


def _time(frame: VideoFrame) -> Fraction:
    return (frame.pts or 0) * (frame.time_base or Fraction(0))


def _tiled(frames: Sequence[VideoFrame]) -> VideoFrame:
    first, graph = frames[0], Graph()
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=_TICK)
    filters = [
        *(("transpose", turn) for turn in _QUARTER_TURNS.get(round(first.rotation) % 360, ())),
        ("scale", f"w={_CELL_SIDE}:h={_CELL_SIDE}:force_original_aspect_ratio=decrease:force_divisible_by=2"),
        ("tile", f"{_COLUMNS}x{_ROWS}:padding=4:margin=4:color=0x101014"),
        ("format", "yuvj420p"),
        ("buffersink", ""),
    ]
    last = source
    for name, options in filters:
        following = graph.add(name, options)
        last.link_to(following)
        last = following
    graph.configure()
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index, _TICK
        source.push(frame)
    return cast("VideoFrame", last.pull())


def _jpeg(picture: VideoFrame) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = picture.width, picture.height
    encoder.pix_fmt, encoder.time_base = picture.format.name, _TICK
    encoder.qmin = encoder.qmax = _QUALITY
    encoder.options = {"flags": "+bitexact"}
    return b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))
