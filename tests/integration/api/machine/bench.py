"""Makes calls whose answers the model has foreseen, and looks at every row behind them: what all steps are made of."""

from dataclasses import replace
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.integration.api.machine.model import OK, Model, Node
from tests.integration.api.machine.world import Seen, World

TELLS_OF_EDITS = ("PIPELINE_", "NODE_")


class Bench(RuleBasedStateMachine):
    """Three pipelines at most, one service."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.world.forget_everything()
        self.model = Model()
        self.seen: dict[str, Seen] = {}
        """The rows of each pipeline, as they were looked at last."""
        self.digest = self.world.digest()
        self.has_edited = False
        """Whether a call of this step was let through that may change rows."""
        self.etags: dict[tuple[str, str], tuple[str, tuple[object, ...]]] = {}
        """The newest that was read of each node, and what it stood for."""

    @invariant()
    def rows_are_as_they_must_be(self) -> None:
        """After each step, whether it was let through or refused."""
        digest = self.world.digest()
        assert self.has_edited or digest == self.digest, "rows were changed by calls that only read or were refused"
        if digest != self.digest:
            self.look()
        self.digest, self.has_edited = digest, False

    def look(self) -> None:
        """Read every row, hold it against the invariants, and against the model."""
        self.world.check_deleted()
        self.seen = {name: self.world.see(name, self.seen.get(name)) for name in self.model.pipelines}
        for name, pipeline in self.model.pipelines.items():
            rows = self.seen[name].rows
            assert (rows.pipeline["title"], rows.pipeline["labels"]) == (pipeline.title, dict(pipeline.labels))
            ids = {uid: row["id"] for uid, row in rows.nodes.items()}
            inputs = {row["id"]: tuple(ids[source] for source in rows.sources(uid)) for uid, row in rows.nodes.items()}
            found = {
                row["id"]: (row["title"], row["labels"], row["config"], inputs[row["id"]], row["is_valid"])
                for row in sorted(rows.nodes.values(), key=lambda row: row["position"])
            }
            expected = {
                node_id: (node.title, dict(node.labels), node.config(), node.inputs, node.is_valid)
                for node_id, node in pipeline.nodes.items()
            }
            assert list(found.items()) == list(expected.items())
            told = [(event["type"], event["node_id"] or "") for event in rows.events]
            assert [one for one in told if one[0].startswith(TELLS_OF_EDITS)] == pipeline.edits

    def edit(self, method: str, request: Any, foreseen: str, *, rule: str = "") -> Any:
        """Make a call that may change rows. Answers None where it is refused."""
        self.has_edited |= foreseen == OK
        return self.call(method, request, foreseen, rule=rule)

    def read(self, method: str, request: Any, pipeline: str = "") -> Any:
        """Make a call that only reads, of one pipeline or of all. Answers None where there is no such pipeline."""
        is_there = not pipeline or pipeline in self.model.pipelines
        return self.call(method, request, OK if is_there else "PIPELINE_NOT_FOUND")

    def call(self, method: str, request: Any, foreseen: str, *, rule: str = "") -> Any:
        """Make a call; it is answered as foreseen. Answers None where it is refused."""
        answer = self.world.ask(method, request)
        assert self.world.reason(rule or method, answer) == foreseen, (method, request, answer, self.model.pipelines)
        return answer if foreseen == OK else None

    def compare(self, pipeline: str, node_id: str, node: Any) -> None:
        """A node as it is shown is as the model has it; what the service chose is learned."""
        nodes = self.model.pipelines[pipeline].nodes
        known = nodes[node_id]
        shown = Node(
            uid=node.uid,
            title=node.title,
            labels=tuple(sorted(node.labels.items())),
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

    def node(self, pipeline: str, node_id: str) -> Node | None:
        return self.model.pipelines[pipeline].nodes.get(node_id) if pipeline in self.model.pipelines else None
