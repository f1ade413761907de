"""What must hold after every step, whatever happened: S1-S7, S11, S15, S16, S19, S21 and L1 of the invariants.

Each check looks at rows only; `before` are those of the step before.
"""

from collections import Counter, defaultdict
from operator import contains
from uuid import UUID

from tests.integration.pipeline.machine.rows import ACTIVE, OPEN, SATISFIED, Row, Rows


class Lineage:
    """Which digests each meaning of a node was made of, collected over the life of a pipeline.

    One output may count for several meanings: for all that ask for the same work. And work that is pinned to one of
    two outputs with the same bytes counts for whoever means the other.
    """

    def __init__(self) -> None:
        self._sources: dict[str, tuple[str, ...]] = {}
        self._meanings: dict[str, set[str]] = defaultdict(set)

    def learn(self, rows: Rows) -> None:
        """Remember what every node means now, and under which meaning every output was made."""
        for uid, node in rows.nodes.items():
            sources = tuple(rows.nodes[source]["spec_digest"] for source in rows.sources(uid))
            self._sources[node["spec_digest"]] = sources
            if node["output"]:
                self._meanings[_bytes_of(node["output"])].add(node["done_spec"])
        for execution in rows.executions.values():
            if execution["output"]:
                self._meanings[_bytes_of(execution["output"])].add(execution["spec_digest"])

    def check(self, execution: Row) -> None:
        """The inputs that an execution works on are what its spec digest says (S6)."""
        made_of = [self._meanings[_bytes_of(one["output"])] for one in execution["work"]["inputs"]]
        expected = self._sources[execution["spec_digest"]]
        agrees = len(made_of) == len(expected) and all(map(contains, made_of, expected))
        assert agrees, f"execution {execution['id']} is pinned to outputs of other specs than it claims"


def _bytes_of(output: Row) -> str:
    return str(output["sha256"] or output["s3Key"])


def check_rows(rows: Rows) -> None:
    """Everything that one look at the rows can tell."""
    _check_one_active_execution(rows)
    for node in rows.nodes.values():
        _check_node(rows, node)
    for execution in rows.executions.values():
        _check_due_times(execution)
    for run in rows.runs.values():
        _check_run(rows, run)
    _check_events(rows)
    _check_counts(rows)
    for edge in rows.edges:
        assert edge["source_uid"] in rows.nodes, f"an input refers to no node of the pipeline: {edge}"


def _check_counts(rows: Rows) -> None:
    """The pipeline's row says how many of its nodes are in which state."""
    counts = Counter(node["status"] for node in rows.nodes.values())
    for status in ("pending", "in_progress", "completed", "failed"):
        counted = rows.pipeline[f"{status}_nodes"]
        assert counted == counts[status], f"{counts[status]} nodes are {status}, the pipeline counts {counted}"


def check_step(before: Rows, after: Rows, lineage: Lineage) -> None:
    """Everything that only the step from one look to the next can tell."""
    lineage.learn(after)
    for execution_id, old in before.executions.items():
        new = after.executions.get(execution_id)
        assert new is not None, f"execution {execution_id} vanished"
        if old["state"] not in ACTIVE:
            assert new == old, f"ended execution {execution_id} changed: {_difference(old, new)}"
        assert new["attempt"] == old["attempt"]
        assert new["dispatch_no"] >= old["dispatch_no"], f"dispatch_no of {execution_id} fell"
    for execution_id, new in after.executions.items():
        if execution_id not in before.executions:
            lineage.check(new)
            _check_displaced(before, after, new)
    for node_uid, node in after.nodes.items():
        if node_uid in before.nodes:
            assert node["attempts"] >= before.nodes[node_uid]["attempts"], f"attempts of node {node['id']} fell"
    for run_id in after.runs.keys() - before.runs.keys():
        _check_kept(before, after, run_id)
    for run_id, run in before.runs.items():
        _check_run_step(before, after, run_id, old=run, new=after.runs[run_id])
    assert before.artifact_keys <= after.artifact_keys, "an artifact vanished"
    _check_new_events(before, after)


def _check_displaced(before: Rows, after: Rows, new: Row) -> None:
    """Work that is under way is thrown away only for other work."""
    for old in before.executions.values():
        is_thrown_away = old["state"] in ACTIVE and after.executions[old["id"]]["state"] == "CANCELLED"
        if is_thrown_away and old["node_uid"] == new["node_uid"]:
            digests = [(one["spec_digest"], one["work_digest"]) for one in (old, new)]
            assert digests[0] != digests[1], f"execution {old['id']} was cancelled for {new['id']}, which does the same"


