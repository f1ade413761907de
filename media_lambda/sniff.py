"""Tells a file's container by its first bytes, so that FFmpeg never guesses and never meets a playlist."""

SNIFF_BYTES = 512

DEMUXERS = ("mov", "matroska", "wav", "mp3", "ogg", "flac", "aac")
"""FFmpeg's names of the containers we read: none of them can name another file or address."""

_KNOWN_BY_SIGHT = (
    (b"#EXTM3U", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<svg", "a drawing"),
    (b"<?xml", "XML"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF"),
    (b"FLV", "a Flash film"),
    (b"0&\xb2u", "a Windows Media film"),
    (b"G@", "an MPEG transport stream"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
)


def demuxer_of(head: bytes) -> str | None:
    """FFmpeg's demuxer for a file that begins with `head`; None when it is none of ours."""
    if head[4:8] in {b"ftyp", b"moov", b"wide"}:
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    for magic, demuxer in ((b"\x1aE\xdf\xa3", "matroska"), (b"OggS", "ogg"), (b"fLaC", "flac"), (b"ID3", "mp3")):
        if head.startswith(magic):
            return demuxer
    return _mpeg_audio(head)


def described(head: bytes) -> str:
    """What a file that is none of ours looks like, as the end of a sentence about it."""
    if not head:
        return "is empty"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "is an AVI film"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, kind in _KNOWN_BY_SIGHT:
        if text.startswith(magic) or text.lower().startswith(magic):
            return f"is {kind}"
    return f"begins with {head[:8].hex(' ')}"


def _mpeg_audio(head: bytes) -> str | None:
    # Both begin with a sync word of set bits; the layer bits are 00 only in ADTS (AAC).
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    is_adts = head[1] & 0xF6 == 0xF0
    return "aac" if is_adts else "mp3"
