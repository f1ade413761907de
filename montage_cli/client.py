"""MontageClient: everything the service offers to clients, as typed coroutines.

    async with MontageClient(find_connection(os.environ, folder=Path.cwd(), repository=root)) as client:
        answer = await client.import_pipeline(document)
        run = await client.run(answer.pipeline.name)
        async for update in client.watch(answer.pipeline.name):
            ...

Messages are those of `montage.v1`. Every call has a deadline; every failure is a MontageError.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from montage.v1 import (
    audit_service_pb2_grpc,
    credential_service_pb2_grpc,
    node_service_pb2_grpc,
    object_service_pb2_grpc,
    pipeline_service_pb2_grpc,
)

from montage_cli.assets import AssetFile
from montage_cli.calls import Caller, CallOptions
from montage_cli.connection import Connection
from montage_cli.errors import MontageError, Status
from montage_cli.node_calls import NodeCalls
from montage_cli.operator_calls import OperatorCalls
from montage_cli.pipeline_calls import PipelineCalls
from servicekit.tls import InvalidTlsFiles, TlsFiles, channel_credentials

if TYPE_CHECKING:
    from montage_cli.transfers import OnBytes, Transfers

_LARGEST_MESSAGE_BYTES = 20 * 1024 * 1024


class MontageClient(PipelineCalls, NodeCalls, OperatorCalls):
    """A connection to the pipeline service: every call for clients and operators, and the store's transfers.

    Create it on a running event loop and use it as a context manager.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        options: CallOptions | None = None,
        interceptors: Sequence[Any] = (),
    ) -> None:
        """Raises MontageError when the certificates cannot be used; connects only when something is asked."""
        caller = Caller(options=options or CallOptions(), connection=connection)
        self._channel = _channel(connection, interceptors)
        # The generated stubs carry no types.
        pipelines: Any = pipeline_service_pb2_grpc.PipelineServiceStub
        nodes: Any = node_service_pb2_grpc.NodeServiceStub
        PipelineCalls.__init__(self, pipelines(self._channel), caller)
        credentials: Any = credential_service_pb2_grpc.CredentialServiceStub
        NodeCalls.__init__(self, nodes(self._channel), caller)
        audit: Any = audit_service_pb2_grpc.AuditServiceStub
        objects: Any = object_service_pb2_grpc.ObjectServiceStub
        OperatorCalls.__init__(
            self,
            credentials=credentials(self._channel),
            audit=audit(self._channel),
            objects=objects(self._channel),
            caller=caller,
        )
        self._ca_cert = connection.ca_cert

    async def __aenter__(self) -> "MontageClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if "_transfers" in self.__dict__:
            await self._transfers.close()
        await self._channel.close(None)

    async def upload_asset(self, file: AssetFile, *, on_bytes: "OnBytes | None" = None) -> str:
        """Bring the bytes of `file` into the store unless they are there; answer the `source` for documents."""
        answer = await self._transfers.upload(file, target=self.create_asset, on_bytes=on_bytes)
        return answer.source

    async def download(self, node: str, path: Path, *, on_bytes: "OnBytes | None" = None) -> Path:
        """Bring the output of a node to `path`, which appears only when it is complete and its checksum agrees."""
        return await self._transfers.download(node, path, source=self.get_output_url, on_bytes=on_bytes)

    async def download_sheet(self, node: str, path: Path) -> Path:
        """Bring the contact sheet of a node's output to `path`. Raises MontageError, OUTPUT_MISSING for none."""
        return await self._transfers.download_sheet(node, path, source=self.get_sheet_url)

    @cached_property
    def _transfers(self) -> "Transfers":
        # Most commands move no file, and the HTTP client is a quarter of what starts with them.
        from montage_cli.transfers import Transfers

        return Transfers(ca_cert=self._ca_cert)


def _channel(connection: Connection, interceptors: Sequence[Any]) -> grpc.aio.Channel:
    files = TlsFiles(cert=connection.client_cert, key=connection.client_key, ca=connection.ca_cert)
    try:
        credentials = channel_credentials(files)
    except InvalidTlsFiles as err:
        message = f"cannot use the certificates named by {connection.origin}: {err}"
        raise MontageError(message, status=Status.UNAUTHENTICATED, reason="BAD_CERTIFICATE") from err
    options: list[tuple[str, int]] = [
        # gRPC would repeat every call alike; `calls` repeats only those that may be repeated.
        ("grpc.enable_retries", 0),
        # A service that restarts is back within seconds; gRPC's own back-off grows to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 1000),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.max_receive_message_length", _LARGEST_MESSAGE_BYTES),
        ("grpc.max_send_message_length", _LARGEST_MESSAGE_BYTES),
    ]
    return grpc.aio.secure_channel(connection.address, credentials, options=options, interceptors=list(interceptors))
