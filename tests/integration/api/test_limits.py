"""Each limit that the contract states: what lies on it is taken, one more is refused with both numbers."""

import time
from typing import Any

import grpc
import pytest
from montage.v1.node_service_pb2 import CreateNodeRequest, ListNodesRequest
from montage.v1.pipeline_service_pb2 import ExportPipelineRequest, ImportPipelineRequest, ListRunsRequest

from tests.factories import a_document, noop
from tests.integration.pipeline.grpc_client import Client, refusal

INVALID = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DOCUMENT")
TOO_LARGE = (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
MIB = 1024 * 1024


def graph(nodes: int, edges: int) -> list[dict[str, Any]]:
    """Nodes that take from those before them, up to 64 each, until there are enough edges."""
    made = []
    for number in range(nodes):
        count = min(number, 64, edges)
        edges -= count
        made.append(noop(f"n{number}", *(f"n{source}" for source in range(number - count, number))))
    assert edges == 0
    return made


@pytest.mark.parametrize(("nodes", "edges"), [(1000, 999), (2000, 10_000)])
async def test_pipeline_of_many_nodes_is_imported_in_one_call(
    client: Client, name: str, nodes: int, edges: int
) -> None:
    document = graph(nodes, edges)
    began = time.perf_counter()

    answer = await client.import_(*document, document_id=name)

    print(f"{nodes} nodes with {edges} edges: {time.perf_counter() - began:.2f} s")
    assert len(answer.added_nodes) == answer.pipeline.node_count == nodes


@pytest.mark.parametrize(
    ("nodes", "edges", "found"),
    [
        (2001, 0, "expected at most 2000 nodes, found 2001"),
        (2000, 10_001, "expected at most 10000 edges, found 10001"),
    ],
)
async def test_document_with_one_more_is_refused(client: Client, name: str, nodes: int, edges: int, found: str) -> None:
    code, reason, fields = await refusal(client.import_(*graph(nodes, edges), document_id=name))

    assert ((code, reason), fields) == (INVALID, {"nodes": found})


async def test_node_and_edge_too_many_are_refused_one_by_one_as_well(client: Client, name: str) -> None:
    await client.import_(*graph(2000, 10_000), document_id=name)

    node = await refusal(client.create_node(name, "more"))
    edge = await refusal(client.update_node(name, "n0", ["inputs"], inputs={"after": ["n1999"]}))

    assert node == (*INVALID, {"node": "expected at most 2000 nodes in a pipeline, found 2001"})
    assert edge[2]["node.inputs"] == "expected at most 10000 edges in a pipeline, found 10001"


async def test_slot_takes_64_nodes_and_not_one_more(client: Client, name: str) -> None:
    sources = [f"s{number}" for number in range(65)]
    await client.import_(*map(noop, sources), noop("full", *sources[:64]), document_id=name)

    full = await client.node(name, "full")
    imported = await refusal(client.import_(*map(noop, sources), noop("full", *sources), document_id=name))
    edited = await refusal(client.update_node(name, "full", ["inputs"], inputs={"after": sources}))

    assert (full.is_valid, len(full.inputs[0].nodes)) == (True, 64)
    assert imported == (*INVALID, {"nodes[65].inputs.after": "expected at most 64 nodes, found 65"})
    assert edited == (*INVALID, {"node.inputs.after": "expected at most 64 nodes, found 65"})


async def test_config_takes_64_kib_and_not_one_byte_more(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    around = len('{"nonce": "", "provider": "local"}')
    most = {"provider": "local", "nonce": "x" * (64 * 1024 - around)}
    more = {"provider": "local", "nonce": "x" * (64 * 1024 - around + 1)}

    made = await client.create_node(name, "most", config=most)
    refused = await refusal(client.create_node(name, "more", config=more))

    assert made.is_valid
    assert refused == (*INVALID, {"node.config": "expected at most 65536 bytes as JSON, found 65537"})
    assert await client.node_ids(name) == ["a", "most"]


async def test_message_takes_1_mib_and_not_one_byte_more(client: Client, name: str) -> None:
    request = CreateNodeRequest(parent=f"pipelines/{name}", node={"type": "noop", "execution": "x" * MIB})
    request.node.execution = "x" * (MIB - (request.ByteSize() - MIB))

    size = request.ByteSize()
    at_the_limit = await refusal(client.nodes.CreateNode(request))
    request.node.execution += "x"
    above = await refusal(client.nodes.CreateNode(request))

    assert size == MIB
    assert at_the_limit[:2] == (grpc.StatusCode.NOT_FOUND, "PIPELINE_NOT_FOUND")
    assert above[:2] == TOO_LARGE


async def test_document_takes_16_mib_and_not_one_byte_more(client: Client) -> None:
    request = ImportPipelineRequest(validate_only=True)
    request.document.update(a_document() | {"version": "x" * (16 * MIB)})
    size = request.ByteSize()
    request.document.update({"version": "x" * (16 * MIB - (size - 16 * MIB))})

    assert request.ByteSize() == 16 * MIB
    answer = await client.pipelines.ImportPipeline(request)
    request.document.update({"version": "x" * (16 * MIB - (size - 16 * MIB) + 1)})
    above = await refusal(client.pipelines.ImportPipeline(request))

    assert {problem.field for problem in answer.problems} == {"nodes", "version"}
    assert above[:2] == TOO_LARGE


async def test_page_of_large_nodes_ends_before_its_size_is_too_much_for_a_client(client: Client, name: str) -> None:
    ids = [f"n{number}" for number in range(100)]
    await client.import_(*(noop(one, nonce=f"{one}/" + "x" * 60_000) for one in ids), document_id=name)

    pages, token = [], ""
    while not pages or token:
        request = ListNodesRequest(parent=f"pipelines/{name}", page_size=500, page_token=token)
        answer = await client.nodes.ListNodes(request)
        pages.append(answer)
        token = answer.next_page_token

    assert [node.name.split("/")[3] for page in pages for node in page.nodes] == ids
    assert all(0.9 * MIB < page.ByteSize() < 1.1 * MIB for page in pages[:-1])


@pytest.mark.timeout(120)
async def test_export_of_more_than_16_mib_is_refused_in_words(client: Client, name: str) -> None:
    large = [noop(f"n{number}", nonce=f"{number}/" + "x" * 65_000) for number in range(257)]
    await client.import_(*large, document_id=name)
    await client.create_node(name, "more", config={"provider": "local", "nonce": "x" * 65_000})
    await client.create_node(name, "and-more", config={"provider": "local", "nonce": "y" * 65_000})

    refused = await refusal(client.pipelines.ExportPipeline(ExportPipelineRequest(name=f"pipelines/{name}")))

    assert refused[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION")


@pytest.mark.parametrize(("size", "is_taken"), [(500, True), (501, False), (-1, False)])
async def test_page_takes_500_and_not_one_more(client: Client, name: str, size: int, *, is_taken: bool) -> None:
    await client.import_(noop("a"), document_id=name)
    call = client.pipelines.ListRuns(ListRunsRequest(parent=f"pipelines/{name}", page_size=size))

    if is_taken:
        assert not (await call).runs
    else:
        code, reason, fields = await refusal(call)
        assert (code, reason, list(fields)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["page_size"])
