"""Work waits in line where its task queue is full, and goes by priority.

Revision: 0012. Deploy before the pipeline service that hands out by it. The code before it leaves both columns alone:
what it queues counts as handed out, as it is.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Constant defaults rewrite no table. What waits for its time is looked at when that comes."""
    op.execute(
        "ALTER TABLE executions ADD COLUMN priority integer NOT NULL DEFAULT 0,"
        " ADD COLUMN queue_place text NOT NULL DEFAULT 'OUT'"
        " CHECK (queue_place IN ('BACKING_OFF', 'HELD', 'IN_LINE', 'OUT'))"
    )
    op.execute("UPDATE executions SET queue_place = 'BACKING_OFF' WHERE state = 'QUEUED' AND dispatches_unanswered = 0")
    # Only what stands in line is in it: work that is handed out at once costs nothing.
    op.execute(
        "CREATE INDEX executions_in_line ON executions (task_queue, priority DESC, id)"
        " WHERE state = 'QUEUED' AND queue_place = 'IN_LINE'"
    )


def downgrade() -> None:
    """What stands in line is handed out when its due time comes: at once."""
    op.execute(
        "UPDATE executions SET dispatch_due_at = clock_timestamp() WHERE state = 'QUEUED' AND queue_place = 'IN_LINE'"
    )
    op.execute("DROP INDEX executions_in_line")
    op.execute("ALTER TABLE executions DROP COLUMN priority, DROP COLUMN queue_place")
