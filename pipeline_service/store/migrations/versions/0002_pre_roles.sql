REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :engine, :edit;

-- Locking a pipeline needs UPDATE on a column of it; both roles count its events.
GRANT SELECT, UPDATE (last_seq, structure_version) ON pipelines TO :engine, :edit;

-- History is append-only.
GRANT SELECT, INSERT ON events TO :engine, :edit;

GRANT SELECT, INSERT ON requests TO :engine, :edit;

GRANT SELECT ON nodes, node_inputs, runs, run_nodes, executions, alembic_version TO :engine, :edit;

-- Structure.
GRANT INSERT (uid, owner, id, title, version), UPDATE (title, version, update_time, delete_time) ON pipelines TO :edit;

GRANT
    INSERT (
        uid, pipeline_uid, id, position, type, title, provider, config, asset, spec_digest, is_valid, validation_errors
    ),
    UPDATE (
        position, type, title, provider, config, asset, spec_digest, is_valid, validation_errors, update_time
    ),
    DELETE
ON nodes TO :edit;

GRANT INSERT, DELETE ON node_inputs TO :edit;

-- State.
GRANT UPDATE (
    status, execution_id, latest_execution_id, attempts, done_spec, output, content_digest, failure, update_time
) ON nodes TO :engine;

GRANT INSERT, UPDATE ON runs, run_nodes, executions TO :engine;

GRANT SELECT, INSERT ON artifacts, seals TO :engine;

GRANT SELECT, INSERT, UPDATE ON purchases TO :engine;

GRANT SELECT, INSERT, DELETE ON wakes TO :engine;

GRANT SELECT, INSERT, UPDATE, DELETE ON credentials TO :engine;

GRANT UPDATE (answer), DELETE ON requests TO :engine;

-- What an edit does to state, and all that it can do: executions that run are cancelled, their nodes are pending again,
-- runs that wanted something else end. Each row names the state that the edit saw. Answers how many rows were changed.
CREATE FUNCTION supersede_nodes(executions_seen json, nodes_seen json, runs_seen json, run_nodes_seen json)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH cancelled AS (
        UPDATE executions AS e SET
            state = 'CANCELLED', waiting_for = NULL, dispatch_due_at = NULL, claim = NULL, lease_until = NULL,
            close_due_at = NULL, end_time = seen.end_time
        FROM json_to_recordset(executions_seen) AS seen(id uuid, state text, claim uuid, end_time timestamptz)
        WHERE e.id = seen.id AND e.state = seen.state AND e.claim IS NOT DISTINCT FROM seen.claim
            AND e.state IN ('QUEUED', 'RUNNING', 'WAITING')
        RETURNING 1
    ), reset AS (
        UPDATE nodes AS n SET status = 'pending', execution_id = NULL, failure = NULL, update_time = now()
        FROM json_to_recordset(nodes_seen) AS seen(uid uuid, status text, execution_id uuid)
        WHERE n.uid = seen.uid AND n.status = seen.status AND n.execution_id IS NOT DISTINCT FROM seen.execution_id
        RETURNING 1
    ), ended AS (
        UPDATE runs AS r SET state = 'CANCELLED', end_time = seen.end_time
        FROM json_to_recordset(runs_seen) AS seen(id uuid, state text, end_time timestamptz)
        WHERE r.id = seen.id AND r.state = seen.state AND r.state IN ('ACTIVE', 'PAUSED')
        RETURNING 1
    ), skipped AS (
        UPDATE run_nodes AS r SET decision = 'SKIPPED', reason = seen.reason
        FROM json_to_recordset(run_nodes_seen) AS seen(run_id uuid, node_uid uuid, decision text, reason text)
        WHERE r.run_id = seen.run_id AND r.node_uid = seen.node_uid AND r.decision = seen.decision
            AND r.decision IN ('WANTED', 'WAITING', 'BLOCKED', 'ACTIVE')
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM cancelled) + (SELECT count(*) FROM reset) + (SELECT count(*) FROM ended)
        + (SELECT count(*) FROM skipped);
END;

-- An asset whose bytes are in the store is complete at once, as what the edit has just made of it: only with the bytes
-- that its structure names. Answers how many rows were changed.
CREATE FUNCTION complete_assets(nodes_seen json)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH completed AS (
        UPDATE nodes AS n SET
            status = 'completed', execution_id = NULL, done_spec = n.spec_digest, output = seen.output,
            content_digest = n.asset ->> 'sha256', failure = NULL, update_time = now()
        FROM json_to_recordset(nodes_seen) AS seen(uid uuid, status text, execution_id uuid, output jsonb)
        WHERE n.uid = seen.uid AND n.status = seen.status AND n.execution_id IS NOT DISTINCT FROM seen.execution_id
            AND n.asset ->> 'sha256' <> '' AND n.asset ->> 'sha256' = seen.output ->> 'sha256'
        RETURNING 1
    )
    SELECT count(*) FROM completed;
END;

REVOKE ALL ON FUNCTION supersede_nodes, complete_assets FROM PUBLIC;

GRANT EXECUTE ON FUNCTION supersede_nodes, complete_assets TO :edit
