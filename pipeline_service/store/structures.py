"""The graphs of pipelines: read once per version, written by imports."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping

from pipeline_service.commands.errors import Contended
from pipeline_service.domain.ids import NodeId, NodeUid, PipelineId, PipelineUid
from pipeline_service.domain.model import NodeSpec, Structure
from pipeline_service.domain.structure import ImportPlan, build_structure
from pipeline_service.domain.violations import Violation
from pipeline_service.store.codec import Row, asset_from_json, asset_to_json
from pipeline_service.store.pool import Connection, as_json

_REMEMBERED = 10_000
"""Nodes of all graphs that are kept: a thousand graphs of ten, or five of the largest."""
SPEC_COLUMNS = (
    "uid, id, pipeline_uid, position, type, title, labels, retry, config, asset, provider, spec_digest,"
    " own_digest, validation_errors"
)
_SPECS = f"SELECT {SPEC_COLUMNS} FROM nodes WHERE pipeline_uid = ANY($1)"  # noqa: S608 - constants only
_IDS = "SELECT uid, id FROM pipelines WHERE uid = ANY($1)"
_EDGES = """
SELECT node_uid, slot, source_uid, pipeline_uid FROM node_inputs
WHERE pipeline_uid = ANY($1) ORDER BY node_uid, slot, position
"""
INSERT_SPECS = """
INSERT INTO nodes (
    uid, pipeline_uid, id, position, type, title, labels, retry, provider, config, asset, spec_digest, own_digest,
    is_valid, validation_errors
)
SELECT
    uid, pipeline_uid, id, position, type, title, labels, retry, provider, config, asset, spec_digest, own_digest,
    is_valid, validation_errors
FROM json_to_recordset($1::text::json) AS u(
    uid uuid, pipeline_uid uuid, id text, position int, type text, title text, labels jsonb, retry jsonb, provider text,
    config jsonb, asset jsonb, spec_digest text, own_digest text, is_valid boolean, validation_errors jsonb
)
"""
_UPSERT_SPECS = f"""{INSERT_SPECS}
ON CONFLICT (uid) DO UPDATE SET
    position = excluded.position, type = excluded.type, title = excluded.title, labels = excluded.labels,
    retry = excluded.retry, provider = excluded.provider, config = excluded.config, asset = excluded.asset,
    spec_digest = excluded.spec_digest, own_digest = excluded.own_digest,
    is_valid = excluded.is_valid, validation_errors = excluded.validation_errors, update_time = now()
-- A document may bring its own uids; another pipeline's node is never written.
WHERE nodes.pipeline_uid = excluded.pipeline_uid
"""
INSERT_EDGES = """
INSERT INTO node_inputs (node_uid, slot, position, source_uid, pipeline_uid)
SELECT node_uid, slot, position, source_uid, pipeline_uid
FROM json_to_recordset($1::text::json) AS u(
    node_uid uuid, slot text, position int, source_uid uuid, pipeline_uid uuid
)
"""
_BUMP = """
UPDATE pipelines SET structure_version = $2, update_time = now()
WHERE uid = $1 AND structure_version = $2 - 1
"""


class StructureCache:
    """Graphs by pipeline and version. A version never changes, so an entry is right for as long as it is asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[PipelineUid, Structure] = OrderedDict()
        self._nodes = 0

    async def get(self, connection: Connection, versions: Mapping[PipelineUid, int]) -> dict[PipelineUid, Structure]:
        """The graphs of pipelines at their versions, as read by the transaction that knows the versions."""
        found = {uid: kept for uid, version in versions.items() if (kept := self._fresh(uid, version))}
        missing = {uid: version for uid, version in versions.items() if uid not in found}
        if missing:
            for structure in await _read(connection, missing):
                found[structure.pipeline_uid] = structure
                self.keep(structure)
        return found

    def keep(self, structure: Structure) -> None:
        """Remember a graph that was read or committed, for as long as there is room behind newer ones."""
        before = self._kept.pop(structure.pipeline_uid, None)
        self._kept[structure.pipeline_uid] = structure
        self._nodes += len(structure.nodes) - (len(before.nodes) if before else 0)
        while self._nodes > _REMEMBERED and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._nodes -= len(oldest.nodes)

    def _fresh(self, uid: PipelineUid, version: int) -> Structure | None:
        kept = self._kept.get(uid)
        if kept is None or kept.version != version:
            return None
        self._kept.move_to_end(uid)
        return kept


