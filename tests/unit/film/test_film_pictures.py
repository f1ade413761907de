"""The measures of pictures, on pictures whose answer is known."""

import numpy as np
import pytest

from tests.e2e.film_media import Luma
from tests.e2e.film_pictures import Rectangle, likeness, motion_of, ssim_map

FPS = 25


def noise(*, seed: int = 1, height: int = 48, width: int = 64) -> Luma:
    return np.random.default_rng(seed).integers(16, 236, (height, width), dtype=np.uint8)


def plain(level: int) -> Luma:
    return np.full((48, 64), level, dtype=np.uint8)


def striped(*, moved_by: int = 0) -> Luma:
    """Stripes on the left half, a calm surface on the right one."""
    picture = np.full((48, 64), 90, dtype=np.uint8)
    picture[:, :32] = np.where((np.arange(32) + moved_by) // 4 % 2, 200, 40)
    return picture


def moving(count: int) -> list[Luma]:
    return [noise(seed=number) for number in range(count)]


def test_similarity_of_a_picture_with_itself_is_one():
    similar, _ = ssim_map(noise(), noise())

    np.testing.assert_allclose(similar, 1.0)


def test_similarity_of_two_plain_pictures_is_that_of_their_light():
    similar, variance = ssim_map(plain(100), plain(150))

    # (2 a b + c) / (a² + b² + c) with c = (0.01 · 255)²
    np.testing.assert_allclose(similar, (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025))
    np.testing.assert_allclose(variance, 0.0, atol=1e-6)


def test_similarity_of_one_window_is_what_the_formula_says():
    one, other = noise(seed=1, height=7, width=7), noise(seed=2, height=7, width=7)
    covariance = np.cov(one.ravel().astype(float), other.ravel().astype(float))

    similar, variance = ssim_map(one, other)

    light = (2 * one.mean() * other.mean() + 6.5025) / (one.mean() ** 2 + other.mean() ** 2 + 6.5025)
    structure = (2 * covariance[0, 1] + 58.5225) / (covariance[0, 0] + covariance[1, 1] + 58.5225)
    assert similar == pytest.approx(light * structure)
    assert variance == pytest.approx(covariance[0, 0])


def test_similarity_with_the_negative_is_below_zero():
    similar, _ = ssim_map(noise(), 255 - noise())

    assert similar.mean() < -0.5


def test_likeness_of_another_segment_fails():
    assert likeness(noise(seed=1), noise(seed=2)).whole < 0.2


def test_likeness_of_a_slightly_coded_picture_passes():
    coded = np.clip(noise().astype(int) + np.random.default_rng(3).integers(-4, 5, (48, 64)), 0, 255).astype(np.uint8)

    assert likeness(noise(), coded).whole > 0.99


def test_likeness_where_lines_are_drawn_is_not_lifted_by_calm_surfaces():
    found = likeness(striped(), striped(moved_by=4))

    assert found.drawn < -0.5
    assert found.whole > found.drawn + 0.5


def test_likeness_outside_a_hidden_rectangle_does_not_see_what_is_in_it():
    hidden = Rectangle(left=40, top=20, width=16, height=20)
    covered = noise()
    covered[hidden.slices] = 0

    assert likeness(noise(), covered, hidden=hidden).whole == pytest.approx(1.0)
    assert likeness(noise(), covered, hidden=hidden.shrunk(1)).whole < 1.0


def test_likeness_of_a_picture_with_nothing_in_it_says_so():
    with pytest.raises(AssertionError, match="nothing drawn"):
        likeness(plain(100), plain(100))


def test_motion_of_moving_pictures_has_no_still_stretch():
    assert motion_of(moving(30), fps=FPS).longest_still_s == 0


def test_motion_of_a_frozen_clip_is_still_from_its_first_picture_to_its_last():
    found = motion_of([noise()] * 51, fps=FPS)

    assert found.least == 0
    assert found.longest_still_s == pytest.approx(2.0)


@pytest.mark.parametrize(("frozen", "stands_too_long"), [(20, False), (26, False), (27, True), (40, True)])
def test_motion_of_a_clip_that_freezes_for_a_while_is_still_that_long(frozen, stands_too_long):
    pictures = [*moving(10), *[noise(seed=99)] * frozen, *moving(10)]

    found = motion_of(pictures, fps=FPS)

    assert found.longest_still_s == pytest.approx((frozen - 1) / FPS)
    assert (found.longest_still_s > 1.0) is stands_too_long


def test_motion_of_an_almost_frozen_clip_is_still_and_of_a_slow_one_is_not():
    def drifting(levels_per_picture: float) -> list[Luma]:
        return [plain(int(100 + number * levels_per_picture)) for number in range(60)]

    assert motion_of(drifting(0.0), fps=FPS).longest_still_s > 1.0
    assert motion_of(drifting(0.2), fps=FPS).longest_still_s == 0
