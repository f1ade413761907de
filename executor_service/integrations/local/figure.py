"""Draws an avatar's parts once, for 1280 by 720, three times too large and then reduced, which smooths every edge."""

import math

from PIL import Image, ImageDraw

from executor_service.integrations.local.lettering import Ink
from executor_service.integrations.local.looks import Hair, Look
from executor_service.integrations.local.mouth import MOUTH_COLOUR

HEAD_SIZE = (352, 412)
"""The head's sheet at scale 1; HEAD_PIVOT on it, the base of the neck, is where the head turns."""
HEAD_PIVOT = (176, 366)
BODY_SIZE = (760, 330)
FACE_AT = (176, 186)
"""Middle of the face on the head's sheet."""
MOUTH_AT = (176, 254)
EYES_AT = (176, 172)

_OVERSIZE = 3
_EYE_DISTANCE = 50
_EYE_COLOUR = (44, 38, 54)

Box = tuple[float, float, float, float]


class Sketch:
    """A sheet on which shapes are given in reference pixels."""

    def __init__(self, size: tuple[int, int], *, scale: float) -> None:
        self._factor = scale * _OVERSIZE
        self._size = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        large = (self._size[0] * _OVERSIZE, self._size[1] * _OVERSIZE)
        self._image = Image.new("RGBA", large, (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def ellipse(self, centre: tuple[float, float], radii: tuple[float, float], ink: Ink) -> None:
        (x, y), (wide, high) = centre, radii
        self._draw.ellipse(self._box((x - wide, y - high, x + wide, y + high)), fill=(*ink, 255))

    def rounded(self, box: Box, radius: float, ink: Ink) -> None:
        self._draw.rounded_rectangle(self._box(box), radius * self._factor, fill=(*ink, 255))

    def polygon(self, points: list[tuple[float, float]], ink: Ink) -> None:
        self._draw.polygon([(x * self._factor, y * self._factor) for x, y in points], fill=(*ink, 255))

    def arc(self, box: Box, degrees: tuple[float, float], width: float, ink: Ink) -> None:
        start, end = degrees
        self._draw.arc(self._box(box), start, end, fill=(*ink, 255), width=round(width * self._factor))

    def finished(self) -> Image.Image:
        return self._image.convert("RGBa").resize(self._size, Image.Resampling.BOX).convert("RGBA")

    def _box(self, box: Box) -> Box:
        left, top, right, bottom = (side * self._factor for side in box)
        return left, top, right, bottom


def body(look: Look, *, scale: float) -> Image.Image:
    """Shoulders and collar."""
    sketch = Sketch(BODY_SIZE, scale=scale)
    middle = BODY_SIZE[0] / 2
    sketch.rounded((middle - 300, 70, middle + 300, 560), 190, look.top)
    sketch.polygon([(middle - 300, 330), (middle - 214, 206), (middle - 196, 330)], look.top_shade)
    sketch.polygon([(middle + 300, 330), (middle + 214, 206), (middle + 196, 330)], look.top_shade)
    sketch.ellipse((middle, 74), (112, 52), look.top_shade)
    sketch.ellipse((middle, 62), (94, 44), look.skin_shade)
    return sketch.finished()


def head(look: Look, *, scale: float) -> Image.Image:
    """Everything of the head that does not change while it speaks."""
    sketch = Sketch(HEAD_SIZE, scale=scale)
    x, y = FACE_AT
    _hair_behind(sketch, look)
    sketch.rounded((x - 50, y + 80, x + 50, y + 192), 46, look.skin_shade)
    for side in (-1, 1):
        sketch.ellipse((x + side * 124, y + 14), (22, 30), look.skin_shade)
    sketch.rounded((x - 122, y - 140, x + 122, y + 138), 116, look.skin)
    for side in (-1, 1):
        sketch.ellipse((x + side * 78, y + 44), (25, 16), _blush(look))
    sketch.arc((x - 17, y - 4, x + 17, y + 36), (25, 155), 5, look.skin_shade)
    _hair_in_front(sketch, look)
    return sketch.finished()


def glasses(*, scale: float) -> Image.Image:
    """Round frames, laid over the eyes; the size of `eyes`."""
    sketch = Sketch(_EYES_SIZE, scale=scale)
    x, y = _EYES_SIZE[0] / 2, _EYES_SIZE[1] / 2
    for side in (-1, 1):
        centre = x + side * _EYE_DISTANCE
        sketch.arc((centre - 38, y - 36, centre + 38, y + 40), (0, 360), 5, (66, 70, 88))
    sketch.arc((x - 16, y - 12, x + 16, y + 14), (190, 350), 5, (66, 70, 88))
    return sketch.finished()


_EYES_SIZE = (190, 96)


def eyes(*, closed: float, scale: float) -> Image.Image:
    """Both eyes on their own sheet, centred; `closed` 0..1."""
    sketch = Sketch(_EYES_SIZE, scale=scale)
    for side in (-1, 1):
        x, y = _EYES_SIZE[0] / 2 + side * _EYE_DISTANCE, _EYES_SIZE[1] / 2
        if closed > 0.8:  # a lid, not a flat ellipse
            sketch.arc((x - 17, y - 14, x + 17, y + 10), (20, 160), 5, _EYE_COLOUR)
            continue
        high = 20 * (1 - closed) + 3
        sketch.ellipse((x, y), (14.5, high), _EYE_COLOUR)
        sketch.ellipse((x + 5, y - high * 0.38), (4.6, 5.2 * (1 - closed)), (255, 255, 255))
    return sketch.finished()


def brows(look: Look, *, scale: float) -> Image.Image:
    """Both eyebrows on their own sheet, as wide as `eyes`."""
    sketch = Sketch((_EYES_SIZE[0], 40), scale=scale)
    for side in (-1, 1):
        x = _EYES_SIZE[0] / 2 + side * (_EYE_DISTANCE + 2)
        sketch.arc((x - 30, 8, x + 30, 60), (215, 325), 7, _darker(look.hair))
    return sketch.finished()


MOUTH_SIZE = (150, 110)
_MOUTH_HALF_WIDTH = 47
_MOUTH_DROP = 50


def mouth(openness: float, *, scale: float) -> Image.Image:
    """The mouth on its own sheet; from a smiling line to a wide O, its area grows with `openness` 0..1."""
    sketch = Sketch(MOUTH_SIZE, scale=scale)
    x, y = MOUTH_SIZE[0] / 2, 26
    half = _MOUTH_HALF_WIDTH * (1.0 - 0.10 * openness)
    drop = 5 + _MOUTH_DROP * openness
    across = [step / 24 for step in range(-24, 25)]
    smile = 7 * (1 - 0.5 * openness)
    upper = [(x + half * t, y + smile * (1 - t * t)) for t in across]
    lower = [(x + half * t, y + smile * (1 - t * t) + drop * math.sqrt(1 - t * t)) for t in reversed(across)]
    sketch.polygon(upper + lower, MOUTH_COLOUR)
    if openness > 0.15:  # there is room for teeth
        high = 9 * min(1.0, (openness - 0.15) * 2.5)
        edge = [(x + half * 0.82 * t, y + 1 + smile * (1 - (0.82 * t) ** 2)) for t in across]
        teeth = [(px, py + high * math.sqrt(max(0.0, 1 - t**4))) for (px, py), t in zip(edge, across, strict=True)]
        sketch.polygon(edge + teeth[::-1], (250, 246, 242))
    return sketch.finished()


def _hair_behind(sketch: Sketch, look: Look) -> None:
    x, y = FACE_AT
    match look.hair_style:
        case Hair.BOB:
            sketch.rounded((x - 156, y - 184, x + 156, y + 128), 140, look.hair)
        case Hair.CLOUD:
            for angle in range(150, 391, 30):
                turn = math.radians(angle)
                sketch.ellipse((x + 108 * math.cos(turn), y - 58 + 66 * math.sin(turn)), (64, 60), look.hair)
        case Hair.CROP:
            sketch.rounded((x - 132, y - 168, x + 132, y + 20), 116, look.hair)


def _hair_in_front(sketch: Sketch, look: Look) -> None:
    x, y = FACE_AT
    match look.hair_style:
        case Hair.BOB:
            curve = [(float(t), -92 + 66 * ((t + 40) / 170) ** 2) for t in range(-130, 131, 10)]
            sketch.polygon([(x - 132, y - 60), *_crown(x, y), (x + 132, y - 60), *_edge(x, y, curve)], look.hair)
        case Hair.CLOUD:
            for step in range(-2, 3):
                sketch.ellipse((x + step * 50, y - 128 + 7 * step * step), (44, 36), look.hair)
        case Hair.CROP:
            curve = [(float(t), -86 - 22 * math.cos(t / 60)) for t in range(-124, 125, 8)]
            sketch.polygon([(x - 126, y - 30), *_crown(x, y), (x + 126, y - 30), *_edge(x, y, curve)], look.hair)


def _crown(x: float, y: float) -> list[tuple[float, float]]:
    angles = [math.radians(180 + step) for step in range(0, 181, 6)]
    return [(x + 132 * math.cos(angle), y - 60 + 116 * math.sin(angle)) for angle in angles]


def _edge(x: float, y: float, curve: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x + across, y + down) for across, down in reversed(curve)]


def _blush(look: Look) -> Ink:
    red, green, blue = look.skin
    return red, round(green * 0.91), round(blue * 0.90)


def _darker(ink: Ink) -> Ink:
    red, green, blue = ink
    return round(red * 0.8), round(green * 0.8), round(blue * 0.8)
