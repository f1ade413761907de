"""Where executions belong: told when they are queued, else asked of the store. An answer never changes."""

from collections import OrderedDict
from collections.abc import Sequence

from pipeline_service.commands.errors import NotFound
from pipeline_service.commands.ports import Place, Store
from pipeline_service.domain.ids import ExecutionId
from pipeline_service.domain.model import Dispatch

_REMEMBERED = 10_000


class Places:
    """Remembers the newest 10,000, so that a report of what this process has queued costs no look-up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[ExecutionId, Place] = OrderedDict()

    def remember(self, dispatches: Sequence[Dispatch]) -> None:
        """These were committed, and somebody will report about them."""
        for dispatch in dispatches:
            execution = dispatch.execution
            self._keep(
                Place(execution_id=execution.id, pipeline_uid=execution.pipeline_uid, node_uid=execution.node_uid)
            )

    def known(self, execution_id: ExecutionId) -> Place | None:
        """Where an execution belongs, as far as this process was told or has asked."""
        return self._known.get(execution_id)

    async def locate(self, execution_id: ExecutionId) -> Place:
        """Raises NotFound, Unavailable."""
        known = self.known(execution_id)
        if known is not None:
            return known
        found = await self._store.locate([execution_id])
        if execution_id not in found:
            raise NotFound("execution", str(execution_id))
        self._keep(found[execution_id])
        return found[execution_id]

    def _keep(self, place: Place) -> None:
        self._known[place.execution_id] = place
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
