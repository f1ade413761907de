"""Rows of pipelines that are being worked on, as this process wrote them last.

Whoever changes a pipeline's nodes, runs or executions changes the pipeline's own row in the same transaction. So that
row's version, read under its lock, says whether anybody has written since, in this process or another.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline_service.domain.engine.pipeline_rows import PipelineRows, RunNodeKey
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeUid, PipelineUid
from pipeline_service.domain.model import Execution, Node, RunNode

MAX_ROWS = 20_000
"""About 20 MiB."""


class RememberedRows:
    """The newest that fit into MAX_ROWS; only of pipelines that have a run, since the others are not asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[PipelineUid, tuple[str, PipelineRows]] = OrderedDict()
        self._count = 0

    def get(self, pipeline: PipelineUid, version: str) -> PipelineRows | None:
        """The rows as they are, if the pipeline's row has this version."""
        kept_version, rows = self._kept.get(pipeline, ("", None))
        return rows if kept_version == version else None

    def forget(self, pipeline: PipelineUid) -> None:
        _, rows = self._kept.pop(pipeline, ("", None))
        self._count -= rows.count if rows is not None else 0

    def keep(
        self, ws: WorkingSet, versions: Mapping[PipelineUid, str], *, loaded: Mapping[PipelineUid, PipelineRows]
    ) -> None:
        """Remember what was committed: what was loaded, with what has changed. Nothing of a pipeline may be missing."""
        changes = _changes(ws)
        for pipeline, version in versions.items():
            self.forget(pipeline)
            rows = _as_left(ws, pipeline, loaded.get(pipeline, _NONE), changes)
            if rows.runs:
                self._kept[pipeline] = version, rows
                self._count += rows.count
        while self._count > MAX_ROWS:
            self.forget(next(iter(self._kept)))


_NONE = PipelineRows()


@dataclass(frozen=True)
class _Changes:
    """Rows that a working set's decisions put, by pipeline."""

    nodes: dict[PipelineUid, dict[NodeUid, Node]]
    executions: dict[PipelineUid, dict[ExecutionId, Execution]]
    run_nodes: dict[PipelineUid, dict[RunNodeKey, RunNode]]


def _changes(ws: WorkingSet) -> _Changes:
    found = _Changes(defaultdict(dict), defaultdict(dict), defaultdict(dict))
    for uid in ws.changed.nodes:
        node = ws.nodes[uid]
        found.nodes[node.pipeline_uid][uid] = node
    for execution_id in ws.changed.executions:
        execution = ws.executions[execution_id]
        found.executions[execution.pipeline_uid][execution_id] = execution
    for key in ws.changed.run_nodes:
        found.run_nodes[ws.runs[key[0]].pipeline_uid][key] = ws.run_nodes[key]
    return found


def _as_left(ws: WorkingSet, pipeline: PipelineUid, loaded: PipelineRows, changes: _Changes) -> PipelineRows:
    """A pipeline's rows as the working set left them; ended executions and runs are left out."""
    runs = {run.id: run for run in ws.runs_of(pipeline) if run.state.is_open}
    if not runs:
        return _NONE
    executions = {**loaded.executions, **changes.executions.get(pipeline, {})}
    run_nodes = {**loaded.run_nodes, **changes.run_nodes.get(pipeline, {})}
    if len(runs) < len(ws.runs_of(pipeline)):
        run_nodes = {key: row for key, row in run_nodes.items() if key[0] in runs}
    return PipelineRows(
        nodes={**loaded.nodes, **changes.nodes.get(pipeline, {})},
        executions={key: one for key, one in executions.items() if one.state.is_active},
        runs=runs,
        run_nodes=run_nodes,
        rows_of={run.id: ws.run_rows(run) for run in runs.values()},
    )
