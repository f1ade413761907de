"""What the API should answer: pipelines and nodes as plain values, and each refusal by its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

OK = "OK"
GOOD, BAD = "local", "nobody"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of type noop."""

    uid: str = ""
    title: str = ""
    nonce: str = ""
    provider: str = GOOD
    inputs: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return self.provider == GOOD

    def config(self) -> dict[str, str]:
        return {"provider": self.provider} | ({"nonce": self.nonce} if self.nonce else {})


@dataclass(kw_only=True)
class Pipeline:
    """Nodes stand in the order of the document."""

    title: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)

    def meaning(self, node_id: str) -> tuple[object, ...]:
        """What an etag of a node stands for."""
        node = self.nodes[node_id]
        return (*(self.nodes[source].uid for source in node.inputs), node)

    def document(self, pipeline_id: str) -> dict[str, Any]:
        """As an export shows it: what is empty is left out."""
        nodes = [
            {"id": node_id, "type": "noop"}
            | ({"title": node.title} if node.title else {})
            | ({"inputs": {"after": list(node.inputs)}} if node.inputs else {})
            | {"config": node.config()}
            for node_id, node in self.nodes.items()
        ]
        return {"id": pipeline_id} | ({"title": self.title} if self.title else {}) | {"nodes": nodes}


class Model:
    """Each method answers what the call will, and does what it will do."""

    def __init__(self) -> None:
        self.pipelines: dict[str, Pipeline] = {}

    def create_pipeline(self, pipeline_id: str, title: str) -> str:
        if pipeline_id in self.pipelines:
            return "PIPELINE_EXISTS"
        self.pipelines[pipeline_id] = Pipeline(title=title)
        return OK

    def rename_pipeline(self, pipeline_id: str, title: str) -> str:
        if pipeline_id not in self.pipelines:
            return "PIPELINE_NOT_FOUND"
        self.pipelines[pipeline_id].title = title
        return OK

    def delete_pipeline(self, pipeline_id: str, *, force: bool, something_runs: bool) -> str:
        if pipeline_id not in self.pipelines:
            return "PIPELINE_NOT_FOUND"
        if something_runs and not force:
            return "FAILED_PRECONDITION"
        del self.pipelines[pipeline_id]
        return OK

    def import_document(self, pipeline_id: str, title: str, nodes: Mapping[str, Node], *, create_only: bool) -> str:
        """Nodes that were there keep their uids; those of new ones are learned by reading."""
        if not nodes or not all(node.is_valid for node in nodes.values()) or not is_graph(nodes):
            return "INVALID_DOCUMENT"
        before = self.pipelines.get(pipeline_id)
        if before is not None and create_only:
            return "PIPELINE_EXISTS"
        uids = {node_id: node.uid for node_id, node in before.nodes.items()} if before else {}
        kept = {node_id: replace(node, uid=uids.get(node_id, "")) for node_id, node in nodes.items()}
        self.pipelines[pipeline_id] = Pipeline(title=title, nodes=kept)
        return OK

    def create_node(self, pipeline_id: str, node_id: str, node: Node) -> str:
        pipeline = self.pipelines.get(pipeline_id)
        if pipeline is None:
            return "PIPELINE_NOT_FOUND"
        if node_id in pipeline.nodes:
            return "NODE_EXISTS"
        return self._put(pipeline, node_id, node)

    def update_node(self, pipeline_id: str, node_id: str, changes: Mapping[str, Any], *, is_stale: bool) -> str:
        pipeline = self.pipelines.get(pipeline_id)
        if pipeline is None or node_id not in pipeline.nodes:
            return "NODE_NOT_FOUND"
        if is_stale:
            return "ABORTED"
        return self._put(pipeline, node_id, replace(pipeline.nodes[node_id], **changes))

    def delete_node(self, pipeline_id: str, node_id: str) -> str:
        pipeline = self.pipelines.get(pipeline_id)
        if pipeline is None:
            return "PIPELINE_NOT_FOUND"
        if node_id not in pipeline.nodes:
            return "NODE_NOT_FOUND"
        del pipeline.nodes[node_id]
        for other, node in pipeline.nodes.items():
            inputs = tuple(source for source in node.inputs if source != node_id)
            pipeline.nodes[other] = replace(node, inputs=inputs)
        return OK

    def run(self, pipeline_id: str) -> str:
        pipeline = self.pipelines.get(pipeline_id)
        if pipeline is None:
            return "PIPELINE_NOT_FOUND"
        return OK if all(node.is_valid for node in pipeline.nodes.values()) else "FAILED_PRECONDITION"

    def _put(self, pipeline: Pipeline, node_id: str, node: Node) -> str:
        nodes = pipeline.nodes | {node_id: node}
        if not is_graph(nodes):
            return "INVALID_DOCUMENT"
        pipeline.nodes = nodes
        return OK


def is_graph(nodes: Mapping[str, Node]) -> bool:
    """Whether every input is there, and no node needs itself: it can be taken apart from its beginnings."""
    left = dict(nodes)
    while left:
        ready = [node_id for node_id, node in left.items() if not any(source in left for source in node.inputs)]
        if not ready:
            return False
        for node_id in ready:
            del left[node_id]
    return all(source in nodes for node in nodes.values() for source in node.inputs)
