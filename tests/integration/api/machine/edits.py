"""The steps that edit: each is a call whose answer the model has foreseen."""

from dataclasses import replace
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from montage.v1 import node_service_pb2 as nodes_pb
from montage.v1 import pipeline_service_pb2 as pipelines_pb

from tests.integration.api.machine.bench import Bench
from tests.integration.api.machine.model import BAD, GOOD, OK, Node, Pipeline
from tests.integration.pipeline.grpc_client import node_message

PIPELINES = st.sampled_from(("p", "p", "p", "p", "p", "q", "r"))
NODES = st.sampled_from("abcd")
NEW_NODE_IDS = st.sampled_from("defghab")
TITLES = st.sampled_from(("", "One", "Two"))
LABELS = st.sampled_from(((), (("team", "red"),), (("team", "blue"),), (("cut", ""), ("team", "red"))))
NONCES = st.sampled_from(("", "1", "2"))
INPUTS = st.lists(NODES, max_size=2, unique=True).map(tuple)
PROVIDERS = st.sampled_from((GOOD, GOOD, GOOD, GOOD, BAD))
NEW_NODES = st.builds(Node, title=TITLES, labels=LABELS, nonce=NONCES, provider=PROVIDERS, inputs=INPUTS)
BEGINNINGS = st.fixed_dictionaries(
    {
        "a": st.just(Node()),
        "b": st.builds(Node, inputs=st.sampled_from(((), ("a",)))),
        "c": st.just(Node(inputs=("b",))),
    }
)
DOCUMENTS = st.builds(Pipeline, title=TITLES, labels=LABELS, nodes=st.dictionaries(NODES, NEW_NODES, max_size=4))


