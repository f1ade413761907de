"""What platforms tell by webhooks is kept, once.

Revision: 0018. Deploy before the pipeline service that takes webhooks; the code before it has none.
"""

from alembic import context, op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """CREATE TABLE webhook_events (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source text NOT NULL,
        delivery_id text NOT NULL,
        event_type text NOT NULL,
        body bytea NOT NULL,
        body_sha256 text NOT NULL,
        receive_time timestamptz NOT NULL DEFAULT now(),
        UNIQUE (source, delivery_id),
        UNIQUE (source, body_sha256)
    )""",
    "CREATE INDEX webhook_events_of_source ON webhook_events (source, number)",
    # Kept as they came: nobody changes or removes one.
    "GRANT SELECT, INSERT (source, delivery_id, event_type, body, body_sha256) ON webhook_events TO {engine}",
)


def upgrade() -> None:
    """The two UNIQUE keep a delivery from being kept twice: under its own id, and its bytes under another one."""
    for statement in _STATEMENTS:
        op.execute(statement.replace("{engine}", f'"{context.config.attributes["engine_role"]}"'))


def downgrade() -> None:
    """All of them are lost."""
    op.execute("DROP TABLE webhook_events")
