"""A web of nodes that lights up along its edges: the picture of a graph at work, behind a title."""

import math
from itertools import combinations

import numpy as np
from PIL import Image, ImageDraw

from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.motion import swing

_NODES = 15
_REACH = 0.30
"""Nodes nearer than this share of the frame's longer side are joined."""
_OVERSIZE = 2
_LINE, _DOT, _PULSE = 32, 88, 140


class Web:
    """Draws how much light the web adds at each pixel; the same moment gives the same pixels."""

    def __init__(self, *, picture: Picture) -> None:
        self._size = picture.size
        self._unit = min(picture.size) / 720 * _OVERSIZE
        places = np.random.default_rng(11).random((_NODES, 2))
        # Spread by their order along the width, so that no corner stays empty and none is crowded.
        self._places = [((row + place[0]) / _NODES, float(place[1])) for row, place in enumerate(places)]

    def mask(self, at_s: float) -> Image.Image:
        """Brightness 0..255, the size of the frame."""
        large = (self._size[0] * _OVERSIZE, self._size[1] * _OVERSIZE)
        mask = Image.new("L", large, 0)
        draw = ImageDraw.Draw(mask)
        points = [self._point(number, at_s) for number in range(_NODES)]
        for number, (start, end) in enumerate(combinations(points, 2)):
            if math.dist(start, end) < _REACH * max(large):
                draw.line((*start, *end), fill=_LINE, width=round(1.6 * self._unit))
                self._pulse(draw, start, end, along=(at_s * 0.45 + number * 0.37) % 1)
        for number, point in enumerate(points):
            glow = 0.7 + 0.3 * swing(at_s, period_s=2.2, phase=number * 0.21)
            self._dot(draw, point, radius=(4.5 + number % 3 * 1.5) * self._unit, brightness=round(_DOT * glow))
        return mask.reduce(_OVERSIZE)

    def _point(self, number: int, at_s: float) -> tuple[float, float]:
        x, y = self._places[number]
        x += 0.018 * swing(at_s, period_s=6 + number % 4, phase=number * 0.13)
        y += 0.030 * swing(at_s, period_s=5 + number % 3, phase=number * 0.29)
        return x * self._size[0] * _OVERSIZE, y * self._size[1] * _OVERSIZE

    def _pulse(
        self, draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], *, along: float
    ) -> None:
        middle = (start[0] + (end[0] - start[0]) * along, start[1] + (end[1] - start[1]) * along)
        self._dot(draw, middle, radius=3.2 * self._unit, brightness=round(_PULSE * math.sin(math.pi * along)))

    def _dot(self, draw: ImageDraw.ImageDraw, middle: tuple[float, float], *, radius: float, brightness: int) -> None:
        x, y = middle
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=brightness)
