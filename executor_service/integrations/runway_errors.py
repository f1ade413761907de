"""The one table from Runway's errors to ours."""

from datetime import timedelta

from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import Answer, shown
from executor_service.task import ErrorType

SHED_S, CAPPED_S = 30, 900
"""Before the next try when Runway sheds load, and when the day's cap is reached; it names no time."""
_IN_DOUBT = frozenset({408, 409, 425})
_SHEDS_LOAD = 503
_BY_CODE = (
    # The longest that fits counts; what stands behind it is diagnosis.
    ("SAFETY.", ErrorType.MODERATION),
    ("INPUT_PREPROCESSING.SAFETY.", ErrorType.MODERATION),
    ("INPUT_PREPROCESSING.", ErrorType.PROVIDER_UNAVAILABLE),
    # Only another prompt or picture helps.
    ("INTERNAL.BAD_OUTPUT", ErrorType.INVALID_INPUT),
    ("ASSET.INVALID", ErrorType.INVALID_INPUT),
    ("THIRD_PARTY.UNAVAILABLE", ErrorType.PROVIDER_UNAVAILABLE),
    ("INTERNAL", ErrorType.PROVIDER_UNAVAILABLE),
)


def refusal(answer: Answer) -> Refused | Away:
    """What an answer that is no success means for the caller."""
    message = _message(answer)
    said = f"Runway: {message or f'status {answer.status}'}"
    match answer.status:
        case 401 | 403:
            return Refused(ErrorType.CREDENTIAL, said)
        case 402:
            return Refused(ErrorType.QUOTA_EXHAUSTED, said)
        case 429:
            # A cap for the day; too many tasks at once are THROTTLED instead.
            return Refused(ErrorType.RATE_LIMITED, said, retry_after=_wait(answer, CAPPED_S))
        case status if status == _SHEDS_LOAD:
            return Refused(ErrorType.PROVIDER_UNAVAILABLE, said, retry_after=_wait(answer, SHED_S))
        case status if status >= 500 or status in _IN_DOUBT:
            return Away(said, retry_after=answer.retry_after())
    is_poor = answer.status == 400 and "credit" in message.lower()
    return Refused(ErrorType.QUOTA_EXHAUSTED if is_poor else ErrorType.INVALID_INPUT, said)


def failure_class(code: str) -> ErrorType:
    """Of a task that failed; without a code it may succeed another time."""
    fitting = [(prefix, kind) for prefix, kind in _BY_CODE if code.startswith(prefix)]
    return max(fitting, key=lambda one: len(one[0]))[1] if fitting else ErrorType.PROVIDER_UNAVAILABLE


def _message(answer: Answer) -> str:
    body = answer.json()
    if not isinstance(body, dict):
        return ""
    issues = body.get("issues")
    more = f" {issues}" if isinstance(issues, list) and issues else ""
    return shown(f"{body.get('error') or ''}{more}")


def _wait(answer: Answer, seconds: int) -> timedelta:
    return answer.retry_after() or timedelta(seconds=seconds)
