"""The alpha mask of rounded corners. Pure."""

import math


def rounded_mask(*, width: int, height: int, radius: int) -> bytes:
    """A PGM image: 255 inside, 0 outside, and the share of each pixel that lies inside along the four arcs."""
    arcs = [_arc(y, radius) for y in range(radius)]
    straight = bytes([255]) * width
    rows = [arc + straight[2 * radius :] + arc[::-1] for arc in arcs]
    middle = [straight] * (height - 2 * radius)
    return b"P5\n%d %d\n255\n" % (width, height) + b"".join([*rows, *middle, *reversed(rows)])


def _arc(y: int, radius: int) -> bytes:
    """The leftmost `radius` pixels of row `y`."""
    row = bytearray()
    for x in range(radius):
        distance = math.hypot(radius - x - 0.5, radius - y - 0.5)
        coverage = min(1.0, max(0.0, radius - distance + 0.5))
        row.append(round(255 * coverage))
    return bytes(row)
