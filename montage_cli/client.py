"""MontageClient: everything the service offers to clients, as typed coroutines.

    async with MontageClient(find_connection(os.environ, folder=Path.cwd(), repository=root)) as client:
        answer = await client.import_pipeline(document)
        run = await client.run(answer.pipeline.name)
        async for update in client.watch(answer.pipeline.name):
            ...

Messages are those of `montage.v1`. Every call has a deadline; every failure is a MontageError.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import json_format, struct_pb2
from montage.v1 import node_service_pb2 as node_api
from montage.v1 import node_service_pb2_grpc, pipeline_service_pb2_grpc
from montage.v1 import pipeline_service_pb2 as api
from montage.v1.node_type_pb2 import NodeType
from montage.v1.resources_pb2 import Event, Execution, Node, Pipeline, Run

from montage_cli.assets import AssetFile
from montage_cli.calls import Caller, CallOptions
from montage_cli.connection import Connection
from montage_cli.errors import MontageError, Status
from montage_cli.transfers import OnBytes, Transfers
from montage_cli.watching import Watch
from servicekit.tls import InvalidTlsFiles, TlsFiles, channel_credentials

_IMPORT_S = 60.0
_PAGE_SIZE = 200
_LARGEST_MESSAGE_BYTES = 20 * 1024 * 1024


class MontageClient:
    """A connection to the pipeline service. Create it on a running event loop and use it as a context manager."""

    def __init__(self, connection: Connection, *, options: CallOptions | None = None) -> None:
        """Raises MontageError when the certificates cannot be used; connects only when something is asked."""
        self._caller = Caller(options=options or CallOptions(), connection=connection)
        self._channel = _channel(connection)
        # The generated stubs carry no types.
        pipelines: Any = pipeline_service_pb2_grpc.PipelineServiceStub
        nodes: Any = node_service_pb2_grpc.NodeServiceStub
        self._pipelines = pipelines(self._channel)
        self._nodes = nodes(self._channel)
        self._transfers = Transfers(ca_cert=connection.ca_cert)

    async def __aenter__(self) -> "MontageClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transfers.close()
        await self._channel.close(None)

    async def create_pipeline(self, pipeline_id: str = "", *, title: str = "", version: str = "") -> Pipeline:
        """Make an empty pipeline."""
        request = api.CreatePipelineRequest(
            pipeline_id=pipeline_id, pipeline=Pipeline(title=title, version=version), request_id=_request_id()
        )
        answer: api.CreatePipelineResponse = await self._caller.safe(self._pipelines.CreatePipeline, request)
        return answer.pipeline

    async def get_pipeline(self, name: str) -> Pipeline:
        request = api.GetPipelineRequest(name=name)
        answer: api.GetPipelineResponse = await self._caller.safe(self._pipelines.GetPipeline, request)
        return answer.pipeline

    async def list_pipelines(self) -> AsyncIterator[Pipeline]:
        """All of the caller's pipelines, newest first; pages are fetched as they are needed."""
        request = api.ListPipelinesRequest(page_size=_PAGE_SIZE)
        async for page in self._pages(self._pipelines.ListPipelines, request):
            for pipeline in page.pipelines:
                yield pipeline

    async def import_pipeline(
        self, document: Mapping[str, object], *, validate_only: bool = False, create_only: bool = False
    ) -> api.ImportPipelineResponse:
        """Make a pipeline equal to `document`, plain JSON values. Every asset must be uploaded or an https URL.

        With `validate_only` the answer lists all problems; without, MontageError carries as many as an error can.
        """
        request = api.ImportPipelineRequest(
            document=json_format.ParseDict(dict(document), struct_pb2.Struct()),
            validate_only=validate_only,
            create_only=create_only,
            request_id=_request_id(),
        )
        answer: api.ImportPipelineResponse = await self._caller.safe(
            self._pipelines.ImportPipeline, request, attempt_s=_IMPORT_S
        )
        return answer

    async def export_pipeline(self, name: str) -> dict[str, Any]:
        """The document that makes a pipeline equal to this one, as plain values; `exporting` gives it its order."""
        request = api.ExportPipelineRequest(name=name)
        answer: api.ExportPipelineResponse = await self._caller.safe(
            self._pipelines.ExportPipeline, request, attempt_s=_IMPORT_S
        )
        return json_format.MessageToDict(answer.document)

    async def create_asset(self, file: AssetFile) -> api.CreateAssetResponse:
        """Register the bytes of `file`; the answer says where to upload them, unless the store has them."""
        request = api.CreateAssetRequest(
            sha256=file.sha256, size_bytes=file.size_bytes, content_type=file.content_type, file_name=file.path.name
        )
        answer: api.CreateAssetResponse = await self._caller.safe(self._pipelines.CreateAsset, request)
        return answer

    async def upload_asset(self, file: AssetFile, *, on_bytes: OnBytes | None = None) -> str:
        """Bring the bytes of `file` into the store unless they are there; answer the `source` for documents."""
        answer = await self._transfers.upload(file, target=self.create_asset, on_bytes=on_bytes)
        return answer.source

    async def run(self, name: str, *, targets: Sequence[str] = (), force: bool = False) -> Run:
        """Bring `targets` (resource names; every leaf when empty) of a pipeline up to date."""
        request = api.RunPipelineRequest(name=name, targets=targets, force=force, request_id=_request_id())
        answer: api.RunPipelineResponse = await self._caller.safe(self._pipelines.RunPipeline, request)
        return answer.run

    async def get_run(self, name: str) -> Run:
        answer: api.GetRunResponse = await self._caller.safe(self._pipelines.GetRun, api.GetRunRequest(name=name))
        return answer.run

    async def list_runs(self, pipeline: str) -> AsyncIterator[Run]:
        """All runs of a pipeline, newest first, without their decisions."""
        request = api.ListRunsRequest(parent=pipeline, page_size=_PAGE_SIZE)
        async for page in self._pages(self._pipelines.ListRuns, request):
            for run in page.runs:
                yield run

    async def list_events(self, pipeline: str, *, after_sequence: int = 0) -> AsyncIterator[Event]:
        """What happened to a pipeline behind `after_sequence`, oldest first, up to now."""
        request = api.ListEventsRequest(parent=pipeline, page_size=_PAGE_SIZE, after_sequence=after_sequence)
        async for page in self._pages(self._pipelines.ListEvents, request):
            for event in page.events:
                yield event

    def watch(self, name: str, *, after_sequence: int | None = None) -> AsyncGenerator[api.WatchPipelineResponse, None]:
        """Follow a pipeline until the caller stops: a snapshot first, or only what comes behind `after_sequence`.

        Broken streams are resumed; no event is missed or seen twice.
        """
        return Watch(self._pipelines.WatchPipeline, name, after_sequence=after_sequence, caller=self._caller).updates()

    async def get_node(self, name: str) -> Node:
        request = node_api.GetNodeRequest(name=name)
        answer: node_api.GetNodeResponse = await self._caller.safe(self._nodes.GetNode, request)
        return answer.node

    async def list_nodes(self, pipeline: str) -> AsyncIterator[Node]:
        """All nodes of a pipeline in the order of its document."""
        request = node_api.ListNodesRequest(parent=pipeline, page_size=_PAGE_SIZE)
        async for page in self._pages(self._nodes.ListNodes, request):
            for node in page.nodes:
                yield node

    async def list_executions(self, parent: str) -> AsyncIterator[Execution]:
        """Attempts of a node, newest first; with `-` as the node those of all nodes of the pipeline."""
        request = node_api.ListExecutionsRequest(parent=parent, page_size=_PAGE_SIZE)
        async for page in self._pages(self._nodes.ListExecutions, request):
            for execution in page.executions:
                yield execution

    async def get_execution(self, name: str) -> Execution:
        request = node_api.GetExecutionRequest(name=name)
        answer: node_api.GetExecutionResponse = await self._caller.safe(self._nodes.GetExecution, request)
        return answer.execution

    async def list_node_types(self) -> Sequence[NodeType]:
        """Every node type by name, with its slots and settings."""
        request = node_api.ListNodeTypesRequest()
        answer: node_api.ListNodeTypesResponse = await self._caller.safe(self._nodes.ListNodeTypes, request)
        return list(answer.node_types)

    async def get_node_type(self, name: str) -> NodeType:
        """`nodeTypes/{node_type}`."""
        request = node_api.GetNodeTypeRequest(name=name)
        answer: node_api.GetNodeTypeResponse = await self._caller.safe(self._nodes.GetNodeType, request)
        return answer.node_type

    async def get_output_url(self, node: str) -> node_api.GetNodeOutputUrlResponse:
        """A presigned URL for the output of a node, good for 15 minutes."""
        request = node_api.GetNodeOutputUrlRequest(name=node)
        answer: node_api.GetNodeOutputUrlResponse = await self._caller.safe(self._nodes.GetNodeOutputUrl, request)
        return answer

    async def download(self, node: str, path: Path, *, on_bytes: OnBytes | None = None) -> Path:
        """Bring the output of a node to `path`, which appears only when it is complete and its checksum agrees."""
        return await self._transfers.download(node, path, source=self.get_output_url, on_bytes=on_bytes)

    async def _pages(self, method: Any, request: Any) -> AsyncIterator[Any]:
        while True:
            page = await self._caller.safe(method, request)
            yield page
            if not page.next_page_token:
                return
            if page.next_page_token == request.page_token:
                raise MontageError("the service answered the same page twice", status=Status.INTERNAL)
            request.page_token = page.next_page_token


def _channel(connection: Connection) -> grpc.aio.Channel:
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
    return grpc.aio.secure_channel(connection.address, credentials, options=options)


def _request_id() -> str:
    """Makes a change safe to repeat: the service answers the same id with what it answered first."""
    return str(uuid4())
