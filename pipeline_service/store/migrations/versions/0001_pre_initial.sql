CREATE TABLE pipelines (
    uid uuid PRIMARY KEY,
    owner text NOT NULL,
    id text NOT NULL,
    title text NOT NULL,
    version text NOT NULL,
    structure_version bigint NOT NULL DEFAULT 0,
    last_seq bigint NOT NULL DEFAULT 0,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);
-- An id names one living pipeline of an owner.
CREATE UNIQUE INDEX pipelines_live_id ON pipelines (owner, id) WHERE delete_time IS NULL;
CREATE INDEX pipelines_newest ON pipelines (owner, create_time DESC, uid DESC) WHERE delete_time IS NULL;

CREATE TABLE nodes (
    uid uuid PRIMARY KEY,
    pipeline_uid uuid NOT NULL REFERENCES pipelines (uid),
    id text NOT NULL,
    position integer NOT NULL,
    type text NOT NULL,
    title text NOT NULL,
    provider text NOT NULL,
    config jsonb NOT NULL,
    asset jsonb,
    spec_digest text NOT NULL,
    is_valid boolean NOT NULL DEFAULT true,
    validation_errors jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'in_progress', 'completed', 'failed')),
    execution_id uuid,
    latest_execution_id uuid,
    attempts integer NOT NULL DEFAULT 0,
    done_spec text NOT NULL DEFAULT '',
    output jsonb,
    content_digest text NOT NULL DEFAULT '',
    failure jsonb,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    UNIQUE (pipeline_uid, id),
    -- A node is in progress exactly while it has an execution.
    CONSTRAINT nodes_in_progress_has_execution CHECK ((status = 'in_progress') = (execution_id IS NOT NULL)),
    CONSTRAINT nodes_completed_has_output CHECK (status <> 'completed' OR output IS NOT NULL)
);
CREATE INDEX nodes_in_document_order ON nodes (pipeline_uid, position);

