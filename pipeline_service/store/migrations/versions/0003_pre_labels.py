"""Labels of pipelines and nodes.

Revision: 0003. Deploy before the pipeline service that reads them; the code before it leaves them empty.
"""

from alembic import context, op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LABELLED = ("pipelines", "nodes")


def upgrade() -> None:
    """A constant default rewrites no table. Labels are structure: a user's own words."""
    role = context.config.attributes["edit_role"]
    for table in LABELLED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN labels jsonb NOT NULL DEFAULT '{{}}'")
        op.execute(f'GRANT INSERT (labels), UPDATE (labels) ON {table} TO "{role}"')


def downgrade() -> None:
    """The labels are lost."""
    for table in LABELLED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN labels")
