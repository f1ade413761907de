"""HeyGen: the table of its errors, and the sizes that it makes."""

import json
from datetime import timedelta

import pytest

from executor_service.executors.heygen_vendor import picture_format
from executor_service.integrations.heygen_errors import failure_class, refusal
from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import Answer
from executor_service.task import ErrorType, GiveUp


def an_answer(status: int, body: object, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=content)


def an_error(code: object, message: str = "words") -> dict[str, object]:
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "body", "error_type"),
    [
        (400, an_error("invalid_parameter"), ErrorType.INVALID_INPUT),
        (400, an_error("download_failed"), ErrorType.PROVIDER_UNAVAILABLE),
        (400, {"data": None, "error": {"code": "invalid_parameter", "message": "…"}}, ErrorType.INVALID_INPUT),
        (401, an_error("unauthorized"), ErrorType.CREDENTIAL),
        (401, {"code": 400112, "message": "Unauthorized"}, ErrorType.CREDENTIAL),
        (402, an_error("insufficient_credit"), ErrorType.QUOTA_EXHAUSTED),
        (403, an_error("resource_access_denied"), ErrorType.CREDENTIAL),
        (403, b"<html>", ErrorType.CREDENTIAL),
        (404, an_error("avatar_not_found"), ErrorType.INVALID_INPUT),
        (413, an_error("payload_too_large"), ErrorType.INVALID_INPUT),
        (429, an_error("quota_exceeded"), ErrorType.QUOTA_EXHAUSTED),
        (429, an_error("trial_video_limit_exceeded"), ErrorType.QUOTA_EXHAUSTED),
        (200, {"data": None, "error": {"code": 400144, "message": "AVATAR_NOT_FOUND"}}, ErrorType.INVALID_INPUT),
        (200, {"data": None, "error": {"code": 401003, "message": "policy"}}, ErrorType.MODERATION),
    ],
)
def test_refusal_has_its_class_and_is_not_repeated(status: int, body: object, error_type: ErrorType) -> None:
    found = refusal(an_answer(status, body))

    assert isinstance(found, Refused)
    assert (found.error_type, found.retry_after) == (error_type, None)


@pytest.mark.parametrize(
    ("body", "headers", "wait_s"),
    [
        (an_error("rate_limit_exceeded"), {"retry_after": "7"}, 7),
        (an_error("resource_limit_exceeded"), {}, 60),
        ({"error": {"code": 400140, "detail": "Daily", "message": "Exceed rate limit"}}, {}, 60),
        (b"slow down", {"retry_after_ms": "1500"}, 1.5),
    ],
)
def test_busy_vendor_is_asked_when_it_says(body: object, headers: dict[str, str], wait_s: float) -> None:
    found = refusal(an_answer(429, body, **headers))

    assert isinstance(found, Refused)
    assert (found.error_type, found.retry_after) == (ErrorType.RATE_LIMITED, timedelta(seconds=wait_s))


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504])
def test_answer_that_decides_nothing_leaves_a_doubt(status: int) -> None:
    assert isinstance(refusal(an_answer(status, an_error("request_in_progress"))), Away)


def test_words_of_the_vendor_are_kept_for_a_person_on_one_short_line() -> None:
    found = refusal(an_answer(400, an_error("invalid_parameter", "wrong\n" * 200)))

    assert str(found).startswith("HeyGen: wrong wrong")
    assert len(str(found)) < 400
    assert str(found).endswith("(invalid_parameter)")


@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        ("40119", ErrorType.INVALID_INPUT),
        ("40044", ErrorType.INVALID_INPUT),
        ("400168", ErrorType.MODERATION),
        ("content_moderation_failed", ErrorType.MODERATION),
        ("900001", ErrorType.QUOTA_EXHAUSTED),
        ("a_new_one", ErrorType.PROVIDER_UNAVAILABLE),
        ("", ErrorType.PROVIDER_UNAVAILABLE),
    ],
)
def test_failed_video_has_the_class_of_its_code(code: str, error_type: ErrorType) -> None:
    assert failure_class(code) is error_type


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1280, 720, ("16:9", "720p")),
        (720, 1280, ("9:16", "720p")),
        (1920, 1080, ("16:9", "1080p")),
        (3840, 2160, ("16:9", "4k")),
        (1080, 1080, ("1:1", "1080p")),
        (720, 900, ("4:5", "720p")),
        (900, 720, ("5:4", "720p")),
    ],
)
def test_size_has_a_shape_and_a_resolution(width: int, height: int, expected: tuple[str, str]) -> None:
    assert picture_format(width, height) == expected


@pytest.mark.parametrize("size", [(640, 360), (1280, 960), (1278, 720)])
def test_size_that_heygen_does_not_make_is_refused_with_those_that_it_makes(size: tuple[int, int]) -> None:
    with pytest.raises(GiveUp, match=rf"HeyGen makes 1280x720, 1920x1080.*found {size[0]}x{size[1]}") as given_up:
        picture_format(*size)

    assert given_up.value.failure.error_type is ErrorType.INVALID_INPUT
