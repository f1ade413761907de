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
    ReportRefused,
)
from callback_gateway.deliveries import DeliveryRefused, DeliveryUnreadable, NotConfigured
from callback_gateway.pipeline_away import PipelineAway
from callback_gateway.providers.json_body import MalformedReport, UnacceptableReport
from callback_gateway.providers.webhooks.delivery import SignatureRefused
from callback_gateway.report import Disposition
from callback_gateway.routes.body import BodyTooLarge, NotJson
from callback_gateway.routes.buckets import TooManyRequests
from callback_gateway.routes.compatibility import UnknownNode
from callback_gateway.routes.slots import Overloaded
from callback_gateway.tokens import CapabilityExpired, CapabilityRefused, ReportDisagrees


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, and the words under which it is counted and logged."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    disposition: str = ""
    is_stale: bool = False

    def response(self) -> JSONResponse:
        return JSONResponse(dict(self.body), status_code=self.status, headers=dict(self.headers))


def of_disposition(disposition: Disposition, *, created: str | None = None) -> Answer:
    """The report was decided upon. A stale one is a success too: repeating it would change nothing either.

    `created` is the id that a caller expects who makes something by its report.
    """
    if disposition.is_stale:
        return _ignored("conflict" if disposition is Disposition.CONFLICT else "stale_callback", disposition.value)
    if created is not None:
        return Answer(status=201, body={"id": created}, disposition=disposition.value)
    return ok(disposition.value)


def ok(disposition: str) -> Answer:
    """What was sent is dealt with; `disposition` says how, to those who count."""
    return Answer(status=200, body={"status": "ok"}, disposition=disposition)


def gone() -> Answer:
    """The execution was deleted since: as stale as a report can be."""
    return _ignored("gone", "NOT_FOUND")


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


def _too_many(error: TooManyRequests) -> Answer:
    return _later(str(error), after=error.retry_after, status=429)


def _later(words: str, *, after: timedelta, status: int = 503) -> Answer:
    seconds = max(1, math.ceil(after.total_seconds()))
    return Answer(status=status, body={"error": words}, headers={"Retry-After": str(seconds)})


def _ignored(reason: str, disposition: str) -> Answer:
    return Answer(status=200, body={"status": "ignored", "reason": reason}, disposition=disposition, is_stale=True)


def _not_signed(_error: Any) -> Answer:
    return Answer(status=401, body={"error": "invalid signature"})


def _unacceptable(error: UnacceptableReport) -> Answer:
    return Answer(status=422, body={"errors": {field: list(words) for field, words in error.errors.items()}})


def _says_itself(status: int) -> Callable[[Any], Answer]:
    """For errors of our own whose message is written for the caller."""
    return lambda error: Answer(status=status, body={"error": str(error)})


_Make: TypeAlias = Callable[[Any], Answer]

_ANSWERS: Mapping[type[Exception], _Make] = {
    CapabilityRefused: _unauthorized,
    CapabilityInvalid: _unauthorized,
    CapabilityExpired: _expired,
    CapabilityTooOld: _expired,
    SignatureRefused: _not_signed,
    DeliveryRefused: _not_signed,
    DeliveryUnreadable: lambda _error: Answer(status=400, body={"error": "no delivery of this platform"}),
    UnknownNode: lambda _error: Answer(status=404, body={"error": "unknown node"}),
    NotConfigured: lambda _error: Answer(status=404, body={"error": "no such route"}),
    NotJson: _says_itself(415),
    BodyTooLarge: _says_itself(413),
    MalformedReport: _says_itself(400),
    UnacceptableReport: _unacceptable,
    ReportDisagrees: _says_itself(422),
    ReportRefused: _refused,
    PipelineAway: _away,
    Overloaded: _overloaded,
    TooManyRequests: _too_many,
    # Nobody is left to read this one; it only counts.
    ClientDisconnect: lambda _error: Answer(status=499, body={"error": "caller went away"}),
}

_REFUSALS: Mapping[str, str] = {
    "ARTIFACT_MISMATCH": "the artifact is not in the store as described",
    "KEY_OUTSIDE_PREFIX": "result.s3_key is outside the prefix of the capability",
    "INVALID_FIELD": "the report disagrees with its capability or the contract",
}
"""By the contract's reason. Our words, not the service's: this is read outside."""
