ALTER TABLE executions ADD COLUMN owner text NOT NULL DEFAULT '', ADD COLUMN node_type text NOT NULL DEFAULT '';

ALTER TABLE run_nodes ADD COLUMN reused_from uuid;

-- Single flight: two transactions that begin the same work of an owner at once meet here.
CREATE UNIQUE INDEX executions_one_flight ON executions (owner, work_digest)
    WHERE state IN ('QUEUED', 'RUNNING', 'WAITING') AND owner <> '';

-- How long such work took lately, newest first: ids are time-ordered.
CREATE INDEX executions_lately ON executions (owner, node_type, provider, id DESC)
    WHERE state = 'SUCCEEDED' AND owner <> '';

CREATE INDEX run_nodes_waiting ON run_nodes (waiting_digest) WHERE decision = 'WAITING';

-- Results in place, without an object of their own, differ by their makers alone.
ALTER TABLE artifacts DROP CONSTRAINT artifacts_pkey, ADD PRIMARY KEY (owner, work_digest, execution_id, s3_key);

-- Leaves a wake for each run that waits for work of executions that have ended. Answers how many.
CREATE FUNCTION wake_waiters(ended uuid[])
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH woken AS (
        INSERT INTO wakes (pipeline_uid, node_uid, reason)
        SELECT DISTINCT r.pipeline_uid, n.node_uid, 'the same work ended elsewhere'
        FROM executions AS e
        JOIN run_nodes AS n ON n.waiting_digest = e.work_digest AND n.decision = 'WAITING'
        JOIN runs AS r ON r.id = n.run_id
        JOIN pipelines AS p ON p.uid = r.pipeline_uid AND p.owner = e.owner
        WHERE e.id = ANY (ended) AND e.state NOT IN ('QUEUED', 'RUNNING', 'WAITING')
        RETURNING 1
    )
    SELECT count(*) FROM woken;
END;

REVOKE ALL ON FUNCTION wake_waiters FROM PUBLIC;

GRANT EXECUTE ON FUNCTION wake_waiters TO :engine, :edit
