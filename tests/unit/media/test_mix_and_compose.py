"""What FFmpeg is told for mix-audio and compose-video."""

from fractions import Fraction

import pytest

from media_lambda.arguments import Picture
from media_lambda.compose import Rectangle, compose_arguments, crop_of, place_overlay
from media_lambda.compose import sound_arguments as compose_sound_arguments
from media_lambda.errors import InvalidInput
from media_lambda.event import Crop, MixMode, Position
from media_lambda.mask import rounded_mask
from media_lambda.mix import mix_arguments, sound_arguments
from tests.unit.media.factories import a_sound, a_source, a_video, option

HD = Picture(width=1280, height=720, rate=Fraction(30))


def test_mix_arguments_copy_pictures_and_encode_the_levelled_sound() -> None:
    arguments = mix_arguments(a_source(a_video(), a_sound()), level="volume=2.0dB")

    assert option(arguments, "-c:v") == "copy"
    assert option(arguments, "-c:a") == "aac"
    assert option(arguments, "-af") == "volume=2.0dB"


def test_mix_arguments_with_silent_video_need_no_own_sound_in_any_mode() -> None:
    found = {
        option(sound_arguments(a_source(a_video()), a_source(None, a_sound()), mode=mode, volume=1), "-filter_complex")
        for mode in MixMode
    }

    assert len(found) == 1
    assert "[0:a:0]" not in found.pop()


def test_mix_arguments_with_longer_sound_fade_it_out() -> None:
    film, added = a_source(a_video(seconds=3)), a_source(None, a_sound(seconds=60, channels=1))

    graph = option(sound_arguments(film, added, mode=MixMode.REPLACE, volume=0.5), "-filter_complex")

    assert "pan=stereo|c0=c0|c1=c0," in graph
    assert "volume=0.5000,afade=t=out:st=2.500000:d=0.500000," in graph
    assert "apad=whole_len=144000,atrim=end_sample=144000[sound];" in graph


def test_mix_arguments_with_a_codec_browsers_do_not_play_encode() -> None:
    arguments = mix_arguments(a_source(a_video(codec="vp9")), level="volume=0.0dB")

    assert option(arguments, "-c:v") == "libx264"


def test_place_overlay_by_default_is_a_third_in_the_corner_with_margin() -> None:
    found = place_overlay(HD, shape=(1280, 720), position=Position.BOTTOM_RIGHT, scale=0.3)

    assert found == Rectangle(left=1280 - 384 - 32, top=720 - 216 - 32, width=384, height=216)


@pytest.mark.parametrize("position", Position)
@pytest.mark.parametrize("shape", [(1280, 720), (333, 777), (7, 5), (4096, 2)])
@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0])
def test_place_overlay_always_stays_inside_on_even_pixels(
    position: Position, shape: tuple[int, int], scale: float
) -> None:
    found = place_overlay(HD, shape=shape, position=position, scale=scale)

    assert found.left >= 0
    assert found.top >= 0
    assert found.left + found.width <= 1280
    assert found.top + found.height <= 720
    assert found.width % 2 == found.height % 2 == found.left % 2 == found.top % 2 == 0
    assert found.width >= 2
    assert found.height >= 2


def test_crop_without_sizes_reaches_to_the_edges() -> None:
    found = crop_of(a_source(a_video()), Crop(top=20, left=100, width=None, height=None))

    assert found == Rectangle(left=100, top=20, width=1180, height=700)


@pytest.mark.parametrize(
    "crop",
    [
        Crop(top=0, left=0, width=1281, height=None),
        Crop(top=700, left=0, width=None, height=40),
        Crop(top=720, left=0, width=None, height=None),
    ],
)
def test_crop_beyond_the_overlay_is_invalid_input(crop: Crop) -> None:
    with pytest.raises(InvalidInput, match="reaches beyond overlay"):
        crop_of(a_source(a_video(), place="overlay"), crop)


def test_compose_arguments_read_a_mask_only_when_rounded() -> None:
    place = Rectangle(left=0, top=0, width=384, height=216)
    whole = Rectangle(left=0, top=0, width=1280, height=720)

    plain, rounded = (
        compose_arguments(
            a_source(a_video()),
            a_source(a_video()),
            crop=whole,
            place=place,
            is_rounded=is_rounded,
            level="volume=0.0dB",
        )
        for is_rounded in (False, True)
    )

    assert "mask.pgm" not in plain
    assert "mask.pgm" in rounded
    assert "alphamerge" in option(rounded, "-filter_complex")


def test_compose_without_any_sound_make_silence() -> None:
    arguments = compose_sound_arguments(a_source(a_video(seconds=2)), a_source(a_video()))

    assert "anullsrc" in option(arguments, "-filter_complex")
    assert "atrim=end_sample=96000[sound];" in option(arguments, "-filter_complex")


def test_rounded_mask_is_symmetric_and_smooth() -> None:
    width, height, radius = 40, 30, 10
    header = b"P5\n40 30\n255\n"

    mask = rounded_mask(width=width, height=height, radius=radius)

    assert mask.startswith(header)
    rows = [mask[len(header) + y * width :][:width] for y in range(height)]
    assert len(mask) == len(header) + width * height
    assert rows == rows[::-1]
    assert all(row == row[::-1] for row in rows)
    assert rows[0][0] == 0
    assert rows[0][20] == rows[15][0] == rows[9][9] == 255
    assert any(0 < value < 255 for value in rows[0])
    assert sum(map(sum, rows)) / 255 == pytest.approx(width * height - (4 - 3.14159) * radius**2, abs=2)
