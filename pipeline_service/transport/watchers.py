"""Wakes the watches of this process when something was committed here. The table of events is the truth."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from pipeline_service.domain.ids import PipelineUid


class Watchers:
    """Who waits for news of which pipeline."""

    def __init__(self) -> None:
        self._waiting: dict[PipelineUid, set[asyncio.Event]] = defaultdict(set)
        self.is_closed = False

    def wake(self, pipelines: Collection[PipelineUid]) -> None:
        """Something happened to these pipelines."""
        for uid in pipelines:
            for waiting in self._waiting.get(uid, ()):
                waiting.set()

    async def close(self) -> None:
        """End every watch: the process stops, and its clients resume at another or at the next."""
        self.is_closed = True
        self.wake(list(self._waiting))

    @contextmanager
    def watching(self, uid: PipelineUid) -> Iterator[asyncio.Event]:
        """An event that is set whenever something may have happened; the watch clears it."""
        event = asyncio.Event()
        self._waiting[uid].add(event)
        try:
            yield event
        finally:
            self._waiting[uid].discard(event)
            if not self._waiting[uid]:
                del self._waiting[uid]
