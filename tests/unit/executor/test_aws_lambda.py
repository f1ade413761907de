"""What a worker does after each error of Invoke."""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from executor_service.integrations.aws_lambda import decide
from executor_service.task import ErrorType, GiveUp, RetryLater


def an_error(code: str, status: int, headers: dict[str, str] | None = None) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}}},  # type: ignore[typeddict-item]
        "Invoke",
    )


@pytest.mark.parametrize(
    ("code", "status", "headers", "after"),
    [
        ("TooManyRequestsException", 429, {"retry-after": "17"}, timedelta(seconds=17)),
        ("TooManyRequestsException", 429, {"retry-after": "86400"}, timedelta(minutes=5)),
        ("TooManyRequestsException", 429, {"retry-after": "soon"}, timedelta(seconds=5)),
        ("ServiceException", 500, None, timedelta(seconds=5)),
        ("EC2ThrottledException", 502, None, timedelta(seconds=5)),
        ("SnapStartTimeoutException", 408, None, timedelta(seconds=5)),
        ("ResourceConflictException", 409, None, timedelta(seconds=5)),
    ],
)
def test_busy_lambda_is_asked_again_later(
    code: str, status: int, headers: dict[str, str] | None, after: timedelta
) -> None:
    decision = decide(an_error(code, status, headers), "montage-media")

    assert isinstance(decision, RetryLater)
    assert decision.after == after


@pytest.mark.parametrize(
    ("code", "status", "error_type"),
    [
        ("RequestTooLargeException", 413, ErrorType.INVALID_INPUT),
        ("ResourceNotFoundException", 404, ErrorType.LAMBDA_ERROR),
        ("InvalidRequestContentException", 400, ErrorType.INTERNAL),
        ("AccessDeniedException", 403, ErrorType.CREDENTIAL),
        ("InvalidSignatureException", 403, ErrorType.CREDENTIAL),
        ("ServiceQuotaExceededException", 402, ErrorType.QUOTA_EXHAUSTED),
        ("SomethingNew", 400, ErrorType.LAMBDA_ERROR),
    ],
)
def test_refusing_lambda_is_given_up_naming_the_function(code: str, status: int, error_type: ErrorType) -> None:
    decision = decide(an_error(code, status), "montage-media")

    assert isinstance(decision, GiveUp)
    assert decision.failure.error_type is error_type
    assert "montage-media" in decision.failure.message
