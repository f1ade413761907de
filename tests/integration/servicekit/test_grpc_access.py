"""Who gets in: real handshakes, real certificates, every kind of call, health and reflection included."""

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from servicekit.access import Allow, MissingRule, allow
from servicekit.grpc_retry import error_reason
from servicekit.grpc_server import ServerLimits
from servicekit.tls import TlsFiles
from tests.fakes.certificates import CertificateAuthority
from tests.integration.servicekit.conftest import COOK, GUEST, OpenChannel, StartServer
from tests.integration.servicekit.house import KINDS, METHODS, Door, knock
from tests.patience import PATIENCE_S


@pytest.mark.parametrize("kind", KINDS)
async def test_admitted_caller_is_answered_and_known_to_the_handler(
    kind: str, start_server: StartServer, open_channel: OpenChannel
) -> None:
    channel = await open_channel((await start_server()).port)

    answers = await knock(channel, kind, "who")

    assert set(answers) == {COOK}


@pytest.mark.parametrize("kind", KINDS)
async def test_caller_without_rule_is_refused_before_the_handler(
    kind: str, start_server: StartServer, open_channel: OpenChannel
) -> None:
    door, refusals = Door(), []
    server = await start_server(door, on_refusal=lambda method, reason: refusals.append((method, reason)))
    channel = await open_channel(server.port, uri=GUEST)

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await knock(channel, kind, "hello")

    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error_reason(raised.value) == "CALLER_NOT_ALLOWED"
    assert door.calls == 0
    assert refusals == [(f"/house.v1.DoorService/{kind}", "CALLER_NOT_ALLOWED")]


async def test_empty_rule_admits_nobody(start_server: StartServer, open_channel: OpenChannel, nobody: Allow) -> None:
    server = await start_server(access=dict.fromkeys(METHODS, nobody))
    channel = await open_channel(server.port)

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await knock(channel, "UnaryUnary", "hello")

    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_rule_for_children_admits_one_segment_below(start_server: StartServer, open_channel: OpenChannel) -> None:
    server = await start_server(access=dict.fromkeys(METHODS, allow("spiffe://house/guest/*")))

    assert await knock(await open_channel(server.port, uri=GUEST), "UnaryUnary", "who") == [GUEST]
    for other in ("spiffe://house/guest", GUEST + "/deeper", "spiffe://house/guests/anna", COOK):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await knock(await open_channel(server.port, uri=other), "UnaryUnary", "hello")
        assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_certificate_that_passes_the_handshake_but_is_nobody_is_unauthenticated(
    start_server: StartServer, authority: CertificateAuthority, tmp_path: Path
) -> None:
    server = await start_server(access=dict.fromkeys(METHODS, Allow(any_identity=True)))
    cases = {
        "none": authority.issue(COOK),
        "dns": authority.issue("cook", dns=[COOK]),
        "two": authority.issue("cook", uris=[COOK, GUEST]),
        "slash": authority.issue("cook", uris=[COOK + "/"]),
        "encoded": authority.issue("cook", uris=["spiffe://house/co%2Fok"]),
        "ca": authority.issue("cook", uris=[COOK], ca=True),
    }

    for name, issued in cases.items():
        # Not through ServiceChannel: it would refuse to show such a certificate.
        credentials = grpc.ssl_channel_credentials(authority.cert, issued.key, issued.cert)
        async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", credentials) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await knock(channel, "UnaryUnary", "hello")
        assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED, name
        assert error_reason(raised.value) == "CALLER_UNKNOWN", name


@pytest.mark.parametrize("case", ["other CA", "expired", "not yet", "no certificate", "plaintext"])
async def test_unacceptable_connection_reaches_no_handler(
    case: str, start_server: StartServer, authority: CertificateAuthority
) -> None:
    door = Door()
    server = await start_server(door)
    hour = timedelta(hours=1)
    issued = {
        "other CA": lambda: CertificateAuthority().issue("cook", uris=[COOK]),
        "expired": lambda: authority.issue("cook", uris=[COOK], starts=-2 * hour, ends=-hour),
        "not yet": lambda: authority.issue("cook", uris=[COOK], starts=hour, ends=2 * hour),
    }.get(case)
    target = f"127.0.0.1:{server.port}"
    if case == "plaintext":
        channel = grpc.aio.insecure_channel(target)
    elif issued is None:
        channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(authority.cert))
    else:
        bad = issued()
        channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(authority.cert, bad.key, bad.cert))

    async with channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await knock(channel, "UnaryUnary", "hello")

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert door.calls == 0


