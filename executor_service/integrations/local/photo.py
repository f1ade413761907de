"""A still image that fills the frame and is never quite still: Ken Burns, with a light passing over it."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from executor_service.integrations.local.backdrop import Backdrop, Frame, Light, Palette
from executor_service.integrations.local.errors import invalid_input
from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.motion import swing

_CLOSEST, _WIDEST = 0.76, 0.96
"""Share of the image that is seen, between the two ends of the zoom."""
LONGEST_TRAVEL_S = 16.0
"""Over the image once; slower would look as if it stood still."""
_MAX_PIXELS = 50_000_000
_LIGHT_SHARE = 0.08
"""Enough that a plain image is not quite still either, and too little to change the colours of a good one."""


class Photo:
    """An image as background; the same moment gives the same pixels.

    The view comes closer and moves aside once in `travel_s`, and then goes the same way back.
    """

    def __init__(self, path: Path, *, picture: Picture, travel_s: float = LONGEST_TRAVEL_S) -> None:
        self._travel_s = travel_s
        self._size = picture.size
        # Twice the frame is more than the closest view needs; a larger image only costs time in every frame.
        largest = (picture.width * 3 // 2, picture.height * 3 // 2)
        self._image = ImageOps.fit(_opened(path), largest, Image.Resampling.LANCZOS)
        self._light = Backdrop(_passing_light(), picture=picture)

    def frame(self, at_s: float) -> Frame:
        """The view at a moment of the film."""
        way = swing(at_s, period_s=2 * self._travel_s, phase=-0.25)
        share = (_WIDEST + _CLOSEST) / 2 - (_WIDEST - _CLOSEST) / 2 * way
        wide, high = self._image.width * share, self._image.height * share
        left = (self._image.width - wide) * (0.5 + 0.45 * way)
        # A quarter turn apart: where the one comes to rest before it goes back, the other is at its fastest.
        top = (self._image.height - high) * (0.5 + 0.45 * swing(at_s, period_s=2 * self._travel_s))
        view = self._image.resize(self._size, Image.Resampling.BILINEAR, (left, top, left + wide, top + high))
        light = Image.fromarray(self._light.frame(at_s))
        return np.asarray(Image.blend(view, light, _LIGHT_SHARE))


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise invalid_input(f"the image {path.name} has more than {_MAX_PIXELS} pixels")
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as err:
        raise invalid_input(f"{path.name} is not an image that can be read: {err}") from err


def _passing_light() -> Palette:
    """Warm and cool light on neutral grey; strong, because only a share of it is seen."""
    return Palette(
        top=(70, 72, 84),
        bottom=(44, 46, 58),
        lights=(
            Light(colour=(170, 140, 96), centre=(0.25, 0.35), sway=(0.20, 0.28), radius=0.55, period_s=5.0, phase=0.0),
            Light(colour=(70, 104, 140), centre=(0.78, 0.65), sway=(0.18, 0.28), radius=0.55, period_s=6.0, phase=0.5),
        ),
    )
