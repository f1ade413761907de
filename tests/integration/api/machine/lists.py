"""The steps that read lists: filtered, ordered and page by page, also while they are edited."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import rule
from montage.v1 import node_service_pb2 as nodes_pb
from montage.v1 import pipeline_service_pb2 as pipelines_pb
from montage.v1 import resources_pb2

from tests.integration.api.machine.edits import LABELS, NEW_NODE_IDS, NEW_NODES, PIPELINES, TITLES, Edits
from tests.integration.api.machine.filters import (
    ALWAYS,
    EVERYTHING,
    Facts,
    Filter,
    combined,
    of_labels,
    of_state,
    of_text,
)
from tests.integration.api.machine.model import Labels, Node

SIZES = st.integers(1, 3)
DESCRIBED = (
    ALWAYS,
    of_text("title", "", "One", "Two", parts=("o", "tw", "%")),
    of_labels(("team", "cut"), ("red", "blue", "")),
    of_state("PENDING", "IN_PROGRESS", "COMPLETED"),
)
PIPELINE_FILTERS = combined(*DESCRIBED)
NODE_FILTERS = combined(*DESCRIBED, of_text("type", "noop", "asset", parts=("OO",)))
EVENT_FILTERS = combined(
    ALWAYS,
    of_text("type", "NODE_UPDATED", "NODE_CREATED", "PIPELINE_UPDATED", "RUN_CREATED", "EXECUTION_CANCELLED"),
    of_text("node", "", "a", "b", parts=("a",)),
    of_text("state", "", "QUEUED", "CANCELLED", parts=("led",)),
)
PIPELINE_ORDERS = st.sampled_from(("", "create_time", "title", "title desc", "create_time desc"))
NODE_ORDERS = st.sampled_from(("", "position desc", "title", "title desc", "create_time", "create_time desc"))
NONSENSE = st.sampled_from(
    (
        ("filter", "nobody = 1", "INVALID_FILTER"),
        ("filter", "title =", "INVALID_FILTER"),
        ("filter", "(title = One", "INVALID_FILTER"),
        ("filter", "state < PENDING", "INVALID_FILTER"),
        ("filter", "state = NOWHERE", "INVALID_FILTER"),
        ("order_by", "nobody", "INVALID_ORDER_BY"),
        ("order_by", "title, create_time", "INVALID_ORDER_BY"),
        ("page_token", "nonsense", "INVALID_PAGE_TOKEN"),
    )
)
EDITS = st.sampled_from(
    ("create_node", "delete_node", "retitle_node", "describe_pipeline", "create_pipeline", "delete")
)
Place: TypeAlias = tuple[Any, Any]
"""Of a row in its list: what the list is ordered by, and the row's own name."""


@dataclass(frozen=True, kw_only=True)
class List:
    """What is asked for, and what should come."""

    method: str
    request: Any
    """Without what speaks of pages."""
    pipeline: str = ""
    """Whose list it is; empty for all."""
    foresee: Callable[[], list[Place]]
    """All rows that it has now, in order."""
    is_descending: bool = False

    def behind(self, place: Place) -> list[Place]:
        """The rows that come behind a place, whether there is one in it or not."""
        return [one for one in self.foresee() if (one < place if self.is_descending else one > place)]


