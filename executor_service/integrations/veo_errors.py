"""The one table from the errors of Veo on Vertex AI to ours."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from executor_service.integrations.retry_after import duration
from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import Answer, shown
from executor_service.task import ErrorType

BUSY_S = 60
"""Before the next try when a quota of requests is used up, and nothing says how long; quotas are by the minute."""
_IN_DOUBT = frozenset({408, 409, 425, 499})
_BY_STATUS = {401: ErrorType.CREDENTIAL, 403: ErrorType.CREDENTIAL, 429: ErrorType.RATE_LIMITED}
_BY_CODE = {
    3: ErrorType.INVALID_INPUT,
    5: ErrorType.INVALID_INPUT,
    7: ErrorType.CREDENTIAL,
    8: ErrorType.RATE_LIMITED,
    9: ErrorType.INVALID_INPUT,
    11: ErrorType.INVALID_INPUT,
    16: ErrorType.CREDENTIAL,
}
"""google.rpc.Code of an operation that failed; all others may succeed another time."""
_FILTERED = re.compile(r"support codes?|usage guidelines|responsible ai", re.IGNORECASE)
_RETRY_IN = re.compile(r"retry in (\d+(?:\.\d+)?s)")


def refusal(answer: Answer) -> Refused | Away:
    """What an answer that is no success means for the caller."""
    error = _error(answer.json())
    message = shown(error.get("message") or "")
    said = f"Veo: {message or f'status {answer.status}'}"
    if answer.status >= 500 or answer.status in _IN_DOUBT:
        return Away(said, retry_after=answer.retry_after())
    if _FILTERED.search(message):
        return Refused(ErrorType.MODERATION, said)
    if _reason(error) == "API_KEY_INVALID":
        return Refused(ErrorType.CREDENTIAL, said)
    error_type = _BY_STATUS.get(answer.status, ErrorType.INVALID_INPUT)
    if error_type is ErrorType.RATE_LIMITED:
        return Refused(error_type, said, retry_after=_wait(answer, error, message))
    return Refused(error_type, said)


def failure_class(code: object, message: str) -> ErrorType:
    """Of an operation that ended with an error."""
    if _FILTERED.search(message):
        return ErrorType.MODERATION
    return (
        _BY_CODE.get(code, ErrorType.PROVIDER_UNAVAILABLE) if isinstance(code, int) else ErrorType.PROVIDER_UNAVAILABLE
    )


def _error(body: object) -> Mapping[str, Any]:
    """The error object, which may lie in a list of one."""
    first = body[0] if isinstance(body, list) and body else body
    error = first.get("error") if isinstance(first, dict) else None
    return error if isinstance(error, dict) else {}


def _details(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = error.get("details")
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def _reason(error: Mapping[str, Any]) -> object:
    return next((one["reason"] for one in _details(error) if "reason" in one), None)


def _wait(answer: Answer, error: Mapping[str, Any], message: str) -> timedelta:
    """In the header, in RetryInfo, or in the words."""
    told = next((found for one in _details(error) if (found := duration(one.get("retryDelay")))), None)
    in_words = _RETRY_IN.search(message)
    spoken = duration(in_words.group(1)) if in_words else None
    return answer.retry_after() or told or spoken or timedelta(seconds=BUSY_S)
