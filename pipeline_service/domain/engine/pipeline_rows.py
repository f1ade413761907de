"""The rows of one pipeline, laid out as a working set needs them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline_service.domain.ids import ExecutionId, NodeUid, RunId
from pipeline_service.domain.model import Execution, Node, Run, RunNode
from pipeline_service.domain.states import RunDecision

RunNodeKey = tuple[RunId, NodeUid]
Members = dict[NodeUid, None]
"""A set of nodes that keeps their order."""


@dataclass(frozen=True, kw_only=True)
class RunRows:
    """What one run decided, and which of its rows somebody will ask for."""

    by_node: dict[NodeUid, RunNode] = field(default_factory=dict)
    open: Members = field(default_factory=dict)
    """Those of which the run still expects something."""
    waiting: Members = field(default_factory=dict)
    """Those that wait for work of somebody else."""

    def put(self, row: RunNode) -> None:
        self.by_node[row.node_uid] = row
        _keep(self.open, row.node_uid, when=row.decision.is_open)
        _keep(self.waiting, row.node_uid, when=row.decision is RunDecision.WAITING)

    def copy(self) -> "RunRows":
        return RunRows(by_node=self.by_node.copy(), open=self.open.copy(), waiting=self.waiting.copy())


@dataclass(frozen=True, kw_only=True)
class PipelineRows:
    """Nodes, active executions, and open runs with what they decided.

    A working set begins with copies. To copy a dict takes a tenth of the time of building it anew, since nobody hashes
    its keys again, and a batch holds the rows of hundreds of pipelines, of which it changes a few each.
    """

    nodes: Mapping[NodeUid, Node] = field(default_factory=dict)
    executions: Mapping[ExecutionId, Execution] = field(default_factory=dict)
    runs: Mapping[RunId, Run] = field(default_factory=dict)
    run_nodes: Mapping[RunNodeKey, RunNode] = field(default_factory=dict)
    rows_of: Mapping[RunId, RunRows] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        nodes: Iterable[Node],
        executions: Iterable[Execution],
        runs: Iterable[Run],
        run_nodes: Iterable[RunNode],
    ) -> "PipelineRows":
        """Lay out rows that were loaded."""
        keyed = {(row.run_id, row.node_uid): row for row in run_nodes}
        rows_of: dict[RunId, RunRows] = defaultdict(RunRows)
        for row in keyed.values():
            rows_of[row.run_id].put(row)
        return cls(
            nodes={node.uid: node for node in nodes},
            executions={execution.id: execution for execution in executions},
            runs={run.id: run for run in runs},
            run_nodes=keyed,
            rows_of=rows_of,
        )

    @property
    def count(self) -> int:
        return len(self.nodes) + len(self.executions) + len(self.runs) + len(self.run_nodes)


def _keep(members: Members, member: NodeUid, *, when: bool) -> None:
    if when:
        members[member] = None
    else:
        members.pop(member, None)
