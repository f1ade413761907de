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
    script = Path(__file__).with_suffix(".sql").read_text()
    for role in ("engine", "edit"):
        script = script.replace(f":{role}", f'"{context.config.attributes[f"{role}_role"]}"')
    # The driver takes single statements only. A blank line is what parts them: functions have statements in them.
    for statement in script.split(";\n\n"):
        op.execute(statement)


def downgrade() -> None:
    """Rights that were taken from a role are not known any more."""
    raise RuntimeError("this migration cannot be undone; restore the database from before it instead")
