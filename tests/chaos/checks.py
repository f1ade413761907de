"""Finds what went wrong in the evidence of a run. Each finding says what is wrong with what; none is good."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.chaos.evidence import Evidence, Row

ACTIVE = frozenset({"QUEUED", "RUNNING", "WAITING"})
ENDS = frozenset({"EXECUTION_SUCCEEDED", "EXECUTION_FAILED", "EXECUTION_TIMED_OUT", "EXECUTION_CANCELLED"})

_SUBJECTS = {"EXECUTION": "execution", "RUN": "run"}
"""Whose states an event tells, by the first word of its type; what purchases did is told beside their executions."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Sentences, by what they prove."""

    lost: tuple[str, ...]
    """Asked for, and not there or not done."""
    stuck: tuple[str, ...]
    """Neither done nor given up."""
    stale_accepted: tuple[str, ...]
    """A result that came late, or from somebody else, changed something."""
    double_effects: tuple[str, ...]
    """Something happened twice, or history does not add up."""
    double_paid: tuple[str, ...]
    """Bought twice, or without having been intended."""
    unknown: tuple[str, ...]
    """Nobody knows whether it was bought."""

    @property
    def are_none(self) -> bool:
        return not any(vars(self).values())


def find(evidence: Evidence) -> Findings:
    """Run every check."""
    return Findings(
        lost=(*_lost(evidence), *_without_bytes(evidence)),
        stuck=tuple(_stuck(evidence)),
        stale_accepted=(*_stale_callbacks(evidence), *_foreign_results(evidence), *_foreign_purchases(evidence)),
        double_effects=(*_double_effects(evidence), *_history_does_not_add_up(evidence)),
        double_paid=tuple(_double_paid(evidence)),
        unknown=tuple(_unknown(evidence)),
    )


def _lost(evidence: Evidence) -> Iterator[str]:
    runs = {row["id"]: row for row in evidence.runs}
    pipelines = {row["id"] for row in evidence.pipelines}
    nodes: dict[str, list[Row]] = defaultdict(list)
    for node in evidence.nodes:
        nodes[node["pipeline"]].append(node)
    asked = {line["request"]: line for line in evidence.history if line["what"] in {"import", "run"}}
    for line in evidence.history:
        match line["what"]:
            case "answered":
                request = asked.pop(line["request"])
                if request["what"] == "run" and line["run"] not in runs:
                    yield f"run {line['run']} was promised, and is not there"
                if request["what"] == "import" and line["pipeline"] not in pipelines:
                    yield f"pipeline {line['pipeline']} was promised, and is not there"
            case "refused":
                yield f"{line['pipeline']} was refused with {line['code']}"
            case "wanted" if line["run"] in runs and runs[line["run"]]["state"] not in {"SUCCEEDED", "ACTIVE"}:
                yield f"run {line['run']} of {line['pipeline']} ended as {runs[line['run']]['state']}"
            case "wanted" if line["run"] in runs and runs[line["run"]]["state"] == "SUCCEEDED":
                for node in nodes[line["pipeline"]]:
                    if node["status"] != "completed" or node["done_spec"] != node["spec_digest"]:
                        yield f"{line['pipeline']}/{node['id']} is {node['status']} after a run that succeeded"
    for request in asked.values():
        yield f"{request['what']} of {request['pipeline']} was never answered"


def _without_bytes(evidence: Evidence) -> Iterator[str]:
    for execution in evidence.executions:
        key = execution["s3_key"]
        if execution["state"] == "SUCCEEDED" and key and evidence.objects.get(key) != execution["sha256"]:
            yield f"execution {execution['id']} names bytes that are not in the store as it says: {key}"


