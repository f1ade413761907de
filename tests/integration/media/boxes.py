"""Films that no program writes: boxes of MP4 and MOV files, changed by hand."""

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.media.clips import run_ffmpeg

if TYPE_CHECKING:
    from tests.integration.media.corpus import Traps

PNG_BOMB_SIDE = 15_000
"""Of a picture in 30 KB that fills 675 MB as RGB; FFmpeg itself takes no more than 16 thousand."""

_PATH_TO_DATA = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")
_TEXT_OF_ALIAS = 10 + 28 + 12 + 64 + 16 + 4 + 16


def png_bomb(path: Path, _: "Traps") -> None:
    """A film of one PNG picture of a single bit for each pixel, all of them alike."""
    row = bytes(1 + PNG_BOMB_SIDE // 8)
    packer = zlib.compressobj(level=9)
    pixels = b"".join([*(packer.compress(row) for _ in range(PNG_BOMB_SIDE)), packer.flush()])
    head = struct.pack(">IIBBBBB", PNG_BOMB_SIDE, PNG_BOMB_SIDE, 1, 0, 0, 0, 0)
    picture = path.with_suffix(".png")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b""))
    run_ffmpeg("-i", str(picture), "-c", "copy", str(path))


def with_scrambled_pictures(content: bytes, _: "Traps") -> bytes:
    """The same index over noise."""
    begin = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    noise = bytes((index * 197 + 91) % 256 for index in range(end - begin))
    return content[:begin] + noise + content[end:]


def with_external_data(content: bytes, traps: "Traps") -> bytes:
    """A MOV whose pictures are said to lie in another file of the machine, as editors once did it."""
    name = str(traps.canary).encode()
    # Type 2 of an alias's tail is the absolute path; type -1 ends it.
    tail = struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2) + struct.pack(">hH", -1, 0)
    alias = _box(b"alis", bytes(4) + bytes(_TEXT_OF_ALIAS) + tail)
    return _replaced(content, _PATH_TO_DATA, struct.pack(">II", 0, 1) + alias)


def _replaced(content: bytes, path: tuple[bytes, ...], payload: bytes) -> bytes:
    """The first box at `path` with another payload; those around it grow with it."""
    parts, at = [], 0
    is_found = False
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        box = content[at : at + size]
        if kind == path[0] and not is_found:
            is_found = True
            box = _box(kind, payload if len(path) == 1 else _replaced(box[8:], path[1:], payload))
        parts.append(box)
        at += size
    assert is_found, f"no box {path[0]!r}"
    return b"".join(parts)


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