CREATE TABLE node_inputs (
    node_uid uuid NOT NULL REFERENCES nodes (uid) ON DELETE CASCADE,
    slot text NOT NULL,
    position integer NOT NULL,
    source_uid uuid NOT NULL REFERENCES nodes (uid) DEFERRABLE INITIALLY DEFERRED,
    pipeline_uid uuid NOT NULL,
    PRIMARY KEY (node_uid, slot, position)
);
CREATE INDEX node_inputs_of_pipeline ON node_inputs (pipeline_uid);
CREATE INDEX node_inputs_by_source ON node_inputs (source_uid);

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    pipeline_uid uuid NOT NULL REFERENCES pipelines (uid),
    state text NOT NULL CHECK (state IN ('ACTIVE', 'PAUSED', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    targets uuid[] NOT NULL,
    priority integer NOT NULL DEFAULT 0,
    create_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz
);
CREATE INDEX runs_active ON runs (pipeline_uid) WHERE state IN ('ACTIVE', 'PAUSED');
CREATE INDEX runs_newest ON runs (pipeline_uid, id DESC);

CREATE TABLE run_nodes (
    run_id uuid NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    node_uid uuid NOT NULL,
    decision text NOT NULL CHECK (
        decision IN ('WANTED', 'WAITING', 'BLOCKED', 'ACTIVE', 'DONE', 'REUSED', 'FAILED', 'SKIPPED')
    ),
    reason text NOT NULL DEFAULT '',
    waiting_digest text NOT NULL DEFAULT '',
    execution_id uuid,
    PRIMARY KEY (run_id, node_uid)
);

-- No foreign keys: the locked pipeline row protects executions and events, and they outlive nodes.
CREATE TABLE executions (
    id uuid PRIMARY KEY,
    pipeline_uid uuid NOT NULL,
    node_uid uuid NOT NULL,
    run_id uuid,
    attempt integer NOT NULL,
    first_attempt integer NOT NULL,
    state text NOT NULL CHECK (
        state IN ('QUEUED', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELLED')
    ),
    waiting_for text,
    task_queue text NOT NULL,
    provider text NOT NULL,
    spec_digest text NOT NULL,
    work_digest text NOT NULL,
    work jsonb NOT NULL,
    dispatch_no integer NOT NULL,
    dispatches_unanswered integer NOT NULL,
    dispatch_due_at timestamptz,
    claim uuid,
    lease_until timestamptz,
    last_claim uuid,
    lost_leases integer NOT NULL DEFAULT 0,
    details jsonb NOT NULL DEFAULT '{}',
    progress_stage text NOT NULL DEFAULT '',
    progress_fraction double precision,
    progress_time timestamptz,
    purchase_id uuid,
    start_time timestamptz,
    close_due_at timestamptz,
    reconcile_until timestamptz,
    result_claim uuid,
    output jsonb,
    failure jsonb,
    create_time timestamptz NOT NULL,
    end_time timestamptz,
    CONSTRAINT executions_claim_has_lease CHECK ((claim IS NULL) = (lease_until IS NULL)),
    CONSTRAINT executions_running_is_claimed CHECK ((state = 'RUNNING') = (claim IS NOT NULL)),
    -- The row is the outbox: what wants a worker says when it is published (again).
    CONSTRAINT executions_queued_is_due CHECK ((state = 'QUEUED') = (dispatch_due_at IS NOT NULL)),
    CONSTRAINT executions_ended_has_end CHECK (
        (state IN ('QUEUED', 'RUNNING', 'WAITING')) = (end_time IS NULL)
    )
);
-- One live execution per node, whatever happens.
CREATE UNIQUE INDEX executions_one_active ON executions (node_uid) WHERE state IN ('QUEUED', 'RUNNING', 'WAITING');
CREATE INDEX executions_active_of_pipeline ON executions (pipeline_uid) WHERE state IN ('QUEUED', 'RUNNING', 'WAITING');
CREATE INDEX executions_of_node ON executions (node_uid, id DESC);
CREATE INDEX executions_of_pipeline ON executions (pipeline_uid, id DESC);
CREATE INDEX executions_dispatch_due ON executions (dispatch_due_at) WHERE dispatch_due_at IS NOT NULL;
CREATE INDEX executions_lease_until ON executions (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX executions_close_due ON executions (close_due_at) WHERE close_due_at IS NOT NULL;

CREATE TABLE purchases (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    work_digest text NOT NULL,
    draw integer NOT NULL DEFAULT 0,
    vendor text NOT NULL,
    credential text NOT NULL DEFAULT '',
    submit_key text NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('INTENDED', 'SUBMITTED', 'SETTLED', 'REFUSED', 'UNKNOWN')),
    job_id text,
    next_poll_at timestamptz,
    cost_micros bigint,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now()
);
-- Paid at most once: one open purchase per digest and draw.
CREATE UNIQUE INDEX purchases_one_open ON purchases (owner, work_digest, draw)
    WHERE state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN');
CREATE INDEX purchases_next_poll ON purchases (next_poll_at) WHERE next_poll_at IS NOT NULL;

CREATE TABLE artifacts (
    owner text NOT NULL,
    work_digest text NOT NULL,
    execution_id uuid NOT NULL,
    s3_key text NOT NULL,
    output jsonb NOT NULL,
    content_digest text NOT NULL,
    cost_micros bigint,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, work_digest, s3_key)
);

CREATE TABLE events (
    pipeline_uid uuid NOT NULL,
    seq bigint NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    type text NOT NULL,
    node_uid uuid,
    node_id text,
    execution_id uuid,
    run_id uuid,
    attempt integer NOT NULL DEFAULT 0,
    old_state text NOT NULL DEFAULT '',
    new_state text NOT NULL DEFAULT '',
    actor text NOT NULL,
    message text NOT NULL DEFAULT '',
    -- Dense per pipeline: the sequence is counted under the pipeline's lock.
    PRIMARY KEY (pipeline_uid, seq)
);

CREATE TABLE wakes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline_uid uuid NOT NULL,
    node_uid uuid NOT NULL,
    reason text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX wakes_of_pipeline ON wakes (pipeline_uid);

CREATE TABLE requests (
    owner text NOT NULL,
    identity text NOT NULL,
    method text NOT NULL,
    request_id text NOT NULL,
    request_sha256 bytea NOT NULL,
    resource text NOT NULL,
    answer bytea,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, identity, method, request_id)
);
CREATE INDEX requests_by_age ON requests (create_time);

CREATE TABLE credentials (
    owner text NOT NULL,
    vendor text NOT NULL,
    version integer NOT NULL,
    wrapped_key bytea NOT NULL,
    nonce bytea NOT NULL,
    ciphertext bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    last_used_time timestamptz,
    PRIMARY KEY (owner, vendor, version)
);

CREATE TABLE seals (
    number bigint PRIMARY KEY,
    previous_sha256 bytea NOT NULL,
    sha256 bytea NOT NULL,
    covers jsonb NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);
