"""ElevenLabs: the table of its errors."""

import json
from datetime import timedelta

import pytest

from executor_service.integrations.elevenlabs_errors import refusal
from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import Answer
from executor_service.task import ErrorType


def an_answer(status: int, body: object, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=content)


def current(code: str, status: str = "") -> dict[str, object]:
    return {"detail": {"type": "t", "code": code, "message": "words", "status": status or code, "request_id": "r"}}


def legacy(status: str) -> dict[str, object]:
    return {"detail": {"status": status, "message": "words"}}


FAULTS = {"detail": [{"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": {}}]}


@pytest.mark.parametrize(
    ("status", "body", "error_type"),
    [
        (400, current("text_too_long"), ErrorType.INVALID_INPUT),
        (400, legacy("max_character_limit_exceeded"), ErrorType.INVALID_INPUT),
        (401, current("unauthorized", "invalid_api_key"), ErrorType.CREDENTIAL),
        (401, legacy("needs_authorization"), ErrorType.CREDENTIAL),
        (401, legacy("quota_exceeded"), ErrorType.QUOTA_EXHAUSTED),
        (401, current("payment_required", "quota_exceeded"), ErrorType.QUOTA_EXHAUSTED),
        (402, current("insufficient_credits"), ErrorType.QUOTA_EXHAUSTED),
        (403, current("voice_access_denied"), ErrorType.CREDENTIAL),
        (404, current("voice_not_found"), ErrorType.INVALID_INPUT),
        (422, FAULTS, ErrorType.INVALID_INPUT),
        (418, b"<html>", ErrorType.INVALID_INPUT),
    ],
)
def test_refusal_has_its_class_in_each_shape(status: int, body: object, error_type: ErrorType) -> None:
    found = refusal(an_answer(status, body))

    assert isinstance(found, Refused)
    assert (found.error_type, found.retry_after) == (error_type, None)


def test_faults_of_a_body_are_told_with_their_place() -> None:
    assert str(refusal(an_answer(422, FAULTS))) == "ElevenLabs: body.text: Field required"


@pytest.mark.parametrize(
    ("body", "headers", "wait_s"),
    [
        (current("too_many_concurrent_requests"), {}, 5),
        (legacy("system_busy"), {"retry_after": "2"}, 2),
        (b"", {}, 5),
    ],
)
def test_busy_vendor_is_asked_soon_again(body: object, headers: dict[str, str], wait_s: float) -> None:
    found = refusal(an_answer(429, body, **headers))

    assert isinstance(found, Refused)
    assert (found.error_type, found.retry_after) == (ErrorType.RATE_LIMITED, timedelta(seconds=wait_s))


@pytest.mark.parametrize("status", [408, 500, 503])
def test_answer_that_decides_nothing_leaves_a_doubt(status: int) -> None:
    assert isinstance(refusal(an_answer(status, {"detail": "Internal Server Error"})), Away)
