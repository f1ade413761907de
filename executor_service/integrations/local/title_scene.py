"""Draws an animation job frame by frame in the child process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw

from executor_service.integrations.local import marks
from executor_service.integrations.local.animation import AnimationJob
from executor_service.integrations.local.backdrop import Backdrop, dusk
from executor_service.integrations.local.film import Picture, write_film
from executor_service.integrations.local.lettering import Ink, text_sprite
from executor_service.integrations.local.motion import eased
from executor_service.integrations.local.photo import LONGEST_TRAVEL_S, Photo
from executor_service.integrations.local.typography import Layout, Word, laid_out
from executor_service.integrations.local.web import Web

_ENTER_S = 0.8
_RISE = 46
_RULE_WIDTH = 150
_ACCENT: Ink = (94, 214, 196)


def render_animation(job: dict[str, Any], destination: Path, *, progress: Callable[[float], None]) -> None:
    """Write the film of a job."""
    asked = AnimationJob(**job, destination=str(destination))
    picture = Picture(width=asked.width, height=asked.height, fps=asked.fps)
    frame_count = round(asked.duration_s * picture.fps)
    scene: TitleScene | PhotoScene
    scene = PhotoScene(asked, picture=picture) if asked.reference_image else TitleScene(asked, picture=picture)
    frames = _frames(scene, _draft(asked, picture), fps=picture.fps, frame_count=frame_count)
    write_film(frames, destination, picture=picture, frame_count=frame_count, progress=progress)


def _frames(
    scene: "TitleScene | PhotoScene", draft: Image.Image | None, *, fps: int, frame_count: int
) -> Iterator[bytes]:
    for number in range(frame_count):
        frame = scene.frame(number / fps)
        if draft:
            frame.paste(draft, (frame.width - draft.width - draft.height, draft.height), draft)
        yield frame.tobytes()


class TitleScene:
    """Words over a web of nodes."""

    def __init__(self, job: AnimationJob, *, picture: Picture) -> None:
        self._backdrop = Backdrop(dusk(), picture=picture)
        self._web = Web(picture=picture)
        self._layout: Layout = laid_out(job.prompt, picture=picture, duration_s=job.duration_s)
        self._sprites = [text_sprite(word.text, word.face, ink=word.ink) for word in self._layout.words]
        self._unit = min(picture.size) / 720
        self._pace = min(1.0, job.duration_s / 3)

    def frame(self, at_s: float) -> Image.Image:
        """The picture at a moment."""
        web = self._web.mask(at_s)
        picture = ImageChops.add(Image.fromarray(self._backdrop.frame(at_s)), Image.merge("RGB", (web, web, web)))
        for word, sprite in zip(self._layout.words, self._sprites, strict=True):
            self._enter(picture, sprite, word, at_s=at_s)
        self._underline(picture, at_s)
        return picture

    def _enter(self, picture: Image.Image, sprite: Image.Image, word: Word, *, at_s: float) -> None:
        arrived = eased((at_s - word.enters_s) / (_ENTER_S * self._pace))
        if arrived <= 0:
            return
        place = (round(word.left), round(word.top + _RISE * self._unit * (1 - arrived)))
        opacity = sprite.getchannel("A")
        if arrived < 1:
            opacity = opacity.point([round(value * arrived) for value in range(256)])
        picture.paste(sprite, place, opacity)

    def _underline(self, picture: Image.Image, at_s: float) -> None:
        if self._layout.rule_top is None:
            return
        last_word_s = self._layout.words[-1].enters_s
        half = eased((at_s - last_word_s) / (1.2 * self._pace)) * _RULE_WIDTH * self._unit / 2
        if half >= 1:
            middle, top = picture.width / 2, self._layout.rule_top
            box = (middle - half, top, middle + half, top + 5 * self._unit)
            ImageDraw.Draw(picture).rounded_rectangle(box, 2.5 * self._unit, fill=_ACCENT)


class PhotoScene:
    """A photograph that is travelled over, with the prompt as a caption."""

    def __init__(self, job: AnimationJob, *, picture: Picture) -> None:
        self._photo = Photo(
            Path(job.reference_image or ""), picture=picture, travel_s=min(job.duration_s, LONGEST_TRAVEL_S)
        )
        unit = min(picture.size) / 720
        self._margin = round(44 * unit)
        caption = " ".join(job.prompt.split())
        width = picture.width - 2 * self._margin
        self._caption = marks.name_tag(caption, scale=unit, max_width=width) if caption else None

    def frame(self, at_s: float) -> Image.Image:
        """The picture at a moment."""
        picture = Image.fromarray(self._photo.frame(at_s))
        if self._caption:
            place = (self._margin, picture.height - self._margin - self._caption.height)
            picture.paste(self._caption, place, self._caption)
        return picture


def _draft(job: AnimationJob, picture: Picture) -> Image.Image | None:
    return marks.draft_label(scale=min(picture.size) / 720) if job.draft_label else None
