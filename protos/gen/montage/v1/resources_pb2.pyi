import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MediaType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEDIA_TYPE_UNSPECIFIED: _ClassVar[MediaType]
    MEDIA_TYPE_TEXT: _ClassVar[MediaType]
    MEDIA_TYPE_JSON: _ClassVar[MediaType]
    MEDIA_TYPE_IMAGE: _ClassVar[MediaType]
    MEDIA_TYPE_AUDIO: _ClassVar[MediaType]
    MEDIA_TYPE_VIDEO: _ClassVar[MediaType]

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_PENDING: _ClassVar[NodeState]
    NODE_STATE_IN_PROGRESS: _ClassVar[NodeState]
    NODE_STATE_COMPLETED: _ClassVar[NodeState]
    NODE_STATE_FAILED: _ClassVar[NodeState]

class Freshness(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FRESHNESS_UNSPECIFIED: _ClassVar[Freshness]
    FRESHNESS_CURRENT: _ClassVar[Freshness]
    FRESHNESS_STALE: _ClassVar[Freshness]
    FRESHNESS_MISSING: _ClassVar[Freshness]
    FRESHNESS_BLOCKED: _ClassVar[Freshness]

class ExecutionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTION_STATE_UNSPECIFIED: _ClassVar[ExecutionState]
    EXECUTION_STATE_QUEUED: _ClassVar[ExecutionState]
    EXECUTION_STATE_RUNNING: _ClassVar[ExecutionState]
    EXECUTION_STATE_WAITING: _ClassVar[ExecutionState]
    EXECUTION_STATE_SUCCEEDED: _ClassVar[ExecutionState]
    EXECUTION_STATE_FAILED: _ClassVar[ExecutionState]
    EXECUTION_STATE_TIMED_OUT: _ClassVar[ExecutionState]
    EXECUTION_STATE_CANCELLED: _ClassVar[ExecutionState]

class WaitingFor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WAITING_FOR_UNSPECIFIED: _ClassVar[WaitingFor]
    WAITING_FOR_CALLBACK: _ClassVar[WaitingFor]
    WAITING_FOR_VENDOR: _ClassVar[WaitingFor]
    WAITING_FOR_HUMAN: _ClassVar[WaitingFor]

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_ACTIVE: _ClassVar[RunState]
    RUN_STATE_PAUSED: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]

class RunDecision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_DECISION_UNSPECIFIED: _ClassVar[RunDecision]
    RUN_DECISION_WANTED: _ClassVar[RunDecision]
    RUN_DECISION_WAITING: _ClassVar[RunDecision]
    RUN_DECISION_BLOCKED: _ClassVar[RunDecision]
    RUN_DECISION_ACTIVE: _ClassVar[RunDecision]
    RUN_DECISION_DONE: _ClassVar[RunDecision]
    RUN_DECISION_REUSED: _ClassVar[RunDecision]
    RUN_DECISION_FAILED: _ClassVar[RunDecision]
    RUN_DECISION_SKIPPED: _ClassVar[RunDecision]

class EventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_TYPE_UNSPECIFIED: _ClassVar[EventType]
    EVENT_TYPE_PIPELINE_CREATED: _ClassVar[EventType]
    EVENT_TYPE_PIPELINE_IMPORTED: _ClassVar[EventType]
    EVENT_TYPE_NODE_CREATED: _ClassVar[EventType]
    EVENT_TYPE_NODE_UPDATED: _ClassVar[EventType]
    EVENT_TYPE_NODE_DELETED: _ClassVar[EventType]
    EVENT_TYPE_ASSET_COMPLETED: _ClassVar[EventType]
    EVENT_TYPE_RUN_CREATED: _ClassVar[EventType]
    EVENT_TYPE_RUN_SUCCEEDED: _ClassVar[EventType]
    EVENT_TYPE_RUN_FAILED: _ClassVar[EventType]
    EVENT_TYPE_RUN_CANCELLED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_QUEUED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_STARTED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_WAITING: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_REQUEUED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_SUCCEEDED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_FAILED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_TIMED_OUT: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_CANCELLED: _ClassVar[EventType]
    EVENT_TYPE_PIPELINE_UPDATED: _ClassVar[EventType]
    EVENT_TYPE_PIPELINE_DELETED: _ClassVar[EventType]
    EVENT_TYPE_RUN_PAUSED: _ClassVar[EventType]
    EVENT_TYPE_RUN_RESUMED: _ClassVar[EventType]
    EVENT_TYPE_PIPELINE_PAUSED: _ClassVar[EventType]
    EVENT_TYPE_PIPELINE_RESUMED: _ClassVar[EventType]
    EVENT_TYPE_NODE_PAUSED: _ClassVar[EventType]
    EVENT_TYPE_NODE_RESUMED: _ClassVar[EventType]
    EVENT_TYPE_NODE_RETRIED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_APPROVED: _ClassVar[EventType]
    EVENT_TYPE_EXECUTION_QUARANTINED: _ClassVar[EventType]
    EVENT_TYPE_NODE_REUSED: _ClassVar[EventType]
    EVENT_TYPE_NODE_DESCRIBED: _ClassVar[EventType]
    EVENT_TYPE_PURCHASE_INTENDED: _ClassVar[EventType]
    EVENT_TYPE_PURCHASE_SUBMITTED: _ClassVar[EventType]
    EVENT_TYPE_PURCHASE_UNKNOWN: _ClassVar[EventType]
    EVENT_TYPE_PURCHASE_SETTLED: _ClassVar[EventType]
    EVENT_TYPE_PURCHASE_REFUSED: _ClassVar[EventType]