class Lists(Edits):
    """Pages are of the rows as they are when each is read."""

    @rule(filter_=PIPELINE_FILTERS, order=PIPELINE_ORDERS, size=SIZES)
    def list_pipelines(self, filter_: Filter, order: str, size: int) -> None:
        self._read_all(self._pipelines(filter_, order), size)

    @rule(pipeline=PIPELINES, filter_=NODE_FILTERS, order=NODE_ORDERS, size=SIZES)
    def list_nodes(self, pipeline: str, filter_: Filter, order: str, size: int) -> None:
        self._read_all(self._nodes(pipeline, filter_, order), size)

    @rule(pipeline=PIPELINES, filter_=EVENT_FILTERS, after=st.integers(0, 9), size=st.integers(2, 9))
    def list_events(self, pipeline: str, filter_: Filter, after: int, size: int) -> None:
        self._read_all(self._events(pipeline, filter_, after), size)

    @rule(
        pipeline=PIPELINES,
        orders=st.tuples(PIPELINE_ORDERS, NODE_ORDERS),
        which=st.integers(0, 2),
        edit=EDITS,
        node_id=NEW_NODE_IDS,
        node=NEW_NODES,
        described=st.tuples(TITLES, LABELS),
    )
    def list_while_it_is_edited(
        self,
        pipeline: str,
        orders: tuple[str, str],
        which: int,
        edit: str,
        node_id: str,
        node: Node,
        described: tuple[str, Labels],
    ) -> None:
        """What was there throughout is met once; what comes and goes is met where it is when its page is read."""
        listed = (
            self._pipelines(EVERYTHING, orders[0]),
            self._nodes(pipeline, EVERYTHING, orders[1]),
            self._events(pipeline, EVERYTHING, 0),
        )[which]
        before = listed.foresee() if self._is_there(listed) else []
        token = self._read_page(listed, 1, "", before)
        if not token:
            return
        self.world.rules["list_while_it_is_edited"] += 1
        self._edit(edit, pipeline, node_id, node, described)
        if self._is_there(listed):
            self._read_all(listed, 1, behind=before[0], token=token)

    @rule(method=st.sampled_from(("ListPipelines", "ListNodes")), nonsense=NONSENSE)
    def list_what_cannot_be_asked_for(self, method: str, nonsense: tuple[str, str, str]) -> None:
        field, text, reason = nonsense
        request: Any = pipelines_pb.ListPipelinesRequest()
        if method == "ListNodes":
            request = nodes_pb.ListNodesRequest(parent="pipelines/p")
        setattr(request, field, text)
        self.call(method, request, reason)

    @rule(pipeline=PIPELINES, filter_=NODE_FILTERS)
    def list_on_with_other_arguments(self, pipeline: str, filter_: Filter) -> None:
        """A token goes on only where it came from."""
        listed = self._nodes(pipeline, EVERYTHING, "")
        token = self._read_page(listed, 1, "", listed.foresee() if self._is_there(listed) else [])
        if token and filter_ is not EVERYTHING:
            other = self._nodes(pipeline, filter_, "").request
            other.page_token = token
            self.call("ListNodes", other, "INVALID_PAGE_TOKEN", rule="list_on_with_other_arguments")

    def _edit(self, edit: str, pipeline: str, node_id: str, node: Node, described: tuple[str, Labels]) -> None:
        """One edit in the middle of a step."""
        title, labels = described
        match edit:
            case "create_node":
                self.create_node(pipeline, node_id, node)
            case "delete_node":
                self.delete_node(pipeline, node_id)
            case "retitle_node":
                self.update_node(pipeline, node_id, title, node.nonce, with_etag=False)
            case "describe_pipeline":
                self.describe_pipeline(pipeline, title, labels)
            case "create_pipeline":
                self.create_pipeline("r" if "q" in self.model.pipelines else "q", title, labels)
            case "delete":
                self.delete_pipeline(pipeline, force=True, is_meant=1)
        self.look()

    def _read_all(self, listed: List, size: int, *, behind: Place | None = None, token: str = "") -> None:
        """Every page from the first, or from behind a place. Each has what it should, and the last one says so."""
        expected: Sequence[Place] = []
        if self._is_there(listed):
            expected = listed.foresee() if behind is None else listed.behind(behind)
        while True:
            token = self._read_page(listed, size, token, expected)
            expected = expected[size:]
            if not token:
                break

    def _read_page(self, listed: List, size: int, token: str, expected: Sequence[Place]) -> str:
        """One page: the first ones of what is expected. Answers the token of the next."""
        request = type(listed.request)()
        request.CopyFrom(listed.request)
        request.page_size, request.page_token = size, token
        answer = self.read(listed.method, request, listed.pipeline)
        if answer is None:
            return ""
        field = {"ListPipelines": "pipelines", "ListNodes": "nodes", "ListEvents": "events"}[listed.method]
        found = [_name(one) for one in getattr(answer, field)]
        assert found == [name for _place, name in expected[:size]], (request, found, expected)
        self._compare_all(answer)
        assert bool(answer.next_page_token) == (len(expected) > size), (request, expected)
        return str(answer.next_page_token)

    def _compare_all(self, answer: Any) -> None:
        """What a page shows is as the model has it."""
        match answer:
            case nodes_pb.ListNodesResponse():
                for one in answer.nodes:
                    _, pipeline, _, node_id = one.name.split("/")
                    self.compare(pipeline, node_id, one)
            case pipelines_pb.ListPipelinesResponse():
                for shown in answer.pipelines:
                    model = self.model.pipelines[_name(shown)]
                    assert (shown.title, dict(shown.labels)) == (model.title, dict(model.labels))
                    assert shown.node_count == len(model.nodes)

    def _is_there(self, listed: List) -> bool:
        return not listed.pipeline or listed.pipeline in self.model.pipelines

    def _pipelines(self, filter_: Filter, order: str) -> List:
        by, _, direction = (order or "create_time desc").partition(" ")

        def foresee() -> list[Place]:
            found: list[Place] = []
            for name, one in self.model.pipelines.items():
                states = frozenset(row["status"].upper() for row in self.seen[name].rows.nodes.values())
                facts = Facts(texts={"title": one.title}, states=states, labels=dict(one.labels))
                if filter_.fits(facts):
                    found.append(({"create_time": one.made, "title": one.title}[by], name))
            return sorted(found, reverse=direction == "desc")

        request = pipelines_pb.ListPipelinesRequest(filter=filter_.text, order_by=order)
        return List(method="ListPipelines", request=request, foresee=foresee, is_descending=direction == "desc")

    def _nodes(self, pipeline: str, filter_: Filter, order: str) -> List:
        by, _, direction = (order or "position").partition(" ")

        def foresee() -> list[Place]:
            found: list[Place] = []
            model = self.model.pipelines[pipeline]
            rows = {row["id"]: row for row in self.seen[pipeline].rows.nodes.values()}
            for node_id, one in model.nodes.items():
                states = frozenset({rows[node_id]["status"].upper()})
                facts = Facts(texts={"title": one.title, "type": "noop"}, states=states, labels=dict(one.labels))
                places = {
                    "position": rows[node_id]["position"],
                    "title": one.title,
                    "create_time": model.nodes_made[node_id],
                }
                if filter_.fits(facts):
                    found.append((places[by], node_id))
            return sorted(found, reverse=direction == "desc")

        request = nodes_pb.ListNodesRequest(parent=f"pipelines/{pipeline}", filter=filter_.text, order_by=order)
        return List(
            method="ListNodes",
            request=request,
            pipeline=pipeline,
            foresee=foresee,
            is_descending=direction == "desc",
        )

    def _events(self, pipeline: str, filter_: Filter, after: int) -> List:
        def foresee() -> list[Place]:
            found: list[Place] = []
            for row in self.seen[pipeline].rows.events:
                texts = {"type": row["type"], "node": row["node_id"] or "", "state": row["new_state"]}
                if row["seq"] > after and filter_.fits(Facts(texts=texts)):
                    found.append((row["seq"], row["seq"]))
            return found

        request = pipelines_pb.ListEventsRequest(
            parent=f"pipelines/{pipeline}", filter=filter_.text, after_sequence=after
        )
        return List(method="ListEvents", request=request, pipeline=pipeline, foresee=foresee)


def _name(shown: Any) -> Any:
    """What tells a row of a list from the others."""
    return shown.sequence if isinstance(shown, resources_pb2.Event) else shown.name.split("/")[-1]
