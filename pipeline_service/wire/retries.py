"""A node's retry policy, between the contract and a document."""

from collections.abc import Mapping

from montage.v1 import resources_pb2

from pipeline_service.domain.values import JsonValue

_NUMBERS = {"max_attempts": "maxAttempts", "backoff_coefficient": "backoffCoefficient", "jitter": "jitter"}
_INTERVALS = {"initial_interval": "initialInterval", "max_interval": "maxInterval"}


def retry_value(message: resources_pb2.RetryPolicy) -> dict[str, JsonValue]:
    """As a document would hold it: only what is given, intervals in seconds."""
    given: dict[str, JsonValue] = {}
    for name, key in _NUMBERS.items():
        if message.HasField(name):
            given[key] = getattr(message, name)
    for name, key in _INTERVALS.items():
        if message.HasField(name):
            interval = getattr(message, name)
            given[key] = interval.seconds + interval.nanos / 1e9
    return given


def retry_message(retry: Mapping[str, float]) -> resources_pb2.RetryPolicy | None:
    """None when everything is as the node type has it."""
    if not retry:
        return None
    message = resources_pb2.RetryPolicy()
    for name, key in _NUMBERS.items():
        if key in retry:
            setattr(message, name, retry[key])
    for name, key in _INTERVALS.items():
        if key in retry:
            getattr(message, name).FromNanoseconds(round(retry[key] * 1e9))
    return message
