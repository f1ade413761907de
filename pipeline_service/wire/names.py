"""Resource names: `pipelines/{pipeline}/nodes/{node}/executions/{execution}`. The contract has checked their shape."""

import re
from uuid import UUID

from pipeline_service.domain.ids import ExecutionId, NodeId, PipelineId, RunId
from pipeline_service.wire.values import Incomplete

_ID = "[a-z0-9][a-z0-9-]{0,62}"
_PIPELINE_NAME = re.compile(rf"^pipelines/{_ID}\Z")
_NODE_NAME = re.compile(rf"^pipelines/{_ID}/nodes/{_ID}\Z")


def pipeline_name(pipeline: PipelineId) -> str:
    return f"pipelines/{pipeline}"


def node_name(pipeline: PipelineId, node: NodeId) -> str:
    return f"pipelines/{pipeline}/nodes/{node}"


def execution_name(pipeline: PipelineId, node: NodeId, execution: ExecutionId) -> str:
    return f"pipelines/{pipeline}/nodes/{node}/executions/{execution}"


def run_name(pipeline: PipelineId, run: RunId) -> str:
    return f"pipelines/{pipeline}/runs/{run}"


def parse_pipeline(name: str) -> PipelineId:
    return PipelineId(name.split("/")[1])


def parse_node(name: str) -> tuple[PipelineId, NodeId]:
    parts = name.split("/")
    return PipelineId(parts[1]), NodeId(parts[3])


def checked_node_name(name: str) -> tuple[PipelineId, NodeId]:
    """The name of a node inside a message, whose shape the contract cannot check. Raises Incomplete."""
    if not _NODE_NAME.match(name):
        raise Incomplete("node.name", f"expected 'pipelines/<pipeline>/nodes/<node>', found '{name[:200]}'")
    return parse_node(name)


def checked_pipeline_name(name: str) -> PipelineId:
    """The name of a pipeline inside a message. Raises Incomplete."""
    if not _PIPELINE_NAME.match(name):
        raise Incomplete("pipeline.name", f"expected 'pipelines/<pipeline>', found '{name[:200]}'")
    return parse_pipeline(name)


def parse_run(name: str) -> tuple[PipelineId, RunId]:
    """Raises ValueError when the last part is not a UUID."""
    parts = name.split("/")
    return PipelineId(parts[1]), RunId(UUID(parts[3]))


def parse_execution(name: str) -> tuple[PipelineId, NodeId, ExecutionId]:
    """Raises ValueError when the last part is not a UUID."""
    parts = name.split("/")
    return PipelineId(parts[1]), NodeId(parts[3]), ExecutionId(UUID(parts[5]))


def parse_node_type(name: str) -> str:
    return name.split("/")[1]


def parse_target(pipeline: PipelineId, name: str) -> NodeId:
    """The node of a run's target. Raises ValueError for another pipeline's."""
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != "pipelines" or parts[2] != "nodes" or parts[1] != pipeline:
        raise ValueError(f"expected 'pipelines/{pipeline}/nodes/<node>', found '{name[:200]}'")
    return NodeId(parts[3])
