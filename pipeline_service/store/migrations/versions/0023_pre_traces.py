"""Runs remember the trace context of the request that began them, so that whatever is done later goes on with it.

Revision: 0023. Deploy before the pipeline service that writes it. The code before leaves it empty.
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A constant default rewrites no table."""
    op.execute("ALTER TABLE runs ADD COLUMN trace text NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("ALTER TABLE runs DROP COLUMN trace")