async def test_server_with_certificate_of_another_ca_or_name_is_not_called(
    start_server: StartServer, open_channel: OpenChannel, tmp_path: Path
) -> None:
    door = Door()
    server = await start_server(door)
    stranger = CertificateAuthority()

    channel = await open_channel(server.port, files=stranger.issue_files(tmp_path / "other", "cook", COOK))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await knock(channel, "UnaryUnary", "hello")

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert door.calls == 0


async def test_health_answers_everyone_with_an_identity_per_service(
    start_server: StartServer, open_channel: OpenChannel
) -> None:
    server = await start_server()
    health = health_pb2_grpc.HealthStub(await open_channel(server.port, uri=GUEST))

    for service in ("", "house.v1.DoorService"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await health.Check(health_pb2.HealthCheckRequest(service="house.v1.Cellar"))
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_watch_tells_the_change_of_a_service(start_server: StartServer, open_channel: OpenChannel) -> None:
    server = await start_server()
    health = health_pb2_grpc.HealthStub(await open_channel(server.port))
    watch = health.Watch(health_pb2.HealthCheckRequest(service="house.v1.DoorService"))

    first = await watch.read()
    await server.set_serving("house.v1.DoorService", serving=False)
    second = await watch.read()
    watch.cancel()

    status = health_pb2.HealthCheckResponse
    assert (first.status, second.status) == (status.SERVING, status.NOT_SERVING)


async def test_reflection_lists_services_for_whom_it_is_allowed(
    start_server: StartServer, open_channel: OpenChannel
) -> None:
    server = await start_server()
    question = reflection_pb2.ServerReflectionRequest(list_services="")

    stub = reflection_pb2_grpc.ServerReflectionStub(await open_channel(server.port))
    answers = [answer async for answer in stub.ServerReflectionInfo(iter([question]))]
    names = [service.name for service in answers[0].list_services_response.service]
    assert "house.v1.DoorService" in names

    stub = reflection_pb2_grpc.ServerReflectionStub(await open_channel(server.port, uri=GUEST))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        [answer async for answer in stub.ServerReflectionInfo(iter([question]))]
    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_unknown_method_is_unimplemented(start_server: StartServer, open_channel: OpenChannel) -> None:
    channel = await open_channel((await start_server()).port)

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary("/house.v1.DoorService/Fly")(b"")

    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_method_without_rule_or_rule_without_method_stops_the_start(start_server: StartServer) -> None:
    rules = dict.fromkeys(METHODS, allow(COOK))

    with pytest.raises(MissingRule, match="UnaryStream"):
        await start_server(access={method: rule for method, rule in rules.items() if "UnaryStream" not in method})
    with pytest.raises(MissingRule, match=r"not served: /house\.v1\.DoorService/Fly"):
        await start_server(access=rules | {"/house.v1.DoorService/Fly": allow(COOK)})


async def test_start_on_a_taken_port_fails(start_server: StartServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(RuntimeError, match="bind"):
            await start_server(listen=f"127.0.0.1:{taken.getsockname()[1]}")


async def test_server_takes_a_rotated_certificate_without_restart(
    start_server: StartServer,
    server_tls: TlsFiles,
    authority: CertificateAuthority,
    tls: Callable[[str, str], TlsFiles],
    open_channel: OpenChannel,
) -> None:
    server = await start_server(access=dict.fromkeys(METHODS, Allow(any_identity=True)))
    assert await knock(await open_channel(server.port), "UnaryUnary", "hello") == ["hello"]

    new_authority = CertificateAuthority("Next CA")
    new_authority.issue_files(server_tls.cert.parent, "house", "spiffe://house/house")
    cook = new_authority.issue_files(server_tls.cert.parent, "new-cook", COOK)

    assert await knock(await open_channel(server.port, files=cook), "UnaryUnary", "who") == [COOK]
    with pytest.raises(grpc.aio.AioRpcError):
        await knock(await open_channel(server.port), "UnaryUnary", "hello")


async def test_connection_of_a_removed_authority_goes_on_until_its_age(
    start_server: StartServer, server_tls: TlsFiles, open_channel: OpenChannel
) -> None:
    server = await start_server(limits=ServerLimits(connection_age_s=3))
    old = await open_channel(server.port)
    assert await knock(old, "UnaryUnary", "hello") == ["hello"]

    CertificateAuthority("Next CA").issue_files(server_tls.cert.parent, "house", "spiffe://house/house")
    with pytest.raises(grpc.aio.AioRpcError):
        await knock(await open_channel(server.port), "UnaryUnary", "hello")
    assert await knock(old, "UnaryUnary", "hello") == ["hello"]
    async with asyncio.timeout(PATIENCE_S):
        await old.wait_for_state_change(grpc.ChannelConnectivity.READY)

    with pytest.raises(grpc.aio.AioRpcError):
        await knock(old, "UnaryUnary", "hello")
