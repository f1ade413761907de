"""Nodes may have a retry policy of their own.

Revision: 0009. Deploy before the pipeline service that reads it; the code before it leaves it empty.
"""

from alembic import context, op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A constant default rewrites no table. The policy is structure: a user's own words."""
    role = context.config.attributes["edit_role"]
    op.execute("ALTER TABLE nodes ADD COLUMN retry jsonb NOT NULL DEFAULT '{}'")
    op.execute(f'GRANT INSERT (retry), UPDATE (retry) ON nodes TO "{role}"')


def downgrade() -> None:
    """The policies are lost."""
    op.execute("ALTER TABLE nodes DROP COLUMN retry")
