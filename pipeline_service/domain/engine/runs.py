"""Starts runs: finds what is to be done, as `make` does."""

from collections.abc import Collection, Iterable, Mapping

from pipeline_service.domain.engine.scheduling import advance
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.graph import in_order
from pipeline_service.domain.ids import ExecutionId, NodeUid, PipelineUid, RunId
from pipeline_service.domain.model import Node, Run, RunNode, Structure
from pipeline_service.domain.states import EventType, NodeState, RunDecision, RunState


def is_current(node: Node, structure: Structure) -> bool:
    """Whether a node's output was made from its structure as it is now."""
    return node.state is NodeState.COMPLETED and node.done_spec == structure.nodes[node.uid].spec_digest


def leaves(structure: Structure) -> tuple[NodeUid, ...]:
    """The nodes that feed no other, in the order of the document."""
    specs = sorted(structure.nodes.values(), key=lambda spec: spec.position)
    return tuple(spec.uid for spec in specs if not structure.successors.get(spec.uid))


def wanted_problems(ws: WorkingSet, pipeline_uid: PipelineUid, targets: Iterable[NodeUid]) -> list[str]:
    """Ids of nodes that targets (every leaf when there are none) need and that are not valid."""
    structure = ws.structures[pipeline_uid]
    decisions = _decisions(ws, structure, list(targets) or leaves(structure), force=False)
    wanted = [structure.nodes[uid] for uid, decision in decisions.items() if decision is RunDecision.WANTED]
    return sorted(spec.id for spec in wanted if spec.problems)


def start_run(
    ws: WorkingSet,
    pipeline_uid: PipelineUid,
    *,
    targets: tuple[NodeUid, ...],
    force: bool,
    again: Collection[NodeUid] = (),
    priority: int = 0,
    run_id: RunId | None = None,
    rules: Rules,
    actor: str,
    trace: str = "",
) -> Run:
    """Bring targets (every leaf when there are none) up to date. Ends at once when all of them are.

    What is not valid is BLOCKED, and so is what needs it; who wants to begin such a run asks `wanted_problems` before.
    `force` makes everything anew, `again` only these nodes, whether they are current or not.
    """
    structure = ws.structures[pipeline_uid]
    run = Run(
        id=run_id or RunId(rules.new_id()),
        pipeline_uid=pipeline_uid,
        state=RunState.ACTIVE,
        targets=targets,
        force=force,
        priority=priority,
        trace=trace,
        create_time=ws.now,
    )
    ws.put(run)
    ws.record(EventType.RUN_CREATED, pipeline_uid, actor=actor, run_id=run.id, new_state=run.state)
    decisions = _decisions(ws, structure, targets or leaves(structure), force=force, again=again)
    blocked = _blocked(structure, decisions)
    for node_uid, decided in decisions.items():
        decision = RunDecision.BLOCKED if node_uid in blocked else decided
        ws.put(RunNode(run_id=run.id, node_uid=node_uid, decision=decision, reason=blocked.get(node_uid, "")))
    advance(ws, pipeline_uid, rules=rules, actor=actor)
    return ws.runs[run.id]


def execute_node(ws: WorkingSet, node_uid: NodeUid, *, force: bool, rules: Rules, actor: str, trace: str = "") -> Run:
    """Run one node over its inputs as they are: a run of its own, that wants nothing else."""
    node = ws.nodes[node_uid]
    run = Run(
        id=RunId(rules.new_id()),
        pipeline_uid=node.pipeline_uid,
        state=RunState.ACTIVE,
        targets=(node_uid,),
        force=force,
        trace=trace,
        create_time=ws.now,
    )
    ws.put(run)
    ws.record(EventType.RUN_CREATED, node.pipeline_uid, actor=actor, run_id=run.id, new_state=run.state)
    for source in ws.structures[node.pipeline_uid].sources[node.uid]:
        ws.put(RunNode(run_id=run.id, node_uid=source, decision=RunDecision.REUSED))
    ws.put(RunNode(run_id=run.id, node_uid=node_uid, decision=RunDecision.WANTED))
    advance(ws, node.pipeline_uid, rules=rules, actor=actor)
    return run


def served_by(ws: WorkingSet, run: Run, node_uid: NodeUid) -> ExecutionId:
    """The execution that a run has or will have a node's result of, perhaps one of another pipeline."""
    row = ws.run_nodes[run.id, node_uid]
    served = row.execution_id or row.reused_from or ws.findings[node_uid].holder
    if served is None:
        raise AssertionError(f"nothing serves node {node_uid} in run {run.id}: {row.decision}")
    return served


def _decisions(
    ws: WorkingSet,
    structure: Structure,
    targets: Iterable[NodeUid],
    *,
    force: bool,
    again: Collection[NodeUid] = (),
) -> dict[NodeUid, RunDecision]:
    """What each concerned node needs. What is current is kept, and nothing above it is looked at."""
    decisions: dict[NodeUid, RunDecision] = {}
    front = list(targets)
    while front:
        uid = front.pop()
        if uid in decisions:
            continue
        is_made_anew = uid in again or (force and not _is_uploaded(structure, uid))
        keep = is_current(ws.nodes[uid], structure) and not is_made_anew
        decisions[uid] = RunDecision.REUSED if keep else RunDecision.WANTED
        if not keep:
            front.extend(structure.sources[uid])
    return decisions


def _blocked(structure: Structure, decisions: Mapping[NodeUid, RunDecision]) -> dict[NodeUid, str]:
    """Why wanted nodes cannot run: they are not valid, or something above them is not."""
    wanted = {uid for uid, decision in decisions.items() if decision is RunDecision.WANTED}
    reasons: dict[NodeUid, str] = {}
    sources = {uid: [source for source in structure.sources[uid] if source in wanted] for uid in wanted}
    for uid in in_order(sources):
        spec = structure.nodes[uid]
        above = [structure.nodes[source].id for source in sources[uid] if source in reasons]
        if spec.problems:
            reasons[uid] = f"{spec.problems[0].field}: {spec.problems[0].description}"
        elif above:
            reasons[uid] = f"input '{above[0]}' cannot run"
    return reasons


def _is_uploaded(structure: Structure, uid: NodeUid) -> bool:
    asset = structure.nodes[uid].asset
    return asset is not None and bool(asset.sha256)
