"""How often a purchase was perhaps submitted: where a vendor allows it once more, it is not done twice.

Revision: 0011. Deploy before the pipeline service that counts; the code before it knows only whether it was at all.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A constant default rewrites no table."""
    op.execute("ALTER TABLE purchases ADD COLUMN possible_submissions integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE purchases DROP COLUMN possible_submissions")
