"""The one table from the errors of Remotion Lambda, and of AWS below it, to ours."""

from collections.abc import Sequence
from datetime import timedelta

from botocore.exceptions import ClientError

from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import shown
from executor_service.task import ErrorType

BUSY_S = 30
"""Before the next try when the account's functions are all busy; AWS names no time."""
_BUSY = ("rate exceeded", "toomanyrequests", "concurrency limit")
_NOT_ADMITTED = frozenset({401, 403})
_HTTP_BUSY = frozenset({408, 425, 429})
_OF_THE_SITE = frozenset({"browser", "renderer"})
"""Parts in which the composition itself runs."""


def call_failed(error: ClientError) -> Refused | Away:
    """What an answer of AWS that is no success means: nothing was begun, or nobody knows."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f"Remotion: AWS answers {code or status}"
    if status in _NOT_ADMITTED:
        return Refused(ErrorType.CREDENTIAL, said)
    if status in _HTTP_BUSY:
        return Refused(ErrorType.RATE_LIMITED, said, retry_after=timedelta(seconds=BUSY_S))
    if status >= 500 or status == 0:
        return Away(said)
    return Refused(ErrorType.INVALID_INPUT, said)


def start_failed(message: str) -> Refused:
    """What the function says when it begins no render: it is busy, or site, version or props are wrong."""
    said = f"Remotion: {shown(message or 'the render was not begun')}"
    if _is_busy(message):
        return Refused(ErrorType.RATE_LIMITED, said, retry_after=timedelta(seconds=BUSY_S))
    return Refused(ErrorType.INVALID_INPUT, said)


def render_failed(errors: Sequence[tuple[str, str]]) -> tuple[ErrorType, str]:
    """Class and words of a render that ended without a film: the last error is the one that ended it."""
    part, message = errors[-1] if errors else ("", "")
    said = f"Remotion: {shown(message or 'the render failed')}"
    if _is_busy(message):
        return ErrorType.RATE_LIMITED, said
    return (ErrorType.INVALID_INPUT if part in _OF_THE_SITE else ErrorType.PROVIDER_UNAVAILABLE), said


def _is_busy(message: str) -> bool:
    return any(word in message.lower() for word in _BUSY)
