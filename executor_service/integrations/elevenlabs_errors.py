"""The one table from ElevenLabs' errors, in all three shapes, to ours."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import Answer, shown
from executor_service.task import ErrorType

BUSY_S = 5
"""Before the next try when ElevenLabs is busy: it names no time."""
_IN_DOUBT = frozenset({408, 409, 425})
_BY_WORD = {
    # As 401 and as 402, for years and since 2026.
    "quota_exceeded": ErrorType.QUOTA_EXHAUSTED,
    "insufficient_credits": ErrorType.QUOTA_EXHAUSTED,
    "too_many_concurrent_requests": ErrorType.RATE_LIMITED,
    "concurrent_limit_exceeded": ErrorType.RATE_LIMITED,
    "system_busy": ErrorType.RATE_LIMITED,
    "rate_limit_exceeded": ErrorType.RATE_LIMITED,
}
_BY_STATUS = {
    401: ErrorType.CREDENTIAL,
    402: ErrorType.QUOTA_EXHAUSTED,
    403: ErrorType.CREDENTIAL,
    429: ErrorType.RATE_LIMITED,
}


def refusal(answer: Answer) -> Refused | Away:
    """What an answer that is no sound means for the caller."""
    words, message = _words_and_message(answer)
    said = f"ElevenLabs: {message or f'status {answer.status}'}" + (f" ({words[0]})" if words else "")
    if answer.status >= 500 or answer.status in _IN_DOUBT:
        return Away(said, retry_after=answer.retry_after())
    known = next((_BY_WORD[word] for word in words if word in _BY_WORD), None)
    error_type = known or _BY_STATUS.get(answer.status, ErrorType.INVALID_INPUT)
    if error_type is ErrorType.RATE_LIMITED:
        return Refused(error_type, said, retry_after=answer.retry_after() or timedelta(seconds=BUSY_S))
    return Refused(error_type, said)


def _words_and_message(answer: Answer) -> tuple[list[str], str]:
    """`code` and `status` may differ, and either may be the known one."""
    body = answer.json()
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, dict):
        words = [str(detail[name]) for name in ("code", "status") if detail.get(name)]
        return words, shown(detail.get("message") or "")
    if isinstance(detail, list):
        return [], shown("; ".join(_fault(one) for one in detail if isinstance(one, dict)))
    return [], shown(detail) if isinstance(detail, str) else ""


def _fault(one: Mapping[str, Any]) -> str:
    place = one.get("loc")
    where = ".".join(str(part) for part in place) if isinstance(place, list) else "?"
    return f"{where}: {one.get('msg')}"