MEDIA_TYPE_UNSPECIFIED: MediaType
MEDIA_TYPE_TEXT: MediaType
MEDIA_TYPE_JSON: MediaType
MEDIA_TYPE_IMAGE: MediaType
MEDIA_TYPE_AUDIO: MediaType
MEDIA_TYPE_VIDEO: MediaType
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_PENDING: NodeState
NODE_STATE_IN_PROGRESS: NodeState
NODE_STATE_COMPLETED: NodeState
NODE_STATE_FAILED: NodeState
FRESHNESS_UNSPECIFIED: Freshness
FRESHNESS_CURRENT: Freshness
FRESHNESS_STALE: Freshness
FRESHNESS_MISSING: Freshness
FRESHNESS_BLOCKED: Freshness
EXECUTION_STATE_UNSPECIFIED: ExecutionState
EXECUTION_STATE_QUEUED: ExecutionState
EXECUTION_STATE_RUNNING: ExecutionState
EXECUTION_STATE_WAITING: ExecutionState
EXECUTION_STATE_SUCCEEDED: ExecutionState
EXECUTION_STATE_FAILED: ExecutionState
EXECUTION_STATE_TIMED_OUT: ExecutionState
EXECUTION_STATE_CANCELLED: ExecutionState
WAITING_FOR_UNSPECIFIED: WaitingFor
WAITING_FOR_CALLBACK: WaitingFor
WAITING_FOR_VENDOR: WaitingFor
WAITING_FOR_HUMAN: WaitingFor
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_ACTIVE: RunState
RUN_STATE_PAUSED: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState
RUN_DECISION_UNSPECIFIED: RunDecision
RUN_DECISION_WANTED: RunDecision
RUN_DECISION_WAITING: RunDecision
RUN_DECISION_BLOCKED: RunDecision
RUN_DECISION_ACTIVE: RunDecision
RUN_DECISION_DONE: RunDecision
RUN_DECISION_REUSED: RunDecision
RUN_DECISION_FAILED: RunDecision
RUN_DECISION_SKIPPED: RunDecision
EVENT_TYPE_UNSPECIFIED: EventType
EVENT_TYPE_PIPELINE_CREATED: EventType
EVENT_TYPE_PIPELINE_IMPORTED: EventType
EVENT_TYPE_NODE_CREATED: EventType
EVENT_TYPE_NODE_UPDATED: EventType
EVENT_TYPE_NODE_DELETED: EventType
EVENT_TYPE_ASSET_COMPLETED: EventType
EVENT_TYPE_RUN_CREATED: EventType
EVENT_TYPE_RUN_SUCCEEDED: EventType
EVENT_TYPE_RUN_FAILED: EventType
EVENT_TYPE_RUN_CANCELLED: EventType
EVENT_TYPE_EXECUTION_QUEUED: EventType
EVENT_TYPE_EXECUTION_STARTED: EventType
EVENT_TYPE_EXECUTION_WAITING: EventType
EVENT_TYPE_EXECUTION_REQUEUED: EventType
EVENT_TYPE_EXECUTION_SUCCEEDED: EventType
EVENT_TYPE_EXECUTION_FAILED: EventType
EVENT_TYPE_EXECUTION_TIMED_OUT: EventType
EVENT_TYPE_EXECUTION_CANCELLED: EventType
EVENT_TYPE_PIPELINE_UPDATED: EventType
EVENT_TYPE_PIPELINE_DELETED: EventType
EVENT_TYPE_RUN_PAUSED: EventType
EVENT_TYPE_RUN_RESUMED: EventType
EVENT_TYPE_PIPELINE_PAUSED: EventType
EVENT_TYPE_PIPELINE_RESUMED: EventType
EVENT_TYPE_NODE_PAUSED: EventType
EVENT_TYPE_NODE_RESUMED: EventType
EVENT_TYPE_NODE_RETRIED: EventType
EVENT_TYPE_EXECUTION_APPROVED: EventType
EVENT_TYPE_EXECUTION_QUARANTINED: EventType
EVENT_TYPE_NODE_REUSED: EventType
EVENT_TYPE_NODE_DESCRIBED: EventType
EVENT_TYPE_PURCHASE_INTENDED: EventType
EVENT_TYPE_PURCHASE_SUBMITTED: EventType
EVENT_TYPE_PURCHASE_UNKNOWN: EventType
EVENT_TYPE_PURCHASE_SETTLED: EventType
EVENT_TYPE_PURCHASE_REFUSED: EventType

