"""What a caller sees of errors, over a real server."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import cache
from typing import Any

import grpc
import pytest
import structlog
from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2

from servicekit.access import allow
from servicekit.grpc_errors import (
    ErrorTable,
    FieldViolation,
    PreconditionViolation,
    Resource,
    RpcError,
)
from servicekit.grpc_retry import error_reason, field_violations, retry_after_s, rich_status
from servicekit.grpc_server import ServerLimits
from servicekit.telemetry import configure_logging
from servicekit.validation import MessageValidator
from tests.integration.servicekit.conftest import COOK, OpenChannel, StartServer
from tests.integration.servicekit.house import CODEC, KINDS, METHODS, Door, knock


class DoorJammed(Exception):
    """Known to the table."""


class DoorBroken(DoorJammed):
    """Known by its base class."""


def jammed(_error: Exception) -> RpcError:
    return RpcError(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason="DOOR_JAMMED",
        message="The door is jammed.",
        fields=(FieldViolation(field="door.angle", description="must be 0", reason="angle"),),
        preconditions=(PreconditionViolation(type="STATE", subject="door", description="must not be jammed"),),
        resource=Resource(type="door", name="doors/front"),
        retry_after=timedelta(seconds=1.5),
        metadata={"door": "front"},
    )


ERRORS: ErrorTable = {DoorJammed: jammed}


async def call_and_fail(channel: grpc.aio.Channel, kind: str, text: str) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await knock(channel, kind, text)
    return raised.value


def raising(error: Exception) -> Door:
    async def behave(_text: str) -> str:
        raise error

    return Door(behave)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [DoorJammed(), DoorBroken()])
async def test_known_exception_becomes_its_answer_with_all_details(
    kind: str, error: Exception, start_server: StartServer, open_channel: OpenChannel
) -> None:
    counted: list[tuple[str, str]] = []
    server = await start_server(raising(error), errors=ERRORS, on_error=lambda *what: counted.append(what))

    seen = await call_and_fail(await open_channel(server.port), kind, "open")

    assert seen.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert seen.details() == "The door is jammed."
    assert error_reason(seen) == "DOOR_JAMMED"
    assert retry_after_s(seen) == 1.5
    assert field_violations(seen) == [("door.angle", "must be 0")]
    status = rich_status(seen)
    assert status is not None
    info, precondition, resource = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.PreconditionFailure(),
        error_details_pb2.ResourceInfo(),
    )
    for detail in (info, precondition, resource):
        assert any(packed.Unpack(detail) for packed in status.details)
    assert (info.domain, dict(info.metadata)) == ("house", {"door": "front"})
    assert precondition.violations[0].subject == "door"
    assert resource.resource_name == "doors/front"
    assert counted == [(f"/house.v1.DoorService/{kind}", "FAILED_PRECONDITION")]


@pytest.mark.parametrize("kind", KINDS)
async def test_unknown_exception_is_internal_bland_and_fully_logged(
    kind: str, start_server: StartServer, open_channel: OpenChannel
) -> None:
    lines = io.StringIO()
    configure_logging(service="house", stream=lines)
    try:
        server = await start_server(raising(KeyError("the cellar key is under the mat")), errors=ERRORS)
        seen = await call_and_fail(await open_channel(server.port), kind, "open")
    finally:
        structlog.reset_defaults()

    assert seen.code() is grpc.StatusCode.INTERNAL
    assert error_reason(seen) == "INTERNAL"
    assert "cellar" not in str(seen.details())
    [logged] = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["event"] == "rpc_failed"]
    assert logged["method"] == f"/house.v1.DoorService/{kind}"
    assert logged["request_id"] in str(seen.details())
    assert "the cellar key is under the mat" in logged["exception"]


async def test_call_that_its_caller_cancels_is_cancelled_in_the_handler_and_no_error(
    start_server: StartServer, open_channel: OpenChannel
) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_ever(_text: str) -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    counted: list[tuple[str, str]] = []
    server = await start_server(Door(wait_for_ever), on_error=lambda *what: counted.append(what))
    channel = await open_channel(server.port)

    calling = asyncio.create_task(knock(channel, "UnaryUnary", "open"))
    await started.wait()
    calling.cancel()

    async with asyncio.timeout(5):
        await ended.wait()
    assert counted == []


async def test_request_above_the_limit_of_its_method_is_refused_and_another_method_may_carry_more(
    start_server: StartServer, open_channel: OpenChannel
) -> None:
    limits = ServerLimits(max_request_bytes=100, max_request_bytes_of={METHODS[1]: 10_000})
    door = Door()
    channel = await open_channel((await start_server(door, limits=limits)).port)

    seen = await call_and_fail(channel, "UnaryUnary", "x" * 200)
    assert seen.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error_reason(seen) == "REQUEST_TOO_LARGE"
    assert door.calls == 0
    assert len(await knock(channel, "UnaryStream", "x" * 200)) == 2
    assert (await call_and_fail(channel, "UnaryStream", "x" * 20_000)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


# buf.validate.field is extension 1159 of FieldOptions; this is its tag.
RULES_TAG = b"\xbaH"
FIELD = descriptor_pb2.FieldDescriptorProto


@cache
def message_with_rules() -> type[Message]:
    """house.v1.Knock: `by` needs a character, `times` holds numbers up to 3, `notes` maps to non-empty texts."""
    needs = [validate_pb2.DESCRIPTOR.name]
    file = descriptor_pb2.FileDescriptorProto(
        name="house/v1/knock.proto", package="house.v1", syntax="proto3", dependency=needs
    )
    knock_type = file.message_type.add(name="Knock")
    by = knock_type.field.add(name="by", number=1, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    set_rules(by, string={"min_len": 1})
    times = knock_type.field.add(name="times", number=2, type=FIELD.TYPE_INT32, label=FIELD.LABEL_REPEATED)
    set_rules(times, repeated={"items": {"int32": {"lte": 3}}})
    entry = knock_type.nested_type.add(name="NotesEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    notes = knock_type.field.add(name="notes", number=3, type=FIELD.TYPE_MESSAGE, label=FIELD.LABEL_REPEATED)
    notes.type_name = ".house.v1.Knock.NotesEntry"
    set_rules(notes, map={"values": {"string": {"min_len": 1}}})
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("house.v1.Knock"))


def set_rules(field: descriptor_pb2.FieldDescriptorProto, **rules: Any) -> None:
    described = descriptor_pool.Default().FindMessageTypeByName("buf.validate.FieldRules")
    encoded = message_factory.GetMessageClass(described)(**rules).SerializeToString()
    field.options.MergeFromString(RULES_TAG + bytes([len(encoded)]) + encoded)


class RuledDoor:
    """UnaryUnary and StreamStream that take house.v1.Knock."""

    def __init__(self, kind: type[Message]) -> None:
        self._kind = kind
        self.calls = 0

    async def unary_unary(self, request: object, _context: object) -> object:
        self.calls += 1
        return request

    async def stream_stream(self, requests: AsyncIterator[object], _context: object) -> AsyncIterator[object]:
        async for request in requests:
            self.calls += 1
            yield request

    def register(self, server: Any) -> None:
        codec = {"request_deserializer": self._kind.FromString, "response_serializer": self._kind.SerializeToString}
        handlers = {
            "UnaryUnary": grpc.unary_unary_rpc_method_handler(self.unary_unary, **codec),
            "StreamStream": grpc.stream_stream_rpc_method_handler(self.stream_stream, **codec),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("house.v1.Ruled", handlers),))
        server.add_registered_method_handlers("house.v1.Ruled", handlers)


class TestValidation:
    def test_violations_name_field_index_and_key(self) -> None:
        kind = message_with_rules()

        violations = MessageValidator([kind]).violations(kind(times=[1, 9], notes={"door": ""}))

        assert {one.field for one in violations} == {"by", "times[1]", 'notes["door"]'}
        assert {one.reason for one in violations} == {"string.min_len", "int32.lte"}

    def test_valid_message_has_none(self) -> None:
        kind = message_with_rules()

        assert MessageValidator().violations(kind(by="anna", times=[1, 2])) == ()

    async def test_broken_rules_are_answered_together_before_the_handler(
        self, start_server: StartServer, open_channel: OpenChannel
    ) -> None:
        kind = message_with_rules()
        door = RuledDoor(kind)
        access = {f"/house.v1.Ruled/{name}": allow(COOK) for name in ("UnaryUnary", "StreamStream")}
        server = await start_server(services=[door.register], access=access, validator=MessageValidator([kind]))
        channel = await open_channel(server.port)
        codec = {"request_serializer": kind.SerializeToString, "response_deserializer": kind.FromString}

        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/house.v1.Ruled/UnaryUnary", **codec)(kind(times=[7]))
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_reason(raised.value) == "INVALID_FIELD"
        assert {field for field, _ in field_violations(raised.value)} == {"by", "times[0]"}
        assert door.calls == 0

        stream = channel.stream_stream("/house.v1.Ruled/StreamStream", **codec)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            [one async for one in stream(iter([kind(by="anna"), kind()]))]
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert door.calls == 1


@pytest.mark.parametrize("payload", [b"\xff", b"\x0a\x03\xed\xa0\x80"])
async def test_bytes_that_are_no_message_are_refused_in_words(
    payload: bytes, start_server: StartServer, open_channel: OpenChannel
) -> None:
    door = Door()
    channel = await open_channel((await start_server(door)).port)
    method: Any = channel.unary_unary(METHODS[0])

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(payload, timeout=5)

    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_reason(raised.value) == "INVALID_FIELD"
    assert "cannot be read" in str(raised.value.details())
    assert door.calls == 0


async def test_error_that_quotes_much_arrives_all_the_same(
    start_server: StartServer, open_channel: OpenChannel
) -> None:
    def wordy(_error: Exception) -> RpcError:
        long = "ü" * 10_000
        return RpcError(
            code=grpc.StatusCode.INVALID_ARGUMENT,
            reason="WORDY",
            message=long,
            fields=(FieldViolation(field=long, description=long),),
            resource=Resource(type="door", name=long),
        )

    server = await start_server(raising(DoorJammed()), errors={DoorJammed: wordy})

    seen = await call_and_fail(await open_channel(server.port), "UnaryUnary", "open")

    assert error_reason(seen) == "WORDY"
    assert field_violations(seen) == [("ü" * 256, "ü" * 512)]


async def test_long_list_of_violations_arrives_whole_where_the_error_allows_it(
    start_server: StartServer, open_channel: OpenChannel
) -> None:
    def many(_error: Exception) -> RpcError:
        fields = tuple(FieldViolation(field=f"doors[{n}]", description="is jammed " * 5) for n in range(500))
        code = grpc.StatusCode.INVALID_ARGUMENT
        return RpcError(code=code, reason="MANY", message="many", fields=fields, max_status_bytes=48 * 1024)

    server = await start_server(raising(DoorJammed()), errors={DoorJammed: many})

    for _ in range(20):
        seen = await call_and_fail(await open_channel(server.port), "UnaryUnary", "open")
        assert len(field_violations(seen)) == 500


async def test_metadata_above_the_limit_is_refused(start_server: StartServer, open_channel: OpenChannel) -> None:
    door = Door()
    channel = await open_channel((await start_server(door)).port)
    method = channel.unary_unary(METHODS[0], **CODEC)

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(StringValue(value="hello"), metadata=[("x-long", "x" * 40_000)])

    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert door.calls == 0


async def test_message_is_shortened_and_violations_counted_when_they_do_not_fit(
    start_server: StartServer, open_channel: OpenChannel
) -> None:
    def many(_error: Exception) -> RpcError:
        fields = tuple(FieldViolation(field=f"doors[{n}]", description="is " + "jammed " * 20) for n in range(500))
        return RpcError(code=grpc.StatusCode.INVALID_ARGUMENT, reason="MANY", message="x" * 5000, fields=fields)

    server = await start_server(raising(DoorJammed()), errors={DoorJammed: many})

    seen = await call_and_fail(await open_channel(server.port), "UnaryUnary", "open")

    kept = len(field_violations(seen))
    assert 1 <= kept < 500
    assert len(str(seen.details())) <= 1024
    info = error_details_pb2.ErrorInfo()
    status = rich_status(seen)
    assert status is not None
    assert status.details[0].Unpack(info)
    assert info.metadata["violations_omitted"] == str(500 - kept)
