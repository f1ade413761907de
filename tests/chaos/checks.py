"""Finds what went wrong in the evidence of a run. Each finding says what is wrong with what; none is good."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.check_history import double_effects
from tests.chaos.check_results import stale_results
from tests.chaos.evidence import Evidence, Row

ACTIVE = frozenset({"QUEUED", "RUNNING", "WAITING"})


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
        stale_accepted=tuple(stale_results(evidence)),
        double_effects=tuple(double_effects(evidence)),
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
