"""An executor in this process between a real NATS server, a real gRPC service and our S3 server."""

import asyncio
import json
import os
import socket
import subprocess
import sysconfig
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from montage.v1 import execution_service_pb2 as execution_pb
from montage.v1 import execution_service_pb2_grpc as execution_grpc
from montage.v1 import work_pb2 as work_pb
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig

from devstack.nats_server import PERMISSIONS
from servicekit import nats_client
from servicekit.access import Allow, allow
from servicekit.grpc_errors import RpcError
from servicekit.grpc_server import Drain, GrpcServer
from servicekit.nats_client import NatsAddress
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from servicekit.server_tls import server_credentials
from servicekit.tls import TlsFiles
from tests.contract.s3.servers import ACCESS_KEY, REGION, SECRET_KEY, Endpoint
from tests.fakes.certificates import CertificateAuthority
from tests.fakes.execution_service import FakeExecution, FakeExecutionService
from tests.patience import PATIENCE_S

METHODS = ("StartExecution", "HeartbeatExecution", "CompleteExecution", "FailExecution", "ReportExecutions")
EXECUTOR = "spiffe://montage/executor"


class Away(Exception):
    """What the service answers while it is told to be away."""


class Servicer(execution_grpc.ExecutionServiceServicer):
    """Puts the service in memory behind gRPC."""

    def __init__(self, service: FakeExecutionService) -> None:
        self._service = service

    async def ReportExecutions(
        self, request: execution_pb.ReportExecutionsRequest, context: Any
    ) -> execution_pb.ReportExecutionsResponse:
        del context
        if self._service.is_away:
            raise Away
        return self._service.answer(request)


