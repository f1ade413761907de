"""What outlives an example: the service, a channel to it, the database, and what was counted."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc
import orjson
from google.protobuf.message import Message

from pipeline_service.store.pool import as_json
from tests.integration.api.answers import Refusal, call
from tests.integration.api.fuzzing.stage import METHODS, Look
from tests.integration.api.here import Service, superuser
from tests.integration.pipeline.machine.checks import Lineage, check_rows, check_step
from tests.integration.pipeline.machine.rows import Rows, empty, read_rows

LEFT_BEHIND = """
SELECT e.id FROM executions AS e JOIN pipelines AS p ON p.uid = e.pipeline_uid
WHERE p.delete_time IS NOT NULL AND e.state IN ('QUEUED', 'RUNNING', 'WAITING')
UNION ALL
SELECT r.id FROM runs AS r JOIN pipelines AS p ON p.uid = r.pipeline_uid
WHERE p.delete_time IS NOT NULL AND r.state IN ('ACTIVE', 'PAUSED')
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The rows of a pipeline, and what its nodes were made of since it was made."""

    rows: Rows
    lineage: Lineage


@dataclass(kw_only=True)
class World:
    """Calls are made one by one unless a step says otherwise."""

    service: Service
    channel: grpc.Channel
    threads: ThreadPoolExecutor
    database: "asyncpg.Connection[asyncpg.Record]"
    look: Look
    rules: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)

    def ask(self, method: str, request: Message) -> Any:
        """The answer, or the refusal. `method` is a name of PipelineService or NodeService."""
        service = "PipelineService" if f"montage.v1.PipelineService.{method}" in METHODS else "NodeService"
        return call(self.channel, METHODS[f"montage.v1.{service}.{method}"], request.SerializeToString())

    def reason(self, rule: str, answer: Any) -> str:
        """`OK` or the reason of a refusal; counted."""
        reason = answer.reason if isinstance(answer, Refusal) else "OK"
        self.rules[rule] += 1
        self.answers[f"{rule}: {reason}"] += 1
        return reason

    def digest(self) -> str:
        """Another one whenever any row of any table has changed."""
        return self.service.thread.do(self.look())

    def see(self, pipeline_id: str, before: Seen | None) -> Seen:
        """All rows of a pipeline, with every invariant that they, and the step from those before, tell of."""
        nothing = Rows(pipeline={})
        known = before.rows if before else nothing
        rows = self.service.thread.do(read_rows(self.database, pipeline_id, known=known))
        if before and rows.pipeline["uid"] != before.rows.pipeline["uid"]:
            return self.see(pipeline_id, None)
        seen = Seen(rows=rows, lineage=before.lineage if before else Lineage())
        check_rows(rows)
        check_step(known, rows, seen.lineage)
        return seen

    def check_deleted(self) -> None:
        """Of a pipeline that was deleted nothing goes on."""
        left = self.service.thread.do(self.database.fetch(LEFT_BEHIND))
        assert not left, f"left behind by deleted pipelines: {left}"

    def forget_everything(self) -> None:
        if self.rules:
            self.service.thread.do(empty(self.database))


async def connect(service: Service) -> "asyncpg.Connection[asyncpg.Record]":
    """As the superuser, with JSON columns as values."""
    connection = await superuser(service.stack)
    await connection.set_type_codec("jsonb", encoder=as_json, decoder=orjson.loads, schema="pg_catalog")
    await connection.execute("ALTER DATABASE montage SET synchronous_commit = off")
    return connection
