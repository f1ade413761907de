"""One table from what happened to what the caller reads."""

from datetime import timedelta

import pytest

from callback_gateway import completion, tokens
from callback_gateway.pipeline_away import PipelineAway
from callback_gateway.providers.json_body import MalformedReport, UnacceptableReport
from callback_gateway.report import Disposition
from callback_gateway.routes import answers
from callback_gateway.routes.body import BodyTooLarge, NotJson
from callback_gateway.routes.buckets import TooManyRequests
from callback_gateway.routes.slots import Overloaded


@pytest.mark.parametrize("disposition", [Disposition.APPLIED, Disposition.DUPLICATE])
def test_of_disposition_recorded_is_ok(disposition: Disposition) -> None:
    answer = answers.of_disposition(disposition)

    assert (answer.status, answer.body, answer.disposition) == (200, {"status": "ok"}, disposition)


@pytest.mark.parametrize(
    ("disposition", "reason"),
    [
        (Disposition.SUPERSEDED, "stale_callback"),
        (Disposition.LOST, "stale_callback"),
        (Disposition.CONFLICT, "conflict"),
    ],
)
def test_of_disposition_stale_is_ignored(disposition: Disposition, reason: str) -> None:
    answer = answers.of_disposition(disposition, created="an id")

    assert (answer.status, answer.disposition) == (200, disposition)
    assert answer.body == {"status": "ignored", "reason": reason}


@pytest.mark.parametrize("disposition", [Disposition.APPLIED, Disposition.DUPLICATE])
def test_of_disposition_of_something_made_tells_its_id(disposition: Disposition) -> None:
    answer = answers.of_disposition(disposition, created="an id")

    assert (answer.status, answer.body) == (201, {"id": "an id"})


def test_gone_is_ignored() -> None:
    assert (answers.gone().status, answers.gone().body) == (200, {"status": "ignored", "reason": "gone"})


def test_of_error_unacceptable_field_is_named() -> None:
    answer = answers.of_error(UnacceptableReport("status", "must be one of a, b"))

    assert answer is not None
    assert (answer.status, answer.body) == (422, {"errors": {"status": ["must be one of a, b"]}})


def test_of_error_too_many_requests_says_when_to_come_back() -> None:
    answer = answers.of_error(TooManyRequests(timedelta(seconds=1.2)))

    assert answer is not None
    assert (answer.status, answer.body, answer.headers) == (
        429,
        {"error": "too many requests"},
        {"Retry-After": "2"},
    )


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (tokens.CapabilityRefused("not signed by a live key"), 401, "invalid capability"),
        (tokens.CapabilityRefused("expected one capability, found 0"), 401, "invalid capability"),
        (completion.CapabilityInvalid("CAPABILITY_INVALID"), 401, "invalid capability"),
        (tokens.CapabilityExpired("capability of execution x has expired"), 410, "capability has expired"),
        (completion.CapabilityTooOld("CAPABILITY_EXPIRED"), 410, "capability has expired"),
        (MalformedReport("node_uuid is required"), 400, "node_uuid is required"),
        (NotJson("content-type must be application/json"), 415, "content-type must be application/json"),
        (BodyTooLarge("body must have at most 65536 bytes"), 413, "body must have at most 65536 bytes"),
        (tokens.ReportDisagrees("node_uuid disagrees"), 422, "node_uuid disagrees"),
        (
            completion.ReportRefused("ARTIFACT_MISMATCH"),
            422,
            "the artifact is not in the store as described",
        ),
        (completion.ReportRefused("SOMETHING_NEW"), 422, "report refused"),
        (Overloaded("too many callbacks at once"), 503, "too many callbacks at once"),
    ],
)
def test_of_error_known_error_has_its_answer(error: Exception, status: int, words: str) -> None:
    answer = answers.of_error(error)

    assert answer is not None
    assert (answer.status, answer.body) == (status, {"error": words})


@pytest.mark.parametrize(("after_s", "header"), [(0.0, "1"), (0.2, "1"), (2.0, "2"), (2.1, "3")])
def test_of_error_pipeline_away_says_when_to_come_back(after_s: float, header: str) -> None:
    answer = answers.of_error(PipelineAway("UNAVAILABLE", retry_after=timedelta(seconds=after_s)))

    assert answer is not None
    assert (answer.status, answer.headers) == (503, {"Retry-After": header})


def test_of_error_unforeseen_error_has_none() -> None:
    assert answers.of_error(RuntimeError("boom")) is None
    assert answers.internal_error().body == {"error": "internal error"}
