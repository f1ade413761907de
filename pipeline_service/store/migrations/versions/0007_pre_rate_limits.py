"""Attempts that met a vendor's rate limit are not counted.

Revision: 0007. Deploy before the pipeline service that counts them; the code before it counts every attempt.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A constant default rewrites no table."""
    op.execute("ALTER TABLE executions ADD COLUMN rate_limits integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE executions DROP COLUMN rate_limits")
