"""Decides how segments become one film. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import pairwise

from media_lambda import arguments as ff
from media_lambda.coded_sound import sound_obstacle
from media_lambda.event import Transition
from media_lambda.source import Source

_FADE_S = Fraction(2, 5)
_CROSSFADE_S = Fraction(1, 2)
_MAX_START_S = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One segment's share of the result."""

    duration: Fraction
    frames: int | None
    """Pictures to encode; None when they are copied."""
    samples: int
    fade_in: Fraction
    fade_out: Fraction
    overlap: Fraction
    """Seconds at its begin in which the segment before is still seen; that one's share ends where they begin."""
    length: Fraction
    """Seconds of the segment itself, with what it shares with the next."""


@dataclass(frozen=True, kw_only=True)
class MergePlan:
    """How the segments become one film."""

    obstacle: str | None
    """Why the pictures cannot be copied, in words; None when they can."""
    sound_obstacle: str | None
    """Why the coded sounds cannot be joined; None when they can, if they are as loud as is wanted."""
    picture: ff.Picture
    cuts: tuple[Cut, ...]

    @property
    def duration(self) -> Fraction:
        """Seconds of the whole."""
        return sum((cut.duration for cut in self.cuts), Fraction(0))


def plan_merge(segments: Sequence[Source], *, transition: Transition) -> MergePlan:
    """Copy the pictures if that is safe, else encode them like the first segment's. Raises InvalidInput."""
    picture = ff.picture_of(segments[0].video)
    obstacle = f"the transition is {transition}" if transition is not Transition.CUT else copy_obstacle(segments)
    places = _places(segments, rate=None if obstacle is None else picture.rate)
    overlaps = (
        _overlaps(places, rate=picture.rate) if transition is Transition.CROSSFADE else [Fraction(0)] * len(places)
    )
    cuts = []
    at = Fraction(0)
    for index, (begin, end) in enumerate(places):
        is_first, is_last = index == 0, index == len(places) - 1
        duration = end - begin - (Fraction(0) if is_last else overlaps[index + 1])
        fade = min(_FADE_S, (end - begin) / 3) if transition is Transition.FADE else Fraction(0)
        cuts.append(
            Cut(
                duration=duration,
                frames=None if obstacle is None else round(duration * picture.rate),
                samples=ff.samples_in(at + duration) - ff.samples_in(at),
                fade_in=Fraction(0) if is_first else fade,
                fade_out=Fraction(0) if is_last else fade,
                overlap=overlaps[index],
                length=end - begin,
            )
        )
        at += duration
    return MergePlan(
        obstacle=obstacle,
        sound_obstacle="the pictures are encoded" if obstacle else sound_obstacle(segments),
        picture=picture,
        cuts=tuple(cuts),
    )


def copy_obstacle(segments: Sequence[Source]) -> str | None:
    """The first reason why the segments' pictures cannot be joined without decoding them."""
    first = segments[0].video.identity
    for segment in segments:
        video = segment.video
        for field in fields(first):
            expected, found = getattr(first, field.name), getattr(video.identity, field.name)
            if expected != found:
                shown = "" if field.name == "extradata" else f": {found}, not {expected}"
                return f"{segment.place} has another {field.name}{shown}"
        if not ff.is_playable_copy(video) or video.identity.rotation:
            return f"{segment.place} is no upright H.264 in yuv420p"
        if not video.is_constant_rate or not video.is_whole or video.start > _MAX_START_S:
            return f"{segment.place} has gaps, an edit list, or no key frame at its start"
        if segment.facts.has_audible_tail:
            return f"{segment.place} has sound after its last picture, which is held"
    return None


def _places(segments: Sequence[Source], *, rate: Fraction | None) -> list[tuple[Fraction, Fraction]]:
    """Begin and end of each segment when they are played in turn, at whole frames of `rate`, if that is given."""
    places = []
    end = Fraction(0)
    for segment in segments:
        begin, end = end, end + segment.facts.length
        if rate is None:
            places.append((begin, end))
            continue
        # Rounding the places of the cuts and not the lengths keeps the error below one frame however many there are.
        first = round(begin * rate)
        places.append((first / rate, max(round(end * rate), first + 1) / rate))
    return places


def _overlaps(places: Sequence[tuple[Fraction, Fraction]], *, rate: Fraction) -> list[Fraction]:
    """How long each segment overlaps with the one before: whole frames, a third of the shorter one at most."""
    lengths = [end - begin for begin, end in places]
    pairs = pairwise(lengths)
    return [Fraction(0), *(math.floor(min(_CROSSFADE_S, min(pair) / 3) * rate) / rate for pair in pairs)]
