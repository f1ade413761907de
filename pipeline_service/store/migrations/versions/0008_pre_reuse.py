"""Results are found by their work, and nobody does the same work twice at once.

Revision: 0008. Deploy before the pipeline service that looks them up. Executions that the code before it queues have no
owner here: they are neither found nor refused, so that it runs on.
"""

from pathlib import Path

from alembic import context, op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Constant defaults rewrite no table."""
    script = Path(__file__).with_suffix(".sql").read_text()
    for word, attribute in {":engine": "engine_role", ":edit": "edit_role"}.items():
        script = script.replace(word, f'"{context.config.attributes[attribute]}"')
    # The driver takes single statements only. A blank line is what parts them: functions have statements in them.
    for statement in script.split(";\n\n"):
        op.execute(statement)


def downgrade() -> None:
    """The code before this revision leaves all this alone."""
    op.execute("DROP FUNCTION wake_waiters")
    op.execute("DROP INDEX executions_one_flight, executions_lately, run_nodes_waiting")
    op.execute("ALTER TABLE executions DROP COLUMN owner, DROP COLUMN node_type")
    op.execute("ALTER TABLE run_nodes DROP COLUMN reused_from")
