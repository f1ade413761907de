"""A draft says so in its picture, whatever was done to it, and sounds as it would."""

import pytest

from tests.integration.media.clips import film, frame_at, frame_count, level_of, sound_of
from tests.integration.media.conftest import Bench

RED, WHITE = (200, 30, 45), (255, 255, 255)


def share_of(picture: object, colour: tuple[int, int, int]) -> float:
    """Share of the pixels of the mark's place that have this colour, nearly."""
    pixels = picture[10:32, 127:193].astype(int)  # type: ignore[index]  # an array of numpy's
    return float((abs(pixels - colour).max(axis=2) < 40).mean())


@pytest.mark.parametrize("executor_type", ["merge-videos", "mix-audio", "compose-video"])
def test_draft_of_any_step_is_marked_in_every_picture(bench: Bench, executor_type: str) -> None:
    clip = bench.clip("clip.mp4", seconds=1, tone_hz=440)
    inputs = {
        "merge-videos": {"segments": [clip, clip]},
        "mix-audio": {"video": [clip], "audio": [clip]},
        "compose-video": {"background": [clip], "overlay": [clip]},
    }[executor_type]
    config = {"rounded": True} if executor_type == "compose-video" else {}

    plain = bench.film(bench.event(executor_type, inputs, **config))
    draft = bench.film(bench.event(executor_type, inputs, draft=True, **config))

    for moment in (0.0, 0.5, 0.9):
        assert share_of(frame_at(draft, moment), RED) > 0.4
        assert share_of(frame_at(draft, moment), WHITE) > 0.15
        assert share_of(frame_at(plain, moment), RED) < 0.1
    assert frame_count(draft) == frame_count(plain)
    assert abs(film(draft).duration - film(plain).duration) < 0.05
    assert level_of(sound_of(draft), 440, 0.2, 0.8) == pytest.approx(level_of(sound_of(plain), 440, 0.2, 0.8), rel=0.01)
