"""What is known of the store's objects, so that those which nothing refers to may be removed.

Revision: 0022. Deploy before the pipeline service that removes. The code before it neither says which assets were asked
for nor sees that an execution's objects are gone: remove none while it runs.
"""

from alembic import context, op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE TABLE asset_uses (key text PRIMARY KEY, use_time timestamptz NOT NULL)",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON asset_uses TO {engine}",
    # From then on a late result of it is not kept.
    "ALTER TABLE executions ADD COLUMN sweep_time timestamptz",
    # Which nodes have an asset's bytes. State changes leave the column alone, and so the index.
    "CREATE INDEX nodes_by_asset ON nodes ((asset ->> 'sha256')) WHERE asset IS NOT NULL",
)


def upgrade() -> None:
    """A column without a default rewrites no table."""
    for statement in _STATEMENTS:
        op.execute(statement.format(engine=f'"{context.config.attributes["engine_role"]}"'))


def downgrade() -> None:
    """What was removed stays removed; late results of such executions are refused, since their bytes are not there."""
    op.execute("DROP INDEX nodes_by_asset")
    op.execute("ALTER TABLE executions DROP COLUMN sweep_time")
    op.execute("DROP TABLE asset_uses")
