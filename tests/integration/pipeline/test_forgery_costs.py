"""At the issuer, too, how long a refusal takes says nothing about what was wrong, and the database hears of none."""

import random
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from montage.v1 import callback_service_pb2 as api
from montage.v1 import callback_service_pb2_grpc, resources_pb2

from pipeline_service.access import access_table
from pipeline_service.transport.errors import DOMAIN, ERRORS
from servicekit.access import Allow
from servicekit.grpc_client import ServiceChannel
from servicekit.grpc_retry import error_reason
from servicekit.grpc_server import Drain, GrpcServer
from servicekit.server_tls import server_credentials
from tests.fakes.certificates import CertificateAuthority
from tests.unit.gateway.capabilities import KeyPair, just_expired
from tests.unit.pipeline.test_forgeries import PAIR, a_servicer_without_database

SERVICE = "montage.v1.CallbackService"
FEW, MANY = 5, 5_000
TOLERANCE = 0.05
TEXT = resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_TEXT, content="x")


def forgeries() -> dict[str, str]:
    """Of each kind one that may reach the issuer, whatever became of the gateway. All are about as long."""
    token, wrong_hmac = PAIR.issue(), KeyPair(id="k1", private=PAIR.private, hmac=b"x" * 32)
    middle = len(token) // 3
    return {
        "right Ed25519, wrong HMAC": wrong_hmac.issue(),
        "flipped HMAC": token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB"),
        "flipped body": f"{token[:middle]}{'A' if token[middle] != 'A' else 'B'}{token[middle + 1 :]}",
        "unknown key id": KeyPair.make("k9").issue(),
        "other audience": PAIR.issue(audience="read"),
        "forged and expired": wrong_hmac.issue(exp=just_expired()),
        "cut off": token[:-1],
        "garbage": "A" * len(token),
    }


@asynccontextmanager
async def an_issuer(folder: Path) -> AsyncIterator[Any]:
    """CallbackService as the gateway finds it. Whatever stands before the database raises when it is asked."""
    authority = CertificateAuthority()
    tls = authority.issue_files(folder, "pipeline", "spiffe://montage/pipeline")
    servicer = a_servicer_without_database()
    server = GrpcServer(
        listen="127.0.0.1:0",
        credentials=server_credentials(tls, on_reload=lambda _: None),
        services=[lambda server: callback_service_pb2_grpc.add_CallbackServiceServicer_to_server(servicer, server)],
        access={method: rule for method, rule in access_table().items() if SERVICE in method},
        reflection_access=Allow(),
        domain=DOMAIN,
        errors=ERRORS,
        drain=Drain(notice_s=0, grace_s=0),
    )
    await server.start()
    caller = authority.issue_files(folder, "gateway", "spiffe://montage/callback-gateway")
    try:
        async with ServiceChannel(f"127.0.0.1:{server.port}", tls=caller) as channel:
            yield callback_service_pb2_grpc.CallbackServiceStub(channel)
    finally:
        await server.stop()


async def medians_us(folder: Path, *, number: int) -> Mapping[str, float]:
    """Of so many refusals of each kind, in random order."""
    kinds = forgeries()
    order = [kind for kind in kinds for _ in range(number)]
    random.Random(1).shuffle(order)
    took: dict[str, list[float]] = defaultdict(list)
    async with an_issuer(folder) as stub:
        for kind in order:
            request = api.ReportExternalRequest(capability=kinds[kind], output=TEXT)
            began = time.perf_counter()
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ReportExternal(request)
            took[kind].append((time.perf_counter() - began) * 1e6)
            assert error_reason(refused.value) == "CAPABILITY_INVALID", kind
    return {kind: statistics.median(all_of) for kind, all_of in took.items()}


async def test_every_kind_of_forgery_is_refused_alike_before_the_database_is_asked(tmp_path: Path) -> None:
    assert set(await medians_us(tmp_path, number=FEW)) == set(forgeries())


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_medians_of_all_kinds_of_refusals_are_alike(tmp_path: Path) -> None:
    medians = await medians_us(tmp_path, number=MANY)

    usual = statistics.median(medians.values())
    print({kind: round(median) for kind, median in medians.items()}, "µs")
    assert {kind: median for kind, median in medians.items() if abs(median / usual - 1) > TOLERANCE} == {}
