"""All tables of the design.

Revision: 0001. Deploy before the first pipeline service.
"""

from pathlib import Path

from alembic import context, op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("events", "seals")
REST = (
    "pipelines", "nodes", "node_inputs", "runs", "run_nodes", "executions", "purchases", "artifacts", "wakes",
    "requests", "credentials",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables and let the service's role use them; history it may only add to."""
    # The driver prepares what it runs, and only single statements can be prepared.
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
    role = context.config.attributes["service_role"]
    op.execute(f'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{role}"')
    op.execute(f'GRANT SELECT ON alembic_version TO "{role}"')
    op.execute(f'GRANT SELECT, INSERT ON {", ".join(APPEND_ONLY)} TO "{role}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(REST)} TO "{role}"')


def downgrade() -> None:
    """There is nothing before the first step."""
    raise RuntimeError("the first migration cannot be undone; drop the database instead")
