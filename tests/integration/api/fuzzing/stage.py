"""What the calls meet: a pipeline with work under way, and a digest of every row."""

import hashlib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import grpc
from montage.v1 import (
    analytics_service_pb2,
    audit_service_pb2,
    callback_service_pb2,
    callback_service_pb2_grpc,
    credential_service_pb2,
    credential_service_pb2_grpc,
    execution_service_pb2,
    execution_service_pb2_grpc,
    node_service_pb2,
    node_service_pb2_grpc,
    object_service_pb2,
    pipeline_service_pb2,
    pipeline_service_pb2_grpc,
    resources_pb2,
    webhook_service_pb2,
)

from pipeline_service.domain.webhooks import Source
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from tests.integration.api.fuzzing.documents import good_document
from tests.integration.api.fuzzing.tokens import capabilities, page_tokens, readers
from tests.integration.api.here import Service, superuser
from tests.unit.pipeline.test_webhooks import signed

SERVICES = (
    (pipeline_service_pb2.DESCRIPTOR.services_by_name["PipelineService"], "client-dev"),
    (node_service_pb2.DESCRIPTOR.services_by_name["NodeService"], "ops-dev"),
    (execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"], "executor"),
    (callback_service_pb2.DESCRIPTOR.services_by_name["CallbackService"], "callback-gateway"),
    (credential_service_pb2.DESCRIPTOR.services_by_name["CredentialService"], "ops-dev"),
    (analytics_service_pb2.DESCRIPTOR.services_by_name["AnalyticsService"], "internal-gateway"),
    (audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"], "ops-dev"),
    (object_service_pb2.DESCRIPTOR.services_by_name["ObjectService"], "ops-dev"),
    (webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"], "ops-dev"),
)
_OWN_CALLERS = {
    "montage.v1.CredentialService.AccessCredential": "executor",
    "montage.v1.CredentialService.TouchCredential": "internal-gateway",
}
CALLERS = {method.full_name: caller for service, caller in SERVICES for method in service.methods} | _OWN_CALLERS
METHODS = {method.full_name: method for service, _ in SERVICES for method in service.methods}
RESULT = b"{}"
# Seals are made each second by the service itself, whatever is called.
_TABLES = """
SELECT tablename FROM pg_tables
WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'seals') ORDER BY 1
"""
_ROWS = "SELECT '{table}', count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {table} AS t"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Look = Callable[[], Coroutine[Any, Any, str]]


class Stage:
    """Built once, restored whenever a call was let through and changed it."""

    def __init__(self, service: Service, closing: ExitStack) -> None:
        do = service.thread.do
        self._do = do
        self.service = service
        self._channels = {caller: closing.enter_context(service.channel(caller)) for caller in set(CALLERS.values())}
        self._database = do(superuser(service.stack))
        closing.callback(lambda: do(self._database.close()))
        self._store = do(_open_store(service))
        closing.callback(lambda: do(self._store.close()))
        self._digest = do(looking(self._database))
        self._keys = service.stack.layout.capability_keys
        self._restoring, self._restored = "", 0
        self.texts: Sequence[str] = ()
        """What exists: names and ids."""
        self.wished: Mapping[str, Sequence[Any]] = {}
        """What fits into fields, by their names."""

    def channel(self, caller: str) -> grpc.Channel:
        return self._channels[caller]

    def rows(self) -> str:
        """A digest of every row of every table."""
        return self._do(self._digest())

    def count(self, table: str) -> int:
        return int(self._do(self._database.fetchval(f"SELECT count(*) FROM {table}")))  # noqa: S608

    def restore(self) -> None:
        """Every row as it was built. A version of a structure is never given twice: the service remembers them."""
        self._restored += 1
        behind = f"UPDATE pipelines SET structure_version = structure_version + {1000 * self._restored}"  # noqa: S608
        self._do(self._database.execute(f"{self._restoring}; {behind}"))

    def build(self) -> None:
        """Make `film` with a run under way: one execution is claimed, its result waits in the store to be reported."""
        pipelines: Any = pipeline_service_pb2_grpc.PipelineServiceStub(self._channels["client-dev"])
        nodes: Any = node_service_pb2_grpc.NodeServiceStub(self._channels["client-dev"])
        executions: Any = execution_service_pb2_grpc.ExecutionServiceStub(self._channels["executor"])
        document = pipeline_service_pb2.ImportPipelineRequest()
        document.document.update(good_document("film"))
        film = pipelines.ImportPipeline(document).pipeline
        shown = nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=film.name)).nodes
        pipelines.CreatePipeline(pipeline_service_pb2.CreatePipelineRequest(pipeline_id="second"))
        pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name="pipelines/film"))
        run = pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name="pipelines/film")).run
        listed = node_service_pb2.ListExecutionsRequest(parent="pipelines/film/nodes/-")
        attempts = nodes.ListExecutions(listed).executions
        taken, (started, claim) = attempts[0], claimed(executions, attempts[0].uid)
        key = f"{started.key_prefix}output.json"
        self._do(self._store.put_bytes(key, RESULT, content_type="application/json"))
        report = execution_service_pb2.HeartbeatExecutionRequest(execution_id=taken.uid, claim=claim)
        report.progress.fraction = 0.5
        executions.HeartbeatExecution(report)
        self._complete(executions, attempts[1].uid)
        self._keep_what_is_not_of_pipelines()
        _, other = claimed(executions, attempts[2].uid)
        failure = resources_pb2.Failure(error_type="invalid_input", message="it broke")
        executions.FailExecution(
            execution_service_pb2.FailExecutionRequest(execution_id=attempts[2].uid, claim=other, failure=failure)
        )
        self.texts = (
            *(
                "pipelines/film",
                "pipelines/film",
                "pipelines/second",
                "pipelines/nobody",
                "nodeTypes/noop",
                "nodeTypes/nothing",
            ),
            *(run.name, f"pipelines/film/runs/{'0' * 36}", f"pipelines/film/runs/{uuid4()}", claim, str(uuid4())),
            *(f"pipelines/film/nodes/{node}" for node in ("a", "b", "text", "clip", "-", "nobody")),
            *("pipelines/nobody/nodes/-", f"pipelines/film/nodes/a/executions/{'0' * 36}"),
            f"pipelines/film/nodes/a/executions/{uuid4()}",
            *(text for one in attempts[:3] for text in (one.name, one.uid)),
        )
        capability = parse_qs(urlsplit(started.callback_url).query)["cap"][0]
        reading = ("GetNodeRenderData", "GetPipelineMetrics", "GetNodeTypeMetrics")
        self.wished = {
            **{f"montage.v1.{call}Request.capability": readers(self._keys, capability) for call in reading},
            "montage.v1.GetNodeRenderDataRequest.node_uid": (*(one.uid for one in shown), str(uuid4())),
            "pipeline_uid": (film.uid, film.uid, str(uuid4())),
            "claim": (claim, claim, str(uuid4())),
            "capability": capabilities(self._keys, capability),
            "montage.v1.ReportExternalRequest.execution_id": ("", taken.uid, str(uuid4())),
            "execution_id": (taken.uid, taken.uid, *(one.uid for one in attempts)),
            "s3_key": (key, key, key, "", "", "k" * 1025),
            "size_bytes": (len(RESULT),),
            "traceparent": ("", f"00-{'a' * 32}-{'b' * 16}-01"),
        } | {
            f"{method.input_type.full_name}.page_token": page_tokens(self._channels[CALLERS[name]], method)
            for name, method in METHODS.items()
            if "page_token" in method.input_type.fields_by_name
        }
        self._restoring = self._do(_keep(self._database))

    def _keep_what_is_not_of_pipelines(self) -> None:
        """Two secrets of owners and two deliveries of a platform, with them records of the audit; a vendor on trial."""
        on_trial = "INSERT INTO vendor_limits (vendor, open_until) VALUES ('heygen', '2026-01-01')"
        self._do(self._database.execute(on_trial))
        credentials: Any = credential_service_pb2_grpc.CredentialServiceStub(self._channels["ops-dev"])
        callbacks: Any = callback_service_pb2_grpc.CallbackServiceStub(self._channels["callback-gateway"])
        for vendor in ("heygen", "openai"):
            secret = credential_service_pb2.PutCredentialRequest(owner="default", vendor=vendor, value="secret")
            credentials.PutCredential(secret)
        for body in (b'{"number": 1}', b'{"number": 2}'):
            headers = signed(Source.GITHUB, body) | {"x-github-delivery": body.hex()}
            callbacks.IngestWebhook(
                callback_service_pb2.IngestWebhookRequest(source="github", headers=headers, body=body)
            )

    def _complete(self, executions: Any, execution_id: str) -> None:
        """With all that can be said of a result."""
        started, claim = claimed(executions, execution_id)
        media = resources_pb2.MediaFacts(video_codec="h264", width=640, height=360, fps=25)
        output = resources_pb2.Output(type="MEDIA_TYPE_JSON", size_bytes=len(RESULT), media=media)
        output.s3_key = f"{started.key_prefix}output.json"
        output.duration.FromSeconds(2)
        output.contact_sheet = "contact_sheet.jpg"
        self._do(self._store.put_bytes(output.s3_key, RESULT, content_type="application/json"))
        executions.CompleteExecution(
            execution_service_pb2.CompleteExecutionRequest(execution_id=execution_id, claim=claim, output=output)
        )


