"""The measure of a mouth, on drawn mouths that follow a sound, come late, or stay shut."""

from collections.abc import Iterable

import numpy as np
import pytest

from executor_service.integrations.local.mouth import MOUTH_COLOUR
from tests.e2e.film_media import Rgb
from tests.e2e.film_mouth import follows, mouth_areas, mouth_region, scaled_into
from tests.e2e.film_pictures import Rectangle
from tests.e2e.film_sound import Mono

REGION = Rectangle(left=10, top=20, width=30, height=40)
TWO_SECONDS = 50


def loudness(*, seed: int = 1, count: int = 500) -> Mono:
    """Syllables of three pictures each."""
    return np.repeat(np.random.default_rng(seed).random(count // 3 + 1), 3)[:count]


def face(mouth_height: int) -> Rgb:
    """A mouth of this height in the region, and a spot of its colour outside, which must not count."""
    picture = np.full((80, 60, 3), 180, dtype=np.uint8)
    picture[25 : 25 + mouth_height, 15:35] = MOUTH_COLOUR
    picture[70:75, 50:55] = MOUTH_COLOUR
    return picture


def speaking(loudness: Iterable[float]) -> Mono:
    return mouth_areas((face(round(30 * loud)) for loud in loudness), REGION)


def test_mouth_areas_count_the_colour_in_the_region_only():
    np.testing.assert_array_equal(mouth_areas([face(0), face(3), face(30)], REGION), [0, 60, 600])


def test_mouth_that_opens_with_the_sound_follows_it():
    assert follows(speaking(loudness()), loudness()) > 0.95


def test_mouth_that_opens_with_the_sound_does_not_follow_that_of_two_seconds_later_or_earlier():
    areas = speaking(loudness())

    assert abs(follows(areas, loudness(), later_by=TWO_SECONDS)) < 0.2
    assert abs(follows(areas, loudness(), later_by=-TWO_SECONDS)) < 0.2


@pytest.mark.parametrize("late", [TWO_SECONDS, -TWO_SECONDS])
def test_mouth_that_is_late_follows_only_when_that_is_taken_back(late):
    areas = np.roll(speaking(loudness()), late)

    assert follows(areas, loudness()) < 0.2
    assert follows(areas, loudness(), later_by=-late) > 0.95


def test_mouth_that_stays_shut_follows_nothing():
    assert follows(speaking(np.zeros(500)), loudness()) == 0.0


def test_mouth_of_other_words_does_not_follow():
    assert follows(speaking(loudness(seed=2)), loudness()) < 0.2


def test_mouth_region_lies_below_the_middle_of_a_wide_picture():
    region = mouth_region(width=1280, height=720)

    assert region.left + region.width / 2 == pytest.approx(640, abs=1)
    assert 360 <= region.top < region.top + region.height <= 540


def test_region_of_a_cropped_picture_moves_and_shrinks_with_it():
    found = scaled_into(
        Rectangle(left=150, top=140, width=40, height=20),
        crop=Rectangle(left=100, top=100, width=200, height=200),
        place=Rectangle(left=1000, top=400, width=100, height=100),
    )

    assert found == Rectangle(left=1025, top=420, width=20, height=10)
