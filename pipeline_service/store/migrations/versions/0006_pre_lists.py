"""Indexes for the order of every list, and for each pipeline how many of its nodes are in which state.

Revision: 0006. Deploy before the pipeline service that lists by them. The database itself keeps
the counts, whatever code runs.
"""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NOW, _BEFORE = "SELECT pipeline_uid, status, 1 AS one FROM now", "SELECT pipeline_uid, status, -1 AS one FROM before"
# What a statement does to the counts, and the tables that tell it.
COUNTED = {
    "insert": (_NOW, "NEW TABLE AS now"),
    "update": (f"{_NOW} UNION ALL {_BEFORE}", "OLD TABLE AS before NEW TABLE AS now"),
    "delete": (_BEFORE, "OLD TABLE AS before"),
}
# Whoever changes nodes holds the lock of their pipeline, so that counting waits for nobody.
COUNT = """
CREATE FUNCTION count_nodes_on_{operation}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE public.pipelines AS p SET
        pending_nodes = p.pending_nodes + c.pending, in_progress_nodes = p.in_progress_nodes + c.in_progress,
        completed_nodes = p.completed_nodes + c.completed, failed_nodes = p.failed_nodes + c.failed
    FROM (
        SELECT pipeline_uid,
            coalesce(sum(one) FILTER (WHERE status = 'pending'), 0) AS pending,
            coalesce(sum(one) FILTER (WHERE status = 'in_progress'), 0) AS in_progress,
            coalesce(sum(one) FILTER (WHERE status = 'completed'), 0) AS completed,
            coalesce(sum(one) FILTER (WHERE status = 'failed'), 0) AS failed
        FROM ({changed}) AS changed GROUP BY pipeline_uid
    ) AS c
    WHERE p.uid = c.pipeline_uid AND (c.pending, c.in_progress, c.completed, c.failed) <> (0, 0, 0, 0);
    RETURN NULL;
END
$$
"""
TRIGGER = """
CREATE TRIGGER nodes_counted_on_{operation} AFTER {operation} ON nodes REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION count_nodes_on_{operation}()
"""
REPLACED = (
    "CREATE INDEX pipelines_newest ON pipelines (owner, create_time DESC, uid DESC) WHERE delete_time IS NULL",
    "CREATE INDEX runs_newest ON runs (pipeline_uid, id DESC)",
    "CREATE INDEX executions_of_node ON executions (node_uid, id DESC)",
    "CREATE INDEX executions_of_pipeline ON executions (pipeline_uid, id DESC)",
)


def upgrade() -> None:
    """Writers wait while the counts are taken: a node that changed meanwhile would be counted wrongly for ever."""
    # The driver takes single statements only.
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n\n"):
        op.execute(statement)
    for operation, (changed, tables) in COUNTED.items():
        op.execute(COUNT.format(operation=operation, changed=changed))
        op.execute(f"REVOKE ALL ON FUNCTION count_nodes_on_{operation} FROM PUBLIC")
        op.execute(TRIGGER.format(operation=operation, tables=tables))


def downgrade() -> None:
    """As it was; the counts are lost."""
    for operation in COUNTED:
        op.execute(f"DROP TRIGGER nodes_counted_on_{operation} ON nodes")
        op.execute(f"DROP FUNCTION count_nodes_on_{operation}")
    op.execute(
        "ALTER TABLE pipelines DROP COLUMN pending_nodes, DROP COLUMN in_progress_nodes, DROP COLUMN completed_nodes,"
        " DROP COLUMN failed_nodes"
    )
    for statement in REPLACED:
        op.execute(statement)
    op.execute(
        "DROP INDEX pipelines_by_time, pipelines_by_title, pipelines_by_label, nodes_by_title, nodes_by_time,"
        " runs_by_time, executions_of_node_by_time, executions_of_pipeline_by_time"
    )
