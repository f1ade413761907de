"""Requests that callers may repeat: one row each, written in the transaction of their effect."""

from datetime import timedelta

from pipeline_service.commands.errors import RequestRepeated
from pipeline_service.commands.ports import Remembered, RequestKey
from pipeline_service.store.pool import Connection, Pool, translated

_REMEMBER = """
INSERT INTO requests (owner, identity, method, request_id, request_sha256, resource)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
_WHERE = "WHERE owner = $1 AND identity = $2 AND method = $3 AND request_id = $4"
_RECALL = f"SELECT request_sha256, resource, answer FROM requests {_WHERE}"  # noqa: S608 - constants only
_KEEP = f"UPDATE requests SET answer = $5 {_WHERE}"  # noqa: S608 - constants only


async def remember(connection: Connection, request: RequestKey, resource: str) -> None:
    """Write the row of a request. Waits for another transaction that writes the same one; raises RequestRepeated."""
    status = await connection.execute(_REMEMBER, *_key(request), request.sha256, resource)
    if status != "INSERT 0 1":
        raise RequestRepeated(f"request '{request.request_id}' was made before")


class PostgresRequests:
    """What came of requests."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def recall(self, request: RequestKey) -> Remembered | None:
        with translated():
            row = await self._pool.fetchrow(_RECALL, *_key(request))
        if row is None:
            return None
        return Remembered(sha256=row["request_sha256"], resource=row["resource"], answer=row["answer"])

    async def keep_answer(self, request: RequestKey, answer: bytes) -> None:
        with translated():
            await self._pool.execute(_KEEP, *_key(request), answer)

    async def forget(self, *, older_than: timedelta) -> None:
        with translated():
            await self._pool.execute("DELETE FROM requests WHERE create_time < now() - $1::interval", older_than)


def _key(request: RequestKey) -> tuple[str, str, str, str]:
    return request.owner, request.identity, request.method, request.request_id
