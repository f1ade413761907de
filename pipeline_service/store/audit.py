"""Audit records: written in the transaction of what they tell of, and never again."""

from collections.abc import Sequence

from pipeline_service.domain.audit import AuditRecord
from pipeline_service.store.pool import Connection, as_json

INSERT_AUDIT = """
INSERT INTO audit (actor, action, subject, outcome, details)
SELECT actor, action, subject, outcome, details
FROM json_to_recordset($1::text::json) AS u(actor text, action text, subject text, outcome text, details jsonb)
"""


async def write_records(connection: Connection, records: Sequence[AuditRecord]) -> None:
    """Write them in their order; nothing is asked when there are none."""
    if records:
        await connection.execute(INSERT_AUDIT, audit_json(records))


def audit_json(records: Sequence[AuditRecord]) -> str:
    """Records as the parameter of the statement."""
    return as_json(
        [
            {
                "actor": one.actor,
                "action": one.action,
                "subject": one.subject,
                "outcome": one.outcome,
                "details": dict(one.details),
            }
            for one in records
        ]
    )
