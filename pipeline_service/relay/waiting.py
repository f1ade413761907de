"""What is to be published: of each piece of work, the newest dispatch alone."""

from collections.abc import Hashable, Iterable, Sequence
from itertools import islice

from pipeline_service.domain.model import Dispatch


class Waiting:
    """In the order of commits. What was dispatched again before it was sent is sent once, by its newest number."""

    def __init__(self, *, limit: int) -> None:
        """Past `limit` the oldest are left to the timer."""
        self._limit = limit
        self._dispatches: dict[Hashable, Dispatch] = {}

    def __len__(self) -> int:
        return len(self._dispatches)

    def add(self, dispatches: Iterable[Dispatch]) -> None:
        for dispatch in dispatches:
            self._dispatches[_work(dispatch)] = dispatch
        for work in list(islice(self._dispatches, max(len(self._dispatches) - self._limit, 0))):
            del self._dispatches[work]

    def take(self, number: int) -> Sequence[Dispatch]:
        """At most so many, who waited longest first."""
        return [self._dispatches.pop(work) for work in list(islice(self._dispatches, number))]

    def still_newest(self, dispatches: Iterable[Dispatch]) -> Sequence[Dispatch]:
        """Of those that were taken, the ones that nothing newer waits for."""
        return [dispatch for dispatch in dispatches if _work(dispatch) not in self._dispatches]


def _work(dispatch: Dispatch) -> Hashable:
    return dispatch.execution_id, dispatch.kind
