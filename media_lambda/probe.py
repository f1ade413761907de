"""Measures a media file with PyAV. Runs in the inspector's child, as all that opens files does."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from media_lambda.errors import Unreadable
from media_lambda.facts import MAX_SIDE, PACKET_SAMPLES, AudioFacts, Colour, MediaFacts, StreamIdentity, VideoFacts

_FALLBACK_RATE = Fraction(30)
_MAX_RATE = 120
_FULL_RANGE = 2
_ATTACHED_PICTURE = 0x400
_MATRICES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
"""ITU-T H.273 matrix coefficients, as numbered there, by FFmpeg's names."""

_HIGH_DYNAMIC_RANGE = {16: "smpte2084", 18: "arib-std-b67"}
"""Transfer functions, likewise."""


@dataclass
class _Span:
    """What the packets of one stream cover, in its time base."""

    first: int | None = None
    end: int = 0
    is_constant: bool = True
    is_whole: bool = True
    step: int | None = None
    count: int = 0

    def add(self, packet: "Packet[Stream]") -> None:
        if packet.pts is None:
            return
        if self.first is None:
            self.is_whole = packet.is_keyframe
        if packet.is_discard:
            self.is_whole = False
            return
        self.first = packet.pts if self.first is None else min(self.first, packet.pts)
        self.count += 1
        length = packet.duration or 0
        self.end = max(self.end, packet.pts + length)
        if self.step is None:
            self.step = length
        elif length != self.step:
            self.is_constant = False

    def has_gaps(self, *, rate: Fraction, base: Fraction) -> bool:
        """Whether it is not one picture after the other at `rate`. Matroska rounds times to milliseconds."""
        is_steady = self.is_constant and self.step and abs(self.step * base - 1 / rate) <= base
        covered = (self.end - (self.first or 0)) * base
        return not is_steady or abs(self.count / rate - covered) > 1 / (2 * rate)


@dataclass
class _Rhythm:
    """How the packets of a sound follow each other, with those that are not heard, in its time base."""

    first: int | None = None
    last: int = 0
    count: int = 0
    is_even: bool = True

    def add(self, packet: "Packet[Stream]") -> None:
        if packet.pts is None:
            return
        if self.first is None:
            self.first = packet.pts
        elif packet.pts - self.last != PACKET_SAMPLES:
            self.is_even = False
        self.last = packet.pts
        self.count += 1


def probe(path: Path, *, demuxer: str) -> MediaFacts:
    """Read all packets of `path` (one pass, constant memory). Raises Unreadable."""
    try:
        with closing(_open(path, demuxer)) as container:
            return _measure(container, demuxer)
    except av.FFmpegError as error:
        raise Unreadable(str(error.strerror or error)) from error


def _open(path: Path, demuxer: str) -> InputContainer:
    options = {"protocol_whitelist": "file", "format_whitelist": demuxer}
    return av.open(str(path), format=demuxer, options=options)


def _measure(container: InputContainer, demuxer: str) -> MediaFacts:
    video = next((s for s in container.streams.video if not int(s.disposition) & _ATTACHED_PICTURE), None)
    audio = next(iter(container.streams.audio), None)
    origin = Fraction(container.start_time or 0, av.time_base)
    container_duration = Fraction(container.duration or 0, av.time_base)
    identity = _identity(video, rotation=_rotation(container, video)) if video else None
    _rewind(container, audio)
    picture_span, sound_span, rhythm = _Span(), _Span(), _Rhythm()
    for packet in _packets(container, *(stream for stream in (video, audio) if stream is not None)):
        if packet.stream is video:
            picture_span.add(packet)
        else:
            sound_span.add(packet)
            rhythm.add(packet)
    video_facts = audio_facts = None
    if video and identity and picture_span.first is not None:
        base = video.time_base or Fraction(1, 1000)
        if not picture_span.step:
            # Containers without packet durations end when the last picture has been shown for one frame.
            picture_span.end += math.ceil(1 / identity.rate / base)
        video_facts = VideoFacts(
            identity=identity,
            start=max(Fraction(0), picture_span.first * base - origin),
            duration=(picture_span.end - picture_span.first) * base,
            is_constant_rate=not picture_span.has_gaps(rate=identity.rate, base=base),
            is_whole=picture_span.is_whole,
        )
    if audio and sound_span.first is not None:
        audio_facts = _audio_facts(audio, sound_span, rhythm, origin=origin)
    return MediaFacts(demuxer=demuxer, duration=container_duration, video=video_facts, audio=audio_facts)


def _rewind(container: InputContainer, audio: AudioStream | None) -> None:
    """Back to the first packet, also of a sound that has some before its start, to let its decoder run in."""
    if audio is None or container.format.name.split(",")[0] != "mov":
        container.seek(0)
    else:
        # By its pictures an MP4 would go to their first moment, and to the packet of the sound that is heard then.
        container.seek(-(audio.sample_rate or 1), stream=audio)


def _audio_facts(audio: AudioStream, span: _Span, rhythm: _Rhythm, *, origin: Fraction) -> AudioFacts:
    codec, base = audio.codec_context, audio.time_base or Fraction(1, 48000)
    return AudioFacts(
        codec=codec.name,
        channels=codec.channels,
        begin=(rhythm.first or 0) * base - origin,
        end=span.end * base - origin,
        packets=rhythm.count,
        is_plain_aac=rhythm.is_even
        and (codec.name, audio.profile, codec.channels) == ("aac", "LC", 2)
        and base == Fraction(1, codec.sample_rate or 1) == Fraction(1, 48000),
    )


def _packets(container: InputContainer, *streams: Stream) -> "Iterator[Packet[Stream]]":
    if streams:
        yield from container.demux(*streams)


def _rotation(container: InputContainer, video: VideoStream | None) -> int:
    """Degrees, from the first picture: PyAV shows the display matrix nowhere else."""
    if video is None or max(video.codec_context.width, video.codec_context.height) > MAX_SIDE:
        # A picture that will be refused is never decoded: a few bytes may unfold to gigabytes.
        return 0
    video.thread_count = 1
    frame = next(container.decode(video), None)
    if frame is None:
        raise Unreadable("none of its pictures can be decoded")
    return round(frame.rotation) % 360


def _identity(video: VideoStream, *, rotation: int) -> StreamIdentity:
    codec = video.codec_context
    rate = video.guessed_rate or video.average_rate
    aspect = codec.sample_aspect_ratio or video.sample_aspect_ratio
    return StreamIdentity(
        codec=codec.name,
        profile=video.profile,
        width=codec.width,
        height=codec.height,
        rotation=rotation,
        rate=Fraction(rate) if rate and 1 <= rate <= _MAX_RATE else _FALLBACK_RATE,
        pixel_format=codec.pix_fmt or "",
        time_base=video.time_base or Fraction(0),
        sample_aspect=Fraction(aspect) if aspect else Fraction(1),
        colour=Colour(
            matrix=_MATRICES.get(int(codec.colorspace)),
            is_full_range=int(codec.color_range) == _FULL_RANGE,
            hdr=_HIGH_DYNAMIC_RANGE.get(int(codec.color_trc)),
        ),
        extradata=codec.extradata or b"",
    )
