"""Makes a pipeline with all that was decided about it, in one statement: nobody else can know of it before."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import asyncpg

from pipeline_service.commands.errors import AlreadyExists, Contended, RequestRepeated
from pipeline_service.commands.ports import NewPipeline, RequestKey
from pipeline_service.commands.views import PipelineView
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.model import Event
from pipeline_service.domain.states import NodeState
from pipeline_service.store.editing import Rehearsed, save_state
from pipeline_service.store.pool import ACQUIRE_TIMEOUT_S, Pool, as_json, translated
from pipeline_service.store.saving import Loaded, Values
from pipeline_service.store.structures import INSERT_EDGES, INSERT_SPECS, edge_values, spec_values

# No part sees what another one writes; foreign keys are looked at when all are done.
_CREATE = f"""
WITH made AS (
    INSERT INTO pipelines (uid, owner, id, title, version, labels, structure_version, last_seq)
    VALUES ($3, $4, $5, $6, $7, $8, $9, $10) RETURNING create_time
), nodes_added AS ({INSERT_SPECS}), edges_added AS ({INSERT_EDGES.replace("$1", "$2")}), events_added AS (
    INSERT INTO events (
        pipeline_uid, seq, create_time, type, node_uid, node_id, attempt, old_state, new_state, actor, message
    )
    SELECT $3::uuid, seq, now(), type, node_uid, node_id, 0, old_state, new_state, actor, message
    FROM json_to_recordset($11::text::json) AS u(
        seq bigint, type text, node_uid uuid, node_id text, old_state text, new_state text, actor text, message text
    )
), remembered AS (
    INSERT INTO requests (owner, identity, method, request_id, request_sha256, resource)
    SELECT $4, $12::text, $13::text, $14::text, $15::bytea, $16::text WHERE $14::text IS NOT NULL
)
SELECT create_time FROM made
"""  # noqa: S608 - constants only


async def create_pipeline(
    pool: Pool,
    new: NewPipeline,
    working_set: WorkingSet,
    *,
    request: RequestKey | None,
    resource: str,
    is_rehearsal: bool,
) -> PipelineView:
    """Write it, and answer it as it is then. What a rehearsal writes is taken back.

    Raises AlreadyExists, RequestRepeated, Contended for a node whose uid was taken meanwhile, Unavailable, BadRow.
    """
    parameters = _parameters(new, working_set, request, resource)
    is_plain = all(node.state is NodeState.PENDING for node in working_set.nodes.values())
    with translated(), _told_apart(new), suppress(Rehearsed):
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            if is_plain and not is_rehearsal:
                # Alone, a statement is a transaction of its own, and one way to the server and back.
                return _view(new, working_set, await connection.fetchval(_CREATE, *parameters))
            async with connection.transaction():
                made = _view(new, working_set, await connection.fetchval(_CREATE, *parameters))
                await save_state(connection, working_set, loaded=Loaded())
                if is_rehearsal:
                    raise Rehearsed
    return made


@contextmanager
def _told_apart(new: NewPipeline) -> Iterator[None]:
    """Raise what it means that something of the pipeline is there already."""
    try:
        yield
    except asyncpg.exceptions.UniqueViolationError as error:
        match error.constraint_name:
            case "pipelines_pkey" | "pipelines_live_id":
                raise AlreadyExists("pipeline", f"pipelines/{new.id}") from error
            case "requests_pkey":
                raise RequestRepeated("the request was made before") from error
            case "nodes_pkey":
                raise Contended("a uid of the document was taken meanwhile") from error
        raise


def _parameters(
    new: NewPipeline, working_set: WorkingSet, request: RequestKey | None, resource: str
) -> tuple[Any, ...]:
    structure = working_set.structures[new.uid]
    specs = structure.nodes.values()
    return (
        as_json([spec_values(spec, new.uid) for spec in specs]),
        as_json([edge for spec in specs for edge in edge_values(spec, new.uid)]),
        new.uid,
        new.owner,
        new.id,
        new.title,
        new.version,
        dict(new.labels),
        structure.version,
        working_set.sequences[new.uid],
        as_json([_event(event) for event in working_set.events]),
        *((request.identity, request.method, request.request_id, request.sha256) if request else (None,) * 4),
        resource,
    )


def _event(event: Event) -> Values:
    """Its time is that of the transaction."""
    return {
        "seq": event.sequence,
        "type": event.type,
        "node_uid": event.node_uid,
        "node_id": event.node_id,
        "old_state": event.old_state,
        "new_state": event.new_state,
        "actor": event.actor,
        "message": event.message,
    }


def _view(new: NewPipeline, working_set: WorkingSet, create_time: datetime) -> PipelineView:
    states = [node.state for node in working_set.nodes.values()]
    return PipelineView(
        uid=new.uid,
        id=new.id,
        title=new.title,
        version=new.version,
        labels=new.labels,
        structure_version=working_set.structures[new.uid].version,
        last_sequence=working_set.sequences[new.uid],
        create_time=create_time,
        update_time=create_time,
        counts={state: states.count(state) for state in NodeState},
        is_paused=False,
    )