async def write_structure(connection: Connection, plan: ImportPlan) -> None:
    """Make nodes and edges equal to the plan, where they are not. The caller holds the pipeline's lock.

    Raises Contended when a new node's uid was taken meanwhile.
    """
    structure = plan.structure
    uid = structure.pipeline_uid
    written = [structure.nodes[node] for node in (*plan.added, *plan.rewritten)]
    if not (written or plan.removed):
        return
    if plan.rewritten:
        await connection.execute("DELETE FROM node_inputs WHERE node_uid = ANY($1)", list(plan.rewritten))
    if plan.removed:
        await connection.execute("DELETE FROM nodes WHERE uid = ANY($1)", [spec.uid for spec in plan.removed])
    if written:
        specs = [spec_values(spec, uid) for spec in written]
        if await connection.execute(_UPSERT_SPECS, as_json(specs)) != f"INSERT 0 {len(specs)}":
            raise Contended("a uid of the document was taken meanwhile")
    if edges := [edge for spec in written for edge in edge_values(spec, uid)]:
        await connection.execute(INSERT_EDGES, as_json(edges))
    await connection.execute(_BUMP, uid, structure.version)


def spec_from_row(row: Row, inputs: Mapping[str, tuple[NodeUid, ...]]) -> NodeSpec:
    """A node's structure from its row and its edges."""
    return NodeSpec(
        uid=NodeUid(row["uid"]),
        id=NodeId(row["id"]),
        position=row["position"],
        type=row["type"],
        title=row["title"],
        labels=row["labels"],
        retry=row["retry"],
        config=row["config"],
        inputs=inputs,
        asset=asset_from_json(row["asset"]),
        provider=row["provider"],
        spec_digest=row["spec_digest"],
        own_digest=row["own_digest"],
        problems=tuple(
            Violation(field=field, description=description)
            for field, descriptions in row["validation_errors"].items()
            for description in descriptions
        ),
    )


def inputs_from_rows(rows: Iterable[Row]) -> dict[NodeUid, dict[str, tuple[NodeUid, ...]]]:
    """Edges by node and slot, in order. Rows come ordered by node, slot and position."""
    inputs: dict[NodeUid, dict[str, tuple[NodeUid, ...]]] = defaultdict(dict)
    for row in rows:
        slots = inputs[NodeUid(row["node_uid"])]
        slots[row["slot"]] = (*slots.get(row["slot"], ()), NodeUid(row["source_uid"]))
    return inputs


async def _read(connection: Connection, versions: Mapping[PipelineUid, int]) -> list[Structure]:
    specs: dict[PipelineUid, list[NodeSpec]] = {uid: [] for uid in versions}
    # Before its first version a pipeline has no nodes.
    if written := [uid for uid, version in versions.items() if version]:
        inputs = inputs_from_rows(await connection.fetch(_EDGES, written))
        for row in await connection.fetch(_SPECS, written):
            specs[PipelineUid(row["pipeline_uid"])].append(spec_from_row(row, inputs.get(NodeUid(row["uid"]), {})))
    ids = {PipelineUid(row["uid"]): PipelineId(row["id"]) for row in await connection.fetch(_IDS, list(versions))}
    return [
        build_structure(uid, pipeline_id=ids[uid], version=version, specs=specs[uid])
        for uid, version in versions.items()
    ]


def spec_values(spec: NodeSpec, pipeline_uid: PipelineUid) -> dict[str, object]:
    """A row of INSERT_SPECS."""
    return {
        "uid": spec.uid,
        "pipeline_uid": pipeline_uid,
        "id": spec.id,
        "position": spec.position,
        "type": spec.type,
        "title": spec.title,
        "labels": dict(spec.labels),
        "retry": dict(spec.retry),
        "provider": spec.provider,
        "config": dict(spec.config),
        "asset": asset_to_json(spec.asset),
        "spec_digest": spec.spec_digest,
        "own_digest": spec.own_digest,
        "is_valid": not spec.problems,
        "validation_errors": _errors(spec),
    }


def _errors(spec: NodeSpec) -> dict[str, list[str]]:
    """Problems as the column keeps them: messages by field."""
    errors: dict[str, list[str]] = defaultdict(list)
    for problem in spec.problems:
        errors[problem.field].append(problem.description)
    return errors


def edge_values(spec: NodeSpec, pipeline_uid: PipelineUid) -> list[dict[str, object]]:
    """The rows of INSERT_EDGES for a node."""
    return [
        {
            "node_uid": spec.uid,
            "slot": slot,
            "position": position,
            "source_uid": source,
            "pipeline_uid": pipeline_uid,
        }
        for slot, sources in spec.inputs.items()
        for position, source in enumerate(sources)
    ]
