"""The one table from HeyGen's errors to ours."""

from datetime import timedelta

from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import Answer, shown
from executor_service.task import ErrorType

BUSY_S = 60
"""Before the next try when HeyGen is busy and does not say how long."""
_IN_DOUBT = frozenset({408, 409, 425})
"""409 says that the first call under this key is still under way."""

_BY_CODE = {
    # Strings of v3.
    "rate_limit_exceeded": ErrorType.RATE_LIMITED,
    "resource_limit_exceeded": ErrorType.RATE_LIMITED,
    "quota_exceeded": ErrorType.QUOTA_EXHAUSTED,
    "insufficient_credit": ErrorType.QUOTA_EXHAUSTED,
    "trial_video_limit_exceeded": ErrorType.QUOTA_EXHAUSTED,
    "unauthorized": ErrorType.CREDENTIAL,
    "forbidden": ErrorType.CREDENTIAL,
    "resource_access_denied": ErrorType.CREDENTIAL,
    "ai_vendor_access_restricted": ErrorType.CREDENTIAL,
    # HeyGen could not fetch an input; the next attempt hands out a fresh address.
    "download_failed": ErrorType.PROVIDER_UNAVAILABLE,
    "internal_error": ErrorType.PROVIDER_UNAVAILABLE,
    # Numbers of the versions before, which still come with failed videos.
    "400140": ErrorType.RATE_LIMITED,
    "400664": ErrorType.QUOTA_EXHAUSTED,
    "900001": ErrorType.QUOTA_EXHAUSTED,
    **dict.fromkeys(("40009", "400112", "400562", "400573", "401056", "401057"), ErrorType.CREDENTIAL),
    **dict.fromkeys(
        ("400105", "400168", "400625", "400631", "400680", "401003", "402007", "402008", "402009"),
        ErrorType.MODERATION,
    ),
}
_BY_STATUS = {
    401: ErrorType.CREDENTIAL,
    402: ErrorType.QUOTA_EXHAUSTED,
    403: ErrorType.CREDENTIAL,
    429: ErrorType.RATE_LIMITED,
}
_MODERATION_WORDS = ("moderation", "inappropriate", "unsafe", "celebrity", "blocked_words")


def refusal(answer: Answer) -> Refused | Away:
    """What an answer that is no success means for the caller."""
    code, message = _code_and_message(answer)
    said = f"HeyGen: {message or f'status {answer.status}'}" + (f" ({code})" if code else "")
    if answer.status >= 500 or answer.status in _IN_DOUBT:
        return Away(said, retry_after=answer.retry_after())
    error_type = class_of(code) or _BY_STATUS.get(answer.status, ErrorType.INVALID_INPUT)
    if error_type is ErrorType.RATE_LIMITED:
        return Refused(error_type, said, retry_after=answer.retry_after() or timedelta(seconds=BUSY_S))
    return Refused(error_type, said)


def failure_class(code: str) -> ErrorType:
    """Of a video that failed. What is unknown may succeed another time."""
    return class_of(code) or ErrorType.PROVIDER_UNAVAILABLE


def class_of(code: str) -> ErrorType | None:
    """None for a code that the table does not have."""
    if any(word in code.lower() for word in _MODERATION_WORDS):
        return ErrorType.MODERATION
    if code.startswith("40") and len(code) == 5:
        # 40001 to 40119: something about the request itself.
        return _BY_CODE.get(code, ErrorType.INVALID_INPUT)
    return _BY_CODE.get(code)


def _code_and_message(answer: Answer) -> tuple[str, str]:
    """The code is text or a number, below `error` or beside it."""
    body = answer.json()
    if not isinstance(body, dict):
        return "", ""
    error = body.get("error")
    holder = error if isinstance(error, dict) else body
    words = holder.get("message") or holder.get("detail") or (error if isinstance(error, str) else "")
    return str(holder.get("code") or ""), shown(words)
