"""What work that runs elsewhere says of how far it is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback_gateway.providers.json_body import MalformedReport
from callback_gateway.providers.progress import EXAMPLES, parse
from callback_gateway.report import Progress, Report
from tests.unit.gateway.capabilities import EXECUTION, NODE


def parsed(**fields: Any) -> Report:
    return parse(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("fields", "stage", "fraction"),
    [
        ({"event": "progress", "current": 3, "total": 12, "progress": 25}, "progress", 0.25),
        ({"event": "progress", "current": 3, "total": 12}, "progress", 0.25),
        ({"event": "progress", "message": "mesh 3 of 12"}, "mesh 3 of 12", None),
        ({"current": 3, "total": 0}, "progress", None),
        ({"current": 3}, "progress", None),
        ({"progress": 250}, "progress", 1.0),
        ({"progress": -1}, "progress", 0.0),
        ({"message": "x" * 100}, "x" * 64, None),
        ({"message": "token=abc"}, "token=***", None),
        ({}, "progress", None),
    ],
)
def test_parse_tells_stage_and_share(fields: dict[str, Any], stage: str, fraction: float | None) -> None:
    assert parsed(**fields).outcome == Progress(stage=stage, fraction=fraction)


def test_parse_ids_are_those_of_the_body() -> None:
    report = parsed(job_id=EXECUTION.upper(), node_uuid=NODE)

    assert (report.execution_id, report.node_uid, report.executor_type) == (EXECUTION, NODE, None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"job_id": "mesh_17"}', "job_id: expected a UUID, found 'mesh_17'"),
        (b'{"progress": "half"}', "progress: expected `float | null`, got `str`"),
        (b'{"progress": 1e400000}', "progress: number out of range"),
        (b'{"message": "\\u0000"}', "message: expected text without U"),
    ],
)
def test_parse_what_cannot_be_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(MalformedReport) as refused:
        parse(body)

    assert str(refused.value).startswith(words)


def test_examples_are_progress() -> None:
    assert {type(parse(json.dumps(body).encode()).outcome) for body in EXAMPLES.values()} == {Progress}


@given(st.dictionaries(st.sampled_from(["job_id", "current", "total", "progress", "message"]), st.none() | st.floats()))
def test_parse_share_is_one(fields: dict[str, Any]) -> None:
    try:
        outcome = parsed(**fields).outcome
    except MalformedReport:
        return
    assert isinstance(outcome, Progress)
    assert outcome.fraction is None or 0 <= outcome.fraction <= 1
