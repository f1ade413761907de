import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrphanReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORPHAN_REASON_UNSPECIFIED: _ClassVar[OrphanReason]
    ORPHAN_REASON_UNKNOWN_EXECUTION: _ClassVar[OrphanReason]
    ORPHAN_REASON_NOT_KEPT: _ClassVar[OrphanReason]
    ORPHAN_REASON_UNUSED_ASSET: _ClassVar[OrphanReason]
ORPHAN_REASON_UNSPECIFIED: OrphanReason
ORPHAN_REASON_UNKNOWN_EXECUTION: OrphanReason
ORPHAN_REASON_NOT_KEPT: OrphanReason
ORPHAN_REASON_UNUSED_ASSET: OrphanReason

class SweepObjectsRequest(_message.Message):
    __slots__ = ("owner", "grace", "remove", "page_size", "page_token")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    GRACE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    owner: str
    grace: _duration_pb2.Duration
    remove: bool
    page_size: int
    page_token: str
    def __init__(self, owner: _Optional[str] = ..., grace: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., remove: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SweepObjectsResponse(_message.Message):
    __slots__ = ("orphans", "looked_at", "foreign", "next_page_token")
    ORPHANS_FIELD_NUMBER: _ClassVar[int]
    LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    orphans: _containers.RepeatedCompositeFieldContainer[Orphan]
    looked_at: int
    foreign: int
    next_page_token: str
    def __init__(self, orphans: _Optional[_Iterable[_Union[Orphan, _Mapping]]] = ..., looked_at: _Optional[int] = ..., foreign: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Orphan(_message.Message):
    __slots__ = ("key", "size_bytes", "write_time", "owner", "reason", "removed")
    KEY_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    WRITE_TIME_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    key: str
    size_bytes: int
    write_time: _timestamp_pb2.Timestamp
    owner: str
    reason: OrphanReason
    removed: bool
    def __init__(self, key: _Optional[str] = ..., size_bytes: _Optional[int] = ..., write_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., owner: _Optional[str] = ..., reason: _Optional[_Union[OrphanReason, str]] = ..., removed: _Optional[bool] = ...) -> None: ...

class ListMissingObjectsRequest(_message.Message):
    __slots__ = ("owner", "page_size", "page_token")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    owner: str
    page_size: int
    page_token: str
    def __init__(self, owner: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMissingObjectsResponse(_message.Message):
    __slots__ = ("missing", "looked_at", "next_page_token")
    MISSING_FIELD_NUMBER: _ClassVar[int]
    LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    missing: _containers.RepeatedCompositeFieldContainer[MissingObject]
    looked_at: int
    next_page_token: str
    def __init__(self, missing: _Optional[_Iterable[_Union[MissingObject, _Mapping]]] = ..., looked_at: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class MissingObject(_message.Message):
    __slots__ = ("name", "owner", "key", "size_bytes", "found")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    name: str
    owner: str
    key: str
    size_bytes: int
    found: str
    def __init__(self, name: _Optional[str] = ..., owner: _Optional[str] = ..., key: _Optional[str] = ..., size_bytes: _Optional[int] = ..., found: _Optional[str] = ...) -> None: ...
