"""The statements that change state. Rows come as one JSON parameter, so that a batch of any size is one round trip."""

UPDATE_EXECUTIONS = """
UPDATE executions AS e SET
    state = u.state, waiting_for = u.waiting_for, dispatch_no = u.dispatch_no,
    dispatches_unanswered = u.dispatches_unanswered, dispatch_due_at = u.dispatch_due_at, claim = u.claim,
    lease_until = u.lease_until, last_claim = u.last_claim, lost_leases = u.lost_leases, details = u.details,
    progress_stage = u.progress_stage, progress_fraction = u.progress_fraction, progress_time = u.progress_time,
    start_time = u.start_time, close_due_at = u.close_due_at, reconcile_until = u.reconcile_until,
    purchase_id = u.purchase_id, result_claim = u.result_claim, output = u.output, failure = u.failure,
    end_time = u.end_time, spec_digest = u.spec_digest, priority = u.priority, queue_place = u.queue_place
FROM json_to_recordset($1::text::json) AS u(
    id uuid, old_state text, old_claim uuid, state text, waiting_for text, dispatch_no int, dispatches_unanswered int,
    dispatch_due_at timestamptz, claim uuid, lease_until timestamptz, last_claim uuid, lost_leases int, details jsonb,
    progress_stage text, progress_fraction float8, progress_time timestamptz, start_time timestamptz,
    close_due_at timestamptz, reconcile_until timestamptz, purchase_id uuid, result_claim uuid, output jsonb,
    failure jsonb, end_time timestamptz, spec_digest text, priority int, queue_place text
)
WHERE e.id = u.id AND e.state = u.old_state AND e.claim IS NOT DISTINCT FROM u.old_claim
"""

INSERT_EXECUTIONS = """
INSERT INTO executions (
    id, owner, pipeline_uid, node_uid, run_id, attempt, first_attempt, state, task_queue, provider, node_type,
    spec_digest, work_digest, work, dispatch_no, dispatches_unanswered, dispatch_due_at, close_due_at, create_time,
    buys, purchase_id, rate_limits, priority, queue_place
)
SELECT
    id, owner, pipeline_uid, node_uid, run_id, attempt, first_attempt, state, task_queue, provider, node_type,
    spec_digest, work_digest, work, dispatch_no, dispatches_unanswered, dispatch_due_at, close_due_at, create_time,
    buys, purchase_id, rate_limits, priority, queue_place
FROM json_to_recordset($1::text::json) AS u(
    id uuid, owner text, pipeline_uid uuid, node_uid uuid, run_id uuid, attempt int, first_attempt int, state text,
    task_queue text, provider text, node_type text, spec_digest text, work_digest text, work jsonb, dispatch_no int,
    dispatches_unanswered int, dispatch_due_at timestamptz, close_due_at timestamptz, create_time timestamptz,
    buys text, purchase_id uuid, rate_limits int, priority int, queue_place text
)
"""

UPDATE_NODES = """
UPDATE nodes AS n SET
    status = u.status, execution_id = u.execution_id, latest_execution_id = u.latest_execution_id,
    attempts = u.attempts, done_spec = u.done_spec, done_own = u.done_own, output = u.output,
    content_digest = u.content_digest, failure = u.failure, paused = u.paused, update_time = now()
FROM json_to_recordset($1::text::json) AS u(
    uid uuid, old_status text, old_execution_id uuid, status text, execution_id uuid, latest_execution_id uuid,
    attempts int, done_spec text, done_own text, output jsonb, content_digest text, failure jsonb, paused boolean
)
WHERE n.uid = u.uid AND n.status = u.old_status AND n.execution_id IS NOT DISTINCT FROM u.old_execution_id
"""

INSERT_RUNS = """
INSERT INTO runs (id, pipeline_uid, state, targets, force, priority, trace, create_time, end_time)
SELECT id, pipeline_uid, state, targets, force, priority, trace, create_time, end_time
FROM json_to_recordset($1::text::json) AS u(
    id uuid, pipeline_uid uuid, state text, targets uuid[], force boolean, priority int, trace text,
    create_time timestamptz, end_time timestamptz
)
"""

