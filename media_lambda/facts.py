"""What is known about a media file."""

from dataclasses import dataclass
from fractions import Fraction

MAX_SIDE = 4096
"""Pixels of a side of a picture that we take."""
_AUDIO_TAIL_S = Fraction(4, 100)
"""A sound that outlasts its picture by less is the padding of its codec's last frame."""
PACKET_SAMPLES = 1024
"""Of one packet of AAC-LC."""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """How luma and chroma became RGB; None where the file does not say."""

    matrix: str | None
    """FFmpeg's name, such as bt709."""
    is_full_range: bool
    hdr: str | None = None
    """FFmpeg's name of the transfer function, of high dynamic range only: smpte2084 (PQ) or arib-std-b67 (HLG)."""


@dataclass(frozen=True, kw_only=True)
class StreamIdentity:
    """What must be equal for two video streams to be joined without decoding them."""

    codec: str
    profile: str | None
    width: int
    height: int
    rotation: int
    rate: Fraction
    pixel_format: str
    time_base: Fraction
    sample_aspect: Fraction
    colour: Colour
    extradata: bytes


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """One video stream, measured packet by packet and not taken from headers."""

    identity: StreamIdentity
    start: Fraction
    """Seconds from the start of the file to the first picture."""
    duration: Fraction
    """Seconds from the first picture to the end of the last."""
    is_constant_rate: bool
    is_whole: bool
    """Begins with a key frame and has no picture that its edit list hides."""

    @property
    def end(self) -> Fraction:
        """Seconds from the start of the file to the end of the last picture."""
        return self.start + self.duration

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as shown: pixels made square, rotation applied."""
        identity = self.identity
        width, height = max(1, round(identity.width * identity.sample_aspect)), identity.height
        return (height, width) if identity.rotation % 180 else (width, height)


@dataclass(frozen=True, kw_only=True)
class AudioFacts:
    """One audio stream."""

    codec: str
    channels: int
    begin: Fraction
    """Seconds from the start of the file to the first packet; negative for what its encoder put before the sound."""
    end: Fraction
    """Seconds from the start of the file to the end of the last sample."""
    packets: int
    is_plain_aac: bool
    """AAC-LC, 48 kHz, stereo, one packet of 1,024 samples after the other."""


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """One file, with its first video and its first audio stream."""

    demuxer: str
    duration: Fraction
    """Seconds, as the container says it."""
    video: VideoFacts | None
    audio: AudioFacts | None

    @property
    def has_audible_tail(self) -> bool:
        """Whether the sound goes on noticeably after the last picture."""
        return self.video is not None and self.audio is not None and self.audio.end > self.video.end + _AUDIO_TAIL_S

    @property
    def length(self) -> Fraction:
        """Seconds it takes to play: its pictures' length, or its sound's where that has an audible tail."""
        if self.video is None:
            return self.audio.end if self.audio else Fraction(0)
        return self.audio.end if self.audio and self.has_audible_tail else self.video.end
