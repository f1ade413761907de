"""What a file is by its first bytes; what its name or its server says is only a claim."""

import json
from dataclasses import dataclass
from pathlib import Path

from executor_service.task import MediaType

HEAD_BYTES = 64
MAX_TEXT_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file that we take."""

    content_type: str
    suffix: str
    types: frozenset[MediaType]
    """What a user may call it."""
    container: str | None = None
    """FFmpeg's name of the demuxer; None for what needs no probing."""


_AUDIO = frozenset({MediaType.AUDIO})
_IMAGE = frozenset({MediaType.IMAGE})
_FILM = frozenset({MediaType.VIDEO, MediaType.AUDIO})

_M4A = Format(content_type="audio/mp4", suffix=".m4a", types=_AUDIO, container="mov")
_MOV = Format(content_type="video/quicktime", suffix=".mov", types=_FILM, container="mov")
_MP4 = Format(content_type="video/mp4", suffix=".mp4", types=_FILM, container="mov")
_MATROSKA = Format(content_type="video/webm", suffix=".webm", types=_FILM, container="matroska")
_WAV = Format(content_type="audio/wav", suffix=".wav", types=_AUDIO, container="wav")
_FLAC = Format(content_type="audio/flac", suffix=".flac", types=_AUDIO, container="flac")
_OGG = Format(content_type="audio/ogg", suffix=".ogg", types=_AUDIO, container="ogg")
_MP3 = Format(content_type="audio/mpeg", suffix=".mp3", types=_AUDIO, container="mp3")
_PNG = Format(content_type="image/png", suffix=".png", types=_IMAGE)
_JPEG = Format(content_type="image/jpeg", suffix=".jpg", types=_IMAGE)
_GIF = Format(content_type="image/gif", suffix=".gif", types=_IMAGE)
_WEBP = Format(content_type="image/webp", suffix=".webp", types=_IMAGE)

# Where a mark must stand, and which; the first line that fits decides. None: pictures in MP4 boxes, not taken.
_MARKS: tuple[tuple[tuple[tuple[int, bytes], ...], Format | None], ...] = (
    (((4, b"ftypM4A"),), _M4A),
    (((4, b"ftypqt"),), _MOV),
    *((((4, b"ftyp" + brand),), None) for brand in (b"avif", b"heic", b"heix", b"mif1")),
    (((4, b"ftyp"),), _MP4),
    (((0, b"\x1a\x45\xdf\xa3"),), _MATROSKA),
    (((0, b"RIFF"), (8, b"WAVE")), _WAV),
    (((0, b"RIFF"), (8, b"WEBP")), _WEBP),
    (((0, b"fLaC"),), _FLAC),
    (((0, b"OggS"),), _OGG),
    (((0, b"ID3"),), _MP3),
    *((((0, bytes((0xFF, second))),), _MP3) for second in (0xFB, 0xFA, 0xF3, 0xF2)),
    (((0, b"\x89PNG\r\n\x1a\n"),), _PNG),
    (((0, b"\xff\xd8\xff"),), _JPEG),
    (((0, b"GIF87a"),), _GIF),
    (((0, b"GIF89a"),), _GIF),
)


def sniff(head: bytes) -> Format | None:
    """None when we do not take it. `head` is the first HEAD_BYTES of the file, or all of it."""
    for marks, found in _MARKS:
        if all(head.startswith(mark, offset) for offset, mark in marks):
            return found
    return None


def text_format(path: Path, wanted: MediaType) -> Format | None:
    """Text or JSON, read whole; None when it is not or is too large to be."""
    if path.stat().st_size > MAX_TEXT_BYTES:
        return None
    try:
        content = path.read_bytes().decode("utf-8-sig")
        if wanted is MediaType.JSON:
            json.loads(content)
    except (ValueError, RecursionError):
        return None
    if "\0" in content:
        return None
    if wanted is MediaType.JSON:
        return Format(content_type="application/json", suffix=".json", types=frozenset({MediaType.JSON}))
    return Format(content_type="text/plain", suffix=".txt", types=frozenset({MediaType.TEXT}))
