"""Decides how segments become one film. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction

from media_lambda import arguments as ff
from media_lambda.event import Transition
from media_lambda.source import Source

_FADE_S = Fraction(2, 5)
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


@dataclass(frozen=True, kw_only=True)
class MergePlan:
    """How the segments become one film."""

    obstacle: str | None
    """Why the pictures cannot be copied, in words; None when they can."""
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
    cuts = []
    end = Fraction(0)
    for index, segment in enumerate(segments):
        begin, end = end, end + segment.facts.length
        cuts.append(
            _cut(
                begin,
                end,
                rate=None if obstacle is None else picture.rate,
                fades_in=transition is Transition.FADE and index > 0,
                fades_out=transition is Transition.FADE and index < len(segments) - 1,
            )
        )
    return MergePlan(obstacle=obstacle, picture=picture, cuts=tuple(cuts))


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


def _cut(begin: Fraction, end: Fraction, *, rate: Fraction | None, fades_in: bool, fades_out: bool) -> Cut:
    frames = None
    if rate is not None:
        # Rounding the places of the cuts and not the lengths keeps the error below one frame however many there are.
        first, last = round(begin * rate), max(round(end * rate), round(begin * rate) + 1)
        frames, begin, end = last - first, first / rate, last / rate
    fade = min(_FADE_S, (end - begin) / 3)
    return Cut(
        duration=end - begin,
        frames=frames,
        samples=ff.samples_in(end) - ff.samples_in(begin),
        fade_in=fade if fades_in else Fraction(0),
        fade_out=fade if fades_out else Fraction(0),
    )
