"""Did anything happen twice, and do the events tell what the rows say?"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.evidence import Evidence

ENDS = frozenset({"EXECUTION_SUCCEEDED", "EXECUTION_FAILED", "EXECUTION_TIMED_OUT", "EXECUTION_CANCELLED"})
_SUBJECTS = {"EXECUTION": "execution", "RUN": "run"}
"""Whose states an event tells, by the first word of its type; what purchases did is told beside their executions."""


def double_effects(evidence: Evidence) -> Iterator[str]:
    """Everything that happened once too often, or that history does not know."""
    yield from _done_twice(evidence)
    yield from _does_not_add_up(evidence)


def _done_twice(evidence: Evidence) -> Iterator[str]:
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


def _does_not_add_up(evidence: Evidence) -> Iterator[str]:
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
