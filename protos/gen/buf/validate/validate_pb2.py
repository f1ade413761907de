"""Registers buf/validate/validate.proto of the installed protovalidate, for our stubs."""

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, field_mask_pb2, timestamp_pb2
from protovalidate._gen.buf.validate import validate_pb

_NEEDS = (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)
DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(validate_pb.desc().proto.to_binary())
