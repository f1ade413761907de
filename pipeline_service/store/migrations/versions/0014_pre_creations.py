"""A pipeline is made with its first structure and its first events at once.

Revision: 0014. Deploy before the pipeline service that makes pipelines so; the code before it counts both up.
"""

from alembic import context, op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Whoever may count them up may also say where they begin."""
    role = context.config.attributes["edit_role"]
    op.execute(f'GRANT INSERT (structure_version, last_seq) ON pipelines TO "{role}"')


def downgrade() -> None:
    """As it was."""
    role = context.config.attributes["edit_role"]
    op.execute(f'REVOKE INSERT (structure_version, last_seq) ON pipelines FROM "{role}"')
