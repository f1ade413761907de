"""How much a task queue may have out at once, and how much it has, as far as this process knows."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from pipeline_service.commands.ports import QueueLoad
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import TaskQueue
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
        self._permitted = dict(concurrency)
        self._out: Counter[TaskQueue] = Counter()
        self._lines: set[TaskQueue] = set()
        self.bell = asyncio.Event()
        """Rings when it is worth to look who goes next."""

    def size(self, queue: TaskQueue) -> int:
        permitted = self._permitted.get(queue)
        if permitted is not None:
            return min(permitted, self._fixed.get(queue, permitted))
        return self._fixed.get(queue) or PER_SLOT * self._slots(queue) or UNANNOUNCED

    def is_vendors(self, queue: TaskQueue) -> bool:
        """Whether a vendor's limit is the window of a queue."""
        return queue in self._permitted

    def free(self, queue: TaskQueue) -> int:
        return max(self.size(queue) - self._out[queue], 0)

    def room(self, queue: TaskQueue) -> int:
        """How much may be handed out without asking who else waits: nothing while somebody stands in line."""
        return 0 if queue in self._lines else self.free(queue)

    def committed(self, ws: WorkingSet) -> None:
        """Follow what a transaction did."""
        self._out.update(ws.places_taken)
        begun = ws.lined_up - self._lines
        self._lines |= ws.lined_up
        # A line that has just begun may be one in front of a queue that only seemed full.
        if begun or any(self.free(queue) * WORTH_A_LOOK >= max(self.size(queue), 1) for queue in self._lines):
            self.bell.set()

    def counted(self, loads: Mapping[TaskQueue, QueueLoad]) -> None:
        """Know again what is. A commit that the count has not seen is known by the next one."""
        self._out = Counter({queue: load.out for queue, load in loads.items()})
        self._lines = {queue for queue, load in loads.items() if load.has_line}

    def learned(self, limits: Iterable[VendorLimit], *, now: datetime) -> None:
        """Know again how much vendors may be asked to do, beside what was counted just before."""
        for limit in limits:
            queue = TaskQueue(limit.vendor)
            out = self._out[queue]
            self._permitted[queue] = out + replace(limit, in_use=out).room(now=now)