class Edits(Bench):
    """Three pipelines, a few names for nodes."""

    @initialize(nodes=BEGINNINGS)
    def begin(self, nodes: dict[str, Node]) -> None:
        self.import_document("p", Pipeline(nodes=nodes), create_only=False)

    @rule(pipeline=PIPELINES, title=TITLES, labels=LABELS)
    def create_pipeline(self, pipeline: str, title: str, labels: tuple[tuple[str, str], ...]) -> None:
        given = {"title": title, "labels": dict(labels)}
        request = pipelines_pb.CreatePipelineRequest(pipeline_id=pipeline, pipeline=given)
        self.edit("CreatePipeline", request, self.model.create_pipeline(pipeline, title, labels))

    @rule(pipeline=PIPELINES, title=TITLES, labels=LABELS)
    def describe_pipeline(self, pipeline: str, title: str, labels: tuple[tuple[str, str], ...]) -> None:
        given = {"name": f"pipelines/{pipeline}", "title": title, "labels": dict(labels)}
        mask = {"paths": ["title", "labels"]}
        request = pipelines_pb.UpdatePipelineRequest(pipeline=given, update_mask=mask)
        self.edit("UpdatePipeline", request, self.model.describe_pipeline(pipeline, title, labels))

    @rule(pipeline=PIPELINES, force=st.booleans(), is_meant=st.integers(0, 2))
    def delete_pipeline(self, pipeline: str, *, force: bool, is_meant: int) -> None:
        """Twice of three times of another one than the first, so that that lives long enough."""
        self._delete(pipeline if is_meant == 0 else "q", force=force)

    @rule(pipeline=PIPELINES, force=st.booleans())
    def delete_what_runs(self, pipeline: str, *, force: bool) -> None:
        self.run(pipeline)
        self.look()
        self._delete(pipeline, force=force)

    @rule(pipeline=PIPELINES, document=DOCUMENTS, create_only=st.booleans())
    def import_document(self, pipeline: str, document: Pipeline, *, create_only: bool) -> None:
        request = pipelines_pb.ImportPipelineRequest(create_only=create_only)
        request.document.update(document.document(pipeline))
        foreseen = self.model.import_document(pipeline, document, create_only=create_only)
        self.edit("ImportPipeline", request, foreseen)
        if foreseen == OK:
            self._read_nodes(pipeline)

    @rule(pipeline=PIPELINES)
    def export_and_import(self, pipeline: str) -> None:
        """What was exported changes nothing."""
        request = pipelines_pb.ExportPipelineRequest(name=f"pipelines/{pipeline}")
        exported = self.read("ExportPipeline", request, pipeline)
        if exported is None:
            return
        model = self.model.pipelines[pipeline]
        assert MessageToDict(exported.document) == model.document(pipeline)
        again = pipelines_pb.ImportPipelineRequest(document=exported.document)
        foreseen = self.model.import_document(pipeline, replace(model), create_only=False)
        answer = self.edit("ImportPipeline", again, foreseen)
        if foreseen == OK:
            assert list(answer.unchanged_nodes) == list(model.nodes)

    @rule(pipeline=PIPELINES, node_id=NEW_NODE_IDS, node=NEW_NODES)
    def create_node(self, pipeline: str, node_id: str, node: Node) -> None:
        inputs = {"after": node.inputs} if node.inputs else {}
        labels = dict(node.labels)
        parts = {"type": "noop", "title": node.title, "labels": labels, "inputs": inputs, "config": node.config()}
        message = node_message(pipeline, parts)
        request = nodes_pb.CreateNodeRequest(parent=f"pipelines/{pipeline}", node_id=node_id, node=message)
        foreseen = self.model.create_node(pipeline, node_id, node)
        self._look_at(pipeline, node_id, self.edit("CreateNode", request, foreseen))

    @rule(pipeline=PIPELINES, node_id=NODES, title=TITLES, nonce=NONCES, with_etag=st.booleans())
    def update_node(self, pipeline: str, node_id: str, title: str, nonce: str, *, with_etag: bool) -> None:
        before = self.node(pipeline, node_id)
        config = replace(before or Node(), nonce=nonce).config()
        etag, is_stale = self._etag(pipeline, node_id) if with_etag else ("", False)
        request = self._update(pipeline, node_id, ["title", "config"], title=title, config=config, etag=etag)
        foreseen = self.model.update_node(pipeline, node_id, {"title": title, "nonce": nonce}, is_stale=is_stale)
        self._look_at(pipeline, node_id, self.edit("UpdateNode", request, foreseen))

    @rule(pipeline=PIPELINES, node_id=NODES, labels=LABELS)
    def label_node(self, pipeline: str, node_id: str, labels: tuple[tuple[str, str], ...]) -> None:
        request = self._update(pipeline, node_id, ["labels"], labels=dict(labels))
        foreseen = self.model.update_node(pipeline, node_id, {"labels": labels}, is_stale=False)
        self._look_at(pipeline, node_id, self.edit("UpdateNode", request, foreseen, rule="label_node"))

    @rule(pipeline=PIPELINES, node_id=NODES, inputs=INPUTS)
    def connect(self, pipeline: str, node_id: str, inputs: tuple[str, ...]) -> None:
        """Also to itself, in a circle, or to what is not there."""
        request = self._update(pipeline, node_id, ["inputs"], inputs={"after": inputs} if inputs else {})
        foreseen = self.model.update_node(pipeline, node_id, {"inputs": inputs}, is_stale=False)
        self._look_at(pipeline, node_id, self.edit("UpdateNode", request, foreseen, rule="connect"))

    @rule(pipeline=PIPELINES, node_id=NODES)
    def edit_at_once(self, pipeline: str, node_id: str) -> None:
        """Two writers who read the same etag: one wins."""
        etag, is_stale = self._etag(pipeline, node_id)
        if self.node(pipeline, node_id) is None or is_stale or not etag:
            return
        number = self.world.rules["edit_at_once"]
        titles = (f"Left {number}", f"Right {number}")
        requests = [self._update(pipeline, node_id, ["title"], title=title, etag=etag) for title in titles]
        answers = list(self.world.threads.map(self.world.ask, ["UpdateNode"] * 2, requests))
        reasons = [self.world.reason("edit_at_once", answer) for answer in answers]
        assert sorted(reasons) == ["ABORTED", OK], reasons
        self.has_edited = True
        winner = answers[reasons.index(OK)]
        self.model.update_node(pipeline, node_id, {"title": winner.node.title}, is_stale=False)
        self._look_at(pipeline, node_id, winner)

    @rule(pipeline=PIPELINES, node_id=NODES)
    def delete_node(self, pipeline: str, node_id: str) -> None:
        request = nodes_pb.DeleteNodeRequest(name=f"pipelines/{pipeline}/nodes/{node_id}")
        self.edit("DeleteNode", request, self.model.delete_node(pipeline, node_id))

    @rule(pipeline=PIPELINES)
    def run(self, pipeline: str) -> None:
        request = pipelines_pb.RunPipelineRequest(name=f"pipelines/{pipeline}")
        self.edit("RunPipeline", request, self.model.run(pipeline))

    @rule(pipeline=PIPELINES, node_id=NODES)
    def run_what_is_not_valid(self, pipeline: str, node_id: str) -> None:
        """A node with a vendor that there is none of may be kept, and is not run: nothing of its pipeline is."""
        if self.node(pipeline, node_id) is None:
            return
        self._provide(pipeline, node_id, BAD)
        digest = self.world.digest()
        self.run(pipeline)
        assert self.world.digest() == digest, "a run that was refused has changed rows"
        self._provide(pipeline, node_id, GOOD)

    def _provide(self, pipeline: str, node_id: str, provider: str) -> None:
        config = replace(self.node(pipeline, node_id) or Node(), provider=provider).config()
        request = self._update(pipeline, node_id, ["config"], config=config)
        foreseen = self.model.update_node(pipeline, node_id, {"provider": provider}, is_stale=False)
        self._look_at(pipeline, node_id, self.edit("UpdateNode", request, foreseen))

    def _delete(self, pipeline: str, *, force: bool) -> None:
        is_there = pipeline in self.model.pipelines
        runs = is_there and any(row["execution_id"] for row in self.seen[pipeline].rows.nodes.values())
        request = pipelines_pb.DeletePipelineRequest(name=f"pipelines/{pipeline}", force=force)
        foreseen = self.model.delete_pipeline(pipeline, force=force, something_runs=runs)
        self.edit("DeletePipeline", request, foreseen)

    def _read_nodes(self, pipeline: str) -> None:
        """Each as the model has it. Etags speak of the uids of inputs; those of imported nodes are known only now."""
        request = nodes_pb.ListNodesRequest(parent=f"pipelines/{pipeline}", page_size=500)
        found = {node.name.split("/")[3]: node for node in self.read("ListNodes", request, pipeline).nodes}
        model = self.model.pipelines[pipeline].nodes
        assert list(found) == list(model)
        for node_id, node in found.items():
            model[node_id] = replace(model[node_id], uid=model[node_id].uid or node.uid)
        for node_id, node in found.items():
            self.compare(pipeline, node_id, node)

    def _look_at(self, pipeline: str, node_id: str, answer: Any) -> None:
        if answer is not None:
            self.compare(pipeline, node_id, answer.node)

    def _etag(self, pipeline: str, node_id: str) -> tuple[str, bool]:
        """The newest etag that was read, and whether the node has changed since."""
        etag, meaning = self.etags.get((pipeline, node_id), ("", ()))
        is_there = self.node(pipeline, node_id) is not None
        return etag, bool(etag) and is_there and self.model.pipelines[pipeline].meaning(node_id) != meaning

    def _update(self, pipeline: str, node_id: str, mask: list[str], **parts: Any) -> nodes_pb.UpdateNodeRequest:
        node = node_message(pipeline, {"name": f"pipelines/{pipeline}/nodes/{node_id}"} | parts)
        return nodes_pb.UpdateNodeRequest(node=node, update_mask={"paths": mask})
