"""How executions end. The table of design: see docs/architecture.md."""

from pipeline_service.domain.engine.attempts import back_off, has_attempt_left, policy_of
from pipeline_service.domain.engine.polls import is_polled_by
from pipeline_service.domain.engine.purchases import doubt, learn, let_go, purchase_of, settle
from pipeline_service.domain.engine.reports import Complete, Fail
from pipeline_service.domain.engine.scheduling import advance, retry, skip_descendants
from pipeline_service.domain.engine.vendors import vendor_failed
from pipeline_service.domain.engine.working_set import Artifact, Rules, WorkingSet
from pipeline_service.domain.ids import NO_CLAIM, Claim
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Alarm, Buys, Disposition, EventType, ExecutionState, NodeState, RunDecision
from pipeline_service.domain.values import Failure, Output


def complete(ws: WorkingSet, execution: Execution, report: Complete, *, rules: Rules) -> Disposition:
    """Decide what a result does.

    An active execution takes it, and its node becomes COMPLETED. After the end the same result is DUPLICATE, another
    one under the same claim CONFLICT, any other SUPERSEDED: it changes nothing, but its artifact is kept.
    """
    if execution.state is ExecutionState.SUCCEEDED and execution.output is not None:
        if report.output.is_same_result_as(execution.output):
            return Disposition.DUPLICATE
        if report.claim == execution.result_claim:
            ws.alarms.append(Alarm.CONFLICT)
            return Disposition.CONFLICT
    is_polled = is_polled_by(ws, execution, report.claim)
    mismatch = _mismatch(execution, report.output, rules)
    if not execution.state.is_active:
        if mismatch is None and execution.sweep_time is None:
            keep_artifact(ws, execution, report)
        settle(ws, execution, cost_micros=report.cost_micros, actor=report.actor)
        return Disposition.SUPERSEDED
    if not is_polled and not _may_report(execution, report):
        return Disposition.LOST
    settle(ws, execution, cost_micros=report.cost_micros, actor=report.actor)
    if mismatch is not None:
        give_up(ws, execution, mismatch, state=ExecutionState.FAILED, rules=rules, actor=report.actor)
        return Disposition.APPLIED
    keep_artifact(ws, execution, report)
    succeed(ws, execution, report.output, claim=report.claim, rules=rules, actor=report.actor)
    return Disposition.APPLIED


def fail(ws: WorkingSet, execution: Execution, report: Fail, *, rules: Rules) -> Disposition:
    """Decide what a failure does: another attempt, as error class and node type say, else a FAILED node."""
    is_polled = is_polled_by(ws, execution, report.claim)
    learn(ws, execution, report.claim, report.purchase, actor=report.actor)
    if not execution.state.is_active:
        known = execution.failure
        same = execution.state is ExecutionState.FAILED and known and known.error_type == report.failure.error_type
        return Disposition.DUPLICATE if same else Disposition.SUPERSEDED
    if not is_polled and not _may_report(execution, report):
        return Disposition.LOST
    vendor_failed(ws, purchase_of(ws, execution), report.failure)
    if report.purchase is None:
        doubt(ws, execution, report.claim, actor=report.actor)
    give_up(ws, execution, report.failure, state=ExecutionState.FAILED, rules=rules, actor=report.actor)
    return Disposition.APPLIED


def give_up(
    ws: WorkingSet, execution: Execution, failure: Failure, *, state: ExecutionState, rules: Rules, actor: str
) -> None:
    """End an active execution without a result, and try again or fail its node."""
    ended = _ended(ws, replace(execution, state=state, failure=failure))
    event = EventType.EXECUTION_TIMED_OUT if state is ExecutionState.TIMED_OUT else EventType.EXECUTION_FAILED
    ws.record(
        event,
        execution.pipeline_uid,
        actor=actor,
        execution=ended,
        old_state=execution.state,
        new_state=state,
        message=failure.message,
    )
    policy = policy_of(ws.spec(ws.nodes[ended.node_uid]), rules.catalogue)
    if has_attempt_left(ended, failure, policy):
        retry(ws, ended, after=back_off(ended, policy, chance=rules.chance()), rules=rules, actor=actor)
        return
    node = ws.nodes[ended.node_uid]
    ws.put(replace(node, state=NodeState.FAILED, execution_id=None, failure=failure))
    _tell_runs(ws, ended, RunDecision.FAILED)
    skip_descendants(ws, node.uid, node.pipeline_uid, reason=f"input '{ended.work.node_id}' failed")
    advance(ws, ended.pipeline_uid, rules=rules, actor=actor)


