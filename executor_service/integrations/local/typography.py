"""Lays a prompt out as lines of words with a place and a moment to enter."""

from dataclasses import dataclass

from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.lettering import Face, Font, Ink, font, wrapped

_WHITE: Ink = (250, 250, 255)
_MIST: Ink = (190, 196, 226)
_ACCENT: Ink = (94, 214, 196)
_LEAST_LIST_LINES = 3
_LIST_WIDTH = 0.62
_LIST_SHARE = 0.8
"""Of the film, until the last line of a list has begun to enter."""
_BULLET_INDENT = 0.75
_ENTER_AFTER_S = 0.25
_WORD_GAP_S = 0.13
_SIZES = range(148, 26, -4)


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word or line in its final place, and when it begins to enter."""

    text: str
    face: Font
    ink: Ink
    left: float
    top: float
    enters_s: float


@dataclass(frozen=True, kw_only=True)
class Layout:
    """All that is written in one animation."""

    words: list[Word]
    rule_top: float | None
    """Where the accent line under a title is; a list has none."""


def laid_out(prompt: str, *, picture: Picture, duration_s: float) -> Layout:
    """A title with its subtitle, or from three lines on a list that fills while the film goes on."""
    lines = [line.strip() for line in prompt.splitlines() if line.strip()]
    if len(lines) >= _LEAST_LIST_LINES:
        return _list(lines, picture=picture, duration_s=duration_s)
    return _title(lines[0], lines[1] if len(lines) > 1 else "", picture=picture, duration_s=duration_s)


def _title(title: str, subtitle: str, *, picture: Picture, duration_s: float) -> Layout:
    scale, width = _scale(picture), picture.width * 0.82
    face, rows = _fitted(title, Face.TITLE, width=width, height=picture.height * 0.52, scale=scale)
    row_height = face.size * 1.18
    small = font(Face.TEXT, 34 * scale)
    small_rows = wrapped(subtitle, small, max_width=width)
    rule_gap = 30 * scale
    block = len(rows) * row_height + rule_gap * 2 + len(small_rows) * small.size * 1.4
    top = (picture.height - block) / 2
    hurry = min(1.0, duration_s / 4)
    words = []
    enters_s = _ENTER_AFTER_S * hurry
    for row in rows:
        left = (picture.width - face.getlength(row)) / 2
        for text in row.split():
            words.append(Word(text=text, face=face, ink=_WHITE, left=left, top=top, enters_s=enters_s))
            left += face.getlength(f"{text} ")
            enters_s += _WORD_GAP_S * hurry
        top += row_height
    rule_top = top + rule_gap * 0.8
    top += rule_gap * 2.1
    for row in small_rows:
        left = (picture.width - small.getlength(row)) / 2
        enters_s += 0.25 * hurry
        words.append(Word(text=row, face=small, ink=_MIST, left=left, top=top, enters_s=enters_s))
        top += small.size * 1.4
    return Layout(words=words, rule_top=rule_top)


def _list(lines: list[str], *, picture: Picture, duration_s: float) -> Layout:
    """Bulleted lines on the left; the right third stays free, for a speaker in a corner as a rule."""
    left, width = picture.width * 0.10, picture.width * _LIST_WIDTH
    face, points = _fitted_list(lines, width=width, height=picture.height * 0.80, scale=_scale(picture))
    row_count = sum(len(rows) for rows in points)
    row_height = min(picture.height * 0.80 / row_count, face.size * 1.75)
    row_top = (picture.height - row_height * row_count) / 2
    step_s = duration_s * _LIST_SHARE / len(lines)
    words = []
    for number, rows in enumerate(points):
        enters_s = 0.2 + step_s * number
        words.append(Word(text="•", face=face, ink=_ACCENT, left=left, top=row_top, enters_s=enters_s))
        for row in rows:
            text_left = left + face.size * _BULLET_INDENT
            words.append(Word(text=row, face=face, ink=_WHITE, left=text_left, top=row_top, enters_s=enters_s + 0.1))
            row_top += row_height
    return Layout(words=words, rule_top=None)


def _fitted_list(lines: list[str], *, width: float, height: float, scale: float) -> tuple[Font, list[list[str]]]:
    """The largest size at which all lines fit, each on as few rows as it needs, and their rows."""
    face, points = font(Face.TITLE, 20 * scale), [[line] for line in lines]
    for size in _SIZES:
        face = font(Face.TITLE, size * 0.8 * scale)
        room = width - face.size * _BULLET_INDENT
        points = [wrapped(line, face, max_width=room) for line in lines]
        is_narrow = all(face.getlength(row) <= room for rows in points for row in rows)
        if is_narrow and face.size * 1.5 * sum(map(len, points)) <= height:
            break
    return face, points


def _fitted(text: str, kind: Face, *, width: float, height: float, scale: float) -> tuple[Font, list[str]]:
    """The largest size at which a text fits a box, and its rows then."""
    face, rows = font(kind, 24 * scale), [text]
    for size in _SIZES:
        face = font(kind, size * scale)
        rows = wrapped(text, face, max_width=width)
        if len(rows) * face.size * 1.18 <= height and all(face.getlength(row) <= width for row in rows):
            break
    return face, rows


def _scale(picture: Picture) -> float:
    return float((min(picture.size) / 720) ** 0.75)
