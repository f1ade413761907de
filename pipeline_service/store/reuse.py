"""Finds results of the same work and whoever does it, and keeps the wakes of those who wait."""

from collections.abc import Collection, Mapping, Sequence

from pipeline_service.domain.engine.working_set import Artifact, Finding, Question, WorkingSet
from pipeline_service.domain.ids import ExecutionId, PipelineUid
from pipeline_service.domain.model import Execution
from pipeline_service.store.codec import Row, output_from_json
from pipeline_service.store.pool import Connection, Pool

# What the loaded pipelines do is known to the working set, and may have changed there.
_LOOK_UP = """
SELECT a.execution_id, a.output, a.create_time, e.id AS holder
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS q(owner, work_digest, present_key, place)
LEFT JOIN LATERAL (
    SELECT execution_id, output, create_time FROM artifacts
    WHERE owner = q.owner AND work_digest = q.work_digest
    ORDER BY s3_key IS NOT DISTINCT FROM q.present_key DESC, create_time DESC LIMIT 1
) AS a ON true
LEFT JOIN executions AS e ON e.owner = q.owner AND e.work_digest = q.work_digest AND e.owner <> ''
    AND e.state IN ('QUEUED', 'RUNNING', 'WAITING') AND e.pipeline_uid <> ALL($4)
ORDER BY q.place
"""
EXECUTION_NAME = "'pipelines/' || p.id || '/nodes/' || (e.work ->> 'nodeId') || '/executions/' || e.id"
_NAMES = f"""
SELECT e.id, {EXECUTION_NAME} AS name FROM executions AS e JOIN pipelines AS p ON p.uid = e.pipeline_uid
WHERE e.id = ANY($1)
"""  # noqa: S608 - constants only
_TAKE = "DELETE FROM wakes WHERE pipeline_uid = ANY($1)"
_LEAVE = "INSERT INTO wakes (pipeline_uid, node_uid, reason) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])"
_WAKE_WAITERS = "SELECT wake_waiters($1)"
_NEXT_LEVEL = "an input was taken over"


async def look_up(
    connection: Connection, questions: Sequence[Question], *, locked: Collection[PipelineUid]
) -> list[Finding]:
    """Answer questions, in their order. Each pair of owner and digest has one active execution at most."""
    asked = zip(*((one.owner, one.work_digest, one.present_key) for one in questions), strict=True)
    rows = await connection.fetch(_LOOK_UP, *asked, locked)
    return [_finding(question, row) for question, row in zip(questions, rows, strict=True)]


async def execution_names(
    connection: "Connection | Pool", executions: Collection[ExecutionId]
) -> dict[ExecutionId, str]:
    """The resource names of executions."""
    return {ExecutionId(row["id"]): row["name"] for row in await connection.fetch(_NAMES, list(executions))}


async def take_wakes(connection: Connection, pipelines: Collection[PipelineUid]) -> None:
    """Remove the wakes that pipelines have by now."""
    await connection.execute(_TAKE, list(pipelines))


async def go_on_later(connection: Connection, working_set: WorkingSet) -> None:
    """Leave a wake for each pipeline of which questions are left."""
    left = {working_set.nodes[uid].pipeline_uid: uid for uid in working_set.questions}
    if left:
        await connection.execute(_LEAVE, list(left), list(left.values()), [_NEXT_LEVEL] * len(left))
        working_set.owes_wakes = True


async def wake_waiters(
    connection: Connection, working_set: WorkingSet, *, loaded: Mapping[ExecutionId, Execution]
) -> None:
    """Wake those who wait for work that ended here."""
    landed = working_set.landed(loaded)
    if landed and await connection.fetchval(_WAKE_WAITERS, landed):
        working_set.owes_wakes = True


def _finding(question: Question, row: Row) -> Finding:
    output = output_from_json(row["output"])
    artifact = None
    if output is not None:
        artifact = Artifact(
            owner=question.owner,
            work_digest=question.work_digest,
            execution_id=ExecutionId(row["execution_id"]),
            output=output,
            create_time=row["create_time"],
        )
    holder = ExecutionId(row["holder"]) if row["holder"] else None
    return Finding(work_digest=question.work_digest, artifact=artifact, holder=holder)
