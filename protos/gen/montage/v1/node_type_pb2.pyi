import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from montage.v1 import resources_pb2 as _resources_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConfigFieldKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFIG_FIELD_KIND_UNSPECIFIED: _ClassVar[ConfigFieldKind]
    CONFIG_FIELD_KIND_STRING: _ClassVar[ConfigFieldKind]
    CONFIG_FIELD_KIND_INTEGER: _ClassVar[ConfigFieldKind]
    CONFIG_FIELD_KIND_NUMBER: _ClassVar[ConfigFieldKind]
    CONFIG_FIELD_KIND_BOOLEAN: _ClassVar[ConfigFieldKind]
    CONFIG_FIELD_KIND_OBJECT: _ClassVar[ConfigFieldKind]
CONFIG_FIELD_KIND_UNSPECIFIED: ConfigFieldKind
CONFIG_FIELD_KIND_STRING: ConfigFieldKind
CONFIG_FIELD_KIND_INTEGER: ConfigFieldKind
CONFIG_FIELD_KIND_NUMBER: ConfigFieldKind
CONFIG_FIELD_KIND_BOOLEAN: ConfigFieldKind
CONFIG_FIELD_KIND_OBJECT: ConfigFieldKind

class NodeType(_message.Message):
    __slots__ = ("name", "description", "makes", "slots", "config_fields", "revision", "start_to_close", "max_attempts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    MAKES_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELDS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    START_TO_CLOSE_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    makes: _resources_pb2.MediaType
    slots: _containers.RepeatedCompositeFieldContainer[Slot]
    config_fields: _containers.RepeatedCompositeFieldContainer[ConfigField]
    revision: int
    start_to_close: _duration_pb2.Duration
    max_attempts: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., makes: _Optional[_Union[_resources_pb2.MediaType, str]] = ..., slots: _Optional[_Iterable[_Union[Slot, _Mapping]]] = ..., config_fields: _Optional[_Iterable[_Union[ConfigField, _Mapping]]] = ..., revision: _Optional[int] = ..., start_to_close: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_attempts: _Optional[int] = ...) -> None: ...

class Slot(_message.Message):
    __slots__ = ("name", "description", "accepts", "min_count", "max_count")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_FIELD_NUMBER: _ClassVar[int]
    MIN_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    accepts: _containers.RepeatedScalarFieldContainer[_resources_pb2.MediaType]
    min_count: int
    max_count: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., accepts: _Optional[_Iterable[_Union[_resources_pb2.MediaType, str]]] = ..., min_count: _Optional[int] = ..., max_count: _Optional[int] = ...) -> None: ...

class ConfigField(_message.Message):
    __slots__ = ("name", "description", "kind", "required", "allowed_values", "minimum", "maximum", "default_value", "affects_output", "values_by_provider", "refused_values", "multiple_of", "max_length", "pattern")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_VALUES_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    AFFECTS_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    VALUES_BY_PROVIDER_FIELD_NUMBER: _ClassVar[int]
    REFUSED_VALUES_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_OF_FIELD_NUMBER: _ClassVar[int]
    MAX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    kind: ConfigFieldKind
    required: bool
    allowed_values: _containers.RepeatedScalarFieldContainer[str]
    minimum: float
    maximum: float
    default_value: _struct_pb2.Value
    affects_output: bool
    values_by_provider: _containers.RepeatedCompositeFieldContainer[ProviderValues]
    refused_values: _containers.RepeatedCompositeFieldContainer[RefusedValue]
    multiple_of: int
    max_length: int
    pattern: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., kind: _Optional[_Union[ConfigFieldKind, str]] = ..., required: _Optional[bool] = ..., allowed_values: _Optional[_Iterable[str]] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., default_value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., affects_output: _Optional[bool] = ..., values_by_provider: _Optional[_Iterable[_Union[ProviderValues, _Mapping]]] = ..., refused_values: _Optional[_Iterable[_Union[RefusedValue, _Mapping]]] = ..., multiple_of: _Optional[int] = ..., max_length: _Optional[int] = ..., pattern: _Optional[str] = ...) -> None: ...

class ProviderValues(_message.Message):
    __slots__ = ("provider", "values")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    provider: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, provider: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class RefusedValue(_message.Message):
    __slots__ = ("value", "reason")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    value: str
    reason: str
    def __init__(self, value: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
