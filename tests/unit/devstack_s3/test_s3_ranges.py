"""Which bytes a Range header names."""

from datetime import UTC, datetime

import pytest

from devstack.s3.checksums import ETag
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.ranges import ByteRange, read_byte_range
from devstack.s3.records import Description, ObjectRecord


def a_record(size_bytes: int) -> ObjectRecord:
    return ObjectRecord(
        key="k",
        size_bytes=size_bytes,
        etag=ETag("abc"),
        modified=datetime(2026, 1, 1, tzinfo=UTC),
        description=Description(headers={}, metadata={}),
        checksums={},
    )


@pytest.mark.parametrize(
    ("header", "start", "size_bytes"),
    [("bytes=0-0", 0, 1), ("bytes=3-", 3, 7), ("bytes=-4", 6, 4), ("bytes=-99", 0, 10), ("bytes=9-9", 9, 1)],
)
def test_read_byte_range_one_stretch_is_found(header: str, start: int, size_bytes: int) -> None:
    assert read_byte_range({"range": header}, a_record(10)) == ByteRange(start=start, size_bytes=size_bytes)


@pytest.mark.parametrize("header", ["bytes=-", "bytes=4-2", "bytes=0-1,3-4", "items=0-1", "bytes=a-b", "0-1", ""])
def test_read_byte_range_malformed_or_many_means_everything(header: str) -> None:
    assert read_byte_range({"range": header}, a_record(10)) is None


@pytest.mark.parametrize(("header", "size_bytes"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_read_byte_range_without_a_byte_is_refused(header: str, size_bytes: int) -> None:
    with pytest.raises(S3Error) as error:
        read_byte_range({"range": header}, a_record(size_bytes))

    assert error.value.code is ErrorCode.INVALID_RANGE
    assert error.value.headers == {"content-range": f"bytes */{size_bytes}"}


def test_read_byte_range_of_another_version_means_everything() -> None:
    assert read_byte_range({"range": "bytes=0-1", "if-range": '"old"'}, a_record(10)) is None
