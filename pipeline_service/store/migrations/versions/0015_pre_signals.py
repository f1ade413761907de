"""Vendors signal news of their jobs: a job is found by its id, and is not asked about all the time.

Revision: 0015. Deploy before the pipeline service that takes signals; the code before it never looks at these columns.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns without a default rewrite no table."""
    op.execute("ALTER TABLE purchases ADD COLUMN asked_at timestamptz, ADD COLUMN signalled_at timestamptz")
    op.execute("CREATE INDEX purchases_of_job ON purchases (vendor, job_id) WHERE job_id <> ''")


def downgrade() -> None:
    op.execute("DROP INDEX purchases_of_job")
    op.execute("ALTER TABLE purchases DROP COLUMN asked_at, DROP COLUMN signalled_at")
