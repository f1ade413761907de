"""Facts about files that do not exist."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

from media_lambda.event import S3Object
from media_lambda.facts import AudioFacts, Colour, MediaFacts, StreamIdentity, VideoFacts
from media_lambda.source import Source


def an_identity(**changes: Any) -> StreamIdentity:
    """720p H.264 at 30 pictures a second."""
    identity = StreamIdentity(
        codec="h264",
        profile="High",
        width=1280,
        height=720,
        rotation=0,
        rate=Fraction(30),
        pixel_format="yuv420p",
        time_base=Fraction(1, 15360),
        sample_aspect=Fraction(1),
        colour=Colour(matrix=None, is_full_range=False),
        extradata=b"avcC",
    )
    return replace(identity, **changes)


def a_video(*, seconds: Fraction | int = 2, **changes: Any) -> VideoFacts:
    """A whole stream of constant rate; `changes` go to its identity."""
    return VideoFacts(
        identity=an_identity(**changes),
        start=Fraction(0),
        duration=Fraction(seconds),
        is_constant_rate=True,
        is_whole=True,
    )


def a_sound(*, seconds: Fraction | int = 2, channels: int = 2, is_plain_aac: bool = True) -> AudioFacts:
    """AAC, with the packet before it in which its encoder runs in."""
    packets = 1 + math.ceil(seconds * Fraction(48_000, 1024))
    begin = Fraction(-1024, 48_000)
    return AudioFacts(
        codec="aac",
        channels=channels,
        begin=begin,
        end=Fraction(seconds),
        packets=packets,
        is_plain_aac=is_plain_aac,
    )


def a_source(
    video: VideoFacts | None = None, audio: AudioFacts | None = None, *, place: str = "video", name: str = "input-000"
) -> Source:
    """A downloaded file with these streams."""
    facts = MediaFacts(demuxer="mov", duration=Fraction(0), video=video, audio=audio)
    return Source(place=place, origin=S3Object(bucket="montage", key=f"{name}.mp4"), name=name, facts=facts)


def option(arguments: tuple[str, ...], name: str) -> str:
    """The value that follows an option."""
    return arguments[arguments.index(name) + 1]
