"""A check that cannot fail proves nothing: each kind of damage, done to a good run, is found, and as that kind only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checks import find
from tests.chaos.evidence import Evidence
from tests.unit.chaos.histories import WORK, a_good_run, an_event, numbered

Rows = Sequence[Mapping[str, Any]]
Damage = Callable[[Evidence], Evidence]


def changed(rows: Rows, number: int, **fields: object) -> list[dict[str, Any]]:
    return [dict(row) | (fields if place == number else {}) for place, row in enumerate(rows)]


def with_line(evidence: Evidence, **line: object) -> Evidence:
    return replace(evidence, history=[*evidence.history, line])


def ended_as(evidence: Evidence, state: str) -> Evidence:
    events = changed(evidence.events, -1 % len(evidence.events), new_state=state)
    return replace(evidence, runs=changed(evidence.runs, 0, state=state), events=events)


def twice_made(evidence: Evidence) -> Evidence:
    again = {**evidence.executions[2], "id": "e-again"}
    events = numbered(
        *({name: event[name] for name in event if name not in {"pipeline", "seq"}} for event in evidence.events),
        an_event("EXECUTION_QUEUED", execution="e-again", states=("", "QUEUED")),
        an_event("EXECUTION_SUCCEEDED", execution="e-again", states=("QUEUED", "SUCCEEDED")),
    )
    node = {"s3_key": evidence.nodes[2]["s3_key"].replace("e-plain", "e-again")}
    return replace(
        evidence,
        executions=[*evidence.executions, again | node],
        nodes=changed(evidence.nodes, 2, **node),
        objects={**evidence.objects, node["s3_key"]: again["sha256"]},
        events=events,
        pipelines=changed(evidence.pipelines, 0, last_seq=len(events)),
    )


def ended_twice(evidence: Evidence) -> Evidence:
    """A late failure after the success, taken back: the rows are as they were, and history is not."""
    late = [
        an_event("EXECUTION_FAILED", execution="e-plain", states=("SUCCEEDED", "FAILED")),
        an_event("EXECUTION_SUCCEEDED", execution="e-plain", states=("FAILED", "SUCCEEDED")),
    ]
    before = [{name: event[name] for name in event if name not in {"pipeline", "seq"}} for event in evidence.events]
    events = numbered(*before, *late)
    return replace(evidence, events=events, pipelines=changed(evidence.pipelines, 0, last_seq=len(events)))


def still_running(evidence: Evidence) -> Evidence:
    """The last execution was begun and never ended."""
    events = numbered(
        *(
            {name: event[name] for name in event if name not in {"pipeline", "seq"}}
            for event in evidence.events
            if (event["type"], event["execution"]) != ("EXECUTION_SUCCEEDED", "e-plain")
        )
    )
    return replace(
        evidence,
        executions=changed(evidence.executions, 2, state="QUEUED", s3_key=None, sha256=None),
        nodes=changed(evidence.nodes, 2, status="in_progress"),
        runs=changed(evidence.runs, 0, state="ACTIVE"),
        events=changed(events, len(events) - 1, new_state="ACTIVE"),
        pipelines=changed(evidence.pipelines, 0, last_seq=len(events)),
    )


DAMAGES: Mapping[str, tuple[str, Damage]] = {
    "run promised and gone": ("lost", lambda e: replace(e, runs=[], events=_without_run(e), pipelines=_shorter(e, 2))),
    "pipeline promised and gone": ("lost", lambda e: replace(e, pipelines=[])),
    "run ended as failed": ("lost", lambda e: ended_as(e, "FAILED")),
    "run without an answer": ("lost", lambda e: with_line(e, what="run", pipeline="film-2", request="chaos-3")),
    "request refused": (
        "lost",
        lambda e: with_line(e, what="refused", pipeline="film-1", request="x", code="INTERNAL"),
    ),
    "node stale after a success": ("lost", lambda e: replace(e, nodes=changed(e.nodes, 2, spec_digest="spec-new"))),
    "bytes gone from the store": ("lost", lambda e: replace(e, objects=dict.fromkeys(e.objects))),
    "execution without an end": ("stuck", still_running),
    "purchase that nobody asks about": (
        "stuck",
        lambda e: replace(e, purchases=changed(e.purchases, 0, state="SUBMITTED")),
    ),
    "other words taken": ("stale_accepted", lambda e: replace(e, history=changed(e.history, 6, answer="ok"))),
    "callback taken for an unknown execution": (
        "stale_accepted",
        lambda e: with_line(e, what="called_back", execution="e-none", sha256="c" * 64, status=200, answer="ok"),
    ),
    "output under another prefix": (
        "stale_accepted",
        lambda e: replace(e, executions=changed(e.executions, 2, result_claim="c-other")),
    ),
    "output of another execution": ("stale_accepted", lambda e: replace(e, nodes=changed(e.nodes, 2, sha256="f" * 64))),
    "output of other work than was bought": (
        "stale_accepted",
        lambda e: replace(e, bill=[{"vendor": "keyed", "key": "k1", "work": WORK | {"seconds": 9}}]),
    ),
    "node made twice": ("double_effects", twice_made),
    "execution ended twice": ("double_effects", ended_twice),
    "event missing": ("double_effects", lambda e: replace(e, pipelines=changed(e.pipelines, 0, last_seq=99))),
    "run twice": ("double_effects", lambda e: _with_another_run(e)),
    "seen broken on the way": ("double_effects", lambda e: replace(e, broken={"two holders of one node": 1})),
    "bought twice": (
        "double_paid",
        lambda e: replace(
            e,
            bill=[*e.bill, {"vendor": "keyed", "key": "k2", "work": WORK}],
            purchases=[*e.purchases, {**e.purchases[0], "submit_key": "k2"}],
        ),
    ),
    "bought without intent": ("double_paid", lambda e: replace(e, purchases=[])),
    "bought or not": ("unknown", lambda e: replace(e, purchases=changed(e.purchases, 0, state="UNKNOWN"))),
}


def _without_run(evidence: Evidence) -> Rows:
    left = [event for event in evidence.events if not event["run"]]
    return [{**event, "seq": number} for number, event in enumerate(left, 1)]


def _shorter(evidence: Evidence, by: int) -> Rows:
    return changed(evidence.pipelines, 0, last_seq=evidence.pipelines[0]["last_seq"] - by)


def _with_another_run(evidence: Evidence) -> Evidence:
    before = [{name: event[name] for name in event if name not in {"pipeline", "seq"}} for event in evidence.events]
    events = numbered(*before, an_event("RUN_CREATED", run="r2", states=("", "SUCCEEDED")))
    return replace(
        evidence,
        runs=[*evidence.runs, {"id": "r2", "state": "SUCCEEDED", "pipeline": "film-1"}],
        events=events,
        pipelines=changed(evidence.pipelines, 0, last_seq=len(events)),
    )


def test_a_good_run_is_found_good() -> None:
    findings = find(a_good_run())

    assert findings.are_none, findings


@pytest.mark.parametrize(("kind", "damage"), DAMAGES.values(), ids=list(DAMAGES))
def test_damage_is_found_as_what_it_is(kind: str, damage: Damage) -> None:
    findings = find(damage(a_good_run()))

    assert [name for name, found in vars(findings).items() if found] == [kind], findings
    assert not findings.are_none
