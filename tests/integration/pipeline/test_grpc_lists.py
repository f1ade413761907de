"""Filters, orders and page tokens over gRPC."""

from typing import Any

import grpc
import pytest
from montage.v1 import node_service_pb2, pipeline_service_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal

PIECES = (
    noop("a") | {"title": "First 100%", "labels": {"team": "red"}},
    noop("b", "a") | {"title": "second", "labels": {"team": "blue", "take": "2"}},
    noop("c", "b") | {"title": "Third"},
)


async def _nodes(client: Client, name: str, **arguments: Any) -> list[str]:
    request = node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", **arguments)
    return [node.name.split("/")[3] for node in (await client.nodes.ListNodes(request)).nodes]


async def _pipelines(client: Client, **arguments: Any) -> list[str]:
    request = pipeline_service_pb2.ListPipelinesRequest(**arguments)
    return [pipeline.name.split("/")[1] for pipeline in (await client.pipelines.ListPipelines(request)).pipelines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("state = FAILED", ["a"]),
        ("state != FAILED", ["b", "c"]),
        ("type = noop AND title:SECOND", ["b"]),
        ("title = second OR title = Third", ["b", "c"]),
        ("title:'0%'", ["a"]),
        ("title:_", []),
        ("labels.team = red", ["a"]),
        ("labels.team != red", ["b", "c"]),
        ("labels:take", ["b"]),
        ("labels.team:*", ["a", "b"]),
        ("NOT labels:team", ["c"]),
        ("create_time > 2026-01-01T00:00:00Z AND -(state = FAILED OR labels:take)", ["c"]),
        ("create_time < 2026-01-01T00:00:00Z", []),
        ('title = "\'; DROP TABLE nodes; --"', []),
    ],
)
async def test_nodes_are_those_that_fit_the_filter(
    client: Client, executor: Client, name: str, text: str, expected: list[str]
) -> None:
    await client.import_(*PIECES, document_id=name)
    await client.execute(name, "a")
    await executor.fail(client, name, "a")

    assert await _nodes(client, name, filter=text) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [("", "abc"), ("position desc", "cba"), ("title desc", "cba"), ("create_time", "abc")],
)
async def test_nodes_come_in_the_order_that_was_asked_for(client: Client, name: str, order: str, expected: str) -> None:
    titled = [piece | {"title": str(number)} for number, piece in enumerate(PIECES)]
    await client.import_(*titled, document_id=name)

    assert await _nodes(client, name, order_by=order) == list(expected)


async def test_pipelines_are_filtered_by_labels_title_and_the_states_of_their_nodes(
    client: Client, executor: Client, name: str
) -> None:
    request = pipeline_service_pb2.ImportPipelineRequest()
    request.document.update({"id": name, "title": f"The {name}", "labels": {"name": name}, "nodes": [noop("a")]})
    await client.pipelines.ImportPipeline(request)
    mine = f"labels.name = {name}"

    pending = await _pipelines(client, filter=f"{mine} AND state = PENDING AND title:'the FILM-'")
    not_failed = await _pipelines(client, filter=f"{mine} AND state != FAILED")
    await client.execute(name, "a")
    await executor.fail(client, name, "a")
    failed = await _pipelines(client, filter=f"{mine} AND state = FAILED")

    assert pending == not_failed == failed == [name]
    assert await _pipelines(client, filter=f"{mine} AND state = PENDING") == []
    assert await _pipelines(client, filter=f"{mine} AND state != FAILED") == []


async def test_runs_executions_and_events_are_filtered(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("a"), noop("b"), document_id=name)
    await client.execute(name, "a")
    await executor.fail(client, name, "a")
    await client.execute(name, "b")
    parent = f"pipelines/{name}"

    async def states(text: str) -> list[str]:
        request = node_service_pb2.ListExecutionsRequest(parent=f"{parent}/nodes/-", filter=text)
        return [one.name.split("/")[3] for one in (await client.nodes.ListExecutions(request)).executions]

    async def events(text: str) -> list[str]:
        request = pipeline_service_pb2.ListEventsRequest(parent=parent, filter=text)
        return [one.node.split("/")[3] for one in (await client.pipelines.ListEvents(request)).events]

    assert await states("state = FAILED AND attempt = 1 AND provider = local") == ["a"]
    assert await states("error_type = invalid_input") == ["a"]
    assert await states("NOT error_type = invalid_input") == ["b"]
    assert await events("type = EXECUTION_FAILED") == ["a"]
    assert await events("node = b AND type != NODE_CREATED AND state = QUEUED") == ["b"]
    runs = pipeline_service_pb2.ListRunsRequest(
        parent=parent, filter="state = FAILED AND create_time > 2026-01-01T00:00:00Z"
    )
    assert len((await client.pipelines.ListRuns(runs)).runs) == 1


@pytest.mark.parametrize(
    ("arguments", "reason", "field", "words"),
    [
        ({"filter": "stat = FAILED"}, "INVALID_FILTER", "filter", "column 1: there is no field 'stat'; did you mean"),
        ({"filter": "state = "}, "INVALID_FILTER", "filter", "column 9: expected a value"),
        ({"filter": "x" * 2049}, "INVALID_FIELD", "filter", "2048"),
        ({"order_by": "titel"}, "INVALID_ORDER_BY", "order_by", "did you mean 'title'?"),
        ({"page_size": 501}, "INVALID_FIELD", "page_size", "500"),
    ],
)
async def test_list_that_cannot_be_is_refused_with_field_and_reason(
    client: Client, name: str, arguments: dict[str, Any], reason: str, field: str, words: str
) -> None:
    await client.import_(noop("a"), document_id=name)

    code, found, fields = await refusal(_nodes(client, name, **arguments))

    assert (code, found) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert words in fields[field]


@pytest.mark.parametrize(
    "other",
    [{"filter": "state = FAILED"}, {"order_by": "title"}, {"order_by": "position desc"}, {"filter": "-state = FAILED"}],
)
async def test_page_token_holds_for_its_own_arguments_alone(client: Client, name: str, other: dict[str, str]) -> None:
    await client.import_(*PIECES, document_id=name)
    first = {"filter": "state = PENDING"}
    request = node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", page_size=1, **first)
    token = (await client.nodes.ListNodes(request)).next_page_token

    code, reason, _ = await refusal(_nodes(client, name, page_token=token, **(first | other)))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
    assert await _nodes(client, name, page_token=token, page_size=5, **first) == ["b", "c"]
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


async def test_page_token_fits_its_field_whatever_the_title_was(client: Client) -> None:
    """The longest title that a pipeline may have, of characters that take the most bytes."""
    for number in range(2):
        given = {"title": f"{number}" + "\U0001f3ac\x01" * 127}
        await client.pipelines.CreatePipeline(pipeline_service_pb2.CreatePipelineRequest(pipeline=given))
    request = pipeline_service_pb2.ListPipelinesRequest(page_size=1, order_by="title", filter="title:'\U0001f3ac'")
    request.page_token = (await client.pipelines.ListPipelines(request)).next_page_token

    again = await client.pipelines.ListPipelines(request)

    assert again.pipelines[0].title.startswith("1")
