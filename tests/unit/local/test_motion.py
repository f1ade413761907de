"""Nothing that is drawn ever stands still."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from executor_service.integrations.local.animation import AnimationJob
from executor_service.integrations.local.backdrop import Backdrop, dawn, dusk
from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.motion import eased, eyes_closed, swing
from executor_service.integrations.local.photo import Photo
from executor_service.integrations.local.title_scene import TitleScene

LEAST_MOVEMENT = 0.8
"""Of 255, mean luma between frames five apart."""


def luma(frame: np.ndarray) -> np.ndarray:
    return frame @ np.array([0.299, 0.587, 0.114])


def least_movement(frames: list[np.ndarray]) -> float:
    return min(float(np.abs(luma(after) - luma(before)).mean()) for before, after in pairwise(frames))


@pytest.mark.parametrize("palette", [dusk(), dawn()], ids=["dusk", "dawn"])
@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("size", [(320, 180), (180, 320), (180, 180)])
def test_backdrop_over_a_minute_always_moves(palette, fps, size):
    backdrop = Backdrop(palette, picture=Picture(width=size[0], height=size[1], fps=fps))

    frames = [backdrop.frame(number / fps) for number in range(0, 60 * fps, 5)]

    assert least_movement(frames) >= LEAST_MOVEMENT


def test_photo_is_travelled_over_without_a_rest(tmp_path):
    squares = np.kron(np.indices((15, 20)).sum(axis=0) % 2, np.ones((20, 20)))
    Image.fromarray((60 + 140 * squares).astype(np.uint8)).save(tmp_path / "squares.png")
    photo = Photo(tmp_path / "squares.png", picture=Picture(width=320, height=180, fps=25))

    frames = [photo.frame(number / 25) for number in range(0, 1000, 5)]

    assert least_movement(frames) >= LEAST_MOVEMENT


def test_photo_keeps_its_colours(tmp_path):
    Image.new("RGB", (400, 300), (250, 120, 20)).save(tmp_path / "flat.png")
    photo = Photo(tmp_path / "flat.png", picture=Picture(width=320, height=180, fps=25), travel_s=4)

    frames = [photo.frame(at_s).reshape(-1, 3) for at_s in (0, 1.5, 4)]

    for frame in frames:
        assert np.abs(frame.mean(axis=0) - (250, 120, 20)).max() < 20


def test_title_words_enter_one_after_the_other_and_stay():
    job = AnimationJob(
        prompt="One\nTwo\nThree", reference_image=None, duration_s=6, width=640, height=360, fps=25,
        draft_label=False, destination="",
    )  # fmt: skip
    scene = TitleScene(job, picture=Picture(width=640, height=360, fps=25))

    bright = [int((luma(np.asarray(scene.frame(at_s))) > 240).sum()) for at_s in (0.1, 1.7, 3.2, 5.9)]

    assert bright[0] < bright[1] < bright[2] < bright[3]


def test_eased_outside_its_range_is_clamped():
    assert (eased(-1), eased(0), eased(1), eased(9)) == (0.0, 0.0, 1.0, 1.0)


def test_swing_a_quarter_into_its_period_is_at_its_end():
    assert swing(1.0, period_s=4.0) == pytest.approx(1.0)


def test_eyes_over_a_minute_blink_and_are_mostly_open():
    closed = [eyes_closed(step / 100) for step in range(6000)]

    assert max(closed) > 0.95
    assert sum(value == 0 for value in closed) > 5000
