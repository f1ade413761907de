"""Audit records, and what closed secrets need besides.

Revision: 0016. Deploy before the pipeline service that keeps secrets; the code before it has none.
"""

from alembic import context, op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Which transaction wrote a row: those of the oldest one that still runs, and of younger ones, are not sealed yet.
TRANSACTION = "bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint"
_STATEMENTS = (
    f"""CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tx {TRANSACTION},
        create_time timestamptz NOT NULL DEFAULT now(),
        actor text NOT NULL,
        action text NOT NULL,
        subject text NOT NULL,
        outcome text NOT NULL,
        details jsonb NOT NULL DEFAULT '{{}}'
    )""",
    "CREATE INDEX audit_by_transaction ON audit (tx)",
    # Nothing was ever kept before this revision, so that no row needs a value.
    "ALTER TABLE credentials ADD COLUMN master_key_id text NOT NULL, ADD COLUMN expire_time timestamptz",
    # Numbers are never used twice: what was closed for one version must not open as another.
    "CREATE SEQUENCE credential_versions AS integer",
    "REVOKE ALL ON audit, credentials FROM {engine}",
    # When and by which transaction is said by the database alone.
    "GRANT SELECT, INSERT (actor, action, subject, outcome, details) ON audit TO {engine}",
    "GRANT SELECT, INSERT, DELETE, UPDATE (wrapped_key, master_key_id, last_used_time) ON credentials TO {engine}",
    "GRANT USAGE ON SEQUENCE credential_versions TO {engine}",
)


def upgrade() -> None:
    """A value is never changed in place: the role that keeps secrets may not."""
    engine = context.config.attributes["engine_role"]
    for statement in _STATEMENTS:
        op.execute(statement.replace("{engine}", f'"{engine}"'))


def downgrade() -> None:
    """All secrets and all records are lost."""
    engine = context.config.attributes["engine_role"]
    op.execute("DROP TABLE audit")
    op.execute("DROP SEQUENCE credential_versions")
    op.execute("DELETE FROM credentials")
    op.execute("ALTER TABLE credentials DROP COLUMN master_key_id, DROP COLUMN expire_time")
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON credentials TO "{engine}"')
