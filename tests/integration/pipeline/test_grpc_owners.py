"""Callers see and name only what is their owner's, by whatever method."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from montage.v1 import node_service_pb2, pipeline_service_pb2

from devstack.certificates import issue_client_certificate
from devstack.layout import OWNER_ROLE
from devstack.stack import Stack, StackOptions
from servicekit.tls import channel_credentials
from tests.factories import noop
from tests.integration.pipeline.conftest import SERVICE
from tests.integration.pipeline.grpc_client import Client, open_channel, refusal
from tests.stacks import running_stack

NAME, NODE = "pipelines/film", "pipelines/film/nodes/a"
SERVICES = {"pipelines": pipeline_service_pb2, "nodes": node_service_pb2}
# By method, what names another owner's pipeline, node, run or execution; RUN and EXECUTION stand for names that exist.
NAMED: dict[str, dict[str, Any]] = {
    "GetPipeline": {"name": NAME},
    "UpdatePipeline": {"pipeline": {"name": NAME, "title": "Mine"}},
    "DeletePipeline": {"name": NAME, "force": True},
    "ExportPipeline": {"name": NAME},
    "PlanPipeline": {"name": NAME},
    "RunPipeline": {"name": NAME},
    "GetRun": {"name": "RUN"},
    "ListRuns": {"parent": NAME},
    "PauseRun": {"name": "RUN"},
    "ResumeRun": {"name": "RUN"},
    "CancelRun": {"name": "RUN"},
    "PausePipeline": {"name": NAME},
    "ResumePipeline": {"name": NAME},
    "CancelPipeline": {"name": NAME},
    "ListEvents": {"parent": NAME},
    "WatchPipeline": {"name": NAME},
    "GetNode": {"name": NODE},
    "CreateNode": {"parent": NAME, "nodeId": "mine", "node": {"type": "noop", "config": {"provider": "local"}}},
    "UpdateNode": {"node": {"name": NODE, "title": "Mine"}, "updateMask": "title"},
    "DeleteNode": {"name": NODE},
    "ExecuteNode": {"name": NODE, "force": True},
    "RetryNode": {"name": NODE},
    "CancelNode": {"name": NODE},
    "PauseNode": {"name": NODE},
    "ResumeNode": {"name": NODE},
    "ApproveNode": {"name": NODE, "approval": "APPROVAL_APPROVED"},
    "ResolveNode": {"name": NODE, "adopt_job_id": "job"},
    "ListNodes": {"parent": NAME},
    "GetNodeOutputUrl": {"name": NODE},
    "GetExecution": {"name": "EXECUTION"},
    "ListExecutions": {"parent": "pipelines/film/nodes/-"},
}
# These name nothing that could be somebody else's.
FREE = {
    "CreatePipeline",
    "ListPipelines",
    "ImportPipeline",
    "CreateAsset",
    "ListNodeTypes",
    "GetNodeType",
    "ListVendors",
}


@pytest.fixture(scope="module")
def two_owners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    owners: Path = tmp_path_factory.mktemp("owners") / "owners.json"
    owners.write_text(json.dumps({"spiffe://montage/client/dev": "red", "spiffe://montage/client/blue": "blue"}))
    settings = {"pipeline": {"PIPELINE_OWNERS_FILE": str(owners)}}
    with running_stack(StackOptions(processes=SERVICE, test_types=True, settings=settings)) as stack:
        yield stack


@pytest.fixture
async def red(two_owners: Stack) -> AsyncIterator[Client]:
    credentials = channel_credentials(two_owners.layout.tls("client-dev"))
    async with grpc.aio.secure_channel(two_owners.addresses.pipeline, credentials) as channel:
        yield Client(channel)


@pytest.fixture
async def blue(two_owners: Stack) -> AsyncIterator[Client]:
    credentials = channel_credentials(issue_client_certificate(two_owners.layout, "blue"))
    async with grpc.aio.secure_channel(two_owners.addresses.pipeline, credentials) as channel:
        yield Client(channel)


@pytest.fixture
async def operator(two_owners: Stack) -> AsyncIterator[Client]:
    async with open_channel(two_owners, "ops-dev") as channel:
        yield Client(channel)


def test_every_method_is_thought_of() -> None:
    methods = {
        method
        for module, service in ((pipeline_service_pb2, "PipelineService"), (node_service_pb2, "NodeService"))
        for method in module.DESCRIPTOR.services_by_name[service].methods_by_name
    }

    assert methods == NAMED.keys() | FREE


async def test_what_is_somebody_elses_is_not_found_and_not_changed(red: Client, blue: Client) -> None:
    await red.import_(noop("a"), document_id="film")
    await red.execute("film", "a")
    names = {"RUN": await _run_of(red), "EXECUTION": (await red.node("film", "a")).execution}
    before = await _history(red)

    answers = {method: await refusal(_call(blue, method, arguments, names)) for method, arguments in NAMED.items()}

    wrong = {
        method: (code, reason) for method, (code, reason, _) in answers.items() if code is not grpc.StatusCode.NOT_FOUND
    }
    assert wrong == {}
    assert await _history(red) == before


async def test_vendors_are_listed_with_the_callers_own_key_and_nobody_elses(
    two_owners: Stack, red: Client, blue: Client, operator: Client
) -> None:
    await _keep_a_key_of(two_owners, "red")

    seen = [await _owners_of_keys(client) for client in (red, blue, operator)]

    assert seen == [{"", "red"}, {""}, {"", "red"}]


async def test_lists_and_ids_of_two_owners_do_not_meet(red: Client, blue: Client) -> None:
    shared, own = f"film-{uuid4().hex[:8]}", f"film-{uuid4().hex[:8]}"
    await red.import_(noop("a"), document_id=shared)
    await blue.import_(noop("b"), document_id=shared)
    await blue.import_(noop("b"), document_id=own)

    assert await red.node_ids(shared) == ["a"]
    assert await blue.node_ids(shared) == ["b"]
    assert own not in await _pipelines(red)
    assert {shared, own} <= await _pipelines(blue)


async def test_page_token_and_request_id_of_one_owner_say_nothing_to_another(red: Client, blue: Client) -> None:
    names = [f"film-{uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        await red.import_(noop("a"), document_id=name)
        await blue.import_(noop("b"), document_id=name)
    page = pipeline_service_pb2.ListPipelinesRequest(page_size=1)
    page.page_token = (await red.pipelines.ListPipelines(page)).next_page_token
    run = pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{names[0]}", request_id=names[0])

    code, reason, _ = await refusal(blue.pipelines.ListPipelines(page))
    first, second = await red.pipelines.RunPipeline(run), await blue.pipelines.RunPipeline(run)

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
    assert first.run.uid != second.run.uid


async def _call(client: Client, method: str, arguments: dict[str, Any], names: dict[str, str]) -> Any:
    [(stub, module)] = [
        (getattr(client, attribute), module)
        for attribute, module in SERVICES.items()
        if hasattr(module, f"{method}Request")
    ]
    filled = {key: names.get(value, value) if isinstance(value, str) else value for key, value in arguments.items()}
    call = getattr(stub, method)(ParseDict(filled, getattr(module, f"{method}Request")()))
    if method == "WatchPipeline":
        return [update async for update in call]
    return await call


async def _run_of(client: Client) -> str:
    [run] = (await client.pipelines.ListRuns(pipeline_service_pb2.ListRunsRequest(parent=NAME))).runs
    return str(run.name)


async def _history(client: Client) -> dict[str, Any]:
    request = pipeline_service_pb2.ListEventsRequest(parent=NAME, page_size=500)
    events: dict[str, Any] = MessageToDict(await client.pipelines.ListEvents(request))
    return events


async def _pipelines(client: Client) -> set[str]:
    request = pipeline_service_pb2.ListPipelinesRequest(page_size=500)
    return {pipeline.name.split("/")[1] for pipeline in (await client.pipelines.ListPipelines(request)).pipelines}


async def _keep_a_key_of(stack: Stack, owner: str) -> None:
    """What nobody opens: that it is there is enough."""
    database = await asyncpg.connect(
        f"postgresql://{OWNER_ROLE}@127.0.0.1:{stack.addresses.ports.postgres}/montage",
        password=stack.layout.postgres_password(OWNER_ROLE).read_text(),
    )
    await database.execute(
        "INSERT INTO credentials (owner, vendor, version, master_key_id, wrapped_key, nonce, ciphertext)"
        " VALUES ($1, 'heygen', 1, 'none', '', '', '')",
        owner,
    )
    await database.close()


async def _owners_of_keys(client: Client) -> set[str]:
    answer = await client.nodes.ListVendors(node_service_pb2.ListVendorsRequest())
    return {vendor.owner for vendor in answer.vendors}