class Broker:
    """A nats-server process with the users and permissions of a machine's own stack; may be killed and come back."""

    def __init__(self, folder: Path, tls: TlsFiles) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        users: list[dict[str, Any]] = [
            {
                "user": user,
                "password": "word",
                "permissions": {side: {"allow": subjects} for side, subjects in PERMISSIONS[user].items()},
            }
            for user in ("pipeline", "executor")
        ]
        users.append({"user": "admin", "password": "word"})
        self._config = folder / "nats.json"
        self._config.write_text(
            json.dumps(
                {
                    "server_name": "test",
                    "host": "127.0.0.1",
                    "port": self.port,
                    "jetstream": {"store_dir": str(folder / "js")},
                    "tls": {
                        "cert_file": str(tls.cert),
                        "key_file": str(tls.key),
                        "ca_file": str(tls.ca),
                        "verify": True,
                    },
                    "authorization": {"users": users},
                }
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        self._process = subprocess.Popen(
            [os.fspath(program), "-c", os.fspath(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while True:
            assert self._process.poll() is None, "nats-server did not start"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything around an executor."""

    folder: Path
    service: FakeExecutionService
    broker: Broker
    publisher: Client
    store: ObjectStore
    variables: dict[str, str]

    async def create_queue(self, queue: str, *, ack_wait_s: float = 60) -> None:
        await nats_client.ensure_consumer(
            self.publisher.jetstream(),
            "WORK",
            ConsumerConfig(
                durable_name=queue,
                filter_subject=f"work.{queue}",
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ack_wait_s,
                max_deliver=20,
                max_ack_pending=64,
            ),
        )

    async def delete_queue(self, queue: str) -> None:
        """As an administrator would; our own users may not."""
        tls = TlsFiles(
            cert=self.folder / "tls" / "pipeline.cert.pem",
            key=self.folder / "tls" / "pipeline.key.pem",
            ca=self.folder / "tls" / "pipeline.ca.pem",
        )
        admin = await nats_client.connect(_address(self.folder, self.broker, "admin", tls), name="admin")
        await admin.jetstream().delete_consumer("WORK", queue)
        await nats_client.close(admin, timeout_s=1)

    async def given(
        self, node_type: str = "noop", *, queue: str = "noop", config: dict[str, Any] | None = None
    ) -> tuple[str, FakeExecution]:
        """An execution that is queued: known to the service, and its message in the stream."""
        execution_id = str(uuid.uuid4())
        task = work_pb.Task(
            execution=f"pipelines/p/nodes/n/executions/{execution_id}",
            node="pipelines/p/nodes/n",
            node_uid=str(uuid.uuid4()),
            node_type=node_type,
            provider="local",
            attempt=1,
        )
        json_format.ParseDict(config or {}, task.config)
        execution = self.service.given(execution_id, task)
        await self.publish(execution_id, queue=queue)
        return execution_id, execution

    async def publish(self, execution_id: str, *, queue: str = "noop", dispatch_no: int = 1) -> None:
        item = work_pb.WorkItem(
            kind=work_pb.WORK_KIND_RUN, execution_id=execution_id, dispatch_no=dispatch_no, task_queue=queue
        )
        await self.publish_bytes(item.SerializeToString(), queue=queue, message_id=f"{execution_id}.{dispatch_no}")

    async def publish_bytes(self, body: bytes, *, queue: str = "noop", message_id: str) -> None:
        await nats_client.publish(
            self.publisher.jetstream(), f"work.{queue}", body, message_id=message_id, stream="WORK"
        )

    async def messages_left(self) -> int:
        return (await self.publisher.jetstream().stream_info("WORK")).state.messages

    async def in_work(self, queue: str = "noop") -> int:
        info = await self.publisher.jetstream().consumer_info("WORK", queue)
        return info.num_ack_pending or 0

    async def until_stream_is_empty(self) -> None:
        await until_found(self._is_empty)

    async def _is_empty(self) -> bool:
        return await self.messages_left() == 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens soon, and fail the test if it does not."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 # a condition of any kind, without a hook to wait on
            await asyncio.sleep(0.01)


async def until_found(condition: Callable[[], Awaitable[bool]]) -> None:
    """The same for what another process must be asked."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 # as above
            await asyncio.sleep(0.02)


@asynccontextmanager
async def world(folder: Path, endpoint: Endpoint) -> AsyncIterator[World]:
    authority = CertificateAuthority()
    tls = folder / "tls"
    executor_tls = authority.issue_files(tls, "executor", EXECUTOR)
    broker = Broker(folder, authority.issue_files(tls, "nats", "spiffe://montage/nats"))
    broker.start()
    service = FakeExecutionService()
    pipeline_tls = authority.issue_files(tls, "pipeline", "spiffe://montage/pipeline")
    server = _server(service, pipeline_tls)
    await server.start()
    publisher = await nats_client.connect(_address(folder, broker, "pipeline", pipeline_tls), name="pipeline")
    store = ObjectStore(_store_address(folder, endpoint))
    await store.ensure_bucket()
    await nats_client.ensure_stream(
        publisher.jetstream(),
        StreamConfig(name="WORK", subjects=["work.>"], retention=RetentionPolicy.WORK_QUEUE, duplicate_window=120),
    )
    try:
        yield World(
            folder=folder,
            service=service,
            broker=broker,
            publisher=publisher,
            store=store,
            variables=_variables(folder, endpoint, executor_tls, broker=broker, pipeline_port=server.port),
        )
    finally:
        await nats_client.close(publisher, timeout_s=1)
        await store.close()
        await server.stop()
        broker.kill()


def _server(service: FakeExecutionService, tls: TlsFiles) -> GrpcServer:
    away = RpcError(code=grpc.StatusCode.UNAVAILABLE, reason="UNAVAILABLE", message="away")
    return GrpcServer(
        listen="127.0.0.1:0",
        credentials=server_credentials(tls, on_reload=lambda _: None),
        services=[lambda to: execution_grpc.add_ExecutionServiceServicer_to_server(Servicer(service), to)],
        access={f"/montage.v1.ExecutionService/{method}": allow(EXECUTOR) for method in METHODS},
        reflection_access=Allow(),
        domain="montage",
        errors={Away: lambda _error: away},
        drain=Drain(notice_s=0, grace_s=0),
    )


def _address(folder: Path, broker: Broker, user: str, tls: TlsFiles) -> NatsAddress:
    return NatsAddress(
        url=f"tls://127.0.0.1:{broker.port}",
        user=user,
        password_file=_secret(folder, "nats.password", "word"),
        inbox_prefix=f"_INBOX_{user}",
        tls=tls,
    )


def _store_address(folder: Path, endpoint: Endpoint) -> StoreAddress:
    return StoreAddress(
        bucket="montage",
        region=REGION,
        endpoint=endpoint.url,
        access_key_file=_secret(folder, "s3.access", ACCESS_KEY),
        secret_key_file=_secret(folder, "s3.secret", SECRET_KEY),
    )


def _variables(
    folder: Path, endpoint: Endpoint, tls: TlsFiles, *, broker: Broker, pipeline_port: int
) -> dict[str, str]:
    return {
        "EXECUTOR_OPS_LISTEN": "127.0.0.1:0",
        "EXECUTOR_TLS_CERT_FILE": str(tls.cert),
        "EXECUTOR_TLS_KEY_FILE": str(tls.key),
        "EXECUTOR_TLS_CA_FILE": str(tls.ca),
        "EXECUTOR_PIPELINE_ADDR": f"127.0.0.1:{pipeline_port}",
        "EXECUTOR_NATS_URL": f"tls://127.0.0.1:{broker.port}",
        "EXECUTOR_NATS_USER": "executor",
        "EXECUTOR_NATS_PASSWORD_FILE": str(folder / "nats.password"),
        "EXECUTOR_S3_ENDPOINT": endpoint.url,
        "EXECUTOR_S3_BUCKET": "montage",
        "EXECUTOR_S3_REGION": REGION,
        "EXECUTOR_S3_ACCESS_KEY_FILE": str(folder / "s3.access"),
        "EXECUTOR_S3_SECRET_KEY_FILE": str(folder / "s3.secret"),
        "EXECUTOR_TASK_QUEUES": "noop",
        "EXECUTOR_WORK_DIR": str(folder / "work"),
        "EXECUTOR_TEST_TYPES": "1",
        "EXECUTOR_TEST_SLOTS": "2",
    }


def _secret(folder: Path, name: str, value: str) -> Path:
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(value)
    return path
