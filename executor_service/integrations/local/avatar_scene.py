"""Draws an avatar job frame by frame in the child process."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from executor_service.integrations.local import figure, marks
from executor_service.integrations.local.avatar import AvatarJob
from executor_service.integrations.local.backdrop import Backdrop, dawn
from executor_service.integrations.local.errors import invalid_input
from executor_service.integrations.local.film import Picture, write_film
from executor_service.integrations.local.looks import look_named
from executor_service.integrations.local.motion import eyes_closed, swing
from executor_service.integrations.local.mouth import mouth_openness, stage
from executor_service.integrations.local.photo import Photo
from executor_service.integrations.local.sound import SAMPLE_RATE, decode

_MOUTH_STEPS = 32
_EYE_STEPS = 4
_HEAD_AT = (640, 530)
"""Where the pivot of the head stands on the 1280 by 720 stage."""
_BODY_TOP = 448
_BODY_STEPS = 8


def render_avatar(job: dict[str, Any], destination: Path, *, progress: Callable[[float], None]) -> None:
    """Write the film of a job."""
    asked = AvatarJob(**job, destination=str(destination))
    picture = Picture(width=asked.width, height=asked.height, fps=asked.fps)
    audio = Path(asked.audio)
    samples = decode(audio)
    if not len(samples):
        raise invalid_input(f"the recording {audio.name} has no sound in it")
    frame_count = math.ceil(len(samples) / SAMPLE_RATE * picture.fps)
    openness = mouth_openness(samples, sample_rate=SAMPLE_RATE, fps=picture.fps, frame_count=frame_count)
    scene = AvatarScene(asked, picture=picture)
    frames = _frames(scene, openness, fps=picture.fps)
    write_film(frames, destination, picture=picture, frame_count=frame_count, audio=audio, progress=progress)


def _frames(scene: "AvatarScene", openness: NDArray[np.float32], *, fps: int) -> Iterator[bytes]:
    # The brows follow the voice slowly: half a second of it.
    mood = np.convolve(openness, np.ones(fps // 2) / (fps // 2), mode="same")
    for number, opened in enumerate(openness):
        yield scene.frame(number / fps, openness=float(opened), mood=float(mood[number])).tobytes()


class AvatarScene:
    """One avatar in front of its background; all that does not move is drawn once."""

    def __init__(self, job: AvatarJob, *, picture: Picture) -> None:
        look = look_named(job.avatar)
        self._scale, self._left, self._top = stage(width=picture.width, height=picture.height)
        scale = self._scale
        self._background: Backdrop | Photo = (
            Photo(Path(job.background), picture=picture) if job.background else Backdrop(dawn(), picture=picture)
        )
        self._bodies = _lowered(figure.body(look, scale=scale))
        self._head = figure.head(look, scale=scale)
        self._brows = figure.brows(look, scale=scale)
        self._glasses = figure.glasses(scale=scale) if look.glasses else None
        self._mouths = [figure.mouth(step / _MOUTH_STEPS, scale=scale) for step in range(_MOUTH_STEPS + 1)]
        self._eyes = [figure.eyes(closed=step / _EYE_STEPS, scale=scale) for step in range(_EYE_STEPS + 1)]
        self._labels = _labels(job, scale=scale, picture=picture)

    def frame(self, at_s: float, *, openness: float, mood: float) -> Image.Image:
        """The picture at a moment, with the mouth as far open as asked."""
        picture = Image.fromarray(self._background.frame(at_s))
        breath = 2.2 * swing(at_s, period_s=4.2)
        self._lay_body(picture, breath)
        sway = 5 * swing(at_s, period_s=5.3, phase=0.1)
        nod = breath * 1.2 + 3.0 * swing(at_s, period_s=2.3, phase=0.4) - 4 * mood
        tilt = 1.8 * swing(at_s, period_s=6.1, phase=0.2) + 0.8 * swing(at_s, period_s=1.9)
        pivot = (figure.HEAD_PIVOT[0] * self._scale, figure.HEAD_PIVOT[1] * self._scale)
        stand = (
            self._left + (_HEAD_AT[0] + sway) * self._scale,
            self._top + (_HEAD_AT[1] + nod) * self._scale,
        )
        face = self._face(at_s, openness=openness, mood=mood)
        _lay(picture, face, at=stand, pivot=pivot, degrees=tilt)
        for label, place in self._labels:
            picture.paste(label, place, label)
        return picture

    def _lay_body(self, picture: Image.Image, breath: float) -> None:
        left = round(self._left + (640 - figure.BODY_SIZE[0] / 2) * self._scale)
        top = self._top + (_BODY_TOP + breath) * self._scale
        body = self._bodies[int(top % 1 * _BODY_STEPS)]
        picture.paste(body, (left, math.floor(top)), body)

    def _face(self, at_s: float, *, openness: float, mood: float) -> Image.Image:
        face = self._head.copy()
        eyes = self._eyes[round(eyes_closed(at_s) * _EYE_STEPS)]
        self._stick(face, eyes, figure.EYES_AT)
        self._stick(face, self._brows, (figure.EYES_AT[0], figure.EYES_AT[1] - 38 - 7 * mood))
        if self._glasses:
            self._stick(face, self._glasses, figure.EYES_AT)
        mouth = self._mouths[round(openness * _MOUTH_STEPS)]
        self._stick(face, mouth, (figure.MOUTH_AT[0], figure.MOUTH_AT[1] + 29))
        return face

    def _stick(self, face: Image.Image, part: Image.Image, centre: tuple[float, float]) -> None:
        x, y = centre[0] * self._scale - part.width / 2, centre[1] * self._scale - part.height / 2
        face.alpha_composite(part, (round(x), round(y)))


def _lowered(sprite: Image.Image) -> list[Image.Image]:
    """The sprite at each fraction of a pixel: it only moves up and down, and this is cheaper than a transform."""
    size = (sprite.width, sprite.height + 1)
    shifts = [step / _BODY_STEPS for step in range(_BODY_STEPS)]
    return [
        sprite.transform(size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, -shift), Image.Resampling.BILINEAR)
        for shift in shifts
    ]


def _lay(
    picture: Image.Image, sprite: Image.Image, *, at: tuple[float, float], pivot: tuple[float, float], degrees: float
) -> None:
    """Lay a sprite so that its pivot comes to `at`, turned about it, with fractions of a pixel."""
    margin = 6
    left, top = math.floor(at[0] - pivot[0]) - margin, math.floor(at[1] - pivot[1]) - margin
    size = (sprite.width + 2 * margin, sprite.height + 2 * margin)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = at[0] - left, at[1] - top
    # The transform asks where a pixel of the result comes from.
    matrix = (
        cosine, sine, pivot[0] - cosine * x - sine * y,
        -sine, cosine, pivot[1] + sine * x - cosine * y,
    )  # fmt: skip
    moved = sprite.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    picture.paste(moved, (left, top), moved)


def _labels(job: AvatarJob, *, scale: float, picture: Picture) -> list[tuple[Image.Image, tuple[int, int]]]:
    labels = []
    margin = round(40 * scale)
    if job.name_tag:
        tag = marks.name_tag(job.name_tag, scale=scale, max_width=picture.width - 2 * margin)
        labels.append((tag, (margin, picture.height - margin - tag.height)))
    if job.draft_label:
        draft = marks.draft_label(scale=scale)
        labels.append((draft, (picture.width - margin - draft.width, margin)))
    return labels
