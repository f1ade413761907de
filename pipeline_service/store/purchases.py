"""Purchases: locked behind the pipelines, in the order of their ids; written with the state that was seen."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pipeline_service.commands.errors import Contended
from pipeline_service.domain.engine.working_set import Artifact
from pipeline_service.domain.ids import Claim, ExecutionId, Owner, PipelineUid, PurchaseId
from pipeline_service.domain.model import Execution
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import Buys, PurchaseState
from pipeline_service.store.codec import Row, output_from_json
from pipeline_service.store.pool import Connection, as_json

_COLUMNS = (
    "id, owner, work_digest, draw, vendor, credential, state, execution_id, pipeline_uid, possibly_submitted,"
    " possible_submissions, job_id, next_poll_at, poll_no, polls_unanswered, claim, lease_until, cost_micros,"
    " create_time, asked_at, signalled_at, slot_until, called_off"
)
_LOAD = f"""
SELECT {_COLUMNS} FROM purchases
WHERE id = ANY($1) OR (owner, work_digest) IN (SELECT * FROM unnest($2::text[], $3::text[]))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - constants only
# The partial unique index refuses a second open purchase of equal work, whoever inserts it.
_INSERT = f"""
INSERT INTO purchases ({_COLUMNS}, submit_key)
SELECT {_COLUMNS}, id::text FROM json_to_recordset($1::text::json) AS u(
    id uuid, owner text, work_digest text, draw int, vendor text, credential text, state text, execution_id uuid,
    pipeline_uid uuid, possibly_submitted boolean, possible_submissions int, job_id text, next_poll_at timestamptz,
    poll_no int, polls_unanswered int, claim uuid, lease_until timestamptz, cost_micros bigint,
    create_time timestamptz, asked_at timestamptz, signalled_at timestamptz, slot_until timestamptz, called_off boolean
)
ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants only
_UPDATE = """
UPDATE purchases AS p SET
    state = u.state, execution_id = u.execution_id, pipeline_uid = u.pipeline_uid,
    possibly_submitted = u.possibly_submitted, possible_submissions = u.possible_submissions, job_id = u.job_id,
    next_poll_at = u.next_poll_at, poll_no = u.poll_no, polls_unanswered = u.polls_unanswered, claim = u.claim,
    lease_until = u.lease_until, cost_micros = u.cost_micros, asked_at = u.asked_at,
    signalled_at = u.signalled_at, slot_until = u.slot_until, called_off = u.called_off, update_time = now()
FROM json_to_recordset($1::text::json) AS u(
    id uuid, old_state text, old_claim uuid, old_poll_no int, state text, execution_id uuid, pipeline_uid uuid,
    possibly_submitted boolean, possible_submissions int, job_id text, next_poll_at timestamptz, poll_no int,
    polls_unanswered int, claim uuid, lease_until timestamptz, cost_micros bigint, asked_at timestamptz,
    signalled_at timestamptz, slot_until timestamptz, called_off boolean
)
WHERE p.id = u.id AND p.state = u.old_state AND p.claim IS NOT DISTINCT FROM u.old_claim AND p.poll_no = u.old_poll_no
"""


_DELIVERED = """
SELECT DISTINCT ON (owner, work_digest) owner, work_digest, execution_id, output, cost_micros, create_time
FROM artifacts WHERE (owner, work_digest) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY owner, work_digest, create_time DESC
"""


async def load_purchases(
    connection: Connection, executions: Iterable[Execution], owners: Mapping[PipelineUid, Owner]
) -> list[Purchase]:
    """What executions are attached to, and every purchase of equal work, locked. None is bought: no statement."""
    buying = [one for one in executions if one.buys is not Buys.NOTHING]
    if not buying:
        return []
    rows = await connection.fetch(
        _LOAD,
        [one.purchase_id for one in buying if one.purchase_id],
        [owners[one.pipeline_uid] for one in buying],
        [one.work_digest for one in buying],
    )
    return [_purchase(row) for row in rows]


async def load_delivered(connection: Connection, purchases: Collection[Purchase]) -> list[Artifact]:
    """The newest result of each work that was bought, and whose purchase is over."""
    over = [one for one in purchases if one.state is PurchaseState.SETTLED]
    if not over:
        return []
    rows = await connection.fetch(_DELIVERED, [one.owner for one in over], [one.work_digest for one in over])
    return [artifact for artifact in map(_artifact, rows) if artifact is not None]


async def save_purchases(
    connection: Connection, now: Mapping[PurchaseId, Purchase], before: Mapping[PurchaseId, Purchase]
) -> None:
    """Write the difference. Raises Contended when somebody else bought the same, or a guard did not hold."""
    new = [_values(one) for one in now.values() if one.id not in before]
    changed = [
        _values(one) | _seen(before[one.id]) for one in now.values() if one.id in before and one != before[one.id]
    ]
    for statement, rows, done in ((_INSERT, new, "INSERT 0"), (_UPDATE, changed, "UPDATE")):
        if rows and (status := await connection.execute(statement, as_json(rows))) != f"{done} {len(rows)}":
            raise Contended(f"expected to write {len(rows)} purchases, the database answered '{status}'")


def _seen(before: Purchase) -> dict[str, Any]:
    return {"old_state": before.state, "old_claim": before.claim, "old_poll_no": before.poll_no}


def _values(one: Purchase) -> dict[str, Any]:
    return {
        "id": one.id,
        "owner": one.owner,
        "work_digest": one.work_digest,
        "draw": one.draw,
        "vendor": one.vendor,
        "credential": one.credential,
        "state": one.state,
        "execution_id": one.execution_id,
        "pipeline_uid": one.pipeline_uid,
        # Read by the code before this column's companion.
        "possibly_submitted": one.possibly_submitted,
        "possible_submissions": one.possible_submissions,
        "job_id": one.job_id,
        "next_poll_at": one.next_poll_at,
        "poll_no": one.poll_no,
        "polls_unanswered": one.polls_unanswered,
        "claim": one.claim,
        "lease_until": one.lease_until,
        "cost_micros": one.cost_micros,
        "create_time": one.intend_time,
        "asked_at": one.asked_at,
        "signalled_at": one.signalled_at,
        "slot_until": one.slot_until,
        "called_off": one.called_off,
    }


def _purchase(row: Row) -> Purchase:
    return Purchase(
        id=PurchaseId(row["id"]),
        owner=Owner(row["owner"]),
        work_digest=row["work_digest"],
        draw=row["draw"],
        vendor=row["vendor"],
        credential=row["credential"],
        state=PurchaseState(row["state"]),
        execution_id=ExecutionId(row["execution_id"]),
        pipeline_uid=PipelineUid(row["pipeline_uid"]),
        intend_time=row["create_time"],
        possible_submissions=max(row["possible_submissions"], int(row["possibly_submitted"])),
        job_id=row["job_id"],
        next_poll_at=row["next_poll_at"],
        poll_no=row["poll_no"],
        polls_unanswered=row["polls_unanswered"],
        claim=Claim(row["claim"]) if row["claim"] else None,
        lease_until=row["lease_until"],
        cost_micros=row["cost_micros"],
        asked_at=row["asked_at"],
        signalled_at=row["signalled_at"],
        slot_until=row["slot_until"],
        called_off=row["called_off"],
    )


def _artifact(row: Row) -> Artifact | None:
    output = output_from_json(row["output"])
    if output is None:
        return None
    return Artifact(
        owner=Owner(row["owner"]),
        work_digest=row["work_digest"],
        execution_id=ExecutionId(row["execution_id"]),
        output=output,
        cost_micros=row["cost_micros"],
        create_time=row["create_time"],
    )
