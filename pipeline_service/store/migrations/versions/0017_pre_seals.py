"""Which transaction wrote an event, and what a seal keeps of each row.

Revision: 0017. Deploy before the pipeline service that seals. What was recorded before stays unsealed.
"""

from alembic import context, op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_COLUMNS = (
    "pipeline_uid, seq, create_time, type, node_uid, node_id, execution_id, run_id, attempt, old_state, new_state,"
    " actor, message"
)
_STATEMENTS = (
    # A default that is not constant would rewrite the table if the column came with it.
    "ALTER TABLE events ADD COLUMN tx bigint",
    "ALTER TABLE events ALTER COLUMN tx SET DEFAULT (pg_current_xact_id()::text)::bigint",
    # Rows of one transaction lie in one entry, and new ones at the end: it costs little to keep.
    "CREATE INDEX events_by_transaction ON events (tx) WHERE tx IS NOT NULL",
    "ALTER TABLE seals ADD COLUMN row_digests bytea NOT NULL",
    # By which transaction is said by the database alone.
    "REVOKE INSERT ON events FROM {engine}, {edit}",
    f"GRANT INSERT ({_COLUMNS}) ON events TO {{engine}}, {{edit}}",
)


def upgrade() -> None:
    """Nothing was ever sealed before this revision, so that no seal needs a value."""
    roles = {name: f'"{context.config.attributes[f"{name}_role"]}"' for name in ("engine", "edit")}
    for statement in _STATEMENTS:
        op.execute(statement.format(**roles))


def downgrade() -> None:
    """The chain is lost."""
    op.execute("DELETE FROM seals")
    op.execute("ALTER TABLE seals DROP COLUMN row_digests")
    op.execute("ALTER TABLE events DROP COLUMN tx")
    for name in ("engine", "edit"):
        op.execute(f'GRANT INSERT ON events TO "{context.config.attributes[f"{name}_role"]}"')