def claimed(executions: Any, execution_id: str) -> tuple[execution_service_pb2.StartExecutionResponse, str]:
    """A worker takes an execution under a claim of its own."""
    claim = str(uuid4())
    request = execution_service_pb2.StartExecutionRequest(execution_id=execution_id, claim=claim, dispatch_no=1)
    return executions.StartExecution(request), claim


@contextmanager
def set_stage(service: Service) -> Iterator[Stage]:
    with ExitStack() as closing:
        stage = Stage(service, closing)
        stage.build()
        yield stage


async def _tables(connection: Connection) -> list[str]:
    tables = [row["tablename"] for row in await connection.fetch(_TABLES)]
    assert {"nodes", "events", "requests"} <= set(tables)
    return tables


async def looking(connection: Connection) -> Look:
    rows = await connection.prepare(
        " UNION ALL ".join(_ROWS.format(table=table) for table in await _tables(connection))
    )

    async def look() -> str:
        return hashlib.sha256(repr(await rows.fetch()).encode()).hexdigest()

    return look


async def _keep(connection: Connection) -> str:
    """Copy every row aside. Answers what brings them back: without looking at foreign keys, so in any order."""
    steps = ["SET session_replication_role = replica"]
    await connection.execute("CREATE SCHEMA kept")
    for table in await _tables(connection):
        await connection.execute(f"CREATE TABLE kept.{table} AS SELECT * FROM {table}")  # noqa: S608
        steps += [f"DELETE FROM {table}", f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{table}"]  # noqa: S608
    return "; ".join(steps)


async def _open_store(service: Service) -> ObjectStore:
    settings = service.stack.settings("pipeline")
    return ObjectStore(
        StoreAddress(
            bucket=service.stack.addresses.bucket,
            region=settings.get("PIPELINE_S3_REGION", "us-east-1"),
            endpoint=settings["PIPELINE_S3_ENDPOINT"],
            access_key_file=Path(settings["PIPELINE_S3_ACCESS_KEY_FILE"]),
            secret_key_file=Path(settings["PIPELINE_S3_SECRET_KEY_FILE"]),
        )
    )
