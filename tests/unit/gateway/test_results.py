"""The families of results: one shape below four names."""

import contextlib
import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback_gateway.providers import ai_analysis, chatgpt_responses, test_runs, tooling_jobs
from callback_gateway.providers.json_body import MalformedReport, UnacceptableReport
from callback_gateway.report import ErrorType, Failure, MediaType, Outcome, Output, Progress, Report

FAMILIES = [
    (tooling_jobs, "tooling_job"),
    (test_runs, "test_run"),
    (chatgpt_responses, "chatgpt_response"),
    (ai_analysis, "ai_analysis"),
]


def parsed(**fields: Any) -> Outcome:
    return tooling_jobs.parse(json.dumps({"tooling_job": fields}).encode()).outcome


def document(outcome: Outcome) -> Any:
    assert isinstance(outcome, Output)
    return json.loads(outcome.content)


@pytest.mark.parametrize(("provider", "family"), FAMILIES)
class TestEveryFamily:
    def test_completed_gives_one_json_document(self, provider: ModuleType, family: str) -> None:
        body = {family: {"status": "completed", "output": "Analysis complete", "metadata": {"lines_analyzed": 150}}}

        assert provider.parse(json.dumps(body).encode()) == Report(
            execution_id=None,
            node_uid=None,
            executor_type="invoke-lambda",
            outcome=Output(
                media_type=MediaType.JSON,
                s3_key="",
                size_bytes=0,
                content_type="application/json",
                content='{"output":"Analysis complete","metadata":{"lines_analyzed":150}}',
            ),
        )

    def test_body_without_the_family_is_refused(self, provider: ModuleType, family: str) -> None:
        with pytest.raises(MalformedReport, match=f"^body: object missing required field `{family}`$"):
            provider.parse(b'{"status": "completed", "output": 1}')

    def test_examples_are_reports(self, provider: ModuleType, family: str) -> None:
        found = {name: provider.parse(json.dumps(body).encode()).outcome for name, body in provider.EXAMPLES.items()}

        kinds = {name: type(outcome) for name, outcome in found.items()}
        assert kinds == {"queued": Progress, "running": Progress, "completed": Output, "failed": Failure}


class TestStatus:
    def test_missing_status_is_completed(self) -> None:
        assert document(parsed(output=[1, 2])) == {"output": [1, 2]}

    def test_completed_without_output_has_none(self) -> None:
        assert document(parsed(status="completed")) == {"output": None}

    @pytest.mark.parametrize(
        ("fields", "progress"),
        [
            ({"status": "queued"}, Progress(stage="queued")),
            ({"status": "running"}, Progress(stage="running")),
            ({"status": "running", "metadata": {"progress": 40}}, Progress(stage="running", fraction=0.4)),
            ({"status": "running", "metadata": {"progress": 140}}, Progress(stage="running", fraction=1.0)),
            ({"status": "running", "metadata": {"progress": "soon"}}, Progress(stage="running")),
        ],
    )
    def test_open_status_is_progress(self, fields: dict[str, Any], progress: Progress) -> None:
        assert parsed(**fields) == progress

    @pytest.mark.parametrize(
        ("fields", "failure"),
        [
            ({"output": "no memory"}, Failure(error_type=ErrorType.LAMBDA_ERROR, message="no memory")),
            ({}, Failure(error_type=ErrorType.LAMBDA_ERROR, message="reported as failed")),
            (
                {"output": {"exit": 3}, "metadata": {"error_type": "invalid_input"}},
                Failure(error_type=ErrorType.INVALID_INPUT, message="reported as failed", details='{"exit":3}'),
            ),
            (
                {"output": "x", "metadata": {"error_type": "rate_limited"}},
                Failure(error_type=ErrorType.LAMBDA_ERROR, message="x"),
            ),
        ],
    )
    def test_failed_is_a_failure(self, fields: dict[str, Any], failure: Failure) -> None:
        assert parsed(status="failed", **fields) == failure

    @pytest.mark.parametrize("status", ["done", "COMPLETED", " completed"])
    def test_unknown_status_is_not_acceptable(self, status: str) -> None:
        with pytest.raises(UnacceptableReport) as refused:
            parsed(status=status)

        assert refused.value.errors == {"status": ["must be one of queued, running, completed, failed"]}


