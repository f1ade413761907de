"""What a purchase needs to be asked about, and what executions and runs say of buying.

Revision: 0005. Deploy before the code that buys; the code before it never looks at these columns.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Nothing was ever bought before this revision, so that no row needs a value.
_STATEMENTS = (
    """ALTER TABLE purchases
        ADD COLUMN execution_id uuid NOT NULL,
        ADD COLUMN pipeline_uid uuid NOT NULL,
        ADD COLUMN possibly_submitted boolean NOT NULL DEFAULT false,
        ADD COLUMN poll_no integer NOT NULL DEFAULT 0,
        ADD COLUMN polls_unanswered integer NOT NULL DEFAULT 0,
        ADD COLUMN claim uuid,
        ADD COLUMN lease_until timestamptz,
        ALTER COLUMN job_id SET DEFAULT '',
        ALTER COLUMN job_id SET NOT NULL,
        ADD CONSTRAINT purchases_closed_is_left_alone CHECK (
            state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN') OR (claim IS NULL AND next_poll_at IS NULL)
        )""",
    # Those whose execution was ended by somebody who may not touch purchases: a sweep finds them.
    """CREATE INDEX purchases_left_alone ON purchases (update_time)
        WHERE state IN ('INTENDED', 'SUBMITTED') AND next_poll_at IS NULL""",
    "CREATE INDEX purchases_of_digest ON purchases (owner, work_digest)",
    "ALTER TABLE executions ADD COLUMN buys text NOT NULL DEFAULT '' CHECK (buys IN ('', 'ONCE', 'ANEW'))",
    "ALTER TABLE runs ADD COLUMN force boolean NOT NULL DEFAULT false",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Forgets what was bought: only for a database that never bought anything."""
    op.execute("ALTER TABLE runs DROP COLUMN force")
    op.execute("ALTER TABLE executions DROP COLUMN buys")
    op.execute("DROP INDEX purchases_of_digest, purchases_left_alone")
    op.execute(
        "ALTER TABLE purchases DROP COLUMN execution_id, DROP COLUMN pipeline_uid, DROP COLUMN possibly_submitted,"
        " DROP COLUMN poll_no, DROP COLUMN polls_unanswered, DROP COLUMN claim CASCADE, DROP COLUMN lease_until"
    )