def _check_one_active_execution(rows: Rows) -> None:
    active = Counter(row["node_uid"] for row in rows.executions.values() if row["state"] in ACTIVE)
    assert all(count == 1 for count in active.values()), f"more than one active execution: {active}"
    flights = Counter(row["work_digest"] for row in rows.makers.values() if row["state"] in ACTIVE)
    assert all(count == 1 for count in flights.values()), f"the same work is done more than once: {flights}"
    in_progress = {uid for uid, node in rows.nodes.items() if node["status"] == "in_progress"}
    assert set(active) == in_progress, "nodes in progress are not those with an active execution"


def _check_node(rows: Rows, node: Row) -> None:
    assert (node["status"] == "in_progress") == (node["execution_id"] is not None), node
    of_node = [row for row in rows.executions.values() if row["node_uid"] == node["uid"]]
    if node["execution_id"]:
        execution = rows.executions[node["execution_id"]]
        assert (execution["node_uid"], execution["state"] in ACTIVE) == (node["uid"], True), (node, execution)
    if of_node:
        latest = max(of_node, key=lambda row: row["attempt"])
        assert (node["attempts"], node["latest_execution_id"]) == (latest["attempt"], latest["id"]), node
        assert sorted(row["attempt"] for row in of_node) == list(range(1, len(of_node) + 1)), "attempts have gaps"
    if node["status"] == "failed":
        assert node["failure"], f"node {node['id']} failed without a reason"
    if node["status"] == "completed":
        assert node["output"], f"node {node['id']} is completed without an output"
    if node["output"] and node["type"] != "asset":
        _check_provenance(rows, node)


def _check_provenance(rows: Rows, node: Row) -> None:
    """The node's own execution made it, or any other one of its owner; late results may have been taken over, too."""
    artifact = rows.artifacts[node["output"]["s3Key"]]
    maker = rows.makers[artifact["execution_id"]]
    prefix = f"pipelines/{maker['pipeline_uid']}/nodes/{maker['node_uid']}/executions/{maker['id']}/"
    assert artifact["s3_key"].startswith(prefix), f"an artifact lies outside of its maker's prefix: {artifact}"
    assert artifact["work_digest"] == maker["work_digest"], f"an artifact is kept as that of other work: {artifact}"
    assert node["output"] == artifact["output"], f"node {node['id']} says of its output what its artifact does not"
    assert node["content_digest"] == (node["output"]["sha256"] or f"execution:{maker['id']}")


def _check_due_times(execution: Row) -> None:
    """Nothing active waits for nothing (S21, L1)."""
    has = {name: execution[name] is not None for name in ("dispatch_due_at", "lease_until", "close_due_at", "claim")}
    match execution["state"]:
        case "QUEUED":
            assert has["dispatch_due_at"], execution
            assert has["close_due_at"], execution
            assert not has["claim"], execution
        case "RUNNING":
            assert has["claim"], execution
            assert has["lease_until"], execution
            assert has["close_due_at"], execution
        case "WAITING":
            assert has["close_due_at"], execution
            assert not has["claim"], execution
            assert execution["waiting_for"], execution
        case _:
            assert not any(has.values()), f"an ended execution is still due: {execution}"
            assert execution["end_time"] >= (execution["start_time"] or execution["create_time"]), execution


def _check_run(rows: Rows, run: Row) -> None:
    decisions = rows.rows_of(run["id"])
    still_open = [row for row in decisions.values() if row["decision"] in OPEN]
    is_open = run["state"] in ("ACTIVE", "PAUSED")
    assert bool(still_open) == is_open, f"run {run['id']} is {run['state']} with {still_open}"
    assert (run["end_time"] is None) == is_open, run
    for node_uid, row in decisions.items():
        execution = rows.executions.get(row["execution_id"]) if row["execution_id"] else None
        match row["decision"]:
            case "ACTIVE":
                assert execution, row
                assert execution["state"] in ACTIVE, (row, execution)
                assert execution["node_uid"] == node_uid, (row, execution)
                assert _inputs_are_there(rows, decisions, node_uid), f"queued without its inputs: {row}"
            case "WANTED":
                is_forgotten = _inputs_are_there(rows, decisions, node_uid) and not rows.has_wake
                assert not is_forgotten or _is_held(rows, run, node_uid), f"forgotten: {row}"
            case "WAITING":
                is_woken = rows.has_wake or _is_held(rows, run, node_uid)
                assert row["waiting_digest"] in rows.flights or is_woken, f"waits for nobody: {row}"
            case "REUSED":
                assert (row["reused_from"] or None) is None or row["reused_from"] in rows.makers, row
            case "DONE":
                assert execution, row
                assert execution["state"] == "SUCCEEDED", (row, execution)
            case "FAILED":
                assert execution, row
                assert execution["state"] in ("FAILED", "TIMED_OUT"), (row, execution)


