"""How much of a line may be out at once, and how much is, as far as this process knows."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from pipeline_service.commands.ports import Line, QueueLoad
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import Owner, TaskQueue
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.vendor_limit import VendorLimit

PER_SLOT = 2
"""One that is worked on and one that waits for its worker: no slot is idle, and nobody waits behind more than that."""
UNANNOUNCED = 64
"""Where no executor has said how many slots it has."""
_NONE: Mapping[TaskQueue, int] = MappingProxyType({})
WORTH_A_LOOK = 8
"""An eighth of a window: smaller rooms are left to the regular look."""


class Windows:
    """An estimate between two counts: it follows the commits of this process, and learns those of others when counted.

    To be wrong for a moment is harmless: a queue gets a little more or less than its window.
    """

    def __init__(
        self,
        *,
        fixed: Mapping[TaskQueue, int],
        slots: Callable[[TaskQueue], int],
        concurrency: Mapping[TaskQueue, int] = _NONE,
    ) -> None:
        """`fixed` are windows that an operator has set; `slots` what the executors of a queue announce together.

        `concurrency` is how much each vendor is asked to do at once, at most; its queue is named as the vendor is.
        """
        self._fixed = fixed
        self._slots = slots
        self._concurrency = concurrency
        self._permitted: dict[Line, int] = {}
        self._own_keys: frozenset[Line] = frozenset()
        self._out: Counter[Line] = Counter()
        self._lines: set[Line] = set()
        self.bell = asyncio.Event()
        """Rings when it is worth to look who goes next."""

    def size(self, line: Line) -> int:
        if not self.is_vendors(line):
            return self._fixed.get(line.queue) or PER_SLOT * self._slots(line.queue) or UNANNOUNCED
        permitted = self._permitted.get(line, self._concurrency[line.queue])
        return min(permitted, self._fixed.get(line.queue, permitted))

    def is_vendors(self, line: Line) -> bool:
        """Whether a vendor's limit is the window of a line."""
        return line.queue in self._concurrency

    def free(self, line: Line) -> int:
        return max(self.size(line) - self._out[line], 0)

    def room(self, queue: TaskQueue, owner: Owner) -> int:
        """How much of an owner may be handed out without asking who else waits: nothing while somebody does."""
        line = self._line(queue, owner)
        return 0 if line in self._lines else self.free(line)

    def committed(self, ws: WorkingSet) -> None:
        """Follow what a transaction did."""
        for (queue, owner), moved in ws.places_taken.items():
            self._out[self._line(queue, owner)] += moved
        lined_up = {self._line(queue, owner) for queue, owner in ws.lined_up}
        begun = lined_up - self._lines
        self._lines |= lined_up
        # A line that has just begun may be one in front of a queue that only seemed full.
        if begun or any(self.free(line) * WORTH_A_LOOK >= max(self.size(line), 1) for line in self._lines):
            self.bell.set()

    def counted(self, loads: Mapping[Line, QueueLoad]) -> None:
        """Know again what is. A commit that the count has not seen is known by the next one."""
        self._out = Counter({line: load.out for line, load in loads.items()})
        self._lines = {line for line, load in loads.items() if load.has_line}

    def learned(self, limits: Iterable[VendorLimit], *, now: datetime) -> None:
        """Know again who has a key, and how much vendors may be asked to do, beside what was counted just before."""
        permitted = {}
        for limit in limits:
            line = Line(TaskQueue(limit.vendor), limit.credential)
            out = self._out[line]
            permitted[line] = out + replace(limit, in_use=out).room(now=now)
        self._permitted = permitted
        self._own_keys = frozenset(line for line in permitted if line.credential)

    def _line(self, queue: TaskQueue, owner: Owner) -> Line:
        own = Line(queue, owner)
        return own if own in self._own_keys else Line(queue)
