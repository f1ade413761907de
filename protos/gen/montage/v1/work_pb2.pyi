import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from montage.v1 import resources_pb2 as _resources_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WorkKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORK_KIND_UNSPECIFIED: _ClassVar[WorkKind]
    WORK_KIND_RUN: _ClassVar[WorkKind]
    WORK_KIND_POLL: _ClassVar[WorkKind]
    WORK_KIND_RECONCILE: _ClassVar[WorkKind]
    WORK_KIND_CANCEL: _ClassVar[WorkKind]

class PurchaseState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURCHASE_STATE_UNSPECIFIED: _ClassVar[PurchaseState]
    PURCHASE_STATE_INTENDED: _ClassVar[PurchaseState]
    PURCHASE_STATE_SUBMITTED: _ClassVar[PurchaseState]
    PURCHASE_STATE_UNKNOWN: _ClassVar[PurchaseState]
    PURCHASE_STATE_SETTLED: _ClassVar[PurchaseState]
    PURCHASE_STATE_REFUSED: _ClassVar[PurchaseState]
WORK_KIND_UNSPECIFIED: WorkKind
WORK_KIND_RUN: WorkKind
WORK_KIND_POLL: WorkKind
WORK_KIND_RECONCILE: WorkKind
WORK_KIND_CANCEL: WorkKind
PURCHASE_STATE_UNSPECIFIED: PurchaseState
PURCHASE_STATE_INTENDED: PurchaseState
PURCHASE_STATE_SUBMITTED: PurchaseState
PURCHASE_STATE_UNKNOWN: PurchaseState
PURCHASE_STATE_SETTLED: PurchaseState
PURCHASE_STATE_REFUSED: PurchaseState

class WorkItem(_message.Message):
    __slots__ = ("kind", "execution_id", "dispatch_no", "task_queue", "traceparent", "task")
    KIND_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    DISPATCH_NO_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    kind: WorkKind
    execution_id: str
    dispatch_no: int
    task_queue: str
    traceparent: str
    task: Task
    def __init__(self, kind: _Optional[_Union[WorkKind, str]] = ..., execution_id: _Optional[str] = ..., dispatch_no: _Optional[int] = ..., task_queue: _Optional[str] = ..., traceparent: _Optional[str] = ..., task: _Optional[_Union[Task, _Mapping]] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("execution", "node", "pipeline_uid", "node_uid", "node_type", "provider", "title", "config", "inputs", "asset", "attempt", "deadline", "start_to_close", "details", "purchase")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_UID_FIELD_NUMBER: _ClassVar[int]
    NODE_UID_FIELD_NUMBER: _ClassVar[int]
    NODE_TYPE_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    START_TO_CLOSE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_FIELD_NUMBER: _ClassVar[int]
    execution: str
    node: str
    pipeline_uid: str
    node_uid: str
    node_type: str
    provider: str
    title: str
    config: _struct_pb2.Struct
    inputs: _containers.RepeatedCompositeFieldContainer[TaskInput]
    asset: _resources_pb2.Asset
    attempt: int
    deadline: _timestamp_pb2.Timestamp
    start_to_close: _duration_pb2.Duration
    details: _containers.ScalarMap[str, str]
    purchase: TaskPurchase
    def __init__(self, execution: _Optional[str] = ..., node: _Optional[str] = ..., pipeline_uid: _Optional[str] = ..., node_uid: _Optional[str] = ..., node_type: _Optional[str] = ..., provider: _Optional[str] = ..., title: _Optional[str] = ..., config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., inputs: _Optional[_Iterable[_Union[TaskInput, _Mapping]]] = ..., asset: _Optional[_Union[_resources_pb2.Asset, _Mapping]] = ..., attempt: _Optional[int] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_to_close: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., details: _Optional[_Mapping[str, str]] = ..., purchase: _Optional[_Union[TaskPurchase, _Mapping]] = ...) -> None: ...

class TaskPurchase(_message.Message):
    __slots__ = ("submit_key", "state", "job_id", "possibly_submitted", "possible_submissions", "intend_time")
    SUBMIT_KEY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    POSSIBLY_SUBMITTED_FIELD_NUMBER: _ClassVar[int]
    POSSIBLE_SUBMISSIONS_FIELD_NUMBER: _ClassVar[int]
    INTEND_TIME_FIELD_NUMBER: _ClassVar[int]
    submit_key: str
    state: PurchaseState
    job_id: str
    possibly_submitted: bool
    possible_submissions: int
    intend_time: _timestamp_pb2.Timestamp
    def __init__(self, submit_key: _Optional[str] = ..., state: _Optional[_Union[PurchaseState, str]] = ..., job_id: _Optional[str] = ..., possibly_submitted: _Optional[bool] = ..., possible_submissions: _Optional[int] = ..., intend_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TaskInput(_message.Message):
    __slots__ = ("slot", "position", "node", "output")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    slot: str
    position: int
    node: str
    output: _resources_pb2.Output
    def __init__(self, slot: _Optional[str] = ..., position: _Optional[int] = ..., node: _Optional[str] = ..., output: _Optional[_Union[_resources_pb2.Output, _Mapping]] = ...) -> None: ...
