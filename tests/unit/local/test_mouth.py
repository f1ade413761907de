"""The mouth follows the sound, and can be measured."""

import numpy as np
import pytest
from PIL import Image

from executor_service.integrations.local.avatar import AvatarJob
from executor_service.integrations.local.avatar_scene import AvatarScene
from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.looks import looks
from executor_service.integrations.local.mouth import loudness, mouth_area, mouth_openness

RATE, FPS = 48_000, 25


def a_speech(seconds: float, *, seed: int = 1) -> np.ndarray:
    """Noise in syllables of random loudness with pauses between."""
    random = np.random.default_rng(seed)
    syllables = random.random(int(seconds * 6)) * (random.random(int(seconds * 6)) > 0.3)
    envelope = np.repeat(syllables, int(RATE * seconds) // len(syllables) + 1)[: int(RATE * seconds)]
    return (envelope * random.standard_normal(len(envelope)) * 0.2).astype(np.float32)


def a_scene(avatar: str = "rowan", *, width: int = 1280, height: int = 720) -> AvatarScene:
    job = AvatarJob(
        audio="", background=None, avatar=avatar, name_tag="Tag", width=width, height=height, fps=FPS,
        draft_label=False, destination="",
    )  # fmt: skip
    return AvatarScene(job, picture=Picture(width=width, height=height, fps=FPS))


def area(frame: Image.Image) -> int:
    return mouth_area(np.asarray(frame))


def test_openness_of_speech_follows_its_loudness_and_not_that_of_two_seconds_later():
    speech = a_speech(20.0)
    opened = mouth_openness(speech, sample_rate=RATE, fps=FPS, frame_count=500)
    levels = loudness(speech, sample_rate=RATE, fps=FPS, frame_count=500)

    assert np.corrcoef(opened, levels)[0, 1] > 0.9
    assert abs(np.corrcoef(opened[: -2 * FPS], levels[2 * FPS :])[0, 1]) < 0.2


def test_openness_of_silence_is_closed():
    opened = mouth_openness(np.zeros(RATE, dtype=np.float32), sample_rate=RATE, fps=FPS, frame_count=FPS)

    assert opened.shape == (FPS,)
    assert not opened.any()


def test_openness_of_a_whisper_opens_as_far_as_of_a_shout():
    speech = a_speech(5.0)
    loud = mouth_openness(speech, sample_rate=RATE, fps=FPS, frame_count=125)
    quiet = mouth_openness(speech * 0.05, sample_rate=RATE, fps=FPS, frame_count=125)

    np.testing.assert_allclose(quiet, loud, atol=1e-4)
    assert 0.9 < loud.max() <= 1.0


def test_openness_of_frames_past_the_end_is_closed():
    opened = mouth_openness(a_speech(1.0), sample_rate=RATE, fps=FPS, frame_count=40)

    assert not opened[28:].any()


@pytest.mark.parametrize("avatar", sorted(looks()))
def test_mouth_area_in_the_picture_grows_with_openness(avatar):
    scene = a_scene(avatar)

    areas = [area(scene.frame(0.4, openness=step / 8, mood=0.0)) for step in range(9)]

    assert areas == sorted(areas)
    assert areas[-1] > 4 * areas[0] > 0


@pytest.mark.parametrize(("width", "height"), [(640, 360), (720, 1280), (480, 480)])
def test_mouth_area_in_other_frame_shapes_is_found(width, height):
    scene = a_scene(width=width, height=height)

    shut = area(scene.frame(0.4, openness=0.0, mood=0.0))
    open_wide = area(scene.frame(0.4, openness=1.0, mood=0.0))

    assert open_wide > 3 * shut > 0


def test_mouth_area_while_the_head_sways_stays_about_the_same():
    scene = a_scene()

    areas = [area(scene.frame(at_s, openness=0.6, mood=0.0)) for at_s in np.arange(0.0, 12.0, 0.6)]

    assert max(areas) < 1.15 * min(areas)


def test_scene_at_the_same_moment_is_the_same_picture():
    assert (
        a_scene().frame(1.0, openness=0.3, mood=0.1).tobytes() == a_scene().frame(1.0, openness=0.3, mood=0.1).tobytes()
    )
