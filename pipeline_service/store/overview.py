"""What an operator sees of all replicas together: lines, what is overdue, what was bought and is not settled."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline_service.store.pool import Pool, translated

# Each part reads a partial index that holds what is active, or open, and no more.
_QUEUED = "SELECT task_queue, queue_place, count(*) AS number FROM executions WHERE state = 'QUEUED' GROUP BY 1, 2"
_DISPATCH = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(dispatch_due_at)), 0)::float8 FROM executions
WHERE state = 'QUEUED' AND dispatch_due_at <= clock_timestamp()
"""
# A minute for the last look at the store and the vendor, as the engine allows it.
_OVERDUE = """
SELECT count(*) FROM executions
WHERE state IN ('QUEUED', 'RUNNING', 'WAITING')
AND greatest(close_due_at, reconcile_until) < clock_timestamp() - interval '1 minute'
"""
_PURCHASES = """
SELECT state, count(*) AS number,
    count(*) FILTER (WHERE state = 'UNKNOWN' OR create_time < clock_timestamp() - interval '1 day') AS undecided
FROM purchases WHERE state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN') GROUP BY 1
"""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """As the database has it now."""

    queued: Mapping[tuple[str, str], int]
    """Executions that want a worker, by task queue and place."""
    dispatch_overdue_s: float
    """How long the oldest work that is due was not handed out; 0 when nothing is due."""
    overdue: int
    """Executions that are active a minute past their deadline."""
    purchases: Mapping[str, int]
    """Open ones by state."""
    undecided_purchases: int
    """Of these, who may have been paid for and nobody knows, or are open for more than a day."""


async def show_overview(pool: Pool) -> Overview:
    """Locks nothing. Raises Unavailable."""
    with translated():
        queued = await pool.fetch(_QUEUED)
        purchases = await pool.fetch(_PURCHASES)
        return Overview(
            queued={(row["task_queue"], row["queue_place"]): row["number"] for row in queued},
            dispatch_overdue_s=max(await pool.fetchval(_DISPATCH), 0.0),
            overdue=await pool.fetchval(_OVERDUE),
            purchases={row["state"]: row["number"] for row in purchases},
            undecided_purchases=sum(row["undecided"] for row in purchases),
        )
