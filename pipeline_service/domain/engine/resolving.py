"""What a person found out about a submission that was perhaps accepted, where the vendor cannot be asked."""

from dataclasses import dataclass, replace

from pipeline_service.domain.engine.dispatching import put_sent
from pipeline_service.domain.engine.purchases import closed_by_a_person, found_by_a_person, purchase_of
from pipeline_service.domain.engine.results import give_up
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import EventType, ExecutionState, PurchaseState, WaitingFor
from pipeline_service.domain.values import Failure


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """The job that the vendor has, or what is to be done without one."""

    job_id: str = ""
    submits_again: bool = False


def is_in_doubt(ws: WorkingSet, execution: Execution) -> bool:
    """Whether nobody knows if the vendor accepted the execution's purchase."""
    purchase = purchase_of(ws, execution)
    return purchase is not None and purchase.state is PurchaseState.UNKNOWN


def resolve(ws: WorkingSet, execution: Execution, resolution: Resolution, *, rules: Rules, actor: str) -> None:
    """Adopt the job, submit again, or fail the execution: then the purchase stays in doubt, and bars equal ones."""
    if resolution.job_id:
        found_by_a_person(ws, execution, job_id=resolution.job_id, actor=actor)
        _go_on(ws, execution, _waiting(ws, execution), EventType.EXECUTION_WAITING, actor=actor)
    elif resolution.submits_again:
        closed_by_a_person(ws, execution, actor=actor)
        queued = put_sent(ws, replace(execution, state=ExecutionState.QUEUED, waiting_for=None), rules=rules)
        _go_on(ws, execution, queued, EventType.EXECUTION_REQUEUED, actor=actor)
    else:
        failure = Failure(error_type="cancelled", message="nobody knows whether the vendor accepted the submission")
        give_up(ws, execution, failure, state=ExecutionState.FAILED, rules=rules, actor=actor)


def _waiting(ws: WorkingSet, execution: Execution) -> Execution:
    waiting = replace(execution, waiting_for=WaitingFor.VENDOR)
    ws.put(waiting)
    return waiting


def _go_on(ws: WorkingSet, before: Execution, after: Execution, event: EventType, *, actor: str) -> None:
    ws.record(
        event,
        before.pipeline_uid,
        actor=actor,
        execution=after,
        old_state=before.state,
        new_state=after.state,
        message="a person said what became of the submission",
    )
