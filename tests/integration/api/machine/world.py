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
from tests.integration.api.fuzzing.stage import METHODS
from tests.integration.api.here import Service, superuser
from tests.integration.pipeline.machine.checks import check_rows
from tests.integration.pipeline.machine.rows import Rows, empty, read_rows


@dataclass(kw_only=True)
class World:
    """Calls are made one by one unless a step says otherwise."""

    service: Service
    channel: grpc.Channel
    threads: ThreadPoolExecutor
    database: "asyncpg.Connection[asyncpg.Record]"
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

    def rows(self, pipeline_id: str) -> Rows:
        """All rows of a pipeline, with every invariant that they tell of."""
        rows = self.service.thread.do(read_rows(self.database, pipeline_id, known=Rows(pipeline={})))
        check_rows(rows)
        return rows

    def forget_everything(self) -> None:
        if self.rules:
            self.service.thread.do(empty(self.database))


async def connect(service: Service) -> "asyncpg.Connection[asyncpg.Record]":
    """As the superuser, with JSON columns as values."""
    connection = await superuser(service.stack)
    await connection.set_type_codec("jsonb", encoder=as_json, decoder=orjson.loads, schema="pg_catalog")
    await connection.execute("ALTER DATABASE montage SET synchronous_commit = off")
    return connection
