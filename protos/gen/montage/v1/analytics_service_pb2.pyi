import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from montage.v1 import resources_pb2 as _resources_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetNodeRenderDataRequest(_message.Message):
    __slots__ = ("node_uid", "capability")
    NODE_UID_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    node_uid: str
    capability: str
    def __init__(self, node_uid: _Optional[str] = ..., capability: _Optional[str] = ...) -> None: ...

class GetNodeRenderDataResponse(_message.Message):
    __slots__ = ("node_uid", "node", "type", "title", "config", "inputs", "expire_time")
    NODE_UID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    node_uid: str
    node: str
    type: str
    title: str
    config: _struct_pb2.Struct
    inputs: _containers.RepeatedCompositeFieldContainer[RenderInput]
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, node_uid: _Optional[str] = ..., node: _Optional[str] = ..., type: _Optional[str] = ..., title: _Optional[str] = ..., config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., inputs: _Optional[_Iterable[_Union[RenderInput, _Mapping]]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RenderInput(_message.Message):
    __slots__ = ("slot", "node_uid", "node_id", "output", "url")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    NODE_UID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    slot: str
    node_uid: str
    node_id: str
    output: _resources_pb2.Output
    url: str
    def __init__(self, slot: _Optional[str] = ..., node_uid: _Optional[str] = ..., node_id: _Optional[str] = ..., output: _Optional[_Union[_resources_pb2.Output, _Mapping]] = ..., url: _Optional[str] = ...) -> None: ...

class GetPipelineMetricsRequest(_message.Message):
    __slots__ = ("pipeline_uid", "capability")
    PIPELINE_UID_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    pipeline_uid: str
    capability: str
    def __init__(self, pipeline_uid: _Optional[str] = ..., capability: _Optional[str] = ...) -> None: ...

class GetPipelineMetricsResponse(_message.Message):
    __slots__ = ("pipeline", "node_counts", "executions", "node_types")
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    NODE_COUNTS_FIELD_NUMBER: _ClassVar[int]
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    NODE_TYPES_FIELD_NUMBER: _ClassVar[int]
    pipeline: str
    node_counts: _containers.RepeatedCompositeFieldContainer[_resources_pb2.NodeStateCount]
    executions: ExecutionMetrics
    node_types: _containers.RepeatedCompositeFieldContainer[NodeTypeMetrics]
    def __init__(self, pipeline: _Optional[str] = ..., node_counts: _Optional[_Iterable[_Union[_resources_pb2.NodeStateCount, _Mapping]]] = ..., executions: _Optional[_Union[ExecutionMetrics, _Mapping]] = ..., node_types: _Optional[_Iterable[_Union[NodeTypeMetrics, _Mapping]]] = ...) -> None: ...

class GetNodeTypeMetricsRequest(_message.Message):
    __slots__ = ("node_type", "capability")
    NODE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    node_type: str
    capability: str
    def __init__(self, node_type: _Optional[str] = ..., capability: _Optional[str] = ...) -> None: ...

class GetNodeTypeMetricsResponse(_message.Message):
    __slots__ = ("metrics", "providers")
    METRICS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    metrics: NodeTypeMetrics
    providers: _containers.RepeatedCompositeFieldContainer[ProviderMetrics]
    def __init__(self, metrics: _Optional[_Union[NodeTypeMetrics, _Mapping]] = ..., providers: _Optional[_Iterable[_Union[ProviderMetrics, _Mapping]]] = ...) -> None: ...

class NodeTypeMetrics(_message.Message):
    __slots__ = ("node_type", "executions")
    NODE_TYPE_FIELD_NUMBER: _ClassVar[int]
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    node_type: str
    executions: ExecutionMetrics
    def __init__(self, node_type: _Optional[str] = ..., executions: _Optional[_Union[ExecutionMetrics, _Mapping]] = ...) -> None: ...

class ProviderMetrics(_message.Message):
    __slots__ = ("provider", "executions")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    provider: str
    executions: ExecutionMetrics
    def __init__(self, provider: _Optional[str] = ..., executions: _Optional[_Union[ExecutionMetrics, _Mapping]] = ...) -> None: ...

class ExecutionMetrics(_message.Message):
    __slots__ = ("total", "succeeded", "failed", "p50", "p95", "p99", "failures", "cost_micros")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P95_FIELD_NUMBER: _ClassVar[int]
    P99_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    total: int
    succeeded: int
    failed: int
    p50: _duration_pb2.Duration
    p95: _duration_pb2.Duration
    p99: _duration_pb2.Duration
    failures: _containers.RepeatedCompositeFieldContainer[FailureCount]
    cost_micros: int
    def __init__(self, total: _Optional[int] = ..., succeeded: _Optional[int] = ..., failed: _Optional[int] = ..., p50: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., p95: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., p99: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., failures: _Optional[_Iterable[_Union[FailureCount, _Mapping]]] = ..., cost_micros: _Optional[int] = ...) -> None: ...

class FailureCount(_message.Message):
    __slots__ = ("error_type", "count", "rate")
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    error_type: str
    count: int
    rate: float
    def __init__(self, error_type: _Optional[str] = ..., count: _Optional[int] = ..., rate: _Optional[float] = ...) -> None: ...
