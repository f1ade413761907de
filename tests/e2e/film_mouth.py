"""Whether a mouth in pictures follows a sound."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from executor_service.integrations.local.mouth import MOUTH_COLOUR, region_pixels
from tests.e2e.film_media import Rgb
from tests.e2e.film_pictures import Rectangle
from tests.e2e.film_sound import Mono, correlation

_COLOUR_TOLERANCE = 60
"""Sum of the three channels' differences; results hardly change from 40 to 120."""


def mouth_region(*, width: int, height: int) -> Rectangle:
    """Where the mouth of a drawn avatar stays in a picture of this size."""
    left, top, right, bottom = region_pixels(width=width, height=height)
    return Rectangle(left=left, top=top, width=right - left, height=bottom - top)


def scaled_into(region: Rectangle, *, crop: Rectangle, place: Rectangle) -> Rectangle:
    """Where a region is found when `crop` of its picture is shown at `place` of another."""
    factor_x, factor_y = place.width / crop.width, place.height / crop.height
    return Rectangle(
        left=round(place.left + (region.left - crop.left) * factor_x),
        top=round(place.top + (region.top - crop.top) * factor_y),
        width=round(region.width * factor_x),
        height=round(region.height * factor_y),
    )


def mouth_areas(pictures: Iterable[Rgb], region: Rectangle) -> Mono:
    """Pixels of the mouth's colour in `region` of each picture."""
    colour = np.array(MOUTH_COLOUR)
    return np.array([_area(picture[region.slices], colour) for picture in pictures], dtype=np.float64)


def follows(areas: Mono, loudness: Mono, *, later_by: int = 0) -> float:
    """Correlation of the areas with the loudness `later_by` pictures later; negative is earlier."""
    count = min(len(areas), len(loudness))
    size = count - abs(later_by)
    first = max(0, -later_by)
    return correlation(areas[first : first + size], loudness[first + later_by : first + later_by + size])


def _area(picture: Rgb, colour: NDArray[np.int_]) -> int:
    return int((np.abs(picture.astype(np.int16) - colour).sum(axis=2) < _COLOUR_TOLERANCE).sum())
