LOCK TABLE pipelines, nodes IN SHARE ROW EXCLUSIVE MODE;

-- A list of pipelines shows how many nodes are in which state without reading a node.
ALTER TABLE pipelines
    ADD COLUMN pending_nodes integer NOT NULL DEFAULT 0,
    ADD COLUMN in_progress_nodes integer NOT NULL DEFAULT 0,
    ADD COLUMN completed_nodes integer NOT NULL DEFAULT 0,
    ADD COLUMN failed_nodes integer NOT NULL DEFAULT 0;

UPDATE pipelines AS p SET
    pending_nodes = c.pending, in_progress_nodes = c.in_progress, completed_nodes = c.completed, failed_nodes = c.failed
FROM (
    SELECT pipeline_uid,
        count(*) FILTER (WHERE status = 'pending') AS pending,
        count(*) FILTER (WHERE status = 'in_progress') AS in_progress,
        count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed
    FROM nodes GROUP BY pipeline_uid
) AS c
WHERE p.uid = c.pipeline_uid;

-- One index for each order of a list, read forwards or backwards; the last column breaks ties.
CREATE INDEX pipelines_by_time ON pipelines (owner, create_time, id) WHERE delete_time IS NULL;

CREATE INDEX pipelines_by_title ON pipelines (owner, title, id) WHERE delete_time IS NULL;

-- Only what has labels costs something.
CREATE INDEX pipelines_by_label ON pipelines USING gin (labels) WHERE labels <> '{}' AND delete_time IS NULL;

-- Titles of nodes may be longer than an entry of an index.
CREATE INDEX nodes_by_title ON nodes (pipeline_uid, left(title, 256), id);

CREATE INDEX nodes_by_time ON nodes (pipeline_uid, create_time, id);

CREATE INDEX runs_by_time ON runs (pipeline_uid, create_time, id);

CREATE INDEX executions_of_node_by_time ON executions (node_uid, create_time, id);

CREATE INDEX executions_of_pipeline_by_time ON executions (pipeline_uid, create_time, id);

DROP INDEX pipelines_newest, runs_newest, executions_of_node, executions_of_pipeline