class Pipeline(_message.Message):
    __slots__ = ("name", "uid", "title", "version", "create_time", "update_time", "structure_version", "last_sequence", "node_count", "node_state_counts", "etag", "labels", "paused")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STRUCTURE_VERSION_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NODE_COUNT_FIELD_NUMBER: _ClassVar[int]
    NODE_STATE_COUNTS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    title: str
    version: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    structure_version: int
    last_sequence: int
    node_count: int
    node_state_counts: _containers.RepeatedCompositeFieldContainer[NodeStateCount]
    etag: str
    labels: _containers.ScalarMap[str, str]
    paused: bool
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., title: _Optional[str] = ..., version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., structure_version: _Optional[int] = ..., last_sequence: _Optional[int] = ..., node_count: _Optional[int] = ..., node_state_counts: _Optional[_Iterable[_Union[NodeStateCount, _Mapping]]] = ..., etag: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., paused: _Optional[bool] = ...) -> None: ...

class NodeStateCount(_message.Message):
    __slots__ = ("state", "count")
    STATE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    state: NodeState
    count: int
    def __init__(self, state: _Optional[_Union[NodeState, str]] = ..., count: _Optional[int] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("name", "uid", "type", "title", "inputs", "config", "asset", "state", "execution", "output", "failure", "is_current", "progress", "create_time", "update_time", "is_valid", "problems", "etag", "labels", "last_output", "freshness", "freshness_reasons", "paused", "retry")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    IS_CURRENT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    IS_VALID_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LAST_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_REASONS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    type: str
    title: str
    inputs: _containers.RepeatedCompositeFieldContainer[NodeInput]
    config: _struct_pb2.Struct
    asset: Asset
    state: NodeState
    execution: str
    output: Output
    failure: Failure
    is_current: bool
    progress: Progress
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    is_valid: bool
    problems: _containers.RepeatedCompositeFieldContainer[NodeProblem]
    etag: str
    labels: _containers.ScalarMap[str, str]
    last_output: Output
    freshness: Freshness
    freshness_reasons: _containers.RepeatedScalarFieldContainer[str]
    paused: bool
    retry: RetryPolicy
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., type: _Optional[str] = ..., title: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[NodeInput, _Mapping]]] = ..., config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., asset: _Optional[_Union[Asset, _Mapping]] = ..., state: _Optional[_Union[NodeState, str]] = ..., execution: _Optional[str] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., is_current: _Optional[bool] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_valid: _Optional[bool] = ..., problems: _Optional[_Iterable[_Union[NodeProblem, _Mapping]]] = ..., etag: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., last_output: _Optional[_Union[Output, _Mapping]] = ..., freshness: _Optional[_Union[Freshness, str]] = ..., freshness_reasons: _Optional[_Iterable[str]] = ..., paused: _Optional[bool] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("max_attempts", "initial_interval", "backoff_coefficient", "max_interval", "jitter")
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    MAX_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    max_attempts: int
    initial_interval: _duration_pb2.Duration
    backoff_coefficient: float
    max_interval: _duration_pb2.Duration
    jitter: float
    def __init__(self, max_attempts: _Optional[int] = ..., initial_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., backoff_coefficient: _Optional[float] = ..., max_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., jitter: _Optional[float] = ...) -> None: ...

class NodeProblem(_message.Message):
    __slots__ = ("field", "description")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    field: str
    description: str
    def __init__(self, field: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class NodeInput(_message.Message):
    __slots__ = ("slot", "nodes")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    slot: str
    nodes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, slot: _Optional[str] = ..., nodes: _Optional[_Iterable[str]] = ...) -> None: ...

