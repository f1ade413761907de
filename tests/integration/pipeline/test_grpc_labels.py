"""Labels over gRPC: set, kept, exported, and without effect on what runs."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from montage.v1 import pipeline_service_pb2, resources_pb2

from tests.factories import a_document, noop
from tests.integration.pipeline.grpc_client import Client, refusal


async def _export(client: Client, name: str) -> dict[str, object]:
    request = pipeline_service_pb2.ExportPipelineRequest(name=f"pipelines/{name}")
    return dict(MessageToDict((await client.pipelines.ExportPipeline(request)).document))


async def _update(client: Client, name: str, mask: list[str], **parts: object) -> resources_pb2.Pipeline:
    request = pipeline_service_pb2.UpdatePipelineRequest(
        pipeline={"name": f"pipelines/{name}", **parts}, update_mask={"paths": mask}
    )
    return (await client.pipelines.UpdatePipeline(request)).pipeline  # type: ignore[no-any-return]  # stubs know no await


async def test_new_pipeline_and_node_have_the_labels_that_they_were_given(client: Client, name: str) -> None:
    request = pipeline_service_pb2.CreatePipelineRequest(pipeline_id=name, pipeline={"labels": {"team": "red"}})

    pipeline = (await client.pipelines.CreatePipeline(request)).pipeline
    node = await client.create_node(name, "a", labels={"take": "2"})

    assert dict(pipeline.labels) == {"team": "red"}
    assert dict(node.labels) == {"take": "2"}


async def test_labels_change_by_mask_alone(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await _update(client, name, ["labels"], labels={"team": "red"})

    renamed = await _update(client, name, ["title"], title="Other", labels={"team": "blue"})
    cleared = await _update(client, name, ["labels"])

    assert (renamed.title, dict(renamed.labels)) == ("Other", {"team": "red"})
    assert (cleared.title, dict(cleared.labels)) == ("Other", {})


async def test_other_labels_reset_nothing_and_change_the_etag(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await client.execute(name, "a")
    await executor.fail(client, name, "a")
    before = await client.node(name, "a")

    after = await client.update_node(name, "a", ["labels"], labels={"take": "2"})

    assert after.state == resources_pb2.NODE_STATE_FAILED
    assert after.execution == before.execution
    assert after.etag != before.etag


async def test_document_brings_labels_and_takes_away_those_that_it_does_not_name(client: Client, name: str) -> None:
    request = pipeline_service_pb2.ImportPipelineRequest()
    document = a_document(noop("a") | {"labels": {"take": "2"}}, noop("b"), document_id=name)
    request.document.update(document | {"labels": {"team": "red"}})
    await client.pipelines.ImportPipeline(request)
    labelled = await _export(client, name)
    await client.pipelines.ImportPipeline(pipeline_service_pb2.ImportPipelineRequest(document=request.document))

    again = await _export(client, name)
    answer = await client.import_(noop("a"), noop("b"), document_id=name)
    bare = await _export(client, name)

    assert again == labelled
    assert labelled["labels"] == {"team": "red"}
    assert [node.get("labels") for node in labelled["nodes"]] == [{"take": "2"}, None]  # type: ignore[attr-defined]
    assert list(answer.unchanged_nodes) == ["a", "b"]
    assert "labels" not in bare
    assert not any("labels" in node for node in bare["nodes"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("labels", [{"Team": "red"}, {"team": "red fox"}, {"": "x"}, {f"k{n}": "" for n in range(65)}])
async def test_labels_that_cannot_be_are_refused(client: Client, name: str, labels: dict[str, str]) -> None:
    await client.import_(noop("a"), document_id=name)

    code, reason, fields = await refusal(client.update_node(name, "a", ["labels"], labels=labels))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert all(field.startswith("node.labels") for field in fields), fields


async def test_change_of_title_and_labels_is_told_and_resets_nothing(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    await client.update_node(name, "a", ["title", "labels"], title="Anew", labels={"team": "red"})
    events = await client.pipelines.ListEvents(
        pipeline_service_pb2.ListEventsRequest(parent=f"pipelines/{name}", filter="type = NODE_DESCRIBED")
    )

    (event,) = events.events
    assert event.node == f"pipelines/{name}/nodes/a"
    assert event.actor == "spiffe://montage/client/dev"


async def test_second_node_of_an_id_is_refused_as_a_node(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    code, reason, _ = await refusal(client.create_node(name, "a"))

    assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "NODE_EXISTS")


async def test_two_at_once_that_change_different_fields_both_stay(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    def change(field: str, pipeline: resources_pb2.Pipeline) -> Any:
        pipeline.name = f"pipelines/{name}"
        return client.pipelines.UpdatePipeline(
            pipeline_service_pb2.UpdatePipelineRequest(pipeline=pipeline, update_mask={"paths": [field]})
        )

    for number in range(10):
        await asyncio.gather(
            change("title", resources_pb2.Pipeline(title=f"take {number}")),
            change("labels", resources_pb2.Pipeline(labels={"take": str(number)})),
        )
        shown = (
            await client.pipelines.GetPipeline(pipeline_service_pb2.GetPipelineRequest(name=f"pipelines/{name}"))
        ).pipeline
        assert (shown.title, shown.labels["take"]) == (f"take {number}", str(number))


async def test_second_writer_of_a_title_under_the_same_etag_is_refused(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    get = pipeline_service_pb2.GetPipelineRequest(name=f"pipelines/{name}")
    etag = (await client.pipelines.GetPipeline(get)).pipeline.etag

    def rename(title: str) -> Any:
        pipeline = resources_pb2.Pipeline(name=f"pipelines/{name}", title=title, etag=etag)
        return client.pipelines.UpdatePipeline(
            pipeline_service_pb2.UpdatePipelineRequest(pipeline=pipeline, update_mask={"paths": ["title"]})
        )

    await rename("first")
    code, reason, _ = await refusal(rename("second"))

    assert (code, reason) == (grpc.StatusCode.ABORTED, "ABORTED")
    assert (await client.pipelines.GetPipeline(get)).pipeline.title == "first"
