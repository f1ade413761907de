"""Takes over results that were made before, instead of making them again."""

from pipeline_service.domain.engine.working_set import Artifact, Question, WorkingSet
from pipeline_service.domain.model import Run, RunNode
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import EventType, NodeState, RunDecision


def usable_artifact(ws: WorkingSet, run: Run, question: Question) -> Artifact | None:
    """A result of the same work that serves a run; one by force is served only by what was made since it began."""
    artifact = ws.artifact(question)
    if artifact is None or (run.force and artifact.create_time < run.create_time):
        return None
    return artifact


def take_over(ws: WorkingSet, row: RunNode, artifact: Artifact, *, made_from: str, actor: str) -> None:
    """Complete a node with a result that is there. Where it is the node's own, only what it was made from is new.

    `made_from` is the spec digest that the result counts for from now on. A node that has all that already, because
    another run took it over just now, changes no more.
    """
    node = ws.nodes[row.node_uid]
    completed = replace(
        node,
        state=NodeState.COMPLETED,
        output=artifact.output,
        content_digest=artifact.output.content_digest(artifact.execution_id),
        done_spec=made_from,
        done_own=ws.spec(node).own_digest,
        failure=None,
    )
    if completed != node:
        ws.put(completed)
        ws.record(
            EventType.NODE_REUSED,
            node.pipeline_uid,
            actor=actor,
            node=ws.spec(node),
            run_id=row.run_id,
            old_state=node.state,
            new_state=completed.state,
            message=f"has the result of execution {artifact.execution_id}",
        )
    ws.put(replace(row, decision=RunDecision.REUSED, reused_from=artifact.execution_id, waiting_digest=""))
