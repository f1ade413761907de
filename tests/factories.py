"""Builders: a test states what its case is about and leaves the rest to these."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from pipeline_service.domain.document import Document, read_document, read_node
from pipeline_service.domain.edits import put_node
from pipeline_service.domain.engine.decide import decide
from pipeline_service.domain.engine.editing import apply_import
from pipeline_service.domain.engine.reports import Answer, Beat, Complete, Fail, Report, Start, StartAnswer
from pipeline_service.domain.engine.runs import execute_node, start_run
from pipeline_service.domain.engine.scheduling import go_on
from pipeline_service.domain.engine.working_set import Finding, Question, Rules, WorkingSet
from pipeline_service.domain.ids import Claim, ExecutionId, NodeId, NodeUid, Owner, PipelineId, PipelineUid
from pipeline_service.domain.model import Execution, Node, Run, RunNode
from pipeline_service.domain.node_types import build_catalogue
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.structure import build_structure, document_of, plan_import
from pipeline_service.domain.values import Failure, Output

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=60)
OWNER = Owner("default")
ACTOR = "spiffe://montage/client/test"


def noop(node_id: str, *after: str, **config: Any) -> dict[str, Any]:
    """A document's node that does nothing."""
    return {"id": node_id, "type": "noop", "inputs": {"after": list(after)}, "config": {"provider": "local", **config}}


def a_document(*nodes: Mapping[str, Any], document_id: str = "film") -> dict[str, Any]:
    """A document whose noop nodes do work of their own: a `nonce` that is given says otherwise."""
    return {"id": document_id, "title": "A film", "nodes": [_own_work(document_id, node) for node in nodes]}


def _own_work(document_id: str, node: Mapping[str, Any]) -> Mapping[str, Any]:
    config = node.get("config")
    if node.get("type") != "noop" or "id" not in node or not isinstance(config, dict):
        return node
    return {**node, "config": {"nonce": f"{document_id}/{node['id']}", **config}}


def some_rules(**changes: Any) -> Rules:
    """Rules whose ids count upwards and whose chance is always 1: delays are at their ceiling."""
    numbers = count(1)
    rules = Rules(
        catalogue=build_catalogue(with_test_types=True),
        lease=LEASE,
        new_id=lambda: UUID(int=next(numbers)),
        chance=lambda: 1.0,
    )
    return replace(rules, **changes)


