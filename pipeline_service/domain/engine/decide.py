"""One report in, one answer out, the working set changed."""

from typing import assert_never

from pipeline_service.domain.engine.claims import beat, progressed, start
from pipeline_service.domain.engine.dispatching import room_found
from pipeline_service.domain.engine.polls import poll_due
from pipeline_service.domain.engine.reports import (
    Answer,
    Beat,
    CloseDue,
    Complete,
    DispatchDue,
    Fail,
    Hint,
    JobSignalled,
    LeaseOver,
    PollDue,
    Progressed,
    Report,
    RoomFound,
    Start,
    UnknownExecution,
    Wake,
)
from pipeline_service.domain.engine.results import complete, fail
from pipeline_service.domain.engine.signals import job_signalled
from pipeline_service.domain.engine.timers import close_due, dispatch_due, lease_over, wake
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.model import Execution


def decide(ws: WorkingSet, report: Report, *, rules: Rules) -> Answer:
    """Decide what a report does to its execution, and to all that follows from it."""
    if isinstance(report, Wake):
        return wake(ws, report, rules=rules)
    execution = ws.executions.get(report.execution_id)
    if execution is None:
        return UnknownExecution(execution_id=report.execution_id)
    match report:
        case Start():
            return start(ws, execution, report, rules=rules)
        case Beat():
            return beat(ws, execution, report, rules=rules)
        case Progressed():
            return progressed(ws, execution, report)
        case Complete():
            return complete(ws, execution, report, rules=rules)
        case Fail():
            return fail(ws, execution, report, rules=rules)
        case _:
            return _decide_hint(ws, execution, report, rules=rules)


def _decide_hint(ws: WorkingSet, execution: Execution, report: Hint, *, rules: Rules) -> Answer:
    """Of those who saw that something is due, and may have seen it too late."""
    match report:
        case DispatchDue():
            return dispatch_due(ws, execution, report, rules=rules)
        case RoomFound():
            return room_found(ws, execution, report)
        case LeaseOver():
            return lease_over(ws, execution, report, rules=rules)
        case CloseDue():
            return close_due(ws, execution, report, rules=rules)
        case PollDue():
            return poll_due(ws, execution, report)
        case JobSignalled():
            return job_signalled(ws, execution)
        case _:
            assert_never(report)
