from buf.validate import validate_pb2 as _validate_pb2
from google.rpc import status_pb2 as _status_pb2
from montage.v1 import execution_service_pb2 as _execution_service_pb2
from montage.v1 import resources_pb2 as _resources_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignalOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_OUTCOME_UNSPECIFIED: _ClassVar[SignalOutcome]
    SIGNAL_OUTCOME_BROUGHT_FORWARD: _ClassVar[SignalOutcome]
    SIGNAL_OUTCOME_ALREADY_DUE: _ClassVar[SignalOutcome]
    SIGNAL_OUTCOME_OVER: _ClassVar[SignalOutcome]
    SIGNAL_OUTCOME_UNKNOWN_JOB: _ClassVar[SignalOutcome]

class WebhookOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_OUTCOME_UNSPECIFIED: _ClassVar[WebhookOutcome]
    WEBHOOK_OUTCOME_RECORDED: _ClassVar[WebhookOutcome]
    WEBHOOK_OUTCOME_DUPLICATE: _ClassVar[WebhookOutcome]
SIGNAL_OUTCOME_UNSPECIFIED: SignalOutcome
SIGNAL_OUTCOME_BROUGHT_FORWARD: SignalOutcome
SIGNAL_OUTCOME_ALREADY_DUE: SignalOutcome
SIGNAL_OUTCOME_OVER: SignalOutcome
SIGNAL_OUTCOME_UNKNOWN_JOB: SignalOutcome
WEBHOOK_OUTCOME_UNSPECIFIED: WebhookOutcome
WEBHOOK_OUTCOME_RECORDED: WebhookOutcome
WEBHOOK_OUTCOME_DUPLICATE: WebhookOutcome

class ReportExternalRequest(_message.Message):
    __slots__ = ("capability", "execution_id", "node_uid", "executor_type", "output", "failure", "progress", "traceparent")
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_UID_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_TYPE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    capability: str
    execution_id: str
    node_uid: str
    executor_type: str
    output: _resources_pb2.Output
    failure: _resources_pb2.Failure
    progress: _resources_pb2.Progress
    traceparent: str
    def __init__(self, capability: _Optional[str] = ..., execution_id: _Optional[str] = ..., node_uid: _Optional[str] = ..., executor_type: _Optional[str] = ..., output: _Optional[_Union[_resources_pb2.Output, _Mapping]] = ..., failure: _Optional[_Union[_resources_pb2.Failure, _Mapping]] = ..., progress: _Optional[_Union[_resources_pb2.Progress, _Mapping]] = ..., traceparent: _Optional[str] = ...) -> None: ...

class ReportExternalResponse(_message.Message):
    __slots__ = ("disposition",)
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    disposition: _execution_service_pb2.Disposition
    def __init__(self, disposition: _Optional[_Union[_execution_service_pb2.Disposition, str]] = ...) -> None: ...

class ReportExternalsRequest(_message.Message):
    __slots__ = ("reports",)
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[ReportExternalRequest]
    def __init__(self, reports: _Optional[_Iterable[_Union[ReportExternalRequest, _Mapping]]] = ...) -> None: ...

class ReportExternalsResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[ExternalReportAnswer]
    def __init__(self, answers: _Optional[_Iterable[_Union[ExternalReportAnswer, _Mapping]]] = ...) -> None: ...

class ExternalReportAnswer(_message.Message):
    __slots__ = ("disposition", "error")
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    disposition: _execution_service_pb2.Disposition
    error: _status_pb2.Status
    def __init__(self, disposition: _Optional[_Union[_execution_service_pb2.Disposition, str]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class SignalVendorJobRequest(_message.Message):
    __slots__ = ("vendor", "job_id")
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    vendor: str
    job_id: str
    def __init__(self, vendor: _Optional[str] = ..., job_id: _Optional[str] = ...) -> None: ...

class SignalVendorJobResponse(_message.Message):
    __slots__ = ("outcome",)
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    outcome: SignalOutcome
    def __init__(self, outcome: _Optional[_Union[SignalOutcome, str]] = ...) -> None: ...

class IngestWebhookRequest(_message.Message):
    __slots__ = ("source", "headers", "body")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    source: str
    headers: _containers.ScalarMap[str, str]
    body: bytes
    def __init__(self, source: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., body: _Optional[bytes] = ...) -> None: ...

class IngestWebhookResponse(_message.Message):
    __slots__ = ("outcome",)
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    outcome: WebhookOutcome
    def __init__(self, outcome: _Optional[_Union[WebhookOutcome, str]] = ...) -> None: ...
