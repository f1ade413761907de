"""What a callback is answered: one table from what happened to status and body. No answer tells a secret or a cause."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from callback_gateway.completion import (
    CapabilityInvalid,
    CapabilityTooOld,
    PipelineAway,
    ReportRefused,
)
from callback_gateway.providers.executor_callback import MalformedReport
from callback_gateway.report import Disposition
from callback_gateway.routes.body import BodyTooLarge, NotJson
from callback_gateway.routes.slots import Overloaded
from callback_gateway.tokens import CapabilityExpired, CapabilityRefused, ReportDisagrees


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, and the words under which it is counted and logged."""

    status: int
    body: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    disposition: str = ""

    def response(self) -> JSONResponse:
        return JSONResponse(dict(self.body), status_code=self.status, headers=dict(self.headers))


def of_disposition(disposition: Disposition) -> Answer:
    """The report was decided upon. A stale one is a success too: repeating it would change nothing either."""
    if disposition.is_stale:
        return _stale(disposition.value)
    return Answer(status=200, body={"status": "ok"}, disposition=disposition.value)


def gone() -> Answer:
    """The execution was deleted since: as stale as a report can be."""
    return _stale("NOT_FOUND")


def of_error(error: Exception) -> Answer | None:
    """None for what nobody foresaw."""
    make = _ANSWERS.get(type(error))
    return None if make is None else make(error)


def internal_error() -> Answer:
    """For defects; the cause is in the log."""
    return Answer(status=500, body={"error": "internal error"})


def _unauthorized(_error: Any) -> Answer:
    return Answer(status=401, body={"error": "invalid capability"}, headers={"WWW-Authenticate": "Bearer"})


def _expired(_error: Any) -> Answer:
    return Answer(status=410, body={"error": "capability has expired"})


def _refused(error: ReportRefused) -> Answer:
    words = _REFUSALS.get(error.reason, "report refused")
    return Answer(status=422, body={"error": words})


def _away(error: PipelineAway) -> Answer:
    return _later("cannot record the report now", after=error.retry_after)


def _overloaded(error: Overloaded) -> Answer:
    return _later(str(error), after=timedelta(seconds=1))


def _later(words: str, *, after: timedelta) -> Answer:
    seconds = max(1, math.ceil(after.total_seconds()))
    return Answer(status=503, body={"error": words}, headers={"Retry-After": str(seconds)})


def _stale(disposition: str) -> Answer:
    return Answer(status=200, body={"status": "ignored", "reason": "stale_callback"}, disposition=disposition)


def _says_itself(status: int) -> Callable[[Any], Answer]:
    """For errors of our own whose message is written for the caller."""
    return lambda error: Answer(status=status, body={"error": str(error)})


_Make: TypeAlias = Callable[[Any], Answer]

_ANSWERS: Mapping[type[Exception], _Make] = {
    CapabilityRefused: _unauthorized,
    CapabilityInvalid: _unauthorized,
    CapabilityExpired: _expired,
    CapabilityTooOld: _expired,
    NotJson: _says_itself(415),
    BodyTooLarge: _says_itself(413),
    MalformedReport: _says_itself(400),
    ReportDisagrees: _says_itself(422),
    ReportRefused: _refused,
    PipelineAway: _away,
    Overloaded: _overloaded,
    # Nobody is left to read this one; it only counts.
    ClientDisconnect: lambda _error: Answer(status=499, body={"error": "caller went away"}),
}

_REFUSALS: Mapping[str, str] = {
    "ARTIFACT_MISMATCH": "the artifact is not in the store as described",
    "KEY_OUTSIDE_PREFIX": "result.s3_key is outside the prefix of the capability",
    "INVALID_FIELD": "the report disagrees with its capability or the contract",
}
"""By the contract's reason. Our words, not the service's: this is read outside."""
