"""How alike two pictures are, and whether pictures move."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tests.e2e.film_media import Luma

Map: TypeAlias = NDArray[np.float64]

STILL_BELOW = 0.5
"""Mean change of luma, of 255; less than that is no motion."""
STILL_OVER_FRAMES = 5
_WINDOW = 7
# Of Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment", 2004, for pictures of 8 bits.
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
_DRAWN_VARIANCE = 25.0


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """Pixels of a picture."""

    left: int
    top: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """To cut it out of an array."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def shrunk(self, by: int) -> "Rectangle":
        """The same without its edge."""
        return Rectangle(left=self.left + by, top=self.top + by, width=self.width - 2 * by, height=self.height - 2 * by)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Structural similarity: 1 is the same picture."""

    whole: float
    """Mean over every place that is looked at."""
    drawn: float
    """Mean over those places only where the first picture has lines or letters.

    Calm surfaces are alike in all films of one style and would lift the mean of any pair.
    """


@dataclass(frozen=True, kw_only=True)
class Motion:
    least: float
    """Mean change of luma between pictures five apart, of 255, where it is smallest."""
    longest_still_s: float
    """The longest stretch in which no pair of pictures five apart differs by STILL_BELOW."""


def likeness(one: Luma, other: Luma, *, hidden: Rectangle | None = None) -> Likeness:
    """Compare two pictures, leaving out every window that touches `hidden`."""
    similar, variance = ssim_map(one, other)
    seen = np.ones(similar.shape, dtype=bool)
    if hidden is not None:
        first_row, first_column = max(0, hidden.top - _WINDOW + 1), max(0, hidden.left - _WINDOW + 1)
        seen[first_row : hidden.top + hidden.height, first_column : hidden.left + hidden.width] = False
    drawn = seen & (variance > _DRAWN_VARIANCE)
    assert drawn.any(), "the first picture has nothing drawn in it that could be found again"
    return Likeness(whole=float(similar[seen].mean()), drawn=float(similar[drawn].mean()))


def ssim_map(one: Luma, other: Luma) -> tuple[Map, Map]:
    """Similarity in each window of 7 by 7 pixels and variance of `one` in it, by the window's upper left corner."""
    assert one.shape == other.shape, f"pictures of different sizes: {one.shape} and {other.shape}"
    first, second = one.astype(np.float64), other.astype(np.float64)
    mean_1, mean_2 = _window_means(first), _window_means(second)
    # Of a sample, as the paper and the usual libraries have it.
    correction = _WINDOW**2 / (_WINDOW**2 - 1)
    variance_1 = correction * (_window_means(first * first) - mean_1 * mean_1)
    variance_2 = correction * (_window_means(second * second) - mean_2 * mean_2)
    covariance = correction * (_window_means(first * second) - mean_1 * mean_2)
    light = (2 * mean_1 * mean_2 + _C1) / (mean_1**2 + mean_2**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_1 + variance_2 + _C2)
    return light * structure, variance_1


def motion_of(pictures: Iterable[Luma], *, fps: float) -> Motion:
    """How much and how long pictures stand still."""
    before: deque[NDArray[np.int16]] = deque(maxlen=STILL_OVER_FRAMES)
    least, still_pairs, most_still_pairs = np.inf, 0, 0
    for picture in pictures:
        now = picture.astype(np.int16)
        if len(before) == STILL_OVER_FRAMES:
            change = float(np.abs(now - before[0]).mean())
            least = min(least, change)
            still_pairs = still_pairs + 1 if change < STILL_BELOW else 0
            most_still_pairs = max(most_still_pairs, still_pairs)
        before.append(now)
    # k pairs in a row, each five apart, reach from the first picture to the one k + 4 later.
    longest = most_still_pairs + STILL_OVER_FRAMES - 1 if most_still_pairs else 0
    return Motion(least=float(least), longest_still_s=longest / fps)


def _window_means(values: Map) -> Map:
    sums = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    size = _WINDOW
    total: Map = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return total / size**2
