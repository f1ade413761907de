"""Which spans stand for runs and executions: known from their ids, so that no row has to keep them."""

from pipeline_service.domain.ids import ExecutionId, RunId
from servicekit.tracing import below


def span_of(named: RunId | ExecutionId) -> str:
    """The span of a run, or of an execution: the half of its UUIDv7 that is chance."""
    return named.hex[16:]


def run_context(trace: str, run: RunId) -> str:
    """Context of what is done for a run. `trace` is that of the request that began it."""
    return below(trace, span_of(run)) if trace else ""


def execution_context(trace: str, execution: ExecutionId) -> str:
    """Context of what is done for an execution, by whoever and how often ever."""
    return below(trace, span_of(execution)) if trace else ""
