"""Draws a code job frame by frame in the child process."""

import bisect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from executor_service.integrations.local import marks
from executor_service.integrations.local.backdrop import Backdrop, dawn, dusk
from executor_service.integrations.local.code_screen import CodeJob
from executor_service.integrations.local.film import Picture, write_film
from executor_service.integrations.local.highlight import Glyph, Theme, glyphs, theme_named
from executor_service.integrations.local.lettering import Face, Font, Ink, font, shortened
from executor_service.integrations.local.typing_schedule import appearances_s, natural_duration_s

_BLINK_S = 0.55
_LARGEST_TEXT, _SMALLEST_TEXT = 26.0, 15.0
_LINE_HEIGHT = 1.5
_GLASS = 210
"""Opacity of the window, of 255: the lights behind it shine through a little, and so move it."""
_TEMPO = 1.6
"""The lights move faster than elsewhere, because most of them are seen only through the glass."""
_DOTS: tuple[Ink, ...] = ((255, 105, 97), (255, 196, 84), (96, 208, 120))


def render_code_screen(job: dict[str, Any], destination: Path, *, progress: Callable[[float], None]) -> None:
    """Write the film of a job."""
    asked = CodeJob(**job, destination=str(destination))
    picture = Picture(width=asked.width, height=asked.height, fps=asked.fps)
    theme = theme_named(asked.theme)
    text = glyphs(asked.code, title=asked.title, language=asked.language, theme=theme)
    characters = [glyph.character for glyph in text]
    duration_s = asked.duration_s or natural_duration_s(characters)
    moments = appearances_s(characters, duration_s=duration_s)
    frame_count = round(duration_s * picture.fps)
    scene = CodeScene(text, asked, theme=theme, picture=picture)
    frames = _frames(scene, moments, fps=picture.fps, frame_count=frame_count)
    write_film(frames, destination, picture=picture, frame_count=frame_count, progress=progress)


def _frames(scene: "CodeScene", moments: list[float], *, fps: int, frame_count: int) -> Iterator[bytes]:
    for number in range(frame_count):
        at_s = number / fps
        typed = bisect.bisect_right(moments, at_s)
        # The cursor stands still while somebody types and blinks when the hands rest.
        resting = typed in (0, len(moments))
        shown = not resting or at_s % (2 * _BLINK_S) < _BLINK_S
        yield scene.frame(at_s, typed=typed, cursor_shown=shown).tobytes()


