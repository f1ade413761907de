"""How segments become one film."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from media_lambda.errors import InvalidInput
from media_lambda.event import Transition
from media_lambda.facts import Colour, VideoFacts
from media_lambda.merge import batch_arguments, batches, join_arguments, segment_list
from media_lambda.merge_plan import MergePlan, copy_obstacle, plan_merge
from media_lambda.source import Source
from tests.unit.media.factories import a_sound, a_source, a_video, option


def plan(*segments: Source, transition: Transition = Transition.CUT) -> MergePlan:
    return plan_merge(segments, transition=transition)


def two(second: VideoFacts) -> list[Source]:
    return [a_source(a_video(), place="segments[0]"), a_source(second, place="segments[1]")]


def test_plan_of_equal_streams_copies_pictures() -> None:
    found = plan(*two(a_video(seconds=3)))

    assert found.obstacle is None
    assert [cut.frames for cut in found.cuts] == [None, None]
    assert [cut.samples for cut in found.cuts] == [96_000, 144_000]
    assert found.duration == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("codec", "hevc"),
        ("profile", "Main"),
        ("width", 640),
        ("height", 480),
        ("rotation", 90),
        ("rate", Fraction(25)),
        ("pixel_format", "yuv422p"),
        ("time_base", Fraction(1, 90_000)),
        ("sample_aspect", Fraction(4, 3)),
        ("colour", Colour(matrix="bt709", is_full_range=False)),
        ("extradata", b"other"),
    ],
)
def test_plan_with_one_difference_encodes_and_names_it(field: str, value: Any) -> None:
    found = plan(*two(a_video(**{field: value})))

    assert found.obstacle is not None
    assert found.obstacle.startswith(f"segments[1] has another {field}")
    assert [cut.frames for cut in found.cuts] == [60, 60]


@pytest.mark.parametrize(
    "changes", [{"is_constant_rate": False}, {"is_whole": False}, {"start": Fraction(1, 10)}], ids=str
)
def test_plan_with_irregular_stream_encodes(changes: dict[str, Any]) -> None:
    obstacle = copy_obstacle(two(replace(a_video(), **changes)))

    assert obstacle == "segments[1] has gaps, an edit list, or no key frame at its start"


def test_plan_of_equal_streams_that_browsers_do_not_play_encodes() -> None:
    vp9 = a_source(a_video(codec="vp9"), place="segments[0]")

    assert copy_obstacle([vp9, vp9]) == "segments[0] is no upright H.264 in yuv420p"


def test_plan_with_sound_after_the_last_picture_lengthens_the_segment() -> None:
    long = a_source(a_video(), a_sound(seconds=Fraction(5, 2)), place="segments[0]")

    found = plan(long, a_source(a_video()))

    assert found.obstacle == "segments[0] has sound after its last picture, which is held"
    assert found.cuts[0].frames == 75
    assert found.duration == Fraction(9, 2)


def test_plan_with_mere_codec_padding_after_the_last_picture_copies() -> None:
    padded = a_source(a_video(), a_sound(seconds=Fraction(2023, 1000)))

    assert plan(padded, padded).obstacle is None


def test_plan_of_many_odd_lengths_never_drifts_by_a_frame() -> None:
    odd = Fraction(1001, 1000)
    segments = [a_source(a_video(seconds=odd, width=640)), *(a_source(a_video(seconds=odd)) for _ in range(99))]

    found = plan(*segments)

    assert abs(found.duration - 100 * odd) <= Fraction(1, 60)
    assert sum(cut.samples for cut in found.cuts) == round(found.duration * 48_000)


def test_plan_with_fade_fades_only_where_segments_meet() -> None:
    found = plan(*[a_source(a_video())] * 3, transition=Transition.FADE)

    fade, none = Fraction(2, 5), Fraction(0)
    assert [(cut.fade_in, cut.fade_out) for cut in found.cuts] == [(none, fade), (fade, fade), (fade, none)]


def test_plan_with_crossfade_overlaps_whole_frames_and_shortens_the_film_by_them() -> None:
    segments = [a_source(a_video(seconds=seconds, rate=Fraction(25))) for seconds in (3, 2, Fraction(3, 5))]

    found = plan(*segments, transition=Transition.CROSSFADE)

    # Half a second is 12.5 frames; of the last segment a third is 5.
    assert [cut.overlap for cut in found.cuts] == [0, Fraction(12, 25), Fraction(5, 25)]
    assert [cut.frames for cut in found.cuts] == [75 - 12, 50 - 5, 15]
    assert found.duration == Fraction(75 - 12 + 50 - 5 + 15, 25)
    assert sum(cut.samples for cut in found.cuts) == found.duration * 48_000


def test_plan_with_crossfade_of_segments_of_two_frames_only_cuts() -> None:
    found = plan(*[a_source(a_video(seconds=Fraction(2, 30)))] * 2, transition=Transition.CROSSFADE)

    assert [cut.overlap for cut in found.cuts] == [0, 0]
    assert [cut.frames for cut in found.cuts] == [2, 2]


def test_plan_with_a_segment_without_pictures_is_invalid_input() -> None:
    with pytest.raises(InvalidInput, match=r"segments\[1\] \(s3://.*\) has no video"):
        plan(a_source(a_video()), a_source(None, a_sound(), place="segments[1]"))


def test_batch_arguments_when_copied_never_name_an_encoder() -> None:
    found = plan(*two(a_video()))

    arguments = batch_arguments([a_source(a_video(), a_sound()), *two(a_video())[1:]], plan=found, indices=range(2))

    assert option(arguments, "-c:v") == "copy"
    assert "libx264" not in arguments
    assert option(arguments, "-af").endswith("apad=whole_len=96000,atrim=end_sample=96000")


def test_batch_arguments_when_encoded_letterbox_into_the_first_picture() -> None:
    portrait = a_source(a_video(width=720, height=1280), place="segments[1]")
    found = plan(a_source(a_video()), portrait)

    arguments = batch_arguments([a_source(a_video()), portrait], plan=found, indices=range(1, 2))

    filters = option(arguments, "-vf")
    assert filters.startswith("fps=30:start_time=0,")
    assert "scale=404:720:" in filters
    assert "pad=1280:720:438:0:color=black" in filters
    assert filters.endswith("tpad=stop=-1:stop_mode=clone,trim=end_frame=60")
    assert "-af" not in arguments, "a segment without sound gets its silence when sounds are joined"


def test_batch_arguments_open_only_the_given_file_and_use_fixed_threads() -> None:
    found = plan(*two(a_video(width=640)))

    arguments = batch_arguments([found_source := a_source(a_video())], plan=found, indices=range(1))

    assert option(arguments, "-protocol_whitelist") == "file,pipe"
    assert option(arguments, "-format_whitelist") == option(arguments, "-f") == "mov"
    assert option(arguments, "-i") == found_source.name
    assert option(arguments, "-threads:v") == "2"
    assert option(arguments, "-flags:v") == "+bitexact"


@pytest.mark.parametrize(
    ("second", "obstacle"),
    [
        (a_source(a_video(), a_sound()), None),
        (a_source(a_video()), None),
        (
            a_source(a_video(), a_sound(is_plain_aac=False), place="segments[1]"),
            "segments[1] has no AAC-LC of 48 kHz in stereo without gaps",
        ),
        (a_source(a_video(width=640), a_sound()), "the pictures are encoded"),
    ],
    ids=["alike", "without sound", "another sound", "another picture"],
)
def test_plan_joins_coded_sounds_that_are_alike(second: Source, obstacle: str | None) -> None:
    assert plan(a_source(a_video(), a_sound()), second).sound_obstacle == obstacle


def test_batches_of_copied_segments_are_large_and_bounded_and_those_of_encoded_ones_single() -> None:
    copied, encoded = plan(*[a_source(a_video())] * 35), plan(*[a_source(a_video(codec="vp9"))] * 3)

    assert batches(copied) == [range(16), range(16, 32), range(32, 35)]
    assert batches(encoded) == [range(1), range(1, 2), range(2, 3)]


def test_segment_list_names_files_of_our_own_with_their_length() -> None:
    text = segment_list(plan(*two(a_video(seconds=Fraction(1, 3)))))

    assert text == (
        "ffconcat version 1.0\nfile video-000.mp4\nduration 2.000000\nfile video-001.mp4\nduration 0.333333\n"
    )


def test_join_arguments_copy_pictures_and_encode_sound_once() -> None:
    arguments = join_arguments("volume=-2.5dB")

    assert option(arguments, "-c:v") == "copy"
    assert option(arguments, "-c:a") == "aac"
    assert option(arguments, "-af") == "volume=-2.5dB"
    assert option(arguments, "-movflags") == "+faststart"


def test_join_arguments_without_a_level_copy_the_coded_sound_too() -> None:
    arguments = join_arguments(None)

    assert option(arguments, "-c:a") == "copy"
    assert "sound.aac" in arguments
    assert "-af" not in arguments
