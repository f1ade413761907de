"""Time made into movement: pure functions of seconds."""

import math

_BLINK_GAPS_S = (2.1, 3.4, 2.6, 4.1, 0.5, 3.2)
"""From one blink to the next, over and over; the short one makes a double blink."""
_BLINK_S = 0.20


def eased(fraction: float) -> float:
    """0..1 to 0..1, fast at first and gentle at the end; clamped outside."""
    return float(1 - (1 - min(max(fraction, 0.0), 1.0)) ** 3)


def swing(at_s: float, *, period_s: float, phase: float = 0.0) -> float:
    """A sine between -1 and 1; `phase` in turns."""
    return math.sin(2 * math.pi * (at_s / period_s + phase))


def eyes_closed(at_s: float) -> float:
    """How far the lids are down, 0..1."""
    into_cycle = at_s % sum(_BLINK_GAPS_S)
    for gap_s in _BLINK_GAPS_S:
        if into_cycle < gap_s:
            since_s = into_cycle - (gap_s - _BLINK_S)
            return max(0.0, 1 - abs(since_s / _BLINK_S * 2 - 1)) if since_s > 0 else 0.0
        into_cycle -= gap_s
    return 0.0
