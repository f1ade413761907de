"""What a node is by itself, now and when its result was made: the difference tells why it is stale.

Revision: 0010. Deploy before the pipeline service that compares them; the code before it leaves both empty.
"""

from alembic import context, op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Constant defaults rewrite no table. The one is structure, the other state."""
    edit, engine = (context.config.attributes[name] for name in ("edit_role", "engine_role"))
    op.execute("ALTER TABLE nodes ADD COLUMN own_digest text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE nodes ADD COLUMN done_own text NOT NULL DEFAULT ''")
    op.execute(f'GRANT INSERT (own_digest), UPDATE (own_digest) ON nodes TO "{edit}"')
    op.execute(f'GRANT UPDATE (done_own) ON nodes TO "{engine}"')


def downgrade() -> None:
    """Stale nodes don't say why any more."""
    op.execute("ALTER TABLE nodes DROP COLUMN own_digest, DROP COLUMN done_own")
