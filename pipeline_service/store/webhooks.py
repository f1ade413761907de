"""Deliveries of platforms, each kept once: by its id, and by its bytes, because not every platform signs the id."""

from collections.abc import Sequence

from pipeline_service.commands.webhooks import WebhookEvent
from pipeline_service.domain.webhooks import Delivery, Source
from pipeline_service.store.pool import Pool, translated

_KEEP = """
INSERT INTO webhook_events (source, delivery_id, event_type, body, body_sha256)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_PAGE = """
SELECT number, source, delivery_id, event_type, receive_time, length(body) AS size_bytes, body_sha256
FROM webhook_events
WHERE ($1::text IS NULL OR source = $1) AND ($2::bigint IS NULL OR number < $2)
ORDER BY number DESC LIMIT $3
"""


class PostgresWebhookEvents:
    """As the role that keeps state."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, delivery: Delivery) -> bool:
        values = (delivery.source, delivery.id, delivery.event_type, delivery.body, delivery.sha256)
        with translated():
            return str(await self._pool.execute(_KEEP, *values)) == "INSERT 0 1"

    async def page(self, source: Source | None, *, before: int | None, limit: int) -> Sequence[WebhookEvent]:
        with translated():
            rows = await self._pool.fetch(_PAGE, source, before, limit)
        return [
            WebhookEvent(
                number=row["number"],
                source=Source(row["source"]),
                delivery_id=row["delivery_id"],
                event_type=row["event_type"],
                receive_time=row["receive_time"],
                size_bytes=row["size_bytes"],
                sha256=row["body_sha256"],
            )
            for row in rows
        ]
