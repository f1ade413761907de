"""What is exported is what was imported, and what was edited is what a person would have written."""

import asyncio
import copy
import hashlib
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import asyncpg
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from montage.v1 import pipeline_service_pb2

from montage_cli.canonical import document_text
from montage_cli.json_reader import read_json
from montage_cli.yaml_reader import read_yaml
from pipeline_service.commands.errors import InvalidDocument
from pipeline_service.commands.ports import ObjectFacts
from pipeline_service.domain.document import read_document
from pipeline_service.domain.ids import NodeId, PipelineId
from pipeline_service.store.pool import Pools
from pipeline_service.wire.documents import document_message
from pipeline_service.wire.values import json_object
from tests.drawn_documents import (
    CATALOGUE,
    LABELS,
    TEXTS,
    UPLOADED,
    Raw,
    assets,
    configs,
    documents,
    inputs_among,
    nodes_after,
)
from tests.integration.pipeline.conftest import Database
from tests.integration.pipeline.machine.rows import empty, open_owner
from tests.integration.pipeline.rig import CALLER, OWNER, Rig, running_rig

# Every example is some ten transactions of a real database; the time of one says nothing.
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture),
)
T = TypeVar("T")


class Installations:
    """Services that start one after the other, each with an empty database; the object store outlives them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, pools: Pools, owner: "asyncpg.Connection[asyncpg.Record]"
    ) -> None:
        self._loop = loop
        self._pools = pools
        self._owner = owner
        self._objects = {
            f"assets/{OWNER}/{UPLOADED.removeprefix('asset:')}": ObjectFacts(
                size_bytes=5, sha256="5" * 64, content_type="application/octet-stream"
            )
        }

    def in_a_new_one(self, work: Callable[[Rig], Awaitable[T]]) -> T:
        return self._loop.run_until_complete(self._begin(work))

    async def _begin(self, work: Callable[[Rig], Awaitable[T]]) -> T:
        await empty(self._owner)
        async with running_rig(self._pools) as rig:
            rig.artifacts.objects = self._objects
            return await work(rig)


@pytest.fixture
def installations(database: Database) -> Iterator[Installations]:
    loop = asyncio.new_event_loop()
    owner = loop.run_until_complete(open_owner(database))
    pools = loop.run_until_complete(database.open_pools(size=3))
    yield Installations(loop, pools, owner)
    loop.run_until_complete(pools.close())
    loop.run_until_complete(owner.close())
    loop.close()


async def import_(rig: Rig, raw: Raw) -> None:
    """Through the message, as a client sends it."""
    request = pipeline_service_pb2.ImportPipelineRequest()
    request.document.update(raw)
    sent = pipeline_service_pb2.ImportPipelineRequest.FromString(request.SerializeToString())
    document = json_object(sent.document, field="document")
    await rig.pipelines.import_document(CALLER, document, create_only=False, validate_only=False)


async def export(rig: Rig, raw: Raw, *, is_json: bool = False) -> str:
    """The text that `montage export` writes."""
    view = await rig.reader.snapshot(OWNER, PipelineId(raw.get("id") or raw["uuid"]))
    assert view is not None
    answer = pipeline_service_pb2.ExportPipelineResponse(document=document_message(view))
    received = pipeline_service_pb2.ExportPipelineResponse.FromString(answer.SerializeToString())
    return document_text(MessageToDict(received.document), is_json=is_json)


@BOUNDED
@given(raw=documents(), is_json=st.booleans())
def test_export_imported_into_an_empty_service_is_exported_as_the_same_bytes(
    installations: Installations, raw: Raw, is_json: bool
) -> None:
    async def there(rig: Rig) -> str:
        await import_(rig, raw)
        return await export(rig, raw, is_json=is_json)

    async def and_back(rig: Rig) -> str:
        value, _ = (read_json if is_json else read_yaml)(first)
        assert isinstance(value, dict)
        await import_(rig, value)
        return await export(rig, value, is_json=is_json)

    first = installations.in_a_new_one(there)

    assert first == document_text(as_exported(raw), is_json=is_json)
    assert installations.in_a_new_one(and_back) == first


@st.composite
def edits(draw: st.DrawFn, raw: Raw) -> tuple[str, str, Raw]:
    """What is done to which node, and the new parts of it."""
    nodes = raw["nodes"]
    index = draw(st.integers(0, len(nodes) - 1))
    node = nodes[index]
    node_type = CATALOGUE[node["type"]]
    doing = draw(st.sampled_from(["update", "create"] if len(nodes) == 1 else ["update", "create", "delete"]))
    if doing == "create":
        taken = {node["id"] for node in nodes}
        free = next(name for name in (f"m{number}" for number in itertools.count()) if name not in taken)
        return doing, free, draw(nodes_after(nodes, free))
    if doing == "delete":
        return doing, node["id"], {}
    possible: Raw = {"title": TEXTS, "labels": LABELS}
    if node_type.name == "asset":
        possible["asset"] = assets()
    else:
        possible |= {"config": configs(node_type), "inputs": inputs_among(nodes[:index], node_type)}
    part = draw(st.sampled_from(sorted(possible)))
    return doing, node["id"], {part: draw(possible[part])}


def edited_by_hand(raw: Raw, edit: tuple[str, str, Raw]) -> Raw:
    """The same edit as a person makes it in the text."""
    doing, name, parts = edit
    nodes = copy.deepcopy(raw["nodes"])
    match doing:
        case "create":
            nodes.append(parts)
        case "update":
            next(node for node in nodes if node["id"] == name).update(parts)
        case _:
            nodes = [_without(node, name) for node in nodes if node["id"] != name]
    return {**raw, "nodes": nodes}


async def edit_by_call(rig: Rig, raw: Raw, edit: tuple[str, str, Raw]) -> None:
    doing, name, parts = edit
    pipeline = PipelineId(raw.get("id") or raw["uuid"])
    match doing:
        case "create":
            await rig.nodes.create(CALLER, pipeline, parts, strict=False)
        case "update":
            await rig.nodes.update(CALLER, pipeline, NodeId(name), parts, strict=False, etag="")
        case _:
            await rig.nodes.delete(CALLER, pipeline, NodeId(name), etag="")


@BOUNDED
@given(data=st.data(), raw=documents())
def test_edited_pipeline_is_exported_like_the_document_that_was_edited_by_hand(
    installations: Installations, data: st.DataObject, raw: Raw
) -> None:
    made: list[tuple[str, str, Raw]] = []
    by_hand = raw
    for _ in range(data.draw(st.integers(1, 3))):
        made.append(data.draw(edits(by_hand)))
        by_hand = edited_by_hand(by_hand, made[-1])
    _, problems = read_document(by_hand, CATALOGUE)

    async def edited(rig: Rig) -> tuple[str, set[tuple[str, str]]]:
        await import_(rig, raw)
        for edit in made:
            await edit_by_call(rig, raw, edit)
        return await export(rig, raw), await _problems(rig, raw)

    async def written(rig: Rig) -> str:
        await import_(rig, by_hand)
        return await export(rig, by_hand)

    text, kept = installations.in_a_new_one(edited)

    assert kept == {(problem.field, problem.description) for problem in problems}
    if problems:
        with pytest.raises(InvalidDocument):
            installations.in_a_new_one(written)
    else:
        assert installations.in_a_new_one(written) == text


def as_exported(raw: Raw) -> Raw:
    """The document without what is empty, and with the digests of its contents in their place."""
    exported = {"id": raw.get("id") or raw["uuid"]} | _filled(raw, "title", "version", "labels")
    return exported | {"nodes": [_as_exported(node) for node in raw["nodes"]]}


def _as_exported(node: Raw) -> Raw:
    exported = _filled(node, "id", "type", "title", "labels", "config")
    inputs = {slot: sources for slot, sources in node.get("inputs", {}).items() if sources}
    if inputs:
        exported["inputs"] = inputs
    if "asset" in node:
        exported["asset"] = dict(node["asset"])
        if "content" in node["asset"]:
            content = exported["asset"].pop("content")
            is_text = node["asset"]["type"] == "text"
            text = content if is_text else json.dumps(content, ensure_ascii=False, sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            exported["asset"]["source"] = f"asset:sha256/{digest}.{'txt' if is_text else 'json'}"
    return exported


def _filled(raw: Raw, *keys: str) -> Raw:
    return {key: raw[key] for key in keys if raw.get(key)}


async def _problems(rig: Rig, raw: Raw) -> set[tuple[str, str]]:
    """What the nodes are kept with, in the places of a document."""
    view = await rig.reader.snapshot(OWNER, PipelineId(raw.get("id") or raw["uuid"]))
    assert view is not None
    return {
        (f"nodes[{index}].{problem.field}", problem.description)
        for index, node in enumerate(view.nodes)
        for problem in node.spec.problems
    }


def _without(node: Raw, gone: str) -> Any:
    inputs = {
        slot: [source for source in sources if source != gone] for slot, sources in node.get("inputs", {}).items()
    }
    return node | {"inputs": {slot: sources for slot, sources in inputs.items() if sources}}
