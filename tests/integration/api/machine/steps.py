"""The steps of the machine: each is a call whose answer the model has foreseen, and a look at the rows behind it."""

from dataclasses import replace
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from montage.v1 import node_service_pb2 as nodes_pb
from montage.v1 import pipeline_service_pb2 as pipelines_pb

from tests.integration.api.machine.model import BAD, GOOD, OK, Model, Node, Pipeline
from tests.integration.api.machine.world import World
from tests.integration.pipeline.grpc_client import node_message

PIPELINES = st.sampled_from(("p", "p", "p", "p", "p", "q"))
NODES = st.sampled_from("abcd")
TITLES = st.sampled_from(("", "One", "Two"))
NONCES = st.sampled_from(("", "1", "2"))
INPUTS = st.lists(NODES, max_size=2, unique=True).map(tuple)
PROVIDERS = st.sampled_from((GOOD, GOOD, GOOD, GOOD, BAD))
NEW_NODES = st.builds(Node, title=TITLES, nonce=NONCES, provider=PROVIDERS, inputs=INPUTS)
BEGINNINGS = st.fixed_dictionaries(
    {
        "a": st.just(Node()),
        "b": st.builds(Node, inputs=st.sampled_from(((), ("a",)))),
        "c": st.just(Node(inputs=("b",))),
    }
)
DOCUMENTS = st.dictionaries(NODES, NEW_NODES, max_size=4)


