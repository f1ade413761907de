"""Executions that wait for a callback, as a worker leaves them: claimed, with a capability."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import execution_service_pb2 as executions
from montage.v1 import execution_service_pb2_grpc, pipeline_service_pb2_grpc, resources_pb2
from montage.v1 import pipeline_service_pb2 as pipelines

from devstack.stack import Stack
from servicekit.grpc_client import ServiceChannel
from servicekit.tls import TlsFiles

NODES = 200
"""Of one pipeline, none of which needs another."""
PER_CALL = 200
CALL_S = 60.0
NEWEST = 1_000
"""Newer than any dispatch: work that nobody takes is published again and again."""
_QUEUED = "SELECT id::text, node_uid::text FROM executions WHERE state = 'QUEUED' ORDER BY id"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One execution, and the callback that ends it."""

    execution: str
    target: str
    """Path and query, capability included."""
    body: bytes
    """About 200 bytes of output."""

    @property
    def request(self) -> callbacks.ReportExternalRequest:
        """What the gateway makes of it."""
        fields = json.loads(self.body)
        output = resources_pb2.Output(
            type=resources_pb2.MEDIA_TYPE_JSON, content_type="application/json", content=fields["content"]
        )
        return callbacks.ReportExternalRequest(
            capability=parse_qs(urlsplit(self.target).query)["cap"][0],
            execution_id=fields["process_uuid"],
            node_uid=fields["node_uuid"],
            executor_type=fields["executor_type"],
            output=output,
        )


class Work:
    """Makes executions wait, with the identities of a client and of a worker."""

    def __init__(self, *, client: ServiceChannel, worker: ServiceChannel, database: asyncpg.Connection[Any]) -> None:
        clients: Any = pipeline_service_pb2_grpc.PipelineServiceStub
        workers: Any = execution_service_pb2_grpc.ExecutionServiceStub
        self._pipelines, self._executions = clients(client), workers(worker)
        self._database = database

    async def waiting(self, count: int) -> list[Waiting]:
        """So many, of pipelines of their own; a multiple of 200."""
        for _ in range(count // NODES):
            await self._begin(f"callbacks-{uuid4().hex[:12]}")
        rows = await self._database.fetch(_QUEUED)
        found: list[Waiting] = []
        for start in range(0, len(rows), PER_CALL):
            found += await self._claim(rows[start : start + PER_CALL])
        return found

    async def outcomes(self, execution: str) -> int:
        """How often a result of an execution was recorded."""
        told = "SELECT count(*) FROM events WHERE execution_id = $1::text::uuid AND type = 'EXECUTION_SUCCEEDED'"
        return int(await self._database.fetchval(told, execution))

    async def _begin(self, name: str) -> None:
        request = pipelines.ImportPipelineRequest()
        config = {"provider": "local", "vendor": "127.0.0.1:1"}
        nodes: list[Any] = [
            {"id": f"n{at}", "type": "noop", "config": config | {"nonce": f"{name}-{at}"}} for at in range(NODES)
        ]
        request.document.update({"id": name, "title": name, "nodes": nodes})
        await self._pipelines.ImportPipeline(request, timeout=CALL_S)
        await self._pipelines.RunPipeline(pipelines.RunPipelineRequest(name=f"pipelines/{name}"), timeout=CALL_S)

    async def _claim(self, rows: list[Any]) -> list[Waiting]:
        starts = [
            executions.StartExecutionRequest(execution_id=row["id"], claim=str(uuid4()), dispatch_no=NEWEST)
            for row in rows
        ]
        request = executions.ReportExecutionsRequest(reports=[executions.ExecutionReport(start=one) for one in starts])
        answers = (await self._executions.ReportExecutions(request, timeout=CALL_S)).answers
        return [_waiting(row, answer.start.callback_url) for row, answer in zip(rows, answers, strict=True)]


@asynccontextmanager
async def open_work(stack: Stack) -> AsyncIterator[Work]:
    addresses = stack.addresses
    password = stack.layout.postgres_password("montage_engine").read_text()
    database = await asyncpg.connect(addresses.database_url, password=password)
    try:
        async with (
            ServiceChannel(addresses.pipeline, tls=tls_of(stack, "client-dev")) as client,
            ServiceChannel(addresses.pipeline, tls=tls_of(stack, "executor")) as worker,
        ):
            yield Work(client=client, worker=worker, database=database)
    finally:
        await database.close()


def tls_of(stack: Stack, identity: str) -> TlsFiles:
    files = stack.layout.tls(identity)
    return TlsFiles(cert=files.cert, key=files.key, ca=files.ca)


def _waiting(row: Any, callback_url: str) -> Waiting:
    url = urlsplit(callback_url)
    ids = {"process_uuid": row["id"], "node_uuid": row["node_uid"], "executor_type": "noop"}
    content = json.dumps({"made_for": row["id"]}).ljust(200)
    body = json.dumps(ids | {"content": content}).encode()
    return Waiting(execution=row["id"], target=f"{url.path}?{url.query}", body=body)
