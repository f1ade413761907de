"""How much each vendor is asked to do at once, and which purchases count in that.

Revision: 0019. Deploy before the pipeline service that limits. The code before it limits nothing: a replica of it
beside a newer one lets through what that would hold back.
"""

from alembic import context, op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE vendor_limits (
    vendor text NOT NULL,
    credential text NOT NULL DEFAULT '',
    -- What the vendor was last seen to take at once; null when it never said "too much".
    concurrency double precision CHECK (concurrency >= 1),
    not_before timestamptz,
    failures integer NOT NULL DEFAULT 0,
    open_until timestamptz,
    probe_until timestamptz,
    update_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (vendor, credential)
)
"""


def upgrade() -> None:
    """A column without a default rewrites no table."""
    role = context.config.attributes["engine_role"]
    op.execute(_TABLE)
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON vendor_limits TO "{role}"')
    op.execute("ALTER TABLE purchases ADD COLUMN slot_until timestamptz")
    # Counted under the limit's lock: it holds what is open and no more.
    op.execute("CREATE INDEX purchases_in_slots ON purchases (slot_until) WHERE slot_until IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP INDEX purchases_in_slots")
    op.execute("ALTER TABLE purchases DROP COLUMN slot_until")
    op.execute("DROP TABLE vendor_limits")
