"""A segment that begins while the one before it is still seen and heard. Pure."""

from fractions import Fraction

from media_lambda import arguments as ff
from media_lambda.merge_plan import Cut
from media_lambda.source import Source

_EQUAL_POWER = "curve=qsin"
"""Two sounds that have nothing to do with each other stay as loud as each of them is."""


def tail_input(before: Source, *, length: Fraction, overlap: Fraction) -> tuple[str, ...]:
    """Read `before` from a little before what it shares with the next segment, when it takes `length` s in the film."""
    begin = _seek(before, length - overlap)
    return ("-ss", ff.seconds(begin), *ff.file_input(before.name, demuxer=before.facts.demuxer))


def picture_graph(before: Source, segment: Source, cut: Cut, *, length: Fraction, picture: ff.Picture) -> str:
    """`[0]` is the segment and `[1]` the tail of the one before; answers `[picture]` with the frames of `cut`."""
    shared, skipped = round(cut.overlap * picture.rate), _skipped(before, cut, length=length) * picture.rate
    tail = (
        ff.rate_filter(picture),
        ff.fit_filter(before.video, picture),
        "tpad=stop=-1:stop_mode=clone",
        f"trim=start_frame={round(skipped)}:end_frame={round(skipped) + shared}",
        "setpts=PTS-STARTPTS",
    )
    own = (
        ff.rate_filter(picture),
        ff.fit_filter(segment.video, picture),
        ff.hold_filter(round(cut.length * picture.rate)),
    )
    return (
        f"[1:V:0]{','.join(tail)}[tail];[0:V:0]{','.join(own)}[own];"
        f"[tail][own]xfade=duration={ff.seconds(cut.overlap)}:offset=0,trim=end_frame={cut.frames}[picture]"
    )


def sound_graph(before: Source, segment: Source, cut: Cut, *, length: Fraction) -> str | None:
    """As `picture_graph`, answers `[sound]`; None where neither has any."""
    shared, skipped = ff.samples_in(cut.overlap), ff.samples_in(_skipped(before, cut, length=length))
    parts = []
    if before.facts.audio is not None:
        parts.append(
            f"[1:a:0]{ff.sound_filter(before.facts.audio)},apad,"
            f"atrim=start_sample={skipped}:end_sample={skipped + shared},asetpts=PTS-STARTPTS,"
            f"afade=t=out:d={ff.seconds(cut.overlap)}:{_EQUAL_POWER}"
        )
    if segment.facts.audio is not None:
        own = f"{ff.sound_filter(segment.facts.audio)},{ff.exact_length_filter(ff.samples_in(cut.length))}"
        parts.append(f"[0:a:0]{own},afade=t=in:d={ff.seconds(cut.overlap)}:{_EQUAL_POWER}")
    exactly = f"{ff.exact_length_filter(cut.samples)}[sound]"
    match parts:
        case []:
            return None
        case [only]:
            return f"{only},{exactly}"
        case _:
            return f"{parts[0]}[old];{parts[1]}[new];[old][new]amix=inputs=2:normalize=0,{exactly}"


def _seek(before: Source, begin: Fraction) -> Fraction:
    """A time with a picture behind it: a last picture that is held for the sound's sake would be missed otherwise."""
    last = before.video.end - 2 / before.video.identity.rate
    return max(Fraction(0), min(begin, last))


def _skipped(before: Source, cut: Cut, *, length: Fraction) -> Fraction:
    begin = length - cut.overlap
    return begin - _seek(before, begin)
