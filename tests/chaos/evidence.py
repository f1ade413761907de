"""What is left when all is quiet: rows, the bill, and what the client wrote down. Plain values, for the checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from servicekit.object_store import ObjectStore
from tests.chaos.history import History
from tests.e2e.house import House
from tests.e2e.vendors import LedgerVendor

Row = Mapping[str, Any]
_PIPELINES = "SELECT uid::text, id, last_seq FROM pipelines"
_RUNS = "SELECT r.id::text, r.state, p.id AS pipeline FROM runs r JOIN pipelines p ON p.uid = r.pipeline_uid"
_NODES = """
SELECT n.uid::text, n.id, p.id AS pipeline, p.uid::text AS pipeline_uid, n.type, n.status, n.spec_digest, n.done_spec,
    n.output ->> 's3Key' AS s3_key, n.output ->> 'sha256' AS sha256, n.config ->> 'nonce' AS nonce,
    n.config ->> 'provider' AS provider
FROM nodes n JOIN pipelines p ON p.uid = n.pipeline_uid
"""
_EXECUTIONS = """
SELECT e.id::text, e.node_uid::text AS node, e.state, e.spec_digest, e.result_claim::text,
    e.output ->> 's3Key' AS s3_key, e.output ->> 'sha256' AS sha256, e.output ->> 'content' AS content,
    extract(epoch FROM e.end_time - e.create_time)::float AS seconds
FROM executions e
"""
_EVENTS = """
SELECT v.pipeline_uid::text AS pipeline, v.seq, v.type, v.execution_id::text AS execution, v.run_id::text AS run,
    v.old_state, v.new_state
FROM events v ORDER BY v.pipeline_uid, v.seq
"""
_PURCHASES = "SELECT submit_key, work_digest, vendor, state FROM purchases"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that the checks look at. Rows are by the names of the queries above."""

    history: Sequence[Row] = ()
    """Lines of the client and of the vendor that calls back."""
    bill: Sequence[Row] = ()
    """Lines of the vendor that is paid."""
    pipelines: Sequence[Row] = ()
    runs: Sequence[Row] = ()
    nodes: Sequence[Row] = ()
    executions: Sequence[Row] = ()
    events: Sequence[Row] = ()
    purchases: Sequence[Row] = ()
    objects: Mapping[str, str | None] = field(default_factory=dict)
    """SHA-256 of every object that a result names, by key; None where there is no such object."""
    broken: Mapping[str, int] = field(default_factory=dict)
    """What must never be and was seen, at any moment."""


async def collect(house: House, *, history: History, vendor: LedgerVendor, broken: Mapping[str, int]) -> Evidence:
    """Read it all, past every service."""
    async with house.database() as database:
        found = {
            name: [dict(row.items()) for row in await database.fetch(query)]
            for name, query in {
                "pipelines": _PIPELINES,
                "runs": _RUNS,
                "nodes": _NODES,
                "executions": _EXECUTIONS,
                "events": _EVENTS,
                "purchases": _PURCHASES,
            }.items()
        }
    bill = [orjson.loads(line) for line in vendor.bill_file.read_bytes().splitlines()]
    keys = {row["s3_key"] for row in found["executions"] if row["s3_key"]}
    objects = await _look_up(house.store, sorted(keys))
    return Evidence(history=history.lines(), bill=bill, objects=objects, broken=broken, **found)


async def _look_up(store: ObjectStore, keys: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for key in keys:
        facts = await store.head(key)
        found[key] = None if facts is None else facts.sha256
    return found
