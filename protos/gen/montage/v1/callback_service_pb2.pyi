from buf.validate import validate_pb2 as _validate_pb2
from montage.v1 import execution_service_pb2 as _execution_service_pb2
from montage.v1 import resources_pb2 as _resources_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReportExternalRequest(_message.Message):
    __slots__ = ("capability", "execution_id", "node_uid", "executor_type", "output", "failure")
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_UID_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_TYPE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    capability: str
    execution_id: str
    node_uid: str
    executor_type: str
    output: _resources_pb2.Output
    failure: _resources_pb2.Failure
    def __init__(self, capability: _Optional[str] = ..., execution_id: _Optional[str] = ..., node_uid: _Optional[str] = ..., executor_type: _Optional[str] = ..., output: _Optional[_Union[_resources_pb2.Output, _Mapping]] = ..., failure: _Optional[_Union[_resources_pb2.Failure, _Mapping]] = ...) -> None: ...

class ReportExternalResponse(_message.Message):
    __slots__ = ("disposition",)
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    disposition: _execution_service_pb2.Disposition
    def __init__(self, disposition: _Optional[_Union[_execution_service_pb2.Disposition, str]] = ...) -> None: ...
