import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from montage.v1 import resources_pb2 as _resources_pb2
from montage.v1 import work_pb2 as _work_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StartOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    START_OUTCOME_UNSPECIFIED: _ClassVar[StartOutcome]
    START_OUTCOME_CLAIMED: _ClassVar[StartOutcome]
    START_OUTCOME_HELD: _ClassVar[StartOutcome]
    START_OUTCOME_STALE: _ClassVar[StartOutcome]
    START_OUTCOME_PAUSED: _ClassVar[StartOutcome]

class VendorTrouble(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VENDOR_TROUBLE_UNSPECIFIED: _ClassVar[VendorTrouble]
    VENDOR_TROUBLE_RATE_LIMITED: _ClassVar[VendorTrouble]
    VENDOR_TROUBLE_UNAVAILABLE: _ClassVar[VendorTrouble]

class PurchaseOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURCHASE_OUTCOME_UNSPECIFIED: _ClassVar[PurchaseOutcome]
    PURCHASE_OUTCOME_SUBMITTED: _ClassVar[PurchaseOutcome]
    PURCHASE_OUTCOME_REFUSED: _ClassVar[PurchaseOutcome]
    PURCHASE_OUTCOME_UNKNOWN: _ClassVar[PurchaseOutcome]
    PURCHASE_OUTCOME_FAILED: _ClassVar[PurchaseOutcome]

class Disposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPOSITION_UNSPECIFIED: _ClassVar[Disposition]
    DISPOSITION_APPLIED: _ClassVar[Disposition]
    DISPOSITION_DUPLICATE: _ClassVar[Disposition]
    DISPOSITION_CONFLICT: _ClassVar[Disposition]
    DISPOSITION_SUPERSEDED: _ClassVar[Disposition]
    DISPOSITION_LOST: _ClassVar[Disposition]
START_OUTCOME_UNSPECIFIED: StartOutcome
START_OUTCOME_CLAIMED: StartOutcome
START_OUTCOME_HELD: StartOutcome
START_OUTCOME_STALE: StartOutcome
START_OUTCOME_PAUSED: StartOutcome
VENDOR_TROUBLE_UNSPECIFIED: VendorTrouble
VENDOR_TROUBLE_RATE_LIMITED: VendorTrouble
VENDOR_TROUBLE_UNAVAILABLE: VendorTrouble
PURCHASE_OUTCOME_UNSPECIFIED: PurchaseOutcome
PURCHASE_OUTCOME_SUBMITTED: PurchaseOutcome
PURCHASE_OUTCOME_REFUSED: PurchaseOutcome
PURCHASE_OUTCOME_UNKNOWN: PurchaseOutcome
PURCHASE_OUTCOME_FAILED: PurchaseOutcome
DISPOSITION_UNSPECIFIED: Disposition
DISPOSITION_APPLIED: Disposition
DISPOSITION_DUPLICATE: Disposition
DISPOSITION_CONFLICT: Disposition
DISPOSITION_SUPERSEDED: Disposition
DISPOSITION_LOST: Disposition

class StartExecutionRequest(_message.Message):
    __slots__ = ("execution_id", "claim", "dispatch_no", "kind")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    DISPATCH_NO_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    claim: str
    dispatch_no: int
    kind: _work_pb2.WorkKind
    def __init__(self, execution_id: _Optional[str] = ..., claim: _Optional[str] = ..., dispatch_no: _Optional[int] = ..., kind: _Optional[_Union[_work_pb2.WorkKind, str]] = ...) -> None: ...

class StartExecutionResponse(_message.Message):
    __slots__ = ("outcome", "hold_expire_time", "task", "lease", "callback_url", "key_prefix", "render_data_url", "progress_url")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    HOLD_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    CALLBACK_URL_FIELD_NUMBER: _ClassVar[int]
    KEY_PREFIX_FIELD_NUMBER: _ClassVar[int]
    RENDER_DATA_URL_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_URL_FIELD_NUMBER: _ClassVar[int]
    outcome: StartOutcome
    hold_expire_time: _timestamp_pb2.Timestamp
    task: _work_pb2.Task
    lease: _duration_pb2.Duration
    callback_url: str
    key_prefix: str
    render_data_url: str
    progress_url: str
    def __init__(self, outcome: _Optional[_Union[StartOutcome, str]] = ..., hold_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., task: _Optional[_Union[_work_pb2.Task, _Mapping]] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., callback_url: _Optional[str] = ..., key_prefix: _Optional[str] = ..., render_data_url: _Optional[str] = ..., progress_url: _Optional[str] = ...) -> None: ...

class HeartbeatExecutionRequest(_message.Message):
    __slots__ = ("execution_id", "claim", "progress", "details", "purchase", "vendor", "waiting_for", "requeue_after")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    REQUEUE_AFTER_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    claim: str
    progress: _resources_pb2.Progress
    details: _containers.ScalarMap[str, str]
    purchase: PurchaseReport
    vendor: VendorReport
    waiting_for: _resources_pb2.WaitingFor
    requeue_after: _duration_pb2.Duration
    def __init__(self, execution_id: _Optional[str] = ..., claim: _Optional[str] = ..., progress: _Optional[_Union[_resources_pb2.Progress, _Mapping]] = ..., details: _Optional[_Mapping[str, str]] = ..., purchase: _Optional[_Union[PurchaseReport, _Mapping]] = ..., vendor: _Optional[_Union[VendorReport, _Mapping]] = ..., waiting_for: _Optional[_Union[_resources_pb2.WaitingFor, str]] = ..., requeue_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class HeartbeatExecutionResponse(_message.Message):
    __slots__ = ("disposition", "lease")
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    disposition: Disposition
    lease: _duration_pb2.Duration
    def __init__(self, disposition: _Optional[_Union[Disposition, str]] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CompleteExecutionRequest(_message.Message):
    __slots__ = ("execution_id", "claim", "output", "cost_micros")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    claim: str
    output: _resources_pb2.Output
    cost_micros: int
    def __init__(self, execution_id: _Optional[str] = ..., claim: _Optional[str] = ..., output: _Optional[_Union[_resources_pb2.Output, _Mapping]] = ..., cost_micros: _Optional[int] = ...) -> None: ...

class CompleteExecutionResponse(_message.Message):
    __slots__ = ("disposition",)
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    disposition: Disposition
    def __init__(self, disposition: _Optional[_Union[Disposition, str]] = ...) -> None: ...

class FailExecutionRequest(_message.Message):
    __slots__ = ("execution_id", "claim", "failure", "purchase")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    claim: str
    failure: _resources_pb2.Failure
    purchase: PurchaseReport
    def __init__(self, execution_id: _Optional[str] = ..., claim: _Optional[str] = ..., failure: _Optional[_Union[_resources_pb2.Failure, _Mapping]] = ..., purchase: _Optional[_Union[PurchaseReport, _Mapping]] = ...) -> None: ...

class FailExecutionResponse(_message.Message):
    __slots__ = ("disposition",)
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    disposition: Disposition
    def __init__(self, disposition: _Optional[_Union[Disposition, str]] = ...) -> None: ...

class ReportExecutionsRequest(_message.Message):
    __slots__ = ("reports",)
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[ExecutionReport]
    def __init__(self, reports: _Optional[_Iterable[_Union[ExecutionReport, _Mapping]]] = ...) -> None: ...

class ExecutionReport(_message.Message):
    __slots__ = ("start", "heartbeat", "complete", "fail", "traceparent")
    START_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FAIL_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    start: StartExecutionRequest
    heartbeat: HeartbeatExecutionRequest
    complete: CompleteExecutionRequest
    fail: FailExecutionRequest
    traceparent: str
    def __init__(self, start: _Optional[_Union[StartExecutionRequest, _Mapping]] = ..., heartbeat: _Optional[_Union[HeartbeatExecutionRequest, _Mapping]] = ..., complete: _Optional[_Union[CompleteExecutionRequest, _Mapping]] = ..., fail: _Optional[_Union[FailExecutionRequest, _Mapping]] = ..., traceparent: _Optional[str] = ...) -> None: ...

class ReportExecutionsResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[ExecutionReportAnswer]
    def __init__(self, answers: _Optional[_Iterable[_Union[ExecutionReportAnswer, _Mapping]]] = ...) -> None: ...

class ExecutionReportAnswer(_message.Message):
    __slots__ = ("start", "heartbeat", "complete", "fail", "error")
    START_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FAIL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    start: StartExecutionResponse
    heartbeat: HeartbeatExecutionResponse
    complete: CompleteExecutionResponse
    fail: FailExecutionResponse
    error: _status_pb2.Status
    def __init__(self, start: _Optional[_Union[StartExecutionResponse, _Mapping]] = ..., heartbeat: _Optional[_Union[HeartbeatExecutionResponse, _Mapping]] = ..., complete: _Optional[_Union[CompleteExecutionResponse, _Mapping]] = ..., fail: _Optional[_Union[FailExecutionResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class VendorReport(_message.Message):
    __slots__ = ("trouble", "retry_after")
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    trouble: VendorTrouble
    retry_after: _duration_pb2.Duration
    def __init__(self, trouble: _Optional[_Union[VendorTrouble, str]] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PurchaseReport(_message.Message):
    __slots__ = ("outcome", "job_id", "next_poll_after", "cost_micros")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_POLL_AFTER_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    outcome: PurchaseOutcome
    job_id: str
    next_poll_after: _duration_pb2.Duration
    cost_micros: int
    def __init__(self, outcome: _Optional[_Union[PurchaseOutcome, str]] = ..., job_id: _Optional[str] = ..., next_poll_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cost_micros: _Optional[int] = ...) -> None: ...
