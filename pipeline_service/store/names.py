"""Ids of pipelines by their uids. An id never changes, so it is remembered."""

from collections import OrderedDict

from pipeline_service.commands.errors import NotFound
from pipeline_service.domain.ids import PipelineId, PipelineUid
from pipeline_service.store.pool import Pool, translated

_REMEMBERED = 50_000


class PostgresNames:
    """Remembers the newest 50,000."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: OrderedDict[PipelineUid, PipelineId] = OrderedDict()

    async def pipeline_id(self, uid: PipelineUid) -> PipelineId:
        known = self._known.get(uid)
        if known is not None:
            return known
        with translated():
            found = await self._pool.fetchval("SELECT id FROM pipelines WHERE uid = $1", uid)
        if found is None:
            raise NotFound("pipeline", str(uid))
        self._known[uid] = PipelineId(found)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return self._known[uid]
