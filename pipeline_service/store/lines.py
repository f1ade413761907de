"""Lines in front of full task queues: how full they are, and who goes next.

Work of an owner with a key of its own at a vendor stands in a line of its own: it waits for nobody who pays with
another key.
"""

import asyncpg

from pipeline_service.commands.ports import DueExecution, Line, Place, QueueLoad
from pipeline_service.domain.ids import ExecutionId, NodeUid, PipelineUid, TaskQueue
from pipeline_service.store.pool import Pool, translated

LOOKED_AT = 10_000
"""Of a longer line, those that come first by priority and age: a look at all of it would cost more than it settles."""
# All parts read a partial index that holds what is out and little more: who stands in line is due far later. What is
# bought counts as long as its vendor works on it, whoever asks about it.
_OUT = """
SELECT task_queue, pipeline_uid, CASE WHEN buys <> '' AND EXISTS (
    SELECT FROM credentials AS c WHERE c.owner = e.owner AND c.vendor = e.provider
) THEN owner ELSE '' END AS credential
FROM executions AS e
WHERE dispatch_due_at < statement_timestamp() + interval '10 minutes' AND state = 'QUEUED' AND queue_place = 'OUT'
UNION ALL
SELECT task_queue, pipeline_uid, '' FROM executions WHERE lease_until IS NOT NULL AND state = 'RUNNING' AND buys = ''
UNION ALL
SELECT e.task_queue, p.pipeline_uid, coalesce(p.credential, '')
FROM purchases AS p JOIN executions AS e ON e.id = p.execution_id
WHERE p.slot_until > statement_timestamp() AND p.state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN')
"""
# One probe of the index for each queue that has a line, however long that is.
_QUEUES = """
SELECT min(task_queue) AS task_queue FROM executions WHERE state = 'QUEUED' AND queue_place = 'IN_LINE'
UNION ALL
SELECT (
    SELECT min(task_queue) FROM executions
    WHERE state = 'QUEUED' AND queue_place = 'IN_LINE' AND task_queue > queues.task_queue
) FROM queues WHERE task_queue IS NOT NULL
"""
# Who stands in the shared line of a queue, and who in that of one owner: each served by its own partial index.
_SHARES = "owner <> ALL (ARRAY(SELECT c.owner FROM credentials AS c WHERE c.vendor = {queue}))"
_OWN = "owner = {owner} AND buys <> ''"
_IN_LINE = "SELECT FROM executions WHERE task_queue = {queue} AND state = 'QUEUED' AND queue_place = 'IN_LINE'"
_LINES = f"""
SELECT q.task_queue, '' AS credential FROM queues AS q
WHERE EXISTS ({_IN_LINE.format(queue="q.task_queue")} AND {_SHARES.format(queue="q.task_queue")})
UNION ALL
SELECT k.vendor, k.owner FROM queues AS q
JOIN (SELECT DISTINCT vendor, owner FROM credentials) AS k ON k.vendor = q.task_queue
WHERE EXISTS ({_IN_LINE.format(queue="k.vendor")} AND {_OWN.format(owner="k.owner")})
"""  # noqa: S608 - constants only
_LOADS = f"""
WITH RECURSIVE queues AS ({_QUEUES}), lines AS ({_LINES}),
taken AS (SELECT task_queue, credential, count(*) AS number FROM ({_OUT}) AS o GROUP BY 1, 2)
SELECT task_queue, credential, coalesce(taken.number, 0) AS number, lines.task_queue IS NOT NULL AS has_line
FROM taken FULL JOIN lines USING (task_queue, credential)
"""  # noqa: S608 - constants only
# An execution that goes takes a place of its pipeline: the second one in line counts as having one more out.
_NEXT = f"""
WITH taken AS (
    SELECT pipeline_uid, count(*) AS number FROM ({_OUT}) AS o WHERE task_queue = $1 AND credential = $5 GROUP BY 1
),
line AS (
    SELECT id, pipeline_uid, node_uid, priority, dispatch_due_at FROM executions
    WHERE task_queue = $1 AND state = 'QUEUED' AND queue_place = 'IN_LINE' AND {{whose}}
    ORDER BY priority DESC, id LIMIT $3
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY pipeline_uid ORDER BY priority DESC, id) AS before FROM line
)
SELECT id, pipeline_uid, node_uid, dispatch_due_at FROM ranked LEFT JOIN taken USING (pipeline_uid)
ORDER BY priority DESC, before + coalesce(taken.number, 0), id
LIMIT least(greatest($2 - (SELECT coalesce(sum(number), 0) FROM taken), 0), $4)
"""  # noqa: S608 - constants only
_NEXT_SHARED, _NEXT_OWN = _NEXT.format(whose=_SHARES.format(queue="$1")), _NEXT.format(whose=_OWN.format(owner="$5"))


async def queue_loads(pool: Pool) -> dict[Line, QueueLoad]:
    with translated():
        rows = await pool.fetch(_LOADS)
    return {
        Line(TaskQueue(row["task_queue"]), row["credential"]): QueueLoad(out=row["number"], has_line=row["has_line"])
        for row in rows
    }


async def next_in_line(pool: Pool, line: Line, *, window: int, limit: int) -> list[DueExecution]:
    with translated():
        statement = _NEXT_OWN if line.credential else _NEXT_SHARED
        rows = await pool.fetch(statement, line.queue, window, LOOKED_AT, limit, line.credential)
    return [DueExecution(place=_place(row), due=row["dispatch_due_at"]) for row in rows]


def _place(row: asyncpg.Record) -> Place:
    return Place(
        execution_id=ExecutionId(row["id"]),
        pipeline_uid=PipelineUid(row["pipeline_uid"]),
        node_uid=NodeUid(row["node_uid"]),
    )
