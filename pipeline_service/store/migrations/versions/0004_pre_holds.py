"""Pipelines and nodes may be held.

Revision: 0004. Deploy before the pipeline service that holds them; the code before it never looks at the columns.
"""

from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

HELD = ("pipelines", "nodes")


def upgrade() -> None:
    """A constant default rewrites no table. A hold is state: it says nothing of what is made."""
    role = context.config.attributes["engine_role"]
    for table in HELD:
        op.execute(f"ALTER TABLE {table} ADD COLUMN paused boolean NOT NULL DEFAULT false")
        op.execute(f'GRANT UPDATE (paused) ON {table} TO "{role}"')


def downgrade() -> None:
    """Lets go of everything that is held."""
    for table in HELD:
        op.execute(f"ALTER TABLE {table} DROP COLUMN paused")
