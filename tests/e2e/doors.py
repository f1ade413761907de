"""Knocking at the doors of a running stack with whatever papers one has: gRPC, both gateways, and NATS."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import nats
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from nats.aio.client import Client

from servicekit.grpc_retry import error_reason
from tests.e2e.house import House
from tests.patience import PATIENCE_S

AS_BYTES: Any = {"request_serializer": bytes, "response_deserializer": bytes}


@dataclass(frozen=True, kw_only=True)
class Papers:
    """What somebody shows, and whom it trusts; PEM files."""

    ca: Path
    cert: Path | None
    key: Path | None


def client_papers(house: House) -> Papers:
    files = house.stack.layout.tls("client-dev")
    return Papers(ca=files.ca, cert=files.cert, key=files.key)


def copy_of(authority: bytes, folder: Path) -> Path:
    path = folder / "authority.pem"
    path.write_bytes(authority)
    return path


@contextlib.asynccontextmanager
async def channel(house: House, papers: Papers | None) -> AsyncIterator[grpc.aio.Channel]:
    """To the pipeline service; None is plaintext."""
    address = house.stack.addresses.pipeline
    if papers is None:
        connection = grpc.aio.insecure_channel(address)
    else:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=papers.ca.read_bytes(),
            private_key=papers.key.read_bytes() if papers.key else None,
            certificate_chain=papers.cert.read_bytes() if papers.cert else None,
        )
        connection = grpc.aio.secure_channel(address, credentials)
    async with connection:
        yield connection


async def health(house: House, papers: Papers | None) -> grpc.StatusCode:
    """What a health check is answered."""
    async with channel(house, papers) as connection:
        check = connection.unary_unary("/grpc.health.v1.Health/Check", **AS_BYTES)
        try:
            answer = await check(b"", timeout=PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            return error.code()
    assert health_pb2.HealthCheckResponse.FromString(answer).status == health_pb2.HealthCheckResponse.SERVING
    return grpc.StatusCode.OK


async def is_admitted(connection: grpc.aio.Channel, method: str) -> bool:
    """Whether an empty request gets past the door; what becomes of it there is no matter."""
    return await answer_to(connection, method) != (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")


async def answer_to(connection: grpc.aio.Channel, method: str) -> tuple[grpc.StatusCode, str | None]:
    """Code and reason of what an empty request is answered."""
    # Whoever reads a stream can read a single answer just as well.
    call = connection.unary_stream(method, **AS_BYTES)(b"", timeout=PATIENCE_S)
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        return error.code(), error_reason(error)
    finally:
        call.cancel()
    return grpc.StatusCode.OK, None


async def may_reflect(connection: grpc.aio.Channel) -> bool:
    question = reflection_pb2.ServerReflectionRequest(list_services="*").SerializeToString()
    ask = connection.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", **AS_BYTES)
    call = ask(iter([question]), timeout=PATIENCE_S)
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        return error.code() is not grpc.StatusCode.PERMISSION_DENIED
    finally:
        call.cancel()
    return True


async def callback(house: House, papers: Papers | None) -> httpx.Response:
    """A callback without capability; None is plaintext."""
    port = house.stack.addresses.ports.gateway
    scheme = "http" if papers is None else "https"
    context = ssl.create_default_context() if papers is None else tls_context(papers)
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=PATIENCE_S) as http:
        return await http.post(f"{scheme}://127.0.0.1:{port}/spi/video_production/executor_callback", json={})


async def inside(
    house: House, papers: Papers, path: str, *, token: str | None = None, port: int | None = None
) -> httpx.Response:
    """A request to the internal gateway; with its token unless another is named, "" shows none."""
    shown = internal_token(house) if token is None else token
    address = f"https://127.0.0.1:{port or house.stack.addresses.ports.internal}"
    async with httpx.AsyncClient(verify=tls_context(papers), trust_env=False, timeout=PATIENCE_S) as http:
        return await http.get(address + path, headers={"X-Internal-Auth": shown} if shown else {})


def internal_token(house: House) -> str:
    return house.stack.layout.internal_tokens.read_text().strip()


@contextlib.asynccontextmanager
async def nats_connection(house: House, papers: Papers) -> AsyncIterator[Client]:
    """As the user of the pipeline service."""
    connection = await nats.connect(
        house.stack.addresses.nats_url,
        user="pipeline",
        password=house.stack.layout.nats_password("pipeline").read_text(),
        tls=tls_context(papers),
        allow_reconnect=False,
        connect_timeout=PATIENCE_S,
        error_cb=_ignore,
    )
    try:
        await connection.flush(timeout=PATIENCE_S)
        yield connection
    finally:
        await connection.close()


def tls_context(papers: Papers) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(papers.ca))
    if papers.cert is not None:
        context.load_cert_chain(papers.cert, papers.key)
    return context


async def _ignore(_: Exception) -> None:
    return None
