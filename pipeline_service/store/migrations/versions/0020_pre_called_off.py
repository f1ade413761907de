"""Vendors are asked to stop what a user has cancelled.

Revision: 0020. Deploy before the pipeline service that does so, and executors, which know how, before that as well.
Those before them drop such work, and get a plain question next.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A constant default rewrites no table."""
    op.execute("ALTER TABLE purchases ADD COLUMN called_off boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    op.execute("ALTER TABLE purchases DROP COLUMN called_off")
