"""A film's sound made of the coded packets of its segments, with nothing encoded anew.

Packets of 1,024 samples fit no cut exactly. They are laid on the grid of the whole film, so that a sound is at most
half a packet (11 ms) from its picture, however many cuts there are. Where two segments meet, the last packet of one and
the first of the other sound together for 21 ms: nobody hears that in silence, and anybody might in a loud sound.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from media_lambda.arguments import RAW_AUDIO_BYTES_PER_SAMPLE, SAMPLE_RATE, samples_in
from media_lambda.errors import FfmpegFailed
from media_lambda.facts import PACKET_SAMPLES
from media_lambda.source import Source

SILENT_PACKET = bytes.fromhex("fff14c8001bffc211004608c1c")
"""1,024 samples of nothing: the ADTS header of AAC-LC, 48 kHz, stereo, and two channels without a coefficient."""

_SILENCE = 10 ** (-50 / 20)
"""Of full scale: below the noise of a room in which a voice is recorded."""
_SEAM_SAMPLES = 2 * PACKET_SAMPLES
"""On both sides of a cut: the packets that mix, and what they may be displaced by."""
_HEADER_BYTES = 7


@dataclass(frozen=True, kw_only=True)
class Packets:
    """One segment's share of the film's packets."""

    silent_before: int
    first: int
    """Number in the segment of the first that is taken."""
    count: int
    silent_after: int


def sound_obstacle(segments: Sequence[Source]) -> str | None:
    """The first reason why the coded sounds cannot be joined; None when there is none."""
    for segment in segments:
        if segment.facts.audio is not None and not segment.facts.audio.is_plain_aac:
            return f"{segment.place} has no AAC-LC of 48 kHz in stereo without gaps"
    return None


def plan_packets(segments: Sequence[Source], lengths: Sequence[Fraction]) -> list[Packets]:
    """The packets of segments that take so many seconds of the film each.

    The first of all is not heard: it lets the decoder run in.
    """
    shares = []
    end = Fraction(0)
    first = -1
    for segment, length in zip(segments, lengths, strict=True):
        begin, end = samples_in(end), end + length
        last = round(Fraction(samples_in(end), PACKET_SAMPLES))
        shares.append(_share(segment, begin=begin, places=range(first, last)))
        first = last
    return shares


def is_silent_at(raw: Path, *, samples: int, begin: bool, end: bool) -> bool:
    """Whether a raw sound of this length is silent where it meets others."""
    seam = min(samples, _SEAM_SAMPLES)
    with raw.open("rb") as file:
        for place in [0] * begin + [samples - seam] * end:
            file.seek(place * RAW_AUDIO_BYTES_PER_SAMPLE)
            heard = array("f", file.read(seam * RAW_AUDIO_BYTES_PER_SAMPLE))
            if max(map(abs, heard), default=0.0) > _SILENCE:
                return False
    return True


def append_packets(adts: Path, target: BinaryIO, share: Packets) -> None:
    """Append a segment's packets to a file that is nothing but packets. Raises FfmpegFailed when it has too few."""
    target.write(SILENT_PACKET * share.silent_before)
    taken = 0
    if share.count:
        with adts.open("rb") as file:
            for number, packet in enumerate(_packets(file)):
                if share.first <= number < share.first + share.count:
                    target.write(packet)
                    taken += 1
    if taken != share.count:
        raise FfmpegFailed(f"a coded sound ended after {taken} packets: expected {share}")
    target.write(SILENT_PACKET * share.silent_after)


def _share(segment: Source, *, begin: int, places: range) -> Packets:
    """`places` are those of the film that the segment fills; `begin` is the film's sample at which it begins."""
    audio = segment.facts.audio
    if audio is None:
        return Packets(silent_before=len(places), first=0, count=0, silent_after=0)
    ahead = begin + round(audio.begin * SAMPLE_RATE)
    first = round(Fraction(places.start * PACKET_SAMPLES - ahead, PACKET_SAMPLES))
    taken = range(max(first, 0), min(first + len(places), audio.packets))
    before = min(taken.start - first, len(places))
    return Packets(
        silent_before=before,
        first=taken.start,
        count=len(taken),
        silent_after=len(places) - before - len(taken),
    )


def _packets(file: BinaryIO) -> Iterator[bytes]:
    while header := file.read(_HEADER_BYTES):
        if len(header) < _HEADER_BYTES or header[0] != 0xFF or header[1] & 0xF0 != 0xF0:
            raise FfmpegFailed(f"FFmpeg wrote no ADTS: a packet begins with {header.hex(' ')}")
        length = (header[3] & 0x03) << 11 | header[4] << 3 | header[5] >> 5
        yield header + file.read(max(0, length - _HEADER_BYTES))
