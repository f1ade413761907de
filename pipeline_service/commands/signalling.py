"""Takes vendors' signals that there are news of a job."""

from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.ports import Store
from pipeline_service.domain.engine.reports import JobSignalled
from pipeline_service.domain.states import Disposition


class Signals:
    """Finds whose job it is, and lets the batcher decide under the lock."""

    def __init__(self, *, store: Store, batcher: Batcher) -> None:
        self._store = store
        self._batcher = batcher

    async def signal(self, vendor: str, job_id: str) -> Disposition | None:
        """What the signal changed; None when no purchase has such a job. Raises Unavailable, Overloaded."""
        place = await self._store.find_job(vendor, job_id)
        if place is None:
            return None
        answer = await self._batcher.submit(JobSignalled(execution_id=place.execution_id), place.pipeline_uid)
        if not isinstance(answer, Disposition):
            raise TypeError(f"a signal was answered with {answer!r}")
        return answer
