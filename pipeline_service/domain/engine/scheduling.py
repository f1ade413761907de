"""Serves what became ready, tries again what may be tried again, ends runs that have nothing left to do."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta

from pipeline_service.domain import digest
from pipeline_service.domain.engine.attempts import met_rate_limit
from pipeline_service.domain.engine.dispatching import SCHEDULE_TO_CLOSE, is_held, put_sent, release
from pipeline_service.domain.engine.purchases import hand_over, let_go
from pipeline_service.domain.engine.reuse import take_over, usable_artifact
from pipeline_service.domain.engine.working_set import Finding, Question, Rules, WorkingSet
from pipeline_service.domain.graph import descendants
from pipeline_service.domain.ids import ExecutionId, NodeUid, PipelineUid
from pipeline_service.domain.model import Execution, Node, NodeSpec, PinnedInput, PinnedWork, Run, RunNode
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Buys, EventType, ExecutionState, NodeState, RunDecision, RunState
from pipeline_service.domain.structure import effective_config_of


def advance(
    ws: WorkingSet,
    pipeline_uid: PipelineUid,
    *,
    rules: Rules,
    actor: str,
    concerned: Collection[NodeUid] | None = None,
) -> None:
    """Serve every wanted node whose inputs are complete, then end the runs that have nothing left to expect.

    `concerned` are the nodes that may be ready now, where the caller knows: a large graph is not looked through for
    each of its nodes that ends. What is not known about a node is asked (`ws.questions`); `go_on` is called with the
    answers. What is paused stays wanted; a paused run that has nothing left to expect ends all the same.
    """
    # What was taken over may have made more ready, and whoever lost work to newer inputs wants to be served again.
    while _serve_ready(ws, pipeline_uid, concerned, rules=rules, actor=actor):
        concerned = None
    for run in ws.runs_of(pipeline_uid):
        if run.state.is_open:
            _end_if_finished(ws, run, actor=actor)


def go_on(ws: WorkingSet, findings: Iterable[tuple[Question, Finding]], *, rules: Rules) -> None:
    """Serve the nodes that questions were asked about. What becomes ready by that leaves questions again."""
    asked: dict[PipelineUid, list[Question]] = defaultdict(list)
    for question, finding in findings:
        ws.findings[question.node_uid] = finding
        asked[ws.nodes[question.node_uid].pipeline_uid].append(question)
    for pipeline_uid, questions in asked.items():
        nodes = [question.node_uid for question in questions]
        advance(ws, pipeline_uid, rules=rules, actor=questions[0].actor, concerned=nodes)


def retry(ws: WorkingSet, ended: Execution, *, after: timedelta, rules: Rules, actor: str) -> None:
    """Put a new attempt of the same work in the place of one that ended; every run that wanted that gets this."""
    attempt = Execution(
        id=ExecutionId(rules.new_id()),
        pipeline_uid=ended.pipeline_uid,
        node_uid=ended.node_uid,
        run_id=ended.run_id,
        attempt=ended.attempt + 1,
        first_attempt=ended.first_attempt,
        rate_limits=ended.rate_limits + int(met_rate_limit(ended)),
        state=ExecutionState.QUEUED,
        task_queue=ended.task_queue,
        spec_digest=ended.spec_digest,
        work_digest=ended.work_digest,
        work=ended.work,
        create_time=ws.now,
        dispatch_no=0,
        priority=ended.priority,
        dispatch_due_at=ws.now + after,
        close_due_at=ws.now + SCHEDULE_TO_CLOSE,
        buys=ended.buys,
        purchase_id=ended.purchase_id,
    )
    _put_queued(ws, attempt, actor=actor)
    hand_over(ws, ended, attempt)
    for row in ws.rows_for(ended):
        if row.decision is RunDecision.ACTIVE:
            ws.put(replace(row, execution_id=attempt.id))


def skip_descendants(ws: WorkingSet, node_uid: NodeUid, structure_of: PipelineUid, *, reason: str) -> None:
    """Leave out all that needs a node in the runs that have no hope of it; the rest of the graph goes on.

    Another run may have kept an earlier output of the node, or may yet make it anew.
    """
    below = set(descendants(node_uid, ws.structures[structure_of].successors))
    for row in list(ws.run_nodes.values()):
        node_row = ws.run_nodes.get((row.run_id, node_uid))
        is_hopeless = node_row is not None and node_row.decision in (RunDecision.FAILED, RunDecision.SKIPPED)
        waits = row.decision in (RunDecision.WANTED, RunDecision.WAITING)
        if row.node_uid in below and waits and is_hopeless:
            ws.put(replace(row, decision=RunDecision.SKIPPED, reason=reason))


def cancel(ws: WorkingSet, execution: Execution, *, reason: str, actor: str) -> None:
    """End an active execution without a result; its node is pending again. A late result of it is SUPERSEDED.

    Whoever works on it is told.
    """
    if execution.claim is not None:
        ws.interrupt(execution)
    cancelled = replace(
        execution,
        state=ExecutionState.CANCELLED,
        end_time=ws.now,
        claim=None,
        lease_until=None,
        dispatch_due_at=None,
        close_due_at=None,
        waiting_for=None,
    )
    ws.put(cancelled)
    let_go(ws, cancelled)
    ws.put(replace(ws.nodes[execution.node_uid], state=NodeState.PENDING, execution_id=None))
    ws.record(
        EventType.EXECUTION_CANCELLED,
        execution.pipeline_uid,
        actor=actor,
        execution=cancelled,
        old_state=execution.state,
        new_state=cancelled.state,
        message=reason,
    )


def _is_ready(ws: WorkingSet, run: Run, node_uid: NodeUid) -> bool:
    if ws.nodes[node_uid].paused:
        return False
    sources = ws.structures[run.pipeline_uid].sources[node_uid]
    return all(ws.run_nodes[run.id, source].decision.is_satisfied for source in sources)


def _serve_ready(
    ws: WorkingSet, pipeline_uid: PipelineUid, concerned: Collection[NodeUid] | None, *, rules: Rules, actor: str
) -> bool:
    """Serve what is ready, once. Answers whether that may have made something else ready."""
    is_worth_another_look = False
    for run in ws.runs_of(pipeline_uid):
        if run.state is not RunState.ACTIVE or pipeline_uid in ws.paused:
            continue
        for row in ws.unserved(run, concerned):
            if _is_ready(ws, run, row.node_uid):
                is_worth_another_look |= _serve(ws, run, row, rules=rules, actor=actor)
    return is_worth_another_look


def _serve(ws: WorkingSet, run: Run, row: RunNode, *, rules: Rules, actor: str) -> bool:
    """Give a run its result of a node: by the execution that makes it already, by one that was made, or by a new one.

    Answers whether other rows may be ready now.
    """
    node = ws.nodes[row.node_uid]
    active = ws.executions[node.execution_id] if node.execution_id else None
    question = _question(ws, node, rules=rules, actor=actor)
    made_from = _made_from(ws, ws.spec(node), rules)
    if active is not None and active.work_digest == question.work_digest:
        _join(ws, run, row, active, made_from=made_from, rules=rules)
        return False
    if not ws.is_answered(question):
        ws.questions[node.uid] = question
        return False
    if active is not None:
        # Pinned before something further up was edited or made anew: nobody wants its result any more.
        _displace(ws, active, actor=actor)
    artifact = usable_artifact(ws, run, question)
    if artifact is not None:
        take_over(ws, row, artifact, made_from=made_from, actor=actor)
        return True
    if ws.holder(question) is not None:
        ws.put(replace(row, decision=RunDecision.WAITING, waiting_digest=question.work_digest))
    else:
        digests = made_from, question.work_digest
        execution = _queue(ws, run, ws.nodes[node.uid], digests, rules=rules, actor=actor)
        ws.put(replace(row, decision=RunDecision.ACTIVE, execution_id=execution.id, waiting_digest=""))
    return active is not None


def _join(ws: WorkingSet, run: Run, row: RunNode, active: Execution, *, made_from: str, rules: Rules) -> None:
    """Let a run share the execution that does the same work already.

    It may have been begun for an older structure that asked for the same: its result counts for this one.
    """
    was_held = is_held(ws, active)
    ws.put(replace(active, spec_digest=made_from, priority=max(active.priority, run.priority)))
    ws.put(replace(row, decision=RunDecision.ACTIVE, execution_id=active.id, waiting_digest=""))
    if was_held:
        release(ws, ws.executions[active.id], rules=rules)


def _question(ws: WorkingSet, node: Node, *, rules: Rules, actor: str) -> Question:
    return Question(
        node_uid=node.uid,
        owner=ws.owners[node.pipeline_uid],
        work_digest=_work_digest(ws, node, rules),
        present_key=node.output.s3_key if node.output else None,
        actor=actor,
    )


def _displace(ws: WorkingSet, active: Execution, *, actor: str) -> None:
    """End work that is out of date. Whoever was served by it is to be served anew."""
    for other in ws.rows_for(active):
        if other.decision is RunDecision.ACTIVE:
            ws.put(replace(other, decision=RunDecision.WANTED, execution_id=None))
    cancel(ws, active, reason="superseded by a change of what it is made from", actor=actor)


def _queue(ws: WorkingSet, run: Run, node: Node, digests: tuple[str, str], *, rules: Rules, actor: str) -> Execution:
    """`digests` are what the node is made from, and the work."""
    spec = ws.spec(node)
    execution = put_sent(
        ws,
        Execution(
            id=ExecutionId(rules.new_id()),
            pipeline_uid=node.pipeline_uid,
            node_uid=node.uid,
            run_id=run.id,
            attempt=node.attempts + 1,
            first_attempt=node.attempts + 1,
            state=ExecutionState.QUEUED,
            task_queue=rules.catalogue[spec.type].queues[spec.provider],
            spec_digest=digests[0],
            work_digest=digests[1],
            work=_pin(ws, spec, rules),
            create_time=ws.now,
            dispatch_no=0,
            priority=run.priority,
            close_due_at=ws.now + SCHEDULE_TO_CLOSE,
            buys=_buys(run, spec, rules),
        ),
        rules=rules,
    )
    _put_queued(ws, execution, actor=actor)
    return execution


def _buys(run: Run, spec: NodeSpec, rules: Rules) -> Buys:
    if spec.provider not in rules.catalogue[spec.type].paid:
        return Buys.NOTHING
    return Buys.ANEW if run.force else Buys.ONCE


def _put_queued(ws: WorkingSet, execution: Execution, *, actor: str) -> None:
    node = ws.nodes[execution.node_uid]
    ws.put(execution)
    ws.put(
        replace(
            node,
            state=NodeState.IN_PROGRESS,
            execution_id=execution.id,
            latest_execution_id=execution.id,
            attempts=execution.attempt,
            failure=None,
        )
    )
    ws.record(
        EventType.EXECUTION_QUEUED,
        execution.pipeline_uid,
        actor=actor,
        execution=execution,
        new_state=ExecutionState.QUEUED,
    )


def _pin(ws: WorkingSet, spec: NodeSpec, rules: Rules) -> PinnedWork:
    inputs: list[PinnedInput] = []
    for slot, sources in spec.inputs.items():
        for position, source in enumerate(sources):
            node = ws.nodes[source]
            if node.output is None:
                raise AssertionError(f"node {source} is satisfied but has no output")
            inputs.append(
                PinnedInput(slot=slot, position=position, node_uid=source, node_id=ws.spec(node).id, output=node.output)
            )
    config = effective_config_of(spec, rules.catalogue)
    node_type = rules.catalogue[spec.type]
    return PinnedWork(
        node_id=spec.id,
        node_type=spec.type,
        provider=spec.provider,
        title=spec.title,
        config=config,
        inputs=tuple(inputs),
        asset=spec.asset,
        needs_claim=spec.provider in node_type.paid or config.get(node_type.unclaimed_field) is not True,
    )


def _made_from(ws: WorkingSet, spec: NodeSpec, rules: Rules) -> str:
    """The spec digest over what the inputs' outputs were made from: the node's own unless an input is stale.

    So a result that is built on a stale output is stale itself.
    """
    structure = ws.structures[ws.nodes[spec.uid].pipeline_uid]
    sources = structure.sources[spec.uid]
    if all(ws.nodes[source].done_spec == structure.nodes[source].spec_digest for source in sources):
        return spec.spec_digest
    return digest.spec_digest(
        rules.catalogue[spec.type],
        config=effective_config_of(spec, rules.catalogue),
        asset=spec.asset,
        inputs={slot: [ws.nodes[source].done_spec for source in sources] for slot, sources in spec.inputs.items()},
    )


def _work_digest(ws: WorkingSet, node: Node, rules: Rules) -> str:
    spec = ws.spec(node)
    contents = tuple(ws.nodes[source].content_digest for source in ws.structures[node.pipeline_uid].sources[node.uid])
    # Asked for again when the question is answered, and by every run that wants the node.
    known = ws.digests.get(node.uid)
    if known is not None and known[0] is spec and known[1] == contents:
        return known[2]
    computed = digest.work_digest(
        rules.catalogue[spec.type],
        config=effective_config_of(spec, rules.catalogue),
        asset=spec.asset,
        inputs={slot: [ws.nodes[source].content_digest for source in sources] for slot, sources in spec.inputs.items()},
    )
    ws.digests[node.uid] = spec, contents, computed
    return computed


def _end_if_finished(ws: WorkingSet, run: Run, *, actor: str) -> None:
    if not ws.is_finished(run):
        return
    succeeded = all(row.decision.is_satisfied for row in ws.rows_of(run))
    ended = replace(run, state=RunState.SUCCEEDED if succeeded else RunState.FAILED, end_time=ws.now)
    ws.put(ended)
    ws.record(
        EventType.RUN_SUCCEEDED if succeeded else EventType.RUN_FAILED,
        run.pipeline_uid,
        actor=actor,
        run_id=run.id,
        old_state=run.state,
        new_state=ended.state,
    )