class CodeScene:
    """A window in which text grows. Frames are asked for in order: what is typed stays typed."""

    def __init__(self, text: list[Glyph], job: CodeJob, *, theme: Theme, picture: Picture) -> None:
        scale = min(picture.size) / 720
        self._text, self._theme, self._scale = text, theme, scale
        self._backdrop = Backdrop(dusk() if job.theme == "dark" else dawn(), picture=picture, tempo=_TEMPO)
        self._place = (round(64 * scale), round(52 * scale))
        size = (picture.width - 2 * self._place[0], picture.height - 2 * self._place[1])
        self._bar_height = round(52 * scale)
        self._window = _window(size, job.title, theme=theme, bar_height=self._bar_height, scale=scale)
        # A tall picture is read as near as a wide one, but has to hold the same lines.
        smallest = _SMALLEST_TEXT * min(picture.width / 1280, picture.height / 720)
        self._face = _fitting_face(text, scale=scale, smallest=smallest, width=size[0])
        self._cell = self._face.getlength("0")
        self._line_height = round(self._face.size * _LINE_HEIGHT)
        line_count = text[-1].line + 1
        self._gutter = round(self._cell * (len(str(line_count)) + 1) + 30 * scale)
        self._sheet = Image.new("RGBA", (size[0], self._line_height * (line_count + 1)), (*theme.text, 0))
        self._visible_height = size[1] - self._bar_height - round(28 * scale)
        self._typed = self._numbered = 0
        self._scroll = 0.0
        self._draft = marks.draft_label(scale=scale) if job.draft_label else None

    def frame(self, at_s: float, *, typed: int, cursor_shown: bool) -> Image.Image:
        """The picture with the first `typed` characters in place."""
        self._type(typed)
        line, column = self._cursor()
        self._follow(line)
        window = self._window.copy()
        top = self._bar_height + round(14 * self._scale)
        scroll = round(self._scroll)
        self._mark_line(window, top + line * self._line_height - scroll)
        view = self._sheet.crop((0, scroll, self._sheet.width, scroll + self._visible_height))
        window.alpha_composite(view, (0, top))
        if cursor_shown:
            left = round(self._gutter + column * self._cell)
            self._draw_cursor(window, left, top + line * self._line_height - scroll)
        picture = Image.fromarray(self._backdrop.frame(at_s))
        picture.paste(window, self._place, window)
        if self._draft:
            picture.paste(self._draft, (picture.width - self._draft.width - self._place[0], 8), self._draft)
        return picture

    def _type(self, typed: int) -> None:
        draw = ImageDraw.Draw(self._sheet)
        for glyph in self._text[self._typed : typed]:
            if glyph.character not in " \n":
                place = (self._gutter + glyph.column * self._cell, self._baseline(glyph.line))
                draw.text(place, glyph.character, font=self._face, fill=(*glyph.ink, 255), anchor="ls")
        self._typed = max(self._typed, typed)
        while self._numbered <= self._cursor()[0]:
            place = (self._gutter - 22 * self._scale, self._baseline(self._numbered))
            number = str(self._numbered + 1)
            draw.text(place, number, font=self._face, fill=(*self._theme.quiet, 255), anchor="rs")
            self._numbered += 1

    def _cursor(self) -> tuple[int, int]:
        if self._typed == 0:
            return 0, 0
        last = self._text[self._typed - 1]
        return (last.line + 1, 0) if last.character == "\n" else (last.line, last.column + 1)

    def _follow(self, line: int) -> None:
        """Scroll a tenth of the way in each frame, so that the cursor's line stays in view."""
        hidden = (line + 2) * self._line_height - self._visible_height
        wanted = max(0, -(-hidden // self._line_height)) * self._line_height
        self._scroll += (wanted - self._scroll) * 0.1

    def _baseline(self, line: int) -> float:
        return line * self._line_height + self._line_height * 0.70

    def _mark_line(self, window: Image.Image, top: int) -> None:
        bottom = min(top + self._line_height, window.height - 3)
        if self._bar_height <= top < bottom:
            box = (2, top, window.width - 3, bottom)
            ImageDraw.Draw(window).rectangle(box, fill=(*self._theme.active_line, _GLASS))

    def _draw_cursor(self, window: Image.Image, left: int, top: int) -> None:
        thick, inset = max(2, round(3 * self._scale)), round(self._line_height * 0.14)
        box = (left, top + inset, left + thick, top + self._line_height - inset)
        ImageDraw.Draw(window).rectangle(box, fill=(*self._theme.cursor, 255))


def _window(size: tuple[int, int], title: str, *, theme: Theme, bar_height: int, scale: float) -> Image.Image:
    window = Image.new("RGBA", size, (*theme.panel, _GLASS))
    draw = ImageDraw.Draw(window)
    draw.rectangle((0, 0, size[0], bar_height), fill=(*theme.bar, 236))
    dot = round(15 * scale)
    for position, ink in enumerate(_DOTS):
        light = marks.rounded_panel((dot, dot), radius=dot / 2, ink=ink, opacity=255)
        window.alpha_composite(light, (round((24 + 26 * position) * scale), (bar_height - dot) // 2))
    face = font(Face.TEXT, 20 * scale)
    name = shortened(title, face, max_width=size[0] - 260 * scale)
    draw.text((size[0] / 2, bar_height / 2), name, font=face, fill=(*theme.text, 255), anchor="mm")
    radius = 18 * scale
    outline = Image.new("RGBA", size, (*theme.border, 0))
    inner = Image.new("L", size, 0)
    inner.paste(marks.rounded_mask((size[0] - 4, size[1] - 4), radius=radius - 2), (2, 2))
    shape = marks.rounded_mask(size, radius=radius)
    outline.putalpha(inner.point([90 - value * 90 // 255 for value in range(256)]))
    window.alpha_composite(outline)
    corner = Image.new("L", size, 0)
    corner.paste(window.getchannel("A"), (0, 0), shape)
    window.putalpha(corner)
    return window


def _fitting_face(text: list[Glyph], *, scale: float, smallest: float, width: int) -> Font:
    """The largest size at which the longest line fits; below the smallest, long lines leave the window."""
    columns = max(glyph.column for glyph in text) + 1
    digits = len(str(text[-1].line + 1)) + 1
    size = _LARGEST_TEXT * scale
    while size > smallest:
        face = font(Face.CODE, size)
        if face.getlength("0") * (columns + digits + 2) + 40 * scale <= width:
            return face
        size -= 0.5 * scale
    return font(Face.CODE, smallest)