class Asset(_message.Message):
    __slots__ = ("type", "source", "content")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    type: MediaType
    source: str
    content: str
    def __init__(self, type: _Optional[_Union[MediaType, str]] = ..., source: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("type", "s3_key", "duration", "size_bytes", "sha256", "content_type", "media", "content", "contact_sheet")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    S3_KEY_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CONTACT_SHEET_FIELD_NUMBER: _ClassVar[int]
    type: MediaType
    s3_key: str
    duration: _duration_pb2.Duration
    size_bytes: int
    sha256: str
    content_type: str
    media: MediaFacts
    content: str
    contact_sheet: str
    def __init__(self, type: _Optional[_Union[MediaType, str]] = ..., s3_key: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., content_type: _Optional[str] = ..., media: _Optional[_Union[MediaFacts, _Mapping]] = ..., content: _Optional[str] = ..., contact_sheet: _Optional[str] = ...) -> None: ...

class MediaFacts(_message.Message):
    __slots__ = ("video_codec", "width", "height", "fps", "audio_codec", "sample_rate", "channels")
    VIDEO_CODEC_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_CODEC_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    video_codec: str
    width: int
    height: int
    fps: float
    audio_codec: str
    sample_rate: int
    channels: int
    def __init__(self, video_codec: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., fps: _Optional[float] = ..., audio_codec: _Optional[str] = ..., sample_rate: _Optional[int] = ..., channels: _Optional[int] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("error_type", "message", "details")
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    error_type: str
    message: str
    details: str
    def __init__(self, error_type: _Optional[str] = ..., message: _Optional[str] = ..., details: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("stage", "fraction", "report_time")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    stage: str
    fraction: float
    report_time: _timestamp_pb2.Timestamp
    def __init__(self, stage: _Optional[str] = ..., fraction: _Optional[float] = ..., report_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Execution(_message.Message):
    __slots__ = ("name", "uid", "state", "waiting_for", "attempt", "dispatch_no", "task_queue", "provider", "run", "create_time", "start_time", "end_time", "output", "failure", "progress", "vendor_job_id", "cost_micros", "work_digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DISPATCH_NO_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    VENDOR_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    WORK_DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    state: ExecutionState
    waiting_for: WaitingFor
    attempt: int
    dispatch_no: int
    task_queue: str
    provider: str
    run: str
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    output: Output
    failure: Failure
    progress: Progress
    vendor_job_id: str
    cost_micros: int
    work_digest: str
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., state: _Optional[_Union[ExecutionState, str]] = ..., waiting_for: _Optional[_Union[WaitingFor, str]] = ..., attempt: _Optional[int] = ..., dispatch_no: _Optional[int] = ..., task_queue: _Optional[str] = ..., provider: _Optional[str] = ..., run: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., vendor_job_id: _Optional[str] = ..., cost_micros: _Optional[int] = ..., work_digest: _Optional[str] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("name", "uid", "state", "targets", "nodes", "create_time", "end_time", "priority", "force")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    state: RunState
    targets: _containers.RepeatedScalarFieldContainer[str]
    nodes: _containers.RepeatedCompositeFieldContainer[RunNode]
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    priority: int
    force: bool
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., state: _Optional[_Union[RunState, str]] = ..., targets: _Optional[_Iterable[str]] = ..., nodes: _Optional[_Iterable[_Union[RunNode, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., priority: _Optional[int] = ..., force: _Optional[bool] = ...) -> None: ...

class RunNode(_message.Message):
    __slots__ = ("node", "decision", "reason", "execution", "reused_from")
    NODE_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    REUSED_FROM_FIELD_NUMBER: _ClassVar[int]
    node: str
    decision: RunDecision
    reason: str
    execution: str
    reused_from: str
    def __init__(self, node: _Optional[str] = ..., decision: _Optional[_Union[RunDecision, str]] = ..., reason: _Optional[str] = ..., execution: _Optional[str] = ..., reused_from: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("sequence", "create_time", "type", "node", "execution", "run", "attempt", "old_state", "new_state", "actor", "message")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OLD_STATE_FIELD_NUMBER: _ClassVar[int]
    NEW_STATE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    create_time: _timestamp_pb2.Timestamp
    type: EventType
    node: str
    execution: str
    run: str
    attempt: int
    old_state: str
    new_state: str
    actor: str
    message: str
    def __init__(self, sequence: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., type: _Optional[_Union[EventType, str]] = ..., node: _Optional[str] = ..., execution: _Optional[str] = ..., run: _Optional[str] = ..., attempt: _Optional[int] = ..., old_state: _Optional[str] = ..., new_state: _Optional[str] = ..., actor: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
