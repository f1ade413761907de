"""Pages of lists over gRPC."""

import base64
import json
from uuid import uuid4

import grpc
import pytest
from montage.v1 import node_service_pb2, pipeline_service_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal


async def test_pages_of_nodes_hold_every_node_once_and_in_order(client: Client, name: str) -> None:
    await client.import_(*(noop(f"n{number}") for number in range(7)), document_id=name)

    seen: list[str] = []
    token = ""
    while True:
        page = await client.nodes.ListNodes(
            node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", page_size=3, page_token=token)
        )
        seen += [node.name.split("/")[3] for node in page.nodes]
        token = page.next_page_token
        if not token:
            break

    assert seen == [f"n{number}" for number in range(7)]


async def test_pages_of_pipelines_do_not_shift_when_others_are_made(client: Client) -> None:
    made = [f"page-{uuid4().hex[:8]}" for _ in range(5)]
    for pipeline in made:
        await client.import_(noop("a"), document_id=pipeline)

    first = await client.pipelines.ListPipelines(pipeline_service_pb2.ListPipelinesRequest(page_size=3))
    await client.import_(noop("a"), document_id=f"page-{uuid4().hex[:8]}")
    second = await client.pipelines.ListPipelines(
        pipeline_service_pb2.ListPipelinesRequest(page_size=2, page_token=first.next_page_token)
    )

    names = [pipeline.name for pipeline in (*first.pipelines, *second.pipelines)]
    assert names == [f"pipelines/{pipeline}" for pipeline in reversed(made)]


@pytest.mark.parametrize("token", ["x", "bm90LWpzb24", "W10", "%%%", "WyIwMDAwMDAwMDAwMDAwMDAwIiwiMSJd"])
async def test_page_token_that_is_none_of_ours_is_refused(client: Client, name: str, token: str) -> None:
    await client.import_(noop("a"), document_id=name)

    code, reason, _ = await refusal(
        client.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", page_token=token))
    )

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_page_token_with_a_time_that_cannot_be_is_refused(client: Client) -> None:
    for _ in range(2):
        await client.import_(noop("a"), document_id=f"p{uuid4().hex}")
    first = await client.pipelines.ListPipelines(pipeline_service_pb2.ListPipelinesRequest(page_size=1))
    arguments, _, uid = json.loads(base64.urlsafe_b64decode(first.next_page_token + "=="))
    changed = json.dumps([arguments, "0001-01-01T00:00:00+14:00", uid])
    token = base64.urlsafe_b64encode(changed.encode()).rstrip(b"=").decode()

    code, reason, _ = await refusal(
        client.pipelines.ListPipelines(pipeline_service_pb2.ListPipelinesRequest(page_size=1, page_token=token))
    )

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_page_token_of_other_arguments_is_refused(client: Client, name: str) -> None:
    await client.import_(*(noop(f"n{number}") for number in range(3)), document_id=name)
    await client.import_(noop("a"), document_id=f"{name}-2")
    page = await client.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", page_size=1))

    code, reason, _ = await refusal(
        client.nodes.ListNodes(
            node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}-2", page_token=page.next_page_token)
        )
    )

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
