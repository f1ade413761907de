"""What the API should answer: pipelines and nodes as plain values, and each refusal by its reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

OK = "OK"
GOOD, BAD = "local", "nobody"
Labels = tuple[tuple[str, str], ...]
Edit = tuple[str, str]
"""An event of an edit: its type, and the node that it is about."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of type noop."""

    uid: str = ""
    title: str = ""
    labels: Labels = ()
    nonce: str = ""
    provider: str = GOOD
    inputs: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return self.provider == GOOD

    def config(self) -> dict[str, str]:
        return {"provider": self.provider} | ({"nonce": self.nonce} if self.nonce else {})

    def means(self) -> tuple[object, ...]:
        """What resets it when it changes."""
        return self.nonce, self.provider, self.inputs

    def is_described(self) -> tuple[object, ...]:
        """What may change without that."""
        return self.title, self.labels


@dataclass(kw_only=True)
class Pipeline:
    """Nodes stand in the order of the document."""

    title: str = ""
    labels: Labels = ()
    nodes: dict[str, Node] = field(default_factory=dict)
    made: int = 0
    """When, on the model's own clock."""
    nodes_made: dict[str, int] = field(default_factory=dict)
    """The same of each node."""
    edits: list[Edit] = field(default_factory=list)
    """What its history tells of edits."""

    def meaning(self, node_id: str) -> tuple[object, ...]:
        """What an etag of a node stands for."""
        node = self.nodes[node_id]
        return (*(self.nodes[source].uid for source in node.inputs), node)

    def document(self, pipeline_id: str) -> dict[str, Any]:
        """As an export shows it: what is empty is left out."""
        nodes = [
            {"id": node_id, "type": "noop"}
            | _described(node.title, node.labels)
            | ({"inputs": {"after": list(node.inputs)}} if node.inputs else {})
            | {"config": node.config()}
            for node_id, node in self.nodes.items()
        ]
        return {"id": pipeline_id} | _described(self.title, self.labels) | {"nodes": nodes}


class Model:
    """Each method answers what the call will, and does what it will do."""

    def __init__(self) -> None:
        self.pipelines: dict[str, Pipeline] = {}
        self._clock = count(1)

    def create_pipeline(self, pipeline_id: str, title: str, labels: Labels) -> str:
        if pipeline_id in self.pipelines:
            return "PIPELINE_EXISTS"
        self.pipelines[pipeline_id] = Pipeline(
            title=title, labels=labels, made=next(self._clock), edits=[("PIPELINE_CREATED", "")]
        )
        return OK

    def describe_pipeline(self, pipeline_id: str, title: str, labels: Labels) -> str:
        if pipeline_id not in self.pipelines:
            return "PIPELINE_NOT_FOUND"
        pipeline = self.pipelines[pipeline_id]
        if (pipeline.title, pipeline.labels) != (title, labels):
            pipeline.title, pipeline.labels = title, labels
            pipeline.edits.append(("PIPELINE_UPDATED", ""))
        return OK

    def delete_pipeline(self, pipeline_id: str, *, force: bool, something_runs: bool) -> str:
        if pipeline_id not in self.pipelines:
            return "PIPELINE_NOT_FOUND"
        if something_runs and not force:
            return "FAILED_PRECONDITION"
        del self.pipelines[pipeline_id]
        return OK

    def import_document(self, pipeline_id: str, document: Pipeline, *, create_only: bool) -> str:
        """Nodes that were there keep their uids; those of new ones are learned by reading."""
        nodes = document.nodes
        if not nodes or not all(node.is_valid for node in nodes.values()) or not is_graph(nodes):
            return "INVALID_DOCUMENT"
        before = self.pipelines.get(pipeline_id)
        if before is not None and create_only:
            return "PIPELINE_EXISTS"
        pipeline = self.pipelines.setdefault(pipeline_id, Pipeline(made=next(self._clock)))
        pipeline.title, pipeline.labels = document.title, document.labels
        pipeline.edits.append(("PIPELINE_IMPORTED" if before else "PIPELINE_CREATED", ""))
        self._make_equal(pipeline, nodes)
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
        left = {other: node for other, node in pipeline.nodes.items() if other != node_id}
        for other, node in left.items():
            left[other] = replace(node, inputs=tuple(source for source in node.inputs if source != node_id))
        self._make_equal(pipeline, left)
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
        self._make_equal(pipeline, nodes)
        return OK

    def _make_equal(self, pipeline: Pipeline, nodes: Mapping[str, Node]) -> None:
        """Give a pipeline these nodes; its history tells what became of which, sort by sort, in their order."""
        before = pipeline.nodes
        pipeline.nodes = {
            node_id: replace(node, uid=before[node_id].uid if node_id in before else "")
            for node_id, node in nodes.items()
        }
        now = next(self._clock)
        pipeline.nodes_made = {node_id: pipeline.nodes_made.get(node_id, now) for node_id in nodes}

        def differ(part: Callable[[Node], tuple[object, ...]]) -> list[str]:
            return [one for one, node in nodes.items() if one in before and part(node) != part(before[one])]

        reset = differ(Node.means)
        told = {
            "NODE_DELETED": [node_id for node_id in before if node_id not in nodes],
            "NODE_CREATED": [node_id for node_id in nodes if node_id not in before],
            "NODE_UPDATED": reset,
            "NODE_DESCRIBED": [node_id for node_id in differ(Node.is_described) if node_id not in reset],
        }
        pipeline.edits += [(event, node_id) for event, node_ids in told.items() for node_id in node_ids]


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


def _described(title: str, labels: Labels) -> dict[str, Any]:
    return ({"title": title} if title else {}) | ({"labels": dict(labels)} if labels else {})