def _is_held(rows: Rows, run: Row, node_uid: UUID) -> bool:
    """Whether a run may not begin with a node."""
    return bool(run["state"] == "PAUSED" or rows.pipeline["paused"] or rows.nodes[node_uid]["paused"])


def _inputs_are_there(rows: Rows, decisions: dict[UUID, Row], node_uid: UUID) -> bool:
    return all(decisions[source]["decision"] in SATISFIED for source in rows.sources(node_uid))


def _check_kept(before: Rows, after: Rows, run_id: UUID) -> None:
    """A new run keeps only what is current."""
    for node_uid, row in after.rows_of(run_id).items():
        if row["decision"] == "REUSED":
            node = after.nodes[node_uid]
            meant = {rows.nodes[node_uid]["spec_digest"] for rows in (before, after)}
            assert node["done_spec"] in meant, f"run {run_id} keeps the stale output of node {node['id']}"


def _check_run_step(before: Rows, after: Rows, run_id: UUID, *, old: Row, new: Row) -> None:
    decisions = after.rows_of(run_id)
    if old["state"] not in ("ACTIVE", "PAUSED"):
        assert (new, decisions) == (old, before.rows_of(run_id)), f"run {run_id} changed after its end"
        return
    was = before.rows_of(run_id)
    for node_uid, row in decisions.items():
        if row["decision"] == "DONE" != was[node_uid]["decision"]:
            _check_made_for_today(before, after, row)
            _check_made_in_order(after, decisions, row)
    if new["state"] == "SUCCEEDED":
        assert all(row["decision"] in SATISFIED for row in decisions.values()), decisions
    failed = {node_uid for node_uid, row in decisions.items() if _is_hopeless(row)}
    if new["state"] == "FAILED":
        assert failed, f"run {run_id} failed without a failed node: {decisions}"
    for node_uid, row in was.items():
        if decisions[node_uid]["decision"] == "SKIPPED" != row["decision"] and new["state"] != "CANCELLED":
            assert failed & {node_uid, *before.above(node_uid)}, (
                f"left out, but nothing above it failed in this run: {row}"
            )


def _is_hopeless(row: Row) -> bool:
    """Whether a run lost a node for itself, not for one above it."""
    return row["decision"] == "FAILED" or (row["decision"] == "SKIPPED" and row["reason"] == "the node was cancelled")


def _check_made_for_today(before: Rows, after: Rows, row: Row) -> None:
    """What a run has made is what its node means now, or meant until an edit at the same moment."""
    meant = {rows.nodes[row["node_uid"]]["spec_digest"] for rows in (before, after) if row["node_uid"] in rows.nodes}
    made = after.executions[row["execution_id"]]["spec_digest"]
    assert made in meant, f"run {row['run_id']} takes an output of node {row['node_uid']} that is stale"


def _check_made_in_order(rows: Rows, decisions: dict[UUID, Row], row: Row) -> None:
    """What a run made is made of what it made before, or of the same bytes."""
    execution = rows.executions[row["execution_id"]]
    for one in execution["work"]["inputs"]:
        source = decisions[UUID(one["nodeUid"])]
        if source["decision"] != "DONE":
            continue
        made_at = rows.executions[source["execution_id"]]["end_time"]
        since = [row for row in rows.executions.values() if row["output"] and row["end_time"] >= made_at]
        same_bytes = {row["output"]["sha256"] for row in since if row["node_uid"] == source["node_uid"]} - {""}
        is_fresh = execution["create_time"] >= made_at or one["output"]["sha256"] in same_bytes
        assert is_fresh, f"execution {execution['id']} was queued before its input '{one['nodeId']}' was made"


def _check_events(rows: Rows) -> None:
    sequence = [event["seq"] for event in rows.events]
    assert sequence == list(range(1, rows.pipeline["last_seq"] + 1)), "the sequence of events has gaps"


def _check_new_events(before: Rows, after: Rows) -> None:
    """Each change of state has its event, each event its change (S19)."""
    states = {execution_id: row["state"] for execution_id, row in before.executions.items()}
    states |= {run_id: row["state"] for run_id, row in before.runs.items()}
    for event in after.events[len(before.events) :]:
        subject = event["execution_id"] or event["run_id"]
        if event["type"] == "NODE_REUSED":
            assert event["new_state"] == "COMPLETED", event
        elif event["type"] == "EXECUTION_QUARANTINED":
            assert subject in states, event
        elif subject is not None:
            assert event["old_state"] == states.get(subject, ""), f"an event tells of another old state: {event}"
            states[subject] = event["new_state"]
    now = {execution_id: row["state"] for execution_id, row in after.executions.items()}
    now |= {run_id: row["state"] for run_id, row in after.runs.items()}
    assert states == now, "events and rows disagree about states"


def _difference(old: Row, new: Row) -> dict[str, tuple[object, object]]:
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}
