"""Calls with `validate_only` answer what they would do, and leave nothing behind: no row, no event, no number."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.message import Message
from montage.v1.node_service_pb2 import CreateNodeRequest, UpdateNodeRequest
from montage.v1.pipeline_service_pb2 import (
    CreateAssetRequest,
    CreatePipelineRequest,
    GetPipelineRequest,
    ImportPipelineRequest,
    RunPipelineRequest,
    UpdatePipelineRequest,
)
from montage.v1.resources_pb2 import NODE_STATE_IN_PROGRESS, NODE_STATE_PENDING, Pipeline

from devstack.stack import Stack
from tests.factories import a_document, noop
from tests.integration.api.here import superuser
from tests.integration.pipeline.grpc_client import Client, node_message, refusal

CONTENT = "Nobody has said this before."
GIVEN_BY_MAKING = ("uid", "etag", "create_time", "update_time")


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await superuser(stack)
    yield connection
    await connection.close()


async def everything(database: "asyncpg.Connection[asyncpg.Record]") -> dict[str, str]:
    """A checksum of the rows of each table, but of seals: the service makes these by itself each second."""
    tables = await database.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'seals'"
    )
    sums = "SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM public.{} AS t"
    return {row["tablename"]: await database.fetchval(sums.format(row["tablename"])) for row in tables}


def rehearsed(request: Any) -> Any:
    """The same request, with a request id that must not be remembered."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.validate_only, copy.request_id = True, "rehearsal"
    return copy


def without(message: Message, *fields: str) -> Message:
    copy = type(message)()
    copy.CopyFrom(message)
    for field in fields:
        copy.ClearField(field)
    return copy


async def test_new_pipeline_is_answered_and_not_made(
    client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    given = Pipeline(title="A film", version="2", labels={"team": "red"})
    request = CreatePipelineRequest(pipeline_id=name, pipeline=given)
    before = await everything(database)

    foretold = await client.pipelines.CreatePipeline(rehearsed(request))
    unchanged = await everything(database)
    made = await client.pipelines.CreatePipeline(request)
    taken = await refusal(client.pipelines.CreatePipeline(rehearsed(request)))

    assert unchanged == before
    assert foretold.pipeline == without(made.pipeline, *GIVEN_BY_MAKING)
    assert taken[:2] == (grpc.StatusCode.ALREADY_EXISTS, "PIPELINE_EXISTS")


async def test_what_would_get_an_id_of_the_service_has_no_name_yet(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    node = node_message(name, {"type": "noop", "config": {"provider": "local"}})

    pipeline = await client.pipelines.CreatePipeline(CreatePipelineRequest(validate_only=True))
    added = await client.nodes.CreateNode(CreateNodeRequest(parent=f"pipelines/{name}", node=node, validate_only=True))

    assert (pipeline.pipeline.name, added.node.name) == ("", "")
    assert added.node.is_valid


async def test_changed_pipeline_is_answered_and_not_changed(
    client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await client.import_(noop("a"), document_id=name)
    old = (await client.pipelines.GetPipeline(GetPipelineRequest(name=f"pipelines/{name}"))).pipeline
    given = Pipeline(name=old.name, title="Another", etag=old.etag)
    request = UpdatePipelineRequest(pipeline=given, update_mask={"paths": ["title"]})
    before = await everything(database)

    foretold = await client.pipelines.UpdatePipeline(rehearsed(request))
    unchanged = await everything(database)
    changed = await client.pipelines.UpdatePipeline(request)
    late = await refusal(client.pipelines.UpdatePipeline(rehearsed(request)))

    assert unchanged == before
    assert foretold.pipeline.title == "Another"
    assert without(foretold.pipeline, "update_time") == without(changed.pipeline, "update_time")
    assert late[0] is grpc.StatusCode.ABORTED


async def test_new_node_is_answered_with_its_problems_and_not_made(
    client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await client.import_(noop("a"), document_id=name)
    node = node_message(name, {"type": "noop", "inputs": {"after": ["a"]}, "config": {"provider": "nobody"}})
    request = CreateNodeRequest(parent=f"pipelines/{name}", node_id="b", node=node)
    before = await everything(database)

    foretold = await client.nodes.CreateNode(rehearsed(request))
    request.strict = True
    refused = await refusal(client.nodes.CreateNode(rehearsed(request)))
    unchanged = await everything(database)
    request.strict = False
    made = await client.nodes.CreateNode(request)

    assert unchanged == before
    assert [problem.field for problem in foretold.node.problems] == ["config.provider"]
    assert foretold.node == without(made.node, *GIVEN_BY_MAKING)
    assert refused[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DOCUMENT")


async def test_edit_that_would_supersede_what_runs_is_answered_and_lets_it_run(
    client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await client.import_(noop("a"), document_id=name)
    await client.execute(name, "a")
    config = {"provider": "local", "nonce": "other"}
    node = node_message(name, {"name": f"pipelines/{name}/nodes/a", "config": config})
    request = UpdateNodeRequest(node=node, update_mask={"paths": ["config"]})
    before = await everything(database)

    foretold = await client.nodes.UpdateNode(rehearsed(request))
    unchanged = await everything(database)
    running = await client.node(name, "a")
    changed = await client.nodes.UpdateNode(request)

    assert unchanged == before
    assert running.state == NODE_STATE_IN_PROGRESS
    assert foretold.node.state == NODE_STATE_PENDING
    assert without(foretold.node, "update_time") == without(changed.node, "update_time")


async def test_bytes_that_a_rehearsed_asset_holds_are_not_stored(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    node = node_message(name, {"type": "asset"})
    node.asset.type, node.asset.content = 1, CONTENT
    request = CreateNodeRequest(parent=f"pipelines/{name}", node_id="b", node=node)
    digest = hashlib.sha256(CONTENT.encode()).hexdigest()
    bytes_ = CreateAssetRequest(sha256=digest, size_bytes=len(CONTENT), content_type="text/plain", file_name="b.txt")

    foretold = await client.nodes.CreateNode(rehearsed(request))
    after_rehearsal = await client.pipelines.CreateAsset(bytes_)
    await client.nodes.CreateNode(request)
    after_call = await client.pipelines.CreateAsset(bytes_)

    assert foretold.node.output.s3_key == after_call.s3_key
    assert (after_rehearsal.already_exists, after_call.already_exists) == (False, True)


async def test_rehearsed_import_and_run_change_nothing(
    client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    old = await client.import_(noop("a"), document_id=name)
    request = ImportPipelineRequest(validate_only=True, request_id="rehearsal")
    request.document.update(a_document(noop("b"), document_id=name))
    stale = ImportPipelineRequest(validate_only=True, etag="0", document=request.document)
    before = await everything(database)

    foretold = await client.pipelines.ImportPipeline(request)
    run = await client.pipelines.RunPipeline(
        RunPipelineRequest(name=old.pipeline.name, validate_only=True, request_id="rehearsal")
    )
    late = await refusal(client.pipelines.ImportPipeline(stale))

    assert await everything(database) == before
    assert (list(foretold.added_nodes), list(foretold.removed_nodes)) == (["b"], ["a"])
    assert run.run.name == ""
    assert late[0] is grpc.StatusCode.ABORTED