class World:
    """A pipeline in memory: one working set that time and reports move on."""

    def __init__(self, *nodes: Mapping[str, Any], rules: Rules | None = None) -> None:
        self.rules = rules or some_rules()
        self.uid = PipelineUid(uuid4())
        empty = build_structure(self.uid, pipeline_id=PipelineId("film"), version=0, specs=())
        self.ws = WorkingSet(now=NOW, structures={self.uid: empty}, sequences={self.uid: 0}, owners={self.uid: OWNER})
        self.elsewhere: ExecutionId | None = None
        """An execution of another pipeline that does whatever is asked about."""
        self.import_(*nodes)

    def import_(self, *nodes: Mapping[str, Any]) -> None:
        document = read(a_document(*nodes))
        plan = plan_import(document, self.ws.structures[self.uid], catalogue=self.rules.catalogue, new_uid=uuid4)
        apply_import(self.ws, plan, uploaded={}, actor=ACTOR)

    def import_partly(self, *nodes: Mapping[str, Any]) -> None:
        """As single edits do: what breaks the rules of its type is kept with its problems."""
        document = document_of(self.ws.structures[self.uid])
        for raw in a_document(*nodes)["nodes"]:
            node, _ = read_node(raw, self.rules.catalogue)
            assert node is not None
            document, refusals = put_node(document, node)
            assert not refusals
        plan = plan_import(document, self.ws.structures[self.uid], catalogue=self.rules.catalogue, new_uid=uuid4)
        apply_import(self.ws, plan, uploaded={}, actor=ACTOR)

    def run(self, *targets: str, force: bool = False) -> Run:
        uids = tuple(self.node_uid(target) for target in targets)
        self.pass_time(timedelta(milliseconds=1))
        run = start_run(self.ws, self.uid, targets=uids, force=force, rules=self.rules, actor=ACTOR)
        self.settle()
        return self.ws.runs[run.id]

    def execute(self, node_id: str) -> Run:
        run = execute_node(self.ws, self.node_uid(node_id), force=False, rules=self.rules, actor=ACTOR)
        self.settle()
        return self.ws.runs[run.id]

    def report(self, report: Report) -> Answer:
        answer = decide(self.ws, report, rules=self.rules)
        self.settle()
        return answer

    def settle(self) -> None:
        """Answer what was asked, level by level; nobody outside does anything, unless `elsewhere` says so."""
        while self.ws.questions:
            questions = self.ws.take_questions(1000)
            go_on(self.ws, [(one, self.finding(one)) for one in questions], rules=self.rules)
        self.ws.findings.clear()

    def finding(self, question: Question) -> Finding:
        found = [one for one in self.ws.artifacts if one.work_digest == question.work_digest]
        found.sort(key=lambda one: (one.output.s3_key == question.present_key, one.create_time))
        return Finding(work_digest=question.work_digest, artifact=found[-1] if found else None, holder=self.elsewhere)

    def claim(self, node_id: str, *, claim: Claim | None = None) -> tuple[Execution, Claim]:
        """A worker takes the active execution of a node."""
        execution = self.active(node_id)
        chosen = claim or Claim(uuid4())
        answer = self.report(
            Start(execution_id=execution.id, claim=chosen, dispatch_no=execution.dispatch_no, actor="worker")
        )
        assert isinstance(answer, StartAnswer)
        return self.active(node_id), chosen

    def complete(self, node_id: str, *, sha256: str = "") -> Answer:
        """A worker takes the active execution of a node and completes it."""
        execution, claim = self.claim(node_id)
        return self.report(a_completion(execution, claim, sha256=sha256))

    def fail(self, node_id: str, error_type: str) -> Answer:
        execution, claim = self.claim(node_id)
        failure = Failure(error_type=error_type, message="it broke")
        return self.report(Fail(execution_id=execution.id, claim=claim, failure=failure, actor="worker"))

    def pass_time(self, by: timedelta) -> None:
        self.ws.now += by

    def node_uid(self, node_id: str) -> NodeUid:
        specs = self.ws.structures[self.uid].nodes.values()
        return next(spec.uid for spec in specs if spec.id == NodeId(node_id))

    def node(self, node_id: str) -> Node:
        return self.ws.nodes[self.node_uid(node_id)]

    def active(self, node_id: str) -> Execution:
        execution_id = self.node(node_id).execution_id
        assert execution_id is not None, f"node '{node_id}' has no active execution"
        return self.ws.executions[execution_id]

    def decision(self, run: Run, node_id: str) -> RunNode:
        return self.ws.run_nodes[run.id, self.node_uid(node_id)]

    def active_nodes(self) -> set[str]:
        """Ids of nodes with an active execution."""
        specs = self.ws.structures[self.uid].nodes
        return {specs[node.uid].id for node in self.ws.nodes.values() if node.execution_id}


def read(raw: Mapping[str, Any]) -> Document:
    document, violations = read_document(raw, build_catalogue(with_test_types=True))
    assert document is not None, violations
    return document


def an_output(execution: Execution, claim: Claim, *, sha256: str = "", size_bytes: int = 10) -> Output:
    return Output(
        type=MediaType.JSON,
        s3_key=f"pipelines/p/nodes/n/executions/{execution.id}/{claim}/output.json",
        size_bytes=size_bytes,
        sha256=sha256,
    )


def a_completion(
    execution: Execution, claim: Claim, *, sha256: str = "", size_bytes: int = 10, is_external: bool = False
) -> Complete:
    return Complete(
        execution_id=execution.id,
        claim=claim,
        output=an_output(execution, claim, sha256=sha256, size_bytes=size_bytes),
        is_external=is_external,
        actor="worker",
    )


def a_beat(execution_id: ExecutionId, claim: Claim, **changes: Any) -> Beat:
    return replace(Beat(execution_id=execution_id, claim=claim, actor="worker"), **changes)
