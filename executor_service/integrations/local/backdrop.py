"""The moving background behind everything that is drawn: soft lights that drift over a gradient."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from executor_service.integrations.local.film import Picture

Colour = tuple[int, int, int]
Frame = NDArray[np.uint8]
"""Height by width by 3, RGB."""


@dataclass(frozen=True, kw_only=True)
class Light:
    """A round glow on an elliptical path; places are fractions of the frame, the radius one of its shorter side."""

    colour: Colour
    centre: tuple[float, float]
    sway: tuple[float, float]
    radius: float
    period_s: float
    phase: float
    """Turns, 0..1, so that the lights do not move together."""


@dataclass(frozen=True, kw_only=True)
class Palette:
    """A background: two colours from top to bottom, and the lights over them."""

    top: Colour
    bottom: Colour
    lights: tuple[Light, ...]


class Backdrop:
    """Draws a palette at any moment; the same moment gives the same pixels.

    A glow is the product of one curve in x and one in y, so a whole frame is a single product of two thin matrices.
    """

    def __init__(self, palette: Palette, *, picture: Picture, tempo: float = 1.0) -> None:
        self._palette = palette
        # More frames a second must not mean less movement from frame to frame than a frozen picture would show.
        self._tempo = tempo * max(1.0, picture.fps / 25)
        self._height, self._width = picture.height, picture.width
        self._x = np.linspace(0.0, 1.0, self._width, dtype=np.float32)
        self._y = np.linspace(0.0, 1.0, self._height, dtype=np.float32)
        shorter = min(picture.size)
        self._unit = (shorter / picture.width, shorter / picture.height)
        # Half a step of fixed noise hides the bands that eight bits would show in so soft a gradient.
        noise = np.random.default_rng(7).random((self._height, self._width, 1), dtype=np.float32)
        self._noise = np.repeat(noise, 3, axis=2).reshape(self._height, -1)

    def frame(self, at_s: float) -> Frame:
        """The background at a moment of the film."""
        columns, rows = self._curves(at_s)
        field = columns @ rows
        field += self._noise
        np.clip(field, 0, 255, out=field)
        return field.astype(np.uint8).reshape(self._height, self._width, 3)

    def _curves(self, at_s: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        palette = self._palette
        flat = np.ones_like(self._x)
        in_y = [1.0 - self._y, self._y]
        in_x = [np.outer(flat, palette.top), np.outer(flat, palette.bottom)]
        for light in palette.lights:
            angle = 2 * math.pi * (at_s * self._tempo / light.period_s + light.phase)
            x = light.centre[0] + light.sway[0] * math.cos(angle)
            y = light.centre[1] + light.sway[1] * math.sin(angle)
            in_x.append(np.outer(_bell(self._x - x, light.radius * self._unit[0]), light.colour))
            in_y.append(_bell(self._y - y, light.radius * self._unit[1]))
        columns = np.stack(in_y, axis=1).astype(np.float32)
        rows = np.stack(in_x).reshape(len(in_x), -1).astype(np.float32)
        return columns, rows


def _bell(distance: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    return np.asarray(np.exp(-((distance / radius) ** 2)), dtype=np.float32)


def dusk() -> Palette:
    """Dark indigo with violet, teal and a little ember: behind titles and code."""
    return Palette(
        top=(14, 16, 38),
        bottom=(9, 11, 26),
        lights=(
            Light(colour=(64, 50, 156), centre=(0.20, 0.30), sway=(0.16, 0.26), radius=0.58, period_s=6.0, phase=0.0),
            Light(colour=(8, 104, 116), centre=(0.82, 0.74), sway=(0.16, 0.24), radius=0.60, period_s=7.0, phase=0.3),
            Light(colour=(122, 40, 66), centre=(0.78, 0.08), sway=(0.18, 0.18), radius=0.46, period_s=5.0, phase=0.6),
        ),
    )


def dawn() -> Palette:
    """Periwinkle, peach and pale blue: behind a speaker."""
    return Palette(
        top=(96, 108, 176),
        bottom=(126, 112, 164),
        lights=(
            Light(colour=(92, 58, 10), centre=(0.18, 0.26), sway=(0.15, 0.26), radius=0.54, period_s=4.4, phase=0.1),
            Light(colour=(0, 70, 74), centre=(0.84, 0.62), sway=(0.15, 0.26), radius=0.54, period_s=4.8, phase=0.6),
            Light(colour=(74, 22, 28), centre=(0.55, 1.00), sway=(0.28, 0.16), radius=0.46, period_s=4.0, phase=0.8),
        ),
    )
