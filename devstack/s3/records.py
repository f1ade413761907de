"""What is kept beside the bytes of an object or a part."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from devstack.s3.checksums import Algorithm, ETag

UploadId = NewType("UploadId", str)


class ChecksumType(StrEnum):
    """Whether a checksum covers the object's bytes or the checksums of its parts."""

    FULL_OBJECT = "FULL_OBJECT"
    COMPOSITE = "COMPOSITE"


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the client says about an object: given with the first request, returned with every answer."""

    headers: Mapping[str, str]
    """Content-Type and its like, by lower-case name."""
    metadata: Mapping[str, str]
    """The `x-amz-meta-*` headers, by the rest of their name."""


@dataclass(frozen=True, kw_only=True)
class ObjectRecord:
    """Everything known about a stored object."""

    key: str
    size_bytes: int
    etag: ETag
    modified: datetime
    description: Description
    checksums: Mapping[Algorithm, str]
    checksum_type: ChecksumType = ChecksumType.FULL_OBJECT


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """Everything known about an uploaded part."""

    number: int
    size_bytes: int
    etag: ETag
    modified: datetime
    checksums: Mapping[Algorithm, str]


@dataclass(frozen=True, kw_only=True)
class UploadRecord:
    """A multipart upload that was begun."""

    bucket: str
    key: str
    created: datetime
    description: Description
    algorithm: Algorithm | None
    checksum_type: ChecksumType
