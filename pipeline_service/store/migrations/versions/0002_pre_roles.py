"""Two roles in the place of one: who edits structure, and who keeps state.

Revision: 0002. Deploy before the pipeline service that connects as both. Rights of any other role stay as they are,
so that the code before it runs on.
"""

from pathlib import Path

from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two functions and grant each role what it needs, no more."""
    roles = {":engine": "engine_role", ":edit": "edit_role"}
    script = Path(__file__).with_suffix(".sql").read_text()
    for word, attribute in roles.items():
        script = script.replace(word, f'"{context.config.attributes[attribute]}"')
    # The driver takes single statements only. A blank line is what parts them: functions have statements in them.
    for statement in script.split(";\n\n"):
        op.execute(statement)


def downgrade() -> None:
    """The code before this revision connects as another role, whose rights were left alone."""
    op.execute("DROP FUNCTION supersede_nodes, complete_assets")
    for attribute in ("engine_role", "edit_role"):
        op.execute(f'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{context.config.attributes[attribute]}"')