UPDATE_RUNS = """
UPDATE runs AS r SET state = u.state, end_time = u.end_time
FROM json_to_recordset($1::text::json) AS u(id uuid, old_state text, state text, end_time timestamptz)
WHERE r.id = u.id AND r.state = u.old_state
"""

UPSERT_RUN_NODES = """
INSERT INTO run_nodes (run_id, node_uid, decision, reason, execution_id, waiting_digest, reused_from)
SELECT run_id, node_uid, decision, reason, execution_id, waiting_digest, reused_from
FROM json_to_recordset($1::text::json) AS u(
    run_id uuid, node_uid uuid, decision text, reason text, execution_id uuid, waiting_digest text, reused_from uuid
)
ON CONFLICT (run_id, node_uid) DO UPDATE
SET decision = excluded.decision, reason = excluded.reason, execution_id = excluded.execution_id,
    waiting_digest = excluded.waiting_digest, reused_from = excluded.reused_from
"""

# A salvaged artifact may be told of twice; the first row stays.
INSERT_ARTIFACTS = """
INSERT INTO artifacts (owner, work_digest, execution_id, s3_key, output, content_digest, cost_micros, create_time)
SELECT owner, work_digest, execution_id, s3_key, output, content_digest, cost_micros, create_time
FROM json_to_recordset($1::text::json) AS u(
    owner text, work_digest text, execution_id uuid, s3_key text, output jsonb, content_digest text,
    cost_micros bigint, create_time timestamptz
)
ON CONFLICT DO NOTHING
"""

INSERT_EVENTS = """
INSERT INTO events (
    pipeline_uid, seq, create_time, type, node_uid, node_id, execution_id, run_id, attempt, old_state, new_state, actor,
    message
)
SELECT
    pipeline_uid, seq, create_time, type, node_uid, node_id, execution_id, run_id, attempt, old_state, new_state, actor,
    message
FROM json_to_recordset($1::text::json) AS u(
    pipeline_uid uuid, seq bigint, create_time timestamptz, type text, node_uid uuid, node_id text, execution_id uuid,
    run_id uuid, attempt int, old_state text, new_state text, actor text, message text
)
"""

UPDATE_SEQUENCES = """
UPDATE pipelines AS p SET last_seq = u.last_seq
FROM json_to_recordset($1::text::json) AS u(uid uuid, last_seq bigint, old_last_seq bigint)
WHERE p.uid = u.uid AND p.last_seq = u.old_last_seq
"""

UPDATE_HOLDS = """
UPDATE pipelines AS p SET paused = u.paused
FROM json_to_recordset($1::text::json) AS u(uid uuid, paused boolean)
WHERE p.uid = u.uid AND p.paused <> u.paused
"""


# One look at an index that is empty nearly always.
_SOMEBODY_WAITS = "EXISTS (SELECT FROM run_nodes WHERE decision = 'WAITING') AS somebody_waits"


def _write(**parts: str) -> str:
    """All of them in one statement, each with its own parameter. Answers how many rows the guarded ones have changed.

    All parts see the rows as they were before; only executions need an order, since a node has one active execution at
    any moment: new ones wait until the old ones have been counted.
    """
    numbered = enumerate(parts.items(), 1)
    tables = [f"{name} AS ({text.replace('$1', f'${number}')} RETURNING 1)" for number, (name, text) in numbered]
    counts = ", ".join(f"(SELECT count(*) FROM {name}) AS {name}" for name in COUNTED)  # noqa: S608 - constants only
    told = f"{counts}, {_SOMEBODY_WAITS}, pg_current_xact_id()::xid::text AS version"
    return f"WITH {', '.join(tables)} SELECT {told}"


COUNTED = ("executions_changed", "nodes_changed", "runs_changed", "pipelines_changed")
WRITE = _write(
    executions_changed=UPDATE_EXECUTIONS,
    executions_added=f"{INSERT_EXECUTIONS} CROSS JOIN (SELECT count(*) FROM executions_changed) AS first",  # noqa: S608
    nodes_changed=UPDATE_NODES,
    runs_added=INSERT_RUNS,
    runs_changed=UPDATE_RUNS,
    run_nodes_put=UPSERT_RUN_NODES,
    artifacts_added=INSERT_ARTIFACTS,
    events_added=INSERT_EVENTS,
    pipelines_changed=UPDATE_SEQUENCES,
)
