"""Rows of pipelines that are being worked on, as this process wrote them last.

Whoever changes a pipeline's nodes, runs or executions changes the pipeline's own row in the same transaction. So that
row's version, read under its lock, says whether anybody has written since, in this process or another.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.model import Execution, Node, Run, RunNode
from pipeline_service.domain.states import RunState

MAX_ROWS = 20_000
"""About 20 MiB."""
_OPEN = (RunState.ACTIVE, RunState.PAUSED)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What `load` finds for one pipeline."""

    version: str
    nodes: tuple[Node, ...]
    executions: tuple[Execution, ...]
    runs: tuple[Run, ...]
    run_nodes: tuple[RunNode, ...]

    @property
    def count(self) -> int:
        return len(self.nodes) + len(self.executions) + len(self.runs) + len(self.run_nodes)


class RememberedRows:
    """The newest that fit into MAX_ROWS; only of pipelines that have a run, since the others are not asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[PipelineUid, Rows] = OrderedDict()
        self._count = 0

    def get(self, pipeline: PipelineUid, version: str) -> Rows | None:
        """The rows as they are, if the pipeline's row has this version."""
        kept = self._kept.get(pipeline)
        return kept if kept is not None and kept.version == version else None

    def forget(self, pipeline: PipelineUid) -> None:
        kept = self._kept.pop(pipeline, None)
        self._count -= kept.count if kept is not None else 0

    def keep(self, working_set: WorkingSet, versions: Mapping[PipelineUid, str]) -> None:
        """Remember what was committed. Nothing of a pipeline may be missing in the working set."""
        for pipeline, rows in _split(working_set, versions).items():
            self.forget(pipeline)
            if rows.runs:
                self._kept[pipeline] = rows
                self._count += rows.count
        while self._count > MAX_ROWS:
            self.forget(next(iter(self._kept)))


def _split(ws: WorkingSet, versions: Mapping[PipelineUid, str]) -> dict[PipelineUid, Rows]:
    nodes: dict[PipelineUid, list[Node]] = {pipeline: [] for pipeline in versions}
    executions: dict[PipelineUid, list[Execution]] = {pipeline: [] for pipeline in versions}
    for node in ws.nodes.values():
        nodes[node.pipeline_uid].append(node)
    for execution in ws.executions.values():
        if execution.state.is_active:
            executions[execution.pipeline_uid].append(execution)
    runs = {pipeline: [run for run in ws.runs_of(pipeline) if run.state in _OPEN] for pipeline in versions}
    return {
        pipeline: Rows(
            version=version,
            nodes=tuple(nodes[pipeline]),
            executions=tuple(executions[pipeline]),
            runs=tuple(runs[pipeline]),
            run_nodes=tuple(row for run in runs[pipeline] for row in ws.rows_of(run)),
        )
        for pipeline, version in versions.items()
    }
