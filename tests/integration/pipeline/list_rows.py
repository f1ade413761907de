"""Many rows for the lists, made by the database itself, and statements of single ones."""

from uuid import UUID

import asyncpg

OWNER = "default"
BIG = UUID(int=1)
"""The pipeline that has all the runs, executions and events."""
BUSY = UUID(int=2)
"""Its node that has all the executions."""
NODES_OF_ONE = 2000

# Creation times are in the order of the numbers, and every ten rows share one, so that ties are common.
_TIME = "timestamptz '2026-01-01' + i / 10 * interval '1 second'"
_PIPELINES = f"""
INSERT INTO pipelines (uid, owner, id, title, version, create_time, labels)
SELECT ('00000000-0000-0001-0000-' || lpad(i::text, 12, '0'))::uuid,
    CASE WHEN i % 10 = 0 THEN 'other' ELSE '{OWNER}' END,
    'p' || i, 'Title ' || i / 3, '1', {_TIME},
    CASE WHEN i % 10000 = 7 THEN '{{"team": "rare"}}' WHEN i % 2 = 0 THEN '{{"team": "red"}}' ELSE '{{}}' END::jsonb
FROM generate_series(1, $1::int) AS i
"""  # noqa: S608 - constants only
_BIG = "INSERT INTO pipelines (uid, owner, id, title, version) VALUES ($1, $2, 'big', 'Big', '1')"
# Each pipeline in turn gets as many nodes as it may have; each node takes from the one before.
_NODES = f"""
INSERT INTO nodes (uid, pipeline_uid, id, position, type, title, provider, config, spec_digest, create_time)
SELECT ('00000000-0000-0002-0000-' || lpad(i::text, 12, '0'))::uuid,
    ('00000000-0000-0001-0000-' || lpad((i / {NODES_OF_ONE} + 1)::text, 12, '0'))::uuid,
    'n' || i % {NODES_OF_ONE}, i % {NODES_OF_ONE}, 'noop', 'Title ' || i / 3, 'local', '{{}}', '', {_TIME}
FROM generate_series(0, $1::int - 1) AS i
"""  # noqa: S608 - constants only
_INPUTS = """
INSERT INTO node_inputs (node_uid, slot, position, source_uid, pipeline_uid)
SELECT n.uid, 'after', 0, s.uid, n.pipeline_uid
FROM nodes AS n JOIN nodes AS s ON s.pipeline_uid = n.pipeline_uid AND s.position = n.position - 1
"""
_BUSY = """
INSERT INTO nodes (uid, pipeline_uid, id, position, type, title, provider, config, spec_digest)
VALUES ($1, $2, 'busy', 0, 'noop', '', 'local', '{}', '')
"""
_RUNS = f"""
INSERT INTO runs (id, pipeline_uid, state, targets, create_time, end_time)
SELECT ('00000000-0000-0003-0000-' || lpad(i::text, 12, '0'))::uuid, $2, 'SUCCEEDED', ARRAY[$3]::uuid[], {_TIME}, now()
FROM generate_series(1, $1::int) AS i
"""  # noqa: S608 - constants only
_EXECUTIONS = f"""
INSERT INTO executions (
    id, pipeline_uid, node_uid, attempt, first_attempt, state, task_queue, provider, spec_digest, work_digest, work,
    dispatch_no, dispatches_unanswered, create_time, end_time
)
SELECT ('00000000-0000-0004-0000-' || lpad(i::text, 12, '0'))::uuid, $2, $3, i, 1, 'SUCCEEDED', 'noop', 'local', '', '',
    '{{"nodeId": "busy", "nodeType": "noop", "provider": "local", "title": "", "config": {{}}, "asset": null,
       "inputs": []}}',
    1, 0, {_TIME}, now()
FROM generate_series(1, $1::int) AS i
"""  # noqa: S608 - constants only
_EVENTS = f"""
INSERT INTO events (pipeline_uid, seq, create_time, type, actor)
SELECT $2, i, {_TIME}, 'RUN_CREATED', 'test' FROM generate_series(1, $1::int) AS i
"""  # noqa: S608 - constants only


async def fill(owner: "asyncpg.Connection[asyncpg.Record]", rows: int) -> None:
    """As the owner of the tables: as many rows in each of them, and statistics of it."""
    await owner.execute(_PIPELINES, rows)
    await owner.execute(_BIG, BIG, OWNER)
    await owner.execute(_NODES, rows)
    await owner.execute(_INPUTS)
    await owner.execute(_BUSY, BUSY, BIG)
    await owner.execute(_RUNS, rows, BIG, BUSY)
    await owner.execute(_EXECUTIONS, rows, BIG, BUSY)
    await owner.execute(_EVENTS, rows, BIG)
    await owner.execute("VACUUM ANALYZE")
