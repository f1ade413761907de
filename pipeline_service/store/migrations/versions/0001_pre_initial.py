"""All tables of the design.

Revision: 0001. Deploy before the first pipeline service.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables. Who may do what with them is the next revision's."""
    # The driver prepares what it runs, and only single statements can be prepared.
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """There is nothing before the first step."""
    raise RuntimeError("the first migration cannot be undone; drop the database instead")