def _mismatch(execution: Execution, output: Output, rules: Rules) -> Failure | None:
    """What is wrong with the result of somebody else's program, where the user says what that makes."""
    field = rules.catalogue[execution.work.node_type].makes_field
    expected = execution.work.config.get(field) if field else None
    if expected is None or output.type == expected:
        return None
    return Failure(
        error_type="media_mismatch", message=f"config.{field}: expected {expected}, the function made {output.type}"
    )


def keep_artifact(ws: WorkingSet, execution: Execution, report: Complete) -> None:
    """Keep a result under the digest of the work that made it, whatever became of the execution."""
    ws.keep(
        Artifact(
            owner=ws.owners[execution.pipeline_uid],
            work_digest=execution.work_digest,
            execution_id=execution.id,
            output=report.output,
            cost_micros=report.cost_micros,
            create_time=ws.now,
        )
    )


def succeed(ws: WorkingSet, execution: Execution, output: Output, *, claim: Claim, rules: Rules, actor: str) -> None:
    """End an active execution with its result, complete its node, and go on with what needs that."""
    ended = _ended(
        ws, replace(execution, state=ExecutionState.SUCCEEDED, output=output, result_claim=claim, failure=None)
    )
    ws.put(
        replace(
            ws.nodes[ended.node_uid],
            state=NodeState.COMPLETED,
            execution_id=None,
            output=output,
            content_digest=output.content_digest(ended.id),
            done_spec=ended.spec_digest,
            done_own=ws.structures[ended.pipeline_uid].nodes[ended.node_uid].own_digest,
            failure=None,
        )
    )
    ws.record(
        EventType.EXECUTION_SUCCEEDED,
        ended.pipeline_uid,
        actor=actor,
        execution=ended,
        old_state=execution.state,
        new_state=ended.state,
    )
    _tell_runs(ws, ended, RunDecision.DONE)
    fed = ws.structures[ended.pipeline_uid].successors.get(ended.node_uid, ())
    advance(ws, ended.pipeline_uid, rules=rules, actor=actor, concerned=fed)


def _may_report(execution: Execution, report: Complete | Fail) -> bool:
    """Whether the reporter holds the execution. Free work that nobody ever claimed is claimed by its first report.

    A result from outside counts under any claim, since its bytes lie under that claim. A failure from outside tells of
    the newest one alone: an older one's says nothing about what another worker has begun since.
    """
    if execution.claim == report.claim:
        return True
    if report.is_external:
        return isinstance(report, Complete) or report.claim in (execution.last_claim, NO_CLAIM)
    is_free = execution.buys is Buys.NOTHING
    return is_free and execution.state is ExecutionState.QUEUED and execution.last_claim is None


def _ended(ws: WorkingSet, execution: Execution) -> Execution:
    ended = replace(
        execution,
        end_time=ws.now,
        start_time=execution.start_time or ws.now,
        claim=None,
        lease_until=None,
        dispatch_due_at=None,
        close_due_at=None,
        reconcile_until=None,
        waiting_for=None,
    )
    ws.put(ended)
    let_go(ws, ended)
    return ended


def _tell_runs(ws: WorkingSet, ended: Execution, decision: RunDecision) -> None:
    for row in ws.rows_for(ended):
        if row.decision is RunDecision.ACTIVE:
            ws.put(replace(row, decision=decision))
