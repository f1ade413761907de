"""Tells a file's container by its first bytes, so that FFmpeg never guesses and never meets a playlist."""

SNIFF_BYTES = 16

DEMUXERS = ("mov", "matroska", "wav", "mp3", "ogg", "flac", "aac")
"""FFmpeg's names of the containers we read: none of them can name another file or address."""


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


def _mpeg_audio(head: bytes) -> str | None:
    # Both begin with a sync word of set bits; the layer bits are 00 only in ADTS (AAC).
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    is_adts = head[1] & 0xF6 == 0xF0
    return "aac" if is_adts else "mp3"