def _stuck(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs:
        if run["state"] == "ACTIVE":
            yield f"run {run['id']} of {run['pipeline']} is not over"
    for execution in evidence.executions:
        if execution["state"] in ACTIVE:
            yield f"execution {execution['id']} is {execution['state']}"
    for purchase in evidence.purchases:
        if purchase["state"] in {"INTENDED", "SUBMITTED"}:
            yield f"purchase {purchase['submit_key']} is {purchase['state']}"


def _stale_callbacks(evidence: Evidence) -> Iterator[str]:
    """What was recorded is what the vendor said, and nothing else that it said was taken."""
    executions = {row["id"]: row for row in evidence.executions}
    for line in evidence.history:
        if line["what"] != "called_back" or line["answer"] != "ok":
            continue
        execution = executions.get(line["execution"])
        if execution is None or execution["state"] != "SUCCEEDED":
            yield f"a callback was taken for {line['execution']}, which did not succeed"
        elif execution["sha256"] != line["sha256"]:
            yield f"a callback was taken for {line['execution']} that says something else than its result"


def _foreign_results(evidence: Evidence) -> Iterator[str]:
    """What a node has was made by an execution of its own, under that one's prefix."""
    made = {(row["node"], row["spec_digest"]): row for row in evidence.executions if row["state"] == "SUCCEEDED"}
    for node in evidence.nodes:
        if node["status"] != "completed" or node["type"] == "asset":
            continue
        maker = made.get((node["uid"], node["done_spec"]))
        if maker is None or maker["sha256"] != node["sha256"] or maker["s3_key"] != node["s3_key"]:
            yield f"the output of {node['pipeline']}/{node['id']} is not what its execution made"
        elif maker["s3_key"]:
            prefix = f"pipelines/{node['pipeline_uid']}/nodes/{node['uid']}/executions/{maker['id']}/"
            if not maker["s3_key"].startswith(f"{prefix}{maker['result_claim']}/"):
                yield f"the output of {node['pipeline']}/{node['id']} lies outside of its execution's prefix"


def _foreign_purchases(evidence: Evidence) -> Iterator[str]:
    """What was bought is what the node got: the vendor makes equal bytes of equal work."""
    expected = {line["work"]["nonce"]: expected_sha256(line["work"]) for line in evidence.bill}
    for node in evidence.nodes:
        is_bought = node["status"] == "completed" and node["provider"] == "ledger"
        if is_bought and expected.get(node["nonce"]) != node["sha256"]:
            yield f"the output of {node['pipeline']}/{node['id']} is not what the vendor made for it"


def expected_sha256(work: Mapping[str, object]) -> str:
    """Of what the vendor makes of some work, said once more in words of our own."""
    of = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
    return hashlib.sha256(json.dumps({"made_by": "ledger", "of": of}).ljust(200).encode()).hexdigest()


def _double_effects(evidence: Evidence) -> Iterator[str]:
    succeeded = Counter((e["node"], e["spec_digest"]) for e in evidence.executions if e["state"] == "SUCCEEDED")
    for (node, _), times in succeeded.items():
        if times > 1:
            yield f"node {node} was made {times} times from the same"
    promised = Counter(line["pipeline"] for line in evidence.history if line["what"] == "run")
    there = Counter(run["pipeline"] for run in evidence.runs)
    for pipeline, times in there.items():
        if times > promised[pipeline]:
            yield f"{pipeline} was run {times} times, and asked to {promised[pipeline]} times"
    for what, times in evidence.broken.items():
        yield f"{what}: {times}"


def _history_does_not_add_up(evidence: Evidence) -> Iterator[str]:
    """Replayed from nothing, the events say what the rows say; each execution ends once, and nothing follows."""
    sequences: dict[str, list[int]] = defaultdict(list)
    types: dict[str, list[str]] = defaultdict(list)
    states: dict[str, str] = {}
    for event in evidence.events:
        sequences[event["pipeline"]].append(event["seq"])
        subject = event[_SUBJECTS.get(event["type"].partition("_")[0], "type")]
        if event["type"].startswith("EXECUTION_"):
            types[subject].append(event["type"])
        if subject != event["type"]:
            if event["old_state"] != states.get(subject, ""):
                yield f"an event of {subject} begins at {event['old_state']}, where it was not"
            states[subject] = event["new_state"]
    for pipeline in evidence.pipelines:
        if sequences[pipeline["uid"]] != list(range(1, pipeline["last_seq"] + 1)):
            yield f"the events of {pipeline['id']} have gaps"
    for execution, told in types.items():
        if [one for one in told if one in ENDS] not in ([], told[-1:]):
            yield f"execution {execution} ended other than once and last: {told}"
    for row in (*evidence.executions, *evidence.runs):
        if states.get(row["id"]) != row["state"]:
            yield f"{row['id']} is {row['state']}, and its events say {states.get(row['id'], 'nothing')}"


def _double_paid(evidence: Evidence) -> Iterator[str]:
    intended = {row["submit_key"] for row in evidence.purchases}
    times = Counter(line["work"]["nonce"] for line in evidence.bill if line["vendor"] == "keyed")
    for nonce, count in times.items():
        if count > 1:
            yield f"the vendor was paid {count} times for {nonce}"
    for line in evidence.bill:
        if line["key"] not in intended:
            yield f"the vendor was paid for {line['work']['nonce']}, and nobody had intended that"


def _unknown(evidence: Evidence) -> Iterator[str]:
    for purchase in evidence.purchases:
        if purchase["state"] == "UNKNOWN" and purchase["vendor"] == "ledger":
            yield f"nobody knows whether {purchase['submit_key']} was bought"
