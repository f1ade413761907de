"""Places of nodes in their document, as numbers with room between them.

Whoever pages through the nodes goes on behind a number. Nodes that stay in their order keep theirs, whatever is put
before, between or behind them, or taken away.
"""

from bisect import bisect_left
from collections.abc import Sequence

STEP = 2**16
"""Room between neighbours: 2,000 nodes fill a sixteenth of the column's range, and 16 insertions fit into one place."""
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


def positions(before: Sequence[int | None]) -> list[int]:
    """Ascending positions of nodes in their new order. `before` are those that they had; None is a new node's."""
    kept = _ascending(before)
    placed: list[int] = []
    for begin, end in zip([-1, *kept], [*kept, len(before)], strict=True):
        low = before[begin] if begin >= 0 else None
        high = before[end] if end < len(before) else None
        between = _between(low, high, end - begin - 1)
        if between is None:
            # No room is left here, after many edits of one place. Who pages meanwhile may meet a node twice.
            return [number * STEP for number in range(len(before))]
        placed += [*between, *([high] if high is not None else [])]
    return placed


def _between(low: int | None, high: int | None, count: int) -> list[int] | None:
    """Numbers between two neighbours, evenly spread; None when there is no room for so many."""
    if high is None:
        begin = -STEP if low is None else low
        found = [begin + STEP * number for number in range(1, count + 1)]
    elif low is None:
        found = [high - STEP * number for number in range(count, 0, -1)]
    else:
        if high - low <= count:
            return None
        found = [low + (high - low) * number // (count + 1) for number in range(1, count + 1)]
    return found if not found or (found[0] >= _SMALLEST and found[-1] <= _LARGEST) else None


def _ascending(before: Sequence[int | None]) -> list[int]:
    """Indexes of the most nodes that are in ascending order already."""
    ends: list[int] = []
    """The smallest last position of an ascending row, by its length."""
    last: list[int] = []
    previous: dict[int, int] = {}
    for index, position in enumerate(before):
        if position is None:
            continue
        length = bisect_left(ends, position)
        if length:
            previous[index] = last[length - 1]
        if length == len(ends):
            ends.append(position)
            last.append(index)
        else:
            ends[length], last[length] = position, index
    kept: list[int] = []
    index = last[-1] if last else -1
    while index >= 0:
        kept.append(index)
        index = previous.get(index, -1)
    return kept[::-1]
