import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditFaultKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_FAULT_KIND_UNSPECIFIED: _ClassVar[AuditFaultKind]
    AUDIT_FAULT_KIND_ALTERED: _ClassVar[AuditFaultKind]
    AUDIT_FAULT_KIND_MISSING: _ClassVar[AuditFaultKind]
    AUDIT_FAULT_KIND_REORDERED: _ClassVar[AuditFaultKind]
    AUDIT_FAULT_KIND_ADDED: _ClassVar[AuditFaultKind]
    AUDIT_FAULT_KIND_SEAL_BROKEN: _ClassVar[AuditFaultKind]
AUDIT_FAULT_KIND_UNSPECIFIED: AuditFaultKind
AUDIT_FAULT_KIND_ALTERED: AuditFaultKind
AUDIT_FAULT_KIND_MISSING: AuditFaultKind
AUDIT_FAULT_KIND_REORDERED: AuditFaultKind
AUDIT_FAULT_KIND_ADDED: AuditFaultKind
AUDIT_FAULT_KIND_SEAL_BROKEN: AuditFaultKind

class VerifySealsRequest(_message.Message):
    __slots__ = ("after_number", "after_sha256")
    AFTER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AFTER_SHA256_FIELD_NUMBER: _ClassVar[int]
    after_number: int
    after_sha256: bytes
    def __init__(self, after_number: _Optional[int] = ..., after_sha256: _Optional[bytes] = ...) -> None: ...

class VerifySealsResponse(_message.Message):
    __slots__ = ("number", "sha256", "rows", "fault", "is_end", "unsealed_rows")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    IS_END_FIELD_NUMBER: _ClassVar[int]
    UNSEALED_ROWS_FIELD_NUMBER: _ClassVar[int]
    number: int
    sha256: bytes
    rows: int
    fault: AuditFault
    is_end: bool
    unsealed_rows: int
    def __init__(self, number: _Optional[int] = ..., sha256: _Optional[bytes] = ..., rows: _Optional[int] = ..., fault: _Optional[_Union[AuditFault, _Mapping]] = ..., is_end: _Optional[bool] = ..., unsealed_rows: _Optional[int] = ...) -> None: ...

class AuditFault(_message.Message):
    __slots__ = ("kind", "row", "seal", "description")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    SEAL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    kind: AuditFaultKind
    row: str
    seal: int
    description: str
    def __init__(self, kind: _Optional[_Union[AuditFaultKind, str]] = ..., row: _Optional[str] = ..., seal: _Optional[int] = ..., description: _Optional[str] = ...) -> None: ...

class ListAuditRecordsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAuditRecordsResponse(_message.Message):
    __slots__ = ("records", "next_page_token")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[AuditRecord]
    next_page_token: str
    def __init__(self, records: _Optional[_Iterable[_Union[AuditRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AuditRecord(_message.Message):
    __slots__ = ("name", "create_time", "actor", "action", "subject", "outcome", "details")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    name: str
    create_time: _timestamp_pb2.Timestamp
    actor: str
    action: str
    subject: str
    outcome: str
    details: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., action: _Optional[str] = ..., subject: _Optional[str] = ..., outcome: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ...) -> None: ...
