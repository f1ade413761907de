"""Leaves room in the pages of tables whose rows are changed soon after they are made.

Revision: 0013. Deploy before or after the code, which does not notice.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# A run changes each of its nodes twice and its pipeline many times, in no column of an index. A new version of a row
# that fits into the page of the old one needs no new entry in any index; without room each change wrote five.
_SHARES_FILLED = {"nodes": 50, "pipelines": 50}


def upgrade() -> None:
    """Pages that are written from now on; those that are full stay as they are."""
    for table, percent in _SHARES_FILLED.items():
        op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")


def downgrade() -> None:
    for table in _SHARES_FILLED:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
