"""Conditional requests: which writes may happen, and which reads need no bytes."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

from devstack.s3.checksums import ETag
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.listing import Entry
from devstack.s3.records import ObjectRecord


class WriteCondition:
    """What must hold of a key when a write becomes visible; watched from the write's first byte on."""

    def __init__(
        self, owner: "WriteConditions", place: tuple[str, str], *, if_match: str | None, if_none_match: str | None
    ) -> None:
        self.was_deleted = False
        self._owner = owner
        self._place = place
        self._if_match = if_match
        self._if_none_match = if_none_match

    @property
    def is_conditional(self) -> bool:
        """Whether the client asked for anything."""
        return self._if_match is not None or self._if_none_match is not None

    def check(self, current: Entry | None) -> None:
        """Raises PreconditionFailed, or ConditionalRequestConflict when the answer changed under the upload."""
        if not self.is_conditional:
            return
        if self.was_deleted:
            raise S3Error(
                ErrorCode.CONDITIONAL_REQUEST_CONFLICT,
                "The object was deleted while this conditional request was under way. Please try again.",
            )
        if self._if_none_match is not None and current is not None:
            raise _failed("If-None-Match")
        if self._if_match is not None:
            if current is None:
                details = {"Key": self._place[1]}
                raise S3Error(ErrorCode.NO_SUCH_KEY, "The specified key does not exist.", details=details)
            if not _names(self._if_match, current.etag):
                raise _failed("If-Match")

    def close(self) -> None:
        """Stop watching."""
        self._owner.forget(self._place, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WriteConditions:
    """The conditional writes under way, so that a delete can tell them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching: defaultdict[tuple[str, str], set[WriteCondition]] = defaultdict(set)

    def watch(self, bucket: str, key: str, *, if_match: str | None, if_none_match: str | None) -> WriteCondition:
        """Begin to watch a key. Only `*` makes sense for If-None-Match on a write."""
        if if_none_match not in (None, "*"):
            raise S3Error(ErrorCode.NOT_IMPLEMENTED, f"If-None-Match on a write must be *; found {if_none_match}.")
        condition = WriteCondition(self, (bucket, key), if_match=if_match, if_none_match=if_none_match)
        if condition.is_conditional:
            with self._lock:
                self._watching[(bucket, key)].add(condition)
        return condition

    def deleted(self, bucket: str, key: str) -> None:
        """Tell every conditional write of this key that the object it was decided on is gone."""
        with self._lock:
            for condition in self._watching.get((bucket, key), ()):
                condition.was_deleted = True

    def forget(self, place: tuple[str, str], condition: WriteCondition) -> None:
        """Drop a write that ended."""
        with self._lock:
            if watching := self._watching.get(place):
                watching.discard(condition)
                if not watching:
                    del self._watching[place]


def is_not_modified(record: ObjectRecord, headers: Mapping[str, str]) -> bool:
    """Decide a conditional GET: True means 304. Raises PreconditionFailed. ETags win over dates, as RFC 9110 says."""
    if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
    unmodified_since, modified_since = _date(headers, "if-unmodified-since"), _date(headers, "if-modified-since")
    # HTTP dates have no fraction of a second.
    modified = record.modified.replace(microsecond=0)
    if if_match is not None:
        if not _names(if_match, record.etag):
            raise _failed("If-Match")
    elif unmodified_since is not None and modified > unmodified_since:
        raise _failed("If-Unmodified-Since")
    if if_none_match is not None:
        return _names(if_none_match, record.etag)
    return modified_since is not None and modified <= modified_since


def _names(condition: str, etag: ETag) -> bool:
    """Whether an If-Match or If-None-Match header names this ETag."""
    wanted = {item.strip().removeprefix("W/").strip('"') for item in condition.split(",")}
    return "*" in wanted or etag in wanted


def _date(headers: Mapping[str, str], name: str) -> datetime | None:
    """A date header; one that is no date is ignored, as RFC 9110 asks."""
    try:
        found = parsedate_to_datetime(headers.get(name, ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _failed(header: str) -> S3Error:
    return S3Error(
        ErrorCode.PRECONDITION_FAILED,
        "At least one of the pre-conditions you specified did not hold",
        details={"Condition": header},
    )