class TestSizes:
    def test_output_of_the_limit_is_taken(self) -> None:
        assert len(document(parsed(output="é" * 262_144))["output"]) == 262_144

    @pytest.mark.parametrize("output", ["x" * 524_289, "é" * 262_145, ["x" * 524_285]])
    def test_larger_output_is_not_acceptable(self, output: Any) -> None:
        with pytest.raises(UnacceptableReport) as refused:
            parsed(output=output)

        assert refused.value.errors == {"output": ["must have at most 524288 bytes"]}

    def test_large_metadata_is_not_acceptable(self) -> None:
        with pytest.raises(UnacceptableReport, match="metadata must have at most 65536 bytes"):
            parsed(metadata={"x": "y" * 65_536})


class TestRefusedBodies:
    @pytest.mark.parametrize(
        ("output", "words"),
        [
            (b'"a\\u0000b"', "tooling_job.output: expected text without U"),
            (b'{"deep": [{"x": "\\u0000"}]}', "tooling_job.output.deep[0].x: expected text without U"),
            (b'{"\\u0000": 1}', "tooling_job.output: expected text without U"),
            (b'"\\ud800"', "body: expected a JSON object"),
            (b"1e400000", "tooling_job.output: number out of range"),
            (b"NaN", "body: expected a JSON object"),
            (b"[" * 10_000 + b"]" * 10_000, "body: expected at most 32 levels of nesting"),
            (b"[" * 31 + b"]" * 31, "body: expected at most 32 levels of nesting"),
            (b"18446744073709551616", "tooling_job.output: expected a number of at most 64 bits"),
            (b"1" * 5000, "tooling_job.output: integer value out of range"),
        ],
    )
    def test_value_that_cannot_be_kept_is_refused_with_its_place(self, output: bytes, words: str) -> None:
        with pytest.raises(MalformedReport) as refused:
            tooling_jobs.parse(b'{"tooling_job": {"output": ' + output + b"}}")

        assert str(refused.value).startswith(words)

    def test_nesting_up_to_the_limit_is_taken(self) -> None:
        tooling_jobs.parse(b'{"tooling_job": {"output": ' + b"[" * 30 + b"]" * 30 + b"}}")

    def test_unknown_fields_are_ignored(self) -> None:
        assert parsed(output=1, id=5, extra={"a": "\0"}) == parsed(output=1)


class TestSecrets:
    def test_secrets_of_output_and_metadata_are_masked(self) -> None:
        found = document(parsed(output={"log": "password=hunter2 ok"}, metadata={"api_key": "sk-1", "lines": 3}))

        assert found == {"output": {"log": "password=*** ok"}, "metadata": {"api_key": "***", "lines": 3}}

    def test_secrets_of_a_failure_are_masked(self) -> None:
        outcome = parsed(status="failed", output="cannot log in with token: abc123")

        assert outcome == Failure(error_type=ErrorType.LAMBDA_ERROR, message="cannot log in with token: ***")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_parse_any_json_is_a_report_or_refused_in_words(value: Any) -> None:
    body = json.dumps({"tooling_job": {"output": value, "metadata": {"of": value}}}).encode()
    try:
        outcome = tooling_jobs.parse(body).outcome
    except (MalformedReport, UnacceptableReport):
        return
    assert set(document(outcome)) == {"output", "metadata"}


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,\\ tooling_jb012e+-.u', max_size=80).map(str.encode))
def test_parse_any_bytes_are_a_report_or_refused_in_words(body: bytes) -> None:
    for provider, _ in FAMILIES:
        with contextlib.suppress(MalformedReport, UnacceptableReport):
            assert isinstance(provider.parse(body), Report)
