"""A run in which all went well, as evidence: one node was bought, one was called back about, one is of neither kind."""

from typing import Any

from tests.chaos.check_results import expected_sha256
from tests.chaos.evidence import Evidence

WORK = {"nonce": "film-1/bought", "seconds": 1.5}
BOUGHT_SHA256 = expected_sha256(WORK)
PREFIX = "pipelines/p1/nodes/{node}/executions/{execution}/{claim}/output.json"
Fields = dict[str, Any]


def a_good_run() -> Evidence:
    nodes = [
        a_node("bought", sha256=BOUGHT_SHA256, provider="ledger", nonce="film-1/bought"),
        a_node("called", sha256="c" * 64, s3_key=""),
        a_node("plain", sha256="d" * 64),
    ]
    executions = [
        {
            "id": f"e-{node['id']}",
            "node": node["uid"],
            "state": "SUCCEEDED",
            "spec_digest": node["spec_digest"],
            "result_claim": f"c-{node['id']}",
            "s3_key": node["s3_key"],
            "sha256": node["sha256"],
            "content": "",
            "seconds": 2.0,
        }
        for node in nodes
    ]
    return Evidence(
        history=[
            {"what": "import", "pipeline": "film-1", "request": "chaos-1"},
            {"what": "answered", "pipeline": "film-1", "request": "chaos-1", "run": None},
            {"what": "run", "pipeline": "film-1", "request": "chaos-2"},
            {"what": "answered", "pipeline": "film-1", "request": "chaos-2", "run": "r1"},
            {"what": "wanted", "pipeline": "film-1", "run": "r1"},
            {"what": "called_back", "execution": "e-called", "sha256": "c" * 64, "status": 200, "answer": "ok"},
            {"what": "called_back", "execution": "e-called", "sha256": "e" * 64, "status": 200, "answer": "ignored"},
        ],
        bill=[{"vendor": "keyed", "key": "k1", "work": WORK}],
        pipelines=[{"uid": "p1", "id": "film-1", "last_seq": 2 + 2 * len(executions)}],
        runs=[{"id": "r1", "state": "SUCCEEDED", "pipeline": "film-1"}],
        nodes=nodes,
        executions=executions,
        events=numbered(
            an_event("RUN_CREATED", run="r1", states=("", "ACTIVE")),
            *(an_event("EXECUTION_QUEUED", execution=one["id"], states=("", "QUEUED")) for one in executions),
            *(
                an_event("EXECUTION_SUCCEEDED", execution=one["id"], states=("QUEUED", "SUCCEEDED"))
                for one in executions
            ),
            an_event("RUN_SUCCEEDED", run="r1", states=("ACTIVE", "SUCCEEDED")),
        ),
        purchases=[{"submit_key": "k1", "work_digest": "w1", "vendor": "ledger", "state": "SETTLED"}],
        objects={node["s3_key"]: node["sha256"] for node in nodes if node["s3_key"]},
    )


def a_node(node: str, *, sha256: str, s3_key: str | None = None, provider: str = "local", nonce: str = "") -> Fields:
    uid = f"n-{node}"
    return {
        "uid": uid,
        "id": node,
        "pipeline": "film-1",
        "pipeline_uid": "p1",
        "type": "noop",
        "status": "completed",
        "spec_digest": f"spec-{node}",
        "done_spec": f"spec-{node}",
        "s3_key": PREFIX.format(node=uid, execution=f"e-{node}", claim=f"c-{node}") if s3_key is None else s3_key,
        "sha256": sha256,
        "provider": provider,
        "nonce": nonce or f"film-1/{node}",
    }


def an_event(kind: str, *, states: tuple[str, str], execution: str | None = None, run: str | None = None) -> Fields:
    return {"type": kind, "execution": execution, "run": run, "old_state": states[0], "new_state": states[1]}


def numbered(*events: Fields) -> list[Fields]:
    return [{"pipeline": "p1", "seq": number, **event} for number, event in enumerate(events, 1)]
