"""When a vendor says to come back, in every form that one of them uses."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(hours=1)
"""A vendor that names a later time is asked again after this one: it may have meant another unit."""
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,9})?")
_EPOCH_S = 1_000_000_000
"""From here on a number is a moment, not a wait."""


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """What the headers say: `retry-after-ms`, `Retry-After` as seconds or as a date, `x-ratelimit-reset` as a wait or
    as a moment in Unix seconds. None when they say nothing readable; never below zero. Header names are lower case."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return _bounded(timedelta(milliseconds=milliseconds))
    stated = headers.get("retry-after")
    if (seconds := _number(stated)) is not None:
        return _bounded(timedelta(seconds=seconds))
    if stated is not None and (moment := _date(stated)) is not None:
        return _bounded(moment - now)
    if (reset := _number(headers.get("x-ratelimit-reset"))) is not None:
        return _bounded(timedelta(seconds=reset - now.timestamp() if reset >= _EPOCH_S else reset))
    return None


def duration(text: object) -> timedelta | None:
    """A wait as Google's RetryInfo writes it, `20s` or `1.5s`; None for anything else."""
    if not isinstance(text, str) or not text.endswith("s"):
        return None
    seconds = _number(text[:-1])
    return None if seconds is None else _bounded(timedelta(seconds=seconds))


def _number(text: str | None) -> float | None:
    if text is None or not _SECONDS.fullmatch(text.strip()):
        return None
    return float(text)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bounded(wait: timedelta) -> timedelta:
    return min(max(wait, timedelta(0)), LONGEST)
