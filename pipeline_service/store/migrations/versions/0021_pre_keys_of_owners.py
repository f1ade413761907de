"""Whose key pays for a purchase; lines of owners that pay with their own.

Revision: 0021. Deploy before the pipeline service that limits each key by itself. The code before it says of no
purchase whose key pays: that is null, and it is asked about with the key that its owner has at that moment, as before.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Neither change of the column rewrites the table. What is open are few rows; of what is over nobody asks."""
    op.execute("ALTER TABLE purchases ALTER COLUMN credential DROP NOT NULL, ALTER COLUMN credential SET DEFAULT NULL")
    op.execute("UPDATE purchases SET credential = NULL WHERE state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN')")
    # As the line of everybody, for one owner: only paid work that stands in line is in it.
    op.execute(
        "CREATE INDEX executions_in_own_line ON executions (task_queue, owner, priority DESC, id)"
        " WHERE state = 'QUEUED' AND queue_place = 'IN_LINE' AND buys <> ''"
    )
    op.execute("CREATE INDEX credentials_of_vendor ON credentials (vendor, owner)")


def downgrade() -> None:
    op.execute("DROP INDEX credentials_of_vendor, executions_in_own_line")
    op.execute("UPDATE purchases SET credential = '' WHERE credential IS NULL")
    op.execute("ALTER TABLE purchases ALTER COLUMN credential SET DEFAULT '', ALTER COLUMN credential SET NOT NULL")
