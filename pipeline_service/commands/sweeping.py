"""Keeps the work queue to what the database still wants; the other direction is the dispatch timer's."""

from datetime import timedelta

from pipeline_service.commands.ports import Backlog, QueuedMessage, Store, Wanted

MIN_AGE = timedelta(seconds=60)
"""Younger messages are on their way to a worker, as a rule."""
LIMIT = 256


class Sweeper:
    """Takes messages out that no worker can do anything with.

    Such are left behind when an execution ends or is dispatched again before anybody took the message, and when the
    queue gave up delivering it. Needless once is needless for ever, so that nothing has to be locked for the look.
    """

    def __init__(self, *, store: Store, backlog: Backlog, min_age: timedelta = MIN_AGE) -> None:
        self._store = store
        self._min_age = min_age
        self._backlog = backlog
        self._after = 0

    async def sweep(self) -> int:
        """Look at the next 256 messages, after the last ones from the beginning again. Answers how many were removed.

        Raises Unavailable.
        """
        found = await self._backlog.look(after=self._after, older_than=self._min_age, limit=LIMIT)
        self._after = found[-1].place if len(found) == LIMIT else 0
        wanted = await self._store.wanted_messages({message.execution_id for message in found})
        needless = [message for message in found if not _is_wanted(message, wanted.get(message.execution_id))]
        for message in needless:
            await self._backlog.remove(message.place)
        return len(needless)


def _is_wanted(message: QueuedMessage, wanted: Wanted | None) -> bool:
    if wanted is None:
        return False
    newest = wanted.poll_no if message.is_poll else wanted.dispatch_no
    return newest is not None and message.number >= newest
