"""Spans of what outlives a call: runs and executions, told when they end, and the transactions that change them."""

import time
from collections.abc import Sequence
from datetime import datetime

from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.model import Execution, Run
from pipeline_service.domain.states import ExecutionState, RunState
from pipeline_service.metrics import Metrics
from pipeline_service.wire.traces import run_context, span_of
from servicekit.tracing import Kind, Tracer


class Observing:
    """Times batches for the metrics, and for whoever follows one of their entries."""

    def __init__(self, metrics: Metrics, tracer: Tracer) -> None:
        self._metrics = metrics
        self._tracer = tracer

    def begun(self) -> int:
        return time.time_ns()

    def committed(self, traces: Sequence[str], *, entries: int, begun: int) -> None:
        now = time.time_ns()
        self._metrics.transaction_seconds.observe((now - begun) / 1e9)
        self._metrics.transaction_entries.observe(entries)
        for trace in traces:
            self._tracer.record(
                "transaction",
                parent=trace,
                kind=Kind.INTERNAL,
                start_ns=begun,
                end_ns=now,
                attributes={"montage.entries": entries},
            )


class EndedSpans:
    """Tells of runs and executions that a transaction has ended, from their first moment to their last."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def committed(self, ws: WorkingSet) -> None:
        for execution in map(ws.executions.__getitem__, ws.changed.executions):
            trace = ws.trace_of(execution.run_id)
            if execution.end_time == ws.now and execution.run_id is not None and self._tracer.wants(trace):
                self._execution(execution, execution.end_time, parent=run_context(trace, execution.run_id))
        for run in map(ws.runs.__getitem__, ws.changed.runs):
            if run.end_time == ws.now and self._tracer.wants(run.trace):
                self._run(run, run.end_time, name=ws.structures[run.pipeline_uid].pipeline_id)

    def _execution(self, execution: Execution, end: datetime, *, parent: str) -> None:
        self._tracer.record(
            f"execution {execution.work.node_type}",
            parent=parent,
            span_id=span_of(execution.id),
            kind=Kind.INTERNAL,
            start_ns=_ns(execution.create_time),
            end_ns=_ns(end),
            attributes={
                "montage.execution": str(execution.id),
                "montage.node": execution.work.node_id,
                "montage.attempt": execution.attempt,
                "montage.task_queue": execution.task_queue,
                "montage.state": execution.state,
            },
            error="" if execution.state is ExecutionState.SUCCEEDED else execution.state,
        )

    def _run(self, run: Run, end: datetime, *, name: str) -> None:
        self._tracer.record(
            "run",
            parent=run.trace,
            span_id=span_of(run.id),
            kind=Kind.INTERNAL,
            start_ns=_ns(run.create_time),
            end_ns=_ns(end),
            attributes={"montage.run": str(run.id), "montage.pipeline": name, "montage.state": run.state},
            error="" if run.state is RunState.SUCCEEDED else run.state,
        )


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
