"""Every call of the contract that clients may make has a method, with a deadline, and is repeated safely."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from montage.v1 import node_service_pb2, pipeline_service_pb2
from montage.v1.resources_pb2 import Node, Pipeline

from montage_cli.assets import AssetFile
from montage_cli.calls import Caller, CallOptions
from montage_cli.connection import Connection
from montage_cli.node_calls import NodeCalls
from montage_cli.pipeline_calls import PipelineCalls

SERVICES = (
    pipeline_service_pb2.DESCRIPTOR.services_by_name["PipelineService"],
    node_service_pb2.DESCRIPTOR.services_by_name["NodeService"],
)
CONNECTION = Connection(
    address="nowhere:1", ca_cert=Path("ca"), client_cert=Path("cert"), client_key=Path("key"), origin="the test"
)
ASSET = AssetFile(path=Path("a.txt"), sha256="0" * 64, size_bytes=1, content_type="text/plain")
APPROVED = node_service_pb2.APPROVAL_APPROVED


class Client(PipelineCalls, NodeCalls):
    """The calls of MontageClient over stubs of our own."""

    def __init__(self, stub: Any) -> None:
        caller = Caller(options=CallOptions(), connection=CONNECTION)
        PipelineCalls.__init__(self, stub, caller)
        NodeCalls.__init__(self, stub, caller)


class Stub:
    """Answers every method of both services, after the faults that are left; remembers what it was asked."""

    def __init__(self, *faults: grpc.StatusCode) -> None:
        self.asked: list[tuple[str, Any, float]] = []
        self._faults = list(faults)
        self._answers = {
            method.name: GetMessageClass(method.output_type) for service in SERVICES for method in service.methods
        }

    def __getattr__(self, name: str) -> Any:
        async def method(request: Any, *, timeout: float) -> Any:
            self.asked.append((name, request, timeout))
            if self._faults:
                raise grpc.aio.AioRpcError(self._faults.pop(0), grpc.aio.Metadata(), grpc.aio.Metadata(), "", "")
            return self._answers[name]()

        return method


class SilentStub:
    """Knows one stream that ends at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def WatchPipeline(self, request: Any, *, timeout: float) -> "EndedStream":
        self.asked.append((request.name, timeout))
        return EndedStream()


class EndedStream:
    async def read(self) -> object:
        raise RuntimeError("hung up")

    def cancel(self) -> None:
        pass


async def everything(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        pass


READS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "GetPipeline": lambda client: client.get_pipeline("p"),
    "ListPipelines": lambda client: everything(client.list_pipelines()),
    "ExportPipeline": lambda client: client.export_pipeline("p"),
    # By its digest, so that a repeat is the same.
    "CreateAsset": lambda client: client.create_asset(ASSET),
    "PlanPipeline": lambda client: client.plan("p"),
    "GetRun": lambda client: client.get_run("r"),
    "ListRuns": lambda client: everything(client.list_runs("p")),
    "ListEvents": lambda client: everything(client.list_events("p")),
    "GetNode": lambda client: client.get_node("n"),
    "ListNodes": lambda client: everything(client.list_nodes("p")),
    "GetNodeOutputUrl": lambda client: client.get_output_url("n"),
    "GetExecution": lambda client: client.get_execution("e"),
    "ListExecutions": lambda client: everything(client.list_executions("n")),
    "ListNodeTypes": lambda client: client.list_node_types(),
    "GetNodeType": lambda client: client.get_node_type("t"),
    "ListVendors": lambda client: client.list_vendors(),
}
CHANGES: dict[str, Callable[[Client], Awaitable[object]]] = {
    "CreatePipeline": lambda client: client.create_pipeline("p", labels={"team": "red"}),
    "UpdatePipeline": lambda client: client.update_pipeline(Pipeline(name="p"), "title"),
    "DeletePipeline": lambda client: client.delete_pipeline("p"),
    "ImportPipeline": lambda client: client.import_pipeline({"id": "p"}),
    "RunPipeline": lambda client: client.run("p"),
    "PauseRun": lambda client: client.pause_run("r"),
    "ResumeRun": lambda client: client.resume_run("r"),
    "CancelRun": lambda client: client.cancel_run("r"),
    "PausePipeline": lambda client: client.pause_pipeline("p"),
    "ResumePipeline": lambda client: client.resume_pipeline("p"),
    "CancelPipeline": lambda client: client.cancel_pipeline("p"),
    "CreateNode": lambda client: client.create_node("p", Node(type="noop")),
    "UpdateNode": lambda client: client.update_node(Node(name="n"), "title"),
    "DeleteNode": lambda client: client.delete_node("n"),
    "ExecuteNode": lambda client: client.execute_node("n"),
    "RetryNode": lambda client: client.retry_node("n"),
    "CancelNode": lambda client: client.cancel_node("n"),
    "PauseNode": lambda client: client.pause_node("n"),
    "ResumeNode": lambda client: client.resume_node("n"),
    "ApproveNode": lambda client: client.approve_node("n", APPROVED),
    "ResolveNode": lambda client: client.resolve_node("n", submits_again=True),
}


def test_client_has_every_call_of_the_contract() -> None:
    streams = {"WatchPipeline"}

    assert {*READS, *CHANGES, *streams} == {method.name for service in SERVICES for method in service.methods}


@pytest.mark.parametrize("method", READS)
async def test_reading_call_has_a_deadline_and_is_repeated(method: str) -> None:
    stub = Stub(grpc.StatusCode.UNAVAILABLE)

    await READS[method](Client(stub))

    assert [name for name, _, _ in stub.asked] == [method, method]
    assert all(0 < timeout <= 60 for _, _, timeout in stub.asked)


@pytest.mark.parametrize("method", CHANGES)
async def test_changing_call_is_repeated_under_its_request_id(method: str) -> None:
    stub = Stub(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    client = Client(stub)

    await CHANGES[method](client)
    await CHANGES[method](client)

    first, again, third, other = (request.request_id for _, request, _ in stub.asked)
    assert first
    assert first == again == third != other
    assert all(0 < timeout <= 60 for _, _, timeout in stub.asked)


async def test_watch_has_a_deadline() -> None:
    stub = SilentStub()

    with contextlib.suppress(RuntimeError):
        await everything(Client(stub).watch("p", after_sequence=0))

    assert stub.asked == [("p", CallOptions().watch_deadline_s)]