class ApiMachine(RuleBasedStateMachine):
    """Two pipelines, four names for nodes, one service."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.world.forget_everything()
        self.model = Model()
        self.etags: dict[tuple[str, str], tuple[str, tuple[object, ...]]] = {}
        """The newest that was read of each node, and what it stood for."""

    @initialize(nodes=BEGINNINGS)
    def begin(self, nodes: dict[str, Node]) -> None:
        self.import_document("p", "", nodes, create_only=False)

    @rule(pipeline=PIPELINES, title=TITLES)
    def create_pipeline(self, pipeline: str, title: str) -> None:
        request = pipelines_pb.CreatePipelineRequest(pipeline_id=pipeline, pipeline={"title": title})
        self._check("CreatePipeline", request, self.model.create_pipeline(pipeline, title), of=pipeline)

    @rule(pipeline=PIPELINES, title=TITLES)
    def rename_pipeline(self, pipeline: str, title: str) -> None:
        given = {"name": f"pipelines/{pipeline}", "title": title}
        request = pipelines_pb.UpdatePipelineRequest(pipeline=given, update_mask={"paths": ["title"]})
        self._check("UpdatePipeline", request, self.model.rename_pipeline(pipeline, title), of=pipeline)

    @rule(pipeline=PIPELINES, force=st.booleans(), is_meant=st.integers(0, 2))
    def delete_pipeline(self, pipeline: str, *, force: bool, is_meant: int) -> None:
        """Twice of three times of the other one, so that the first lives long enough."""
        pipeline = pipeline if is_meant == 0 else "q"
        is_there = pipeline in self.model.pipelines
        runs = is_there and any(row["execution_id"] for row in self.world.rows(pipeline).nodes.values())
        request = pipelines_pb.DeletePipelineRequest(name=f"pipelines/{pipeline}", force=force)
        foreseen = self.model.delete_pipeline(pipeline, force=force, something_runs=runs)
        self._check("DeletePipeline", request, foreseen, of=pipeline)

    @rule(pipeline=PIPELINES, title=TITLES, nodes=DOCUMENTS, create_only=st.booleans())
    def import_document(self, pipeline: str, title: str, nodes: dict[str, Node], *, create_only: bool) -> None:
        request = pipelines_pb.ImportPipelineRequest(create_only=create_only)
        request.document.update(Pipeline(title=title, nodes=nodes).document(pipeline))
        foreseen = self.model.import_document(pipeline, title, nodes, create_only=create_only)
        self._check("ImportPipeline", request, foreseen, of=pipeline)
        if foreseen == OK:
            self._page_through(pipeline, 500)

    @rule(pipeline=PIPELINES)
    def export_and_import(self, pipeline: str) -> None:
        """What was exported changes nothing."""
        exported = self._read(
            "ExportPipeline", pipelines_pb.ExportPipelineRequest(name=f"pipelines/{pipeline}"), pipeline
        )
        if exported is None:
            return
        model = self.model.pipelines[pipeline]
        assert MessageToDict(exported.document) == model.document(pipeline)
        again = pipelines_pb.ImportPipelineRequest(document=exported.document)
        foreseen = self.model.import_document(pipeline, model.title, dict(model.nodes), create_only=False)
        answer = self._check("ImportPipeline", again, foreseen, of=pipeline)
        if foreseen == OK:
            assert list(answer.unchanged_nodes) == list(model.nodes)

    @rule(pipeline=PIPELINES, node_id=NODES, node=NEW_NODES)
    def create_node(self, pipeline: str, node_id: str, node: Node) -> None:
        inputs = {"after": node.inputs} if node.inputs else {}
        parts = {"type": "noop", "title": node.title, "inputs": inputs, "config": node.config()}
        message = node_message(pipeline, parts)
        request = nodes_pb.CreateNodeRequest(parent=f"pipelines/{pipeline}", node_id=node_id, node=message)
        foreseen = self.model.create_node(pipeline, node_id, node)
        self._look_at(pipeline, node_id, self._check("CreateNode", request, foreseen, of=pipeline))

    @rule(pipeline=PIPELINES, node_id=NODES, title=TITLES, nonce=NONCES, with_etag=st.booleans())
    def update_node(self, pipeline: str, node_id: str, title: str, nonce: str, *, with_etag: bool) -> None:
        before = self._node(pipeline, node_id)
        config = replace(before or Node(), nonce=nonce).config()
        etag, is_stale = self._etag(pipeline, node_id) if with_etag else ("", False)
        request = self._update(pipeline, node_id, ["title", "config"], title=title, config=config, etag=etag)
        foreseen = self.model.update_node(pipeline, node_id, {"title": title, "nonce": nonce}, is_stale=is_stale)
        self._look_at(pipeline, node_id, self._check("UpdateNode", request, foreseen, of=pipeline))

    @rule(pipeline=PIPELINES, node_id=NODES, inputs=INPUTS)
    def connect(self, pipeline: str, node_id: str, inputs: tuple[str, ...]) -> None:
        """Also to itself, in a circle, or to what is not there."""
        request = self._update(pipeline, node_id, ["inputs"], inputs={"after": inputs} if inputs else {})
        foreseen = self.model.update_node(pipeline, node_id, {"inputs": inputs}, is_stale=False)
        self._look_at(pipeline, node_id, self._check("UpdateNode", request, foreseen, of=pipeline, rule="connect"))

    @rule(pipeline=PIPELINES, node_id=NODES)
    def edit_at_once(self, pipeline: str, node_id: str) -> None:
        """Two writers who read the same etag: one wins."""
        etag, is_stale = self._etag(pipeline, node_id)
        if self._node(pipeline, node_id) is None or is_stale or not etag:
            return
        number = self.world.rules["edit_at_once"]
        titles = (f"Left {number}", f"Right {number}")
        requests = [self._update(pipeline, node_id, ["title"], title=title, etag=etag) for title in titles]
        answers = list(self.world.threads.map(self.world.ask, ["UpdateNode"] * 2, requests))
        reasons = [self.world.reason("edit_at_once", answer) for answer in answers]
        assert sorted(reasons) == ["ABORTED", OK], reasons
        winner = answers[reasons.index(OK)]
        self.model.update_node(pipeline, node_id, {"title": winner.node.title}, is_stale=False)
        self._look_at(pipeline, node_id, winner)

    @rule(pipeline=PIPELINES, node_id=NODES)
    def delete_node(self, pipeline: str, node_id: str) -> None:
        request = nodes_pb.DeleteNodeRequest(name=f"pipelines/{pipeline}/nodes/{node_id}")
        self._check("DeleteNode", request, self.model.delete_node(pipeline, node_id), of=pipeline)

    @rule(pipeline=PIPELINES)
    def run(self, pipeline: str) -> None:
        request = pipelines_pb.RunPipelineRequest(name=f"pipelines/{pipeline}")
        self._check("RunPipeline", request, self.model.run(pipeline), of=pipeline)

    @rule(pipeline=PIPELINES, size=st.integers(1, 3))
    def page_through(self, pipeline: str, size: int) -> None:
        self._page_through(pipeline, size)

    def _page_through(self, pipeline: str, size: int) -> None:
        """Every node once and in order, each as the model has it."""
        found: list[Any] = []
        token = ""
        while True:
            request = nodes_pb.ListNodesRequest(parent=f"pipelines/{pipeline}", page_size=size, page_token=token)
            page = self._read("ListNodes", request, pipeline)
            if page is None:
                return
            found += page.nodes
            token = page.next_page_token
            if not token:
                break
        model = self.model.pipelines[pipeline].nodes
        assert [node.name.split("/")[3] for node in found] == list(model)
        # Etags speak of the uids of inputs, and those of imported nodes are known only now.
        for node_id, node in zip(list(model), found, strict=True):
            model[node_id] = replace(model[node_id], uid=model[node_id].uid or node.uid)
        for node in found:
            self._compare(pipeline, node.name.split("/")[3], node)

    def _check(self, method: str, request: Any, foreseen: str, *, of: str, rule: str = "") -> Any:
        """Make the call; it is answered as foreseen, and the rows keep every invariant."""
        answer = self.world.ask(method, request)
        assert self.world.reason(rule or method, answer) == foreseen, (method, request, answer, self.model.pipelines)
        # A refused call has changed no row: the fuzz sees to that.
        if foreseen == OK and of in self.model.pipelines:
            rows = self.world.rows(of)
            by_uid = {uid: row["id"] for uid, row in rows.nodes.items()}
            edges = {(by_uid[edge["node_uid"]], by_uid[edge["source_uid"]]) for edge in rows.edges}
            nodes = self.model.pipelines[of].nodes
            assert edges == {(node_id, source) for node_id, node in nodes.items() for source in node.inputs}
            assert {row["id"]: row["is_valid"] for row in rows.nodes.values()} == {
                node_id: node.is_valid for node_id, node in nodes.items()
            }
        return answer if foreseen == OK else None

    def _read(self, method: str, request: Any, pipeline: str) -> Any:
        answer = self.world.ask(method, request)
        foreseen = OK if pipeline in self.model.pipelines else "PIPELINE_NOT_FOUND"
        assert self.world.reason(method, answer) == foreseen, (request, answer)
        return answer if foreseen == OK else None

    def _look_at(self, pipeline: str, node_id: str, answer: Any) -> None:
        if answer is not None:
            self._compare(pipeline, node_id, answer.node)

    def _compare(self, pipeline: str, node_id: str, node: Any) -> None:
        """A node as it is shown is as the model has it; what the service chose is learned."""
        nodes = self.model.pipelines[pipeline].nodes
        known = nodes[node_id]
        shown = Node(
            uid=node.uid,
            title=node.title,
            nonce=MessageToDict(node.config).get("nonce", ""),
            provider=MessageToDict(node.config)["provider"],
            inputs=tuple(name.split("/")[3] for one in node.inputs for name in one.nodes),
        )
        assert shown == replace(known, uid=known.uid or node.uid)
        assert node.is_valid == known.is_valid
        nodes[node_id] = shown
        meaning = self.model.pipelines[pipeline].meaning(node_id)
        old = self.etags.get((pipeline, node_id))
        assert old is None or (old[0] == node.etag) == (old[1] == meaning), (old, node.etag, meaning)
        self.etags[pipeline, node_id] = (node.etag, meaning)

    def _etag(self, pipeline: str, node_id: str) -> tuple[str, bool]:
        """The newest etag that was read, and whether the node has changed since."""
        etag, meaning = self.etags.get((pipeline, node_id), ("", ()))
        is_there = self._node(pipeline, node_id) is not None
        return etag, bool(etag) and is_there and self.model.pipelines[pipeline].meaning(node_id) != meaning

    def _node(self, pipeline: str, node_id: str) -> Node | None:
        return self.model.pipelines[pipeline].nodes.get(node_id) if pipeline in self.model.pipelines else None

    def _update(self, pipeline: str, node_id: str, mask: list[str], **parts: Any) -> nodes_pb.UpdateNodeRequest:
        node = node_message(pipeline, {"name": f"pipelines/{pipeline}/nodes/{node_id}"} | parts)
        return nodes_pb.UpdateNodeRequest(node=node, update_mask={"paths": mask})
