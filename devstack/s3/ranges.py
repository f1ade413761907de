"""Which bytes of an object a GET wants."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.records import ObjectRecord
from devstack.s3.responses import quoted

_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, kw_only=True)
class ByteRange:
    """A stretch of an object."""

    start: int
    size_bytes: int


def read_byte_range(headers: Mapping[str, str], record: ObjectRecord) -> ByteRange | None:
    """The range asked for; None means everything.

    As in S3, a Range header that is malformed or names several ranges is ignored; one that names no byte is refused.
    """
    match = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if (
        match is None
        or not (match[1] or match[2])
        or headers.get("if-range", quoted(record.etag)) != quoted(record.etag)
    ):
        return None
    end = record.size_bytes
    if match[1]:
        start = int(match[1])
        if match[2]:
            if int(match[2]) < start:
                return None
            end = min(end, int(match[2]) + 1)
    else:
        start = max(0, end - int(match[2]))
    if start >= end:
        raise S3Error(
            ErrorCode.INVALID_RANGE,
            "The requested range is not satisfiable",
            details={"RangeRequested": headers["range"], "ActualObjectSize": str(record.size_bytes)},
            headers={"content-range": f"bytes */{record.size_bytes}"},
        )
    return ByteRange(start=start, size_bytes=end - start)
