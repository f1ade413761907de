"""Veo and Google's tokens: the table of errors, and which files are taken for a service account."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from executor_service.integrations.google_token import ServiceAccount
from executor_service.integrations.vendor_errors import Away, InvalidCredentials, Refused
from executor_service.integrations.vendor_http import Answer
from executor_service.integrations.veo_errors import failure_class, refusal
from executor_service.task import ErrorType
from tests.fakes.vendors.google_account import a_service_account


def an_answer(status: int, body: object) -> Answer:
    return Answer(status=status, headers={}, body=json.dumps(body).encode())


def an_error(message: str = "words", *details: dict[str, str]) -> dict[str, object]:
    return {"error": {"code": 0, "message": message, "status": "S", "details": list(details)}}


@pytest.mark.parametrize(
    ("status", "body", "error_type"),
    [
        (400, an_error(), ErrorType.INVALID_INPUT),
        (400, an_error("API key not valid.", {"reason": "API_KEY_INVALID"}), ErrorType.CREDENTIAL),
        (400, an_error("blocked by Responsible AI. Support codes: 58061214"), ErrorType.MODERATION),
        (401, an_error(), ErrorType.CREDENTIAL),
        (403, an_error(), ErrorType.CREDENTIAL),
        (404, an_error("models/… is no longer available"), ErrorType.INVALID_INPUT),
        (404, "not an object", ErrorType.INVALID_INPUT),
    ],
)
def test_refusal_has_its_class(status: int, body: object, error_type: ErrorType) -> None:
    found = refusal(an_answer(status, body))

    assert isinstance(found, Refused)
    assert (found.error_type, found.retry_after) == (error_type, None)


@pytest.mark.parametrize(
    ("body", "wait_s"),
    [
        (an_error("busy", {"@type": "…RetryInfo", "retryDelay": "20s"}), 20),
        (an_error("Please retry in 20.04s."), 20.04),
        ([an_error()], 60),
        ({}, 60),
    ],
)
def test_busy_vendor_is_asked_when_it_says(body: object, wait_s: float) -> None:
    found = refusal(an_answer(429, body))

    assert isinstance(found, Refused)
    assert (found.error_type, found.retry_after) == (ErrorType.RATE_LIMITED, timedelta(seconds=wait_s))


@pytest.mark.parametrize("status", [409, 499, 500, 503, 504])
def test_answer_that_decides_nothing_leaves_a_doubt(status: int) -> None:
    assert isinstance(refusal(an_answer(status, an_error())), Away)


@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        (3, ErrorType.INVALID_INPUT),
        (7, ErrorType.CREDENTIAL),
        (13, ErrorType.PROVIDER_UNAVAILABLE),
        (None, ErrorType.PROVIDER_UNAVAILABLE),
    ],
)
def test_failed_operation_has_the_class_of_its_code(code: object, error_type: ErrorType) -> None:
    assert failure_class(code, "words") is error_type


def test_service_account_is_read_from_googles_file(tmp_path: Path) -> None:
    account = ServiceAccount.parse(a_service_account(tmp_path)[0].read_text())

    assert (account.email, account.project) == ("montage@films.iam.gserviceaccount.com", "films")


@pytest.mark.parametrize(
    "change", [{"private_key": "secret-canary"}, {"private_key": None}, {"client_email": ...}, {"project_id": ...}]
)
def test_other_file_is_refused_without_showing_it(tmp_path: Path, change: dict[str, object]) -> None:
    content = json.loads(a_service_account(tmp_path)[0].read_text()) | change
    text = json.dumps({name: value for name, value in content.items() if value is not ...})

    with pytest.raises(InvalidCredentials, match="expected the JSON of a service account") as refused:
        ServiceAccount.parse(text)

    assert "canary" not in str(refused.value)


def test_file_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidCredentials):
        ServiceAccount.parse("AIza-not-a-service-account")
