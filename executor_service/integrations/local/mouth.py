"""How far a mouth is open while somebody speaks, and how that is found again in a picture."""

import numpy as np
from numpy.typing import NDArray

from executor_service.integrations.local.sound import Samples

MOUTH_COLOUR = (122, 22, 52)
"""The inside of every avatar's mouth; nothing else in MOUTH_REGION has a colour near it."""
MOUTH_REGION = (0.42, 0.50, 0.58, 0.71)
"""Where the mouth stays in spite of the head's movement: left, top, right, bottom as fractions of the drawn stage.

The stage is the largest 16:9 rectangle in the middle of the frame's width that stands on its lower edge.
"""

_COLOUR_TOLERANCE = 60
_LOUD_PERCENTILE = 95
_GATE = 0.06
_LOOK_AROUND = (0.2, 0.6, 0.2)


def mouth_openness(samples: Samples, *, sample_rate: int, fps: int, frame_count: int) -> NDArray[np.float32]:
    """One value 0..1 per frame: loudness around the frame, relative to the loud parts of the whole recording.

    Silence closes the mouth entirely; three neighbouring frames are blended so that it does not flutter.
    """
    levels = loudness(samples, sample_rate=sample_rate, fps=fps, frame_count=frame_count)
    spoken = levels[levels > 1e-4]
    if spoken.size == 0:
        return np.zeros(frame_count, dtype=np.float32)
    relative = np.clip(levels / np.percentile(spoken, _LOUD_PERCENTILE), 0.0, 1.0)
    opened = np.clip((relative - _GATE) / (1.0 - _GATE), 0.0, 1.0) ** 0.8
    smooth: NDArray[np.float32] = np.convolve(np.pad(opened, 1, mode="edge"), _LOOK_AROUND, mode="valid")
    return smooth.astype(np.float32)


def loudness(samples: Samples, *, sample_rate: int, fps: int, frame_count: int) -> NDArray[np.float32]:
    """Root mean square of the sound in a window of two frames around the middle of each frame."""
    squares = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    middles = (np.arange(frame_count) + 0.5) * sample_rate / fps
    reach = sample_rate / fps
    starts = np.clip((middles - reach).astype(int), 0, len(samples))
    ends = np.clip((middles + reach).astype(int), 0, len(samples))
    energy: NDArray[np.float64] = (squares[ends] - squares[starts]) / np.maximum(ends - starts, 1)
    return np.sqrt(np.maximum(energy, 0.0)).astype(np.float32)


def mouth_area(frame: NDArray[np.uint8]) -> int:
    """Pixels of the mouth's colour in a decoded RGB frame of an avatar (height by width by 3)."""
    left, top, right, bottom = region_pixels(width=frame.shape[1], height=frame.shape[0])
    region = frame[top:bottom, left:right].astype(np.int32)
    distance = np.abs(region - np.array(MOUTH_COLOUR)).sum(axis=2)
    return int((distance < _COLOUR_TOLERANCE).sum())


def region_pixels(*, width: int, height: int) -> tuple[int, int, int, int]:
    """MOUTH_REGION in the pixels of a frame."""
    scale, origin_x, origin_y = stage(width=width, height=height)
    left, top, right, bottom = MOUTH_REGION
    return (
        round(origin_x + left * 1280 * scale),
        round(origin_y + top * 720 * scale),
        round(origin_x + right * 1280 * scale),
        round(origin_y + bottom * 720 * scale),
    )


def stage(*, width: int, height: int) -> tuple[float, float, float]:
    """Scale and origin that place the drawing, made for 1280 by 720, into a frame of any shape.

    A wide frame fits it by height; a tall one lets the sides fall off, because only air is there.
    """
    scale = min(height / 720, width / 720)
    return scale, (width - 1280 * scale) / 2, height - 720 * scale
