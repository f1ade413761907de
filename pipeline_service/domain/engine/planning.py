"""Says what a run would do with each node: the same decisions, in rows that nobody writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from pipeline_service.domain.digest import plan_digest
from pipeline_service.domain.drafts import is_draft
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.graph import in_order
from pipeline_service.domain.ids import NodeUid
from pipeline_service.domain.model import Node, NodeSpec, Run, RunNode, Structure
from pipeline_service.domain.states import RunDecision
from pipeline_service.domain.structure import sources_of

Kind = tuple[str, str]
"""A node type and a provider: what experience with one execution says of another."""


class PlanAction(StrEnum):
    KEEP = "KEEP"
    REUSE = "REUSE"
    RUN = "RUN"
    MAYBE = "MAYBE"
    BLOCKED = "BLOCKED"

    @property
    def may_execute(self) -> bool:
        return self in (PlanAction.RUN, PlanAction.MAYBE)


@dataclass(frozen=True, kw_only=True)
class PlannedNode:
    """What a run would do with one node."""

    spec: NodeSpec
    action: PlanAction
    reason: str

    @property
    def kind(self) -> Kind:
        return self.spec.type, self.spec.provider


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would do. Equal digests: the same actions on nodes that mean the same."""

    nodes: tuple[PlannedNode, ...]
    """In the order of the document."""
    digest: str


def rehearsal(ws: WorkingSet) -> WorkingSet:
    """A working set to start the run in that is planned. Nothing is held there: a hold only puts off what is done."""
    return WorkingSet(
        now=ws.now,
        structures=ws.structures,
        sequences=ws.sequences,
        nodes=[replace(node, paused=False) for node in ws.nodes.values()],
        executions=ws.executions.values(),
        runs=ws.runs.values(),
        run_nodes=ws.run_nodes.values(),
        owners=ws.owners,
        purchases=ws.purchases.values(),
    )


def plan_of(before: WorkingSet, rehearsed: WorkingSet, run: Run) -> Plan:
    """Read from the rows of a run that was started in a rehearsal what it does with each node."""
    structure = rehearsed.structures[run.pipeline_uid]
    nodes = [
        PlannedNode(
            spec=structure.nodes[row.node_uid],
            action=_action(row, run),
            reason=_reason(row, run, before.nodes[row.node_uid], rehearsed, structure),
        )
        for row in rehearsed.rows_of(run)
    ]
    nodes.sort(key=lambda node: node.spec.position)
    # A shadow need not be there yet, and gets its uids when it is made.
    by_id = is_draft(structure.pipeline_id)
    told = [[node.spec.id if by_id else str(node.spec.uid), node.action.value, node.spec.spec_digest] for node in nodes]
    pipeline = structure.pipeline_id if by_id else str(run.pipeline_uid)
    return Plan(nodes=tuple(nodes), digest=plan_digest(pipeline, told, force=run.force))


def expected_duration(plan: Plan, known: Mapping[Kind, timedelta]) -> timedelta | None:
    """Time from start to end along the longest path, when nothing waits for a worker; None when a part is unknown."""
    executed = {node.spec.uid: node for node in plan.nodes if node.action.may_execute}
    if any(node.kind not in known for node in executed.values()):
        return None
    ends: dict[NodeUid, timedelta] = {}
    above = {uid: [source for source in sources_of(node.spec) if source in executed] for uid, node in executed.items()}
    for uid in in_order(above):
        begin = max((ends[source] for source in above[uid]), default=timedelta(0))
        ends[uid] = begin + known[executed[uid].kind]
    return max(ends.values(), default=timedelta(0))


def _action(row: RunNode, run: Run) -> PlanAction:
    match row.decision:
        case RunDecision.REUSED:
            return PlanAction.REUSE if row.reused_from else PlanAction.KEEP
        case RunDecision.WAITING:
            return PlanAction.REUSE
        case RunDecision.BLOCKED:
            return PlanAction.BLOCKED
        case RunDecision.WANTED:
            return PlanAction.RUN if run.force else PlanAction.MAYBE
        case _:
            return PlanAction.RUN


def _reason(row: RunNode, run: Run, before: Node, ws: WorkingSet, structure: Structure) -> str:
    match row.decision:
        case RunDecision.REUSED:
            return "a result of the same work is there" if row.reused_from else "is current"
        case RunDecision.WAITING:
            return "the same work is under way elsewhere"
        case RunDecision.BLOCKED:
            return row.reason
    if before.execution_id is not None and before.execution_id == row.execution_id:
        return "is running already"
    if run.force:
        return "by force"
    if row.decision is RunDecision.WANTED:
        open_ones = (uid for uid in sources_of(structure.nodes[row.node_uid]) if _is_open(ws, run, uid))
        ids = ", ".join(f"'{structure.nodes[uid].id}'" for uid in dict.fromkeys(open_ones))
        if before.output is None:
            return f"runs on what comes out of {ids}, unless that work was done before"
        return f"runs when another result comes out of {ids}"
    if before.output is not None:
        return "was changed, or something above it was"
    return "failed before" if before.failure is not None else "has no result"


def _is_open(ws: WorkingSet, run: Run, node_uid: NodeUid) -> bool:
    return not ws.run_nodes[run.id, node_uid].decision.is_satisfied
