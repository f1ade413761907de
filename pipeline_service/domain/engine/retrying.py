"""Tries a failed node again because a user asks for it."""

from collections.abc import Collection

from pipeline_service.domain.engine.runs import start_run
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.graph import descendants
from pipeline_service.domain.ids import NodeUid
from pipeline_service.domain.model import Node, Run
from pipeline_service.domain.states import EventType


def retry_node(
    ws: WorkingSet, node: Node, *, left_out: Collection[NodeUid], rules: Rules, actor: str, trace: str = ""
) -> Run:
    """Start a run of a failed node and of what was left out because of it; attempts are counted anew.

    `left_out` are the nodes that were skipped in the runs that it failed in; those that do not need it are not this
    run's business. Ended runs stay ended: history says what happened.
    """
    structure = ws.structures[node.pipeline_uid]
    below = [uid for uid in descendants(node.uid, structure.successors) if uid in left_out]
    ws.record(EventType.NODE_RETRIED, node.pipeline_uid, actor=actor, node=ws.spec(node))
    targets = (node.uid, *below)
    return start_run(
        ws, node.pipeline_uid, targets=targets, force=False, again=targets, rules=rules, actor=actor, trace=trace
    )
