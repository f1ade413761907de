"""The floor of the API: the statements of a call, recorded from the service's code and run again by bare asyncpg."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
from asyncpg.connection import LoggedQuery

from devstack.layout import EDIT_ROLE, ENGINE_ROLE
from devstack.stack import Stack
from pipeline_service.commands.identifiers import uuid7
from pipeline_service.commands.nodes import Nodes
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.ports import Artifacts, Caller
from pipeline_service.domain.engine.working_set import Rules
from pipeline_service.domain.ids import NodeId, Owner, PipelineId
from pipeline_service.domain.lists import Page
from pipeline_service.domain.node_types import build_catalogue
from pipeline_service.store.pool import Pool, Pools, open_pool
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.reads import PostgresReader
from pipeline_service.store.structures import StructureCache

OWNER = Owner("default")
RECORDED = "recorded"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CALLER = Caller(owner=OWNER, identity="spiffe://montage/client/bench")


@dataclass(frozen=True)
class Script:
    """Statements in their order, with their parameters; transactions begin and end among them."""

    statements: Sequence[tuple[str, tuple[Any, ...]]]

    async def run(self, connection: asyncpg.Connection[asyncpg.Record], names: Names) -> None:
        """Run them over rows of other names, and fetch what they answer."""
        for statement, parameters in self.statements:
            await connection.fetch(statement, *map(names.of, parameters))


class Names:
    """Other ids in place of those that were recorded: each is always the same one."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._uuids: dict[UUID, UUID] = {}

    def of(self, value: Any) -> Any:
        match value:
            case UUID():
                return self._uuids.setdefault(UUID(int=value.int), uuid4())
            case str():
                renamed = _UUID.sub(lambda found: str(self.of(UUID(found[0]))), value)
                return renamed.replace(RECORDED, self._pipeline)
            case list() | tuple():
                return [self.of(item) for item in value]
        return value


@dataclass(frozen=True, kw_only=True)
class Scripts:
    """What each call asks of the database."""

    create: Script
    get: Script
    list: Script
    update: Script


async def record(stack: Stack, document: Callable[[str], dict[str, Any]], *, page_size: int) -> Scripts:
    """Do each call once as the service does it, without gRPC, and note what reaches the database."""
    async with _pools(stack) as pools:
        heard: list[tuple[str, tuple[Any, ...]]] = []
        for pool in (pools.engine, pools.edit):
            async with pool.acquire() as connection:
                connection.add_query_logger(lambda query: _note(heard, query))
        reader, store = PostgresReader(pools.engine), PostgresStore(pools, structures=StructureCache(), concurrency={})
        artifacts, rules, nobody = cast("Artifacts", None), _rules(), _Nobody()
        pipelines = Pipelines(store=store, reader=reader, artifacts=artifacts, rules=rules, journal=nobody)
        nodes = Nodes(store=store, reader=reader, artifacts=artifacts, rules=rules, publisher=nobody, journal=nobody)

        def calls(name: str) -> dict[str, Awaitable[object]]:
            pipeline, node, title = PipelineId(name), NodeId("n0"), {"title": "Another title"}
            return {
                "create": pipelines.import_document(_CALLER, document(name), create_only=False, validate_only=False),
                "get": reader.node(OWNER, pipeline, node),
                "list": reader.pipelines(OWNER, Page(limit=page_size)),
                "update": nodes.update(_CALLER, pipeline, node, title, strict=False, etag=""),
            }

        # The driver asks the database about its types when it meets them first.
        for call in calls("warm").values():
            await call
        scripts = {}
        for kind, call in calls(RECORDED).items():
            heard.clear()
            await call
            scripts[kind] = Script(tuple(heard))
        return Scripts(**scripts)


@asynccontextmanager
async def floor_pool(stack: Stack, *, size: int) -> AsyncIterator[Pool]:
    """As the role that edits, which may read everything; JSON is read and written as the service does."""
    password = stack.layout.postgres_password(EDIT_ROLE).read_text()
    pool = await open_pool(stack.addresses.edit_database_url, password=password, size=size)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def _pools(stack: Stack) -> AsyncIterator[Pools]:
    urls = {ENGINE_ROLE: stack.addresses.database_url, EDIT_ROLE: stack.addresses.edit_database_url}
    engine, edit = [
        await open_pool(url, password=stack.layout.postgres_password(role).read_text(), size=1)
        for role, url in urls.items()
    ]
    try:
        yield Pools(engine=engine, edit=edit)
    finally:
        await engine.close()
        await edit.close()


def _note(heard: list[tuple[str, tuple[Any, ...]]], query: LoggedQuery) -> None:
    # What a pool asks of a connection that comes back is not the call's.
    if not query.query.startswith("SELECT pg_advisory_unlock_all"):
        heard.append((query.query, tuple(query.args)))


def _rules() -> Rules:
    return Rules(
        catalogue=build_catalogue(with_test_types=True),
        lease=timedelta(seconds=60),
        new_id=uuid7,
        chance=random.random,
    )


class _Nobody:
    """Whom nobody tells anything."""

    def publish(self, dispatches: object) -> None:
        """Nothing is queued by an edit."""

    def committed(self, working_set: object) -> None:
        """Nobody watches."""


def bare(connection: object) -> asyncpg.Connection[asyncpg.Record]:
    """A pool's connection, typed as what it stands for."""
    return cast("asyncpg.Connection[asyncpg.Record]", connection)
