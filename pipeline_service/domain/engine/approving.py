"""What a person decides about an execution that waits for one."""

from pipeline_service.domain.engine.dispatching import put_sent
from pipeline_service.domain.engine.results import give_up
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import EventType, ExecutionState
from pipeline_service.domain.values import Failure

APPROVAL = "approval"
APPROVED = "approved"
"""What the next worker finds in the execution's details."""


def approve(ws: WorkingSet, execution: Execution, *, message: str, rules: Rules, actor: str) -> None:
    """Put the execution back into its queue, with the approval in its details: the same attempt goes on."""
    details = {**execution.details, APPROVAL: APPROVED}
    queued = replace(execution, state=ExecutionState.QUEUED, waiting_for=None, details=details)
    approved = put_sent(ws, queued, rules=rules)
    ws.record(
        EventType.EXECUTION_APPROVED,
        execution.pipeline_uid,
        actor=actor,
        execution=approved,
        old_state=execution.state,
        new_state=approved.state,
        message=message,
    )


def reject(ws: WorkingSet, execution: Execution, *, message: str, rules: Rules, actor: str) -> None:
    """Fail the execution as `cancelled`, which is not tried again: a person said no, and no input is at fault."""
    failure = Failure(error_type="cancelled", message=f"rejected: {message}" if message else "rejected")
    give_up(ws, execution, failure, state=ExecutionState.FAILED, rules=rules, actor=actor)
