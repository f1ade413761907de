"""Who is let in where, tried against the running services with every wrong certificate, none, and plaintext."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import nats
import nats.errors
import pytest
import pytest_asyncio
from google.protobuf.descriptor import ServiceDescriptor
from montage.v1 import (
    analytics_service_pb2,
    audit_service_pb2,
    callback_service_pb2,
    credential_service_pb2,
    execution_service_pb2,
    node_service_pb2,
    object_service_pb2,
    pipeline_service_pb2,
    webhook_service_pb2,
)

from devstack.certificates import IDENTITIES, issue_client_certificate
from devstack.layout import write_private
from devstack.stack import StackOptions
from pipeline_service.access import access_table
from tests.e2e.doors import (
    Papers,
    answer_to,
    callback,
    channel,
    client_papers,
    copy_of,
    health,
    inside,
    internal_token,
    is_admitted,
    may_reflect,
    nats_connection,
)
from tests.e2e.house import House, open_house
from tests.fakes.certificates import CertificateAuthority
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT = "spiffe://montage/client/dev"
GET_PIPELINE = "/montage.v1.PipelineService/GetPipeline"
LET_IN = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
"""What its empty request is answered."""
ALARMS = "pipeline_alarms_total"
LONG_AGO = timedelta(days=200)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    processes = ("postgres", "nats", "s3", "migrate", "pipeline", "gateway", "internal")
    async with open_house(StackOptions(processes=processes)) as house:
        yield house


@pytest.fixture(name="papers")
def _papers(house: House, tmp_path: Path) -> dict[str, Papers]:
    """Certificates with names that would be let in, each wrong in one way, and a good one."""
    layout = house.stack.layout
    stranger = CertificateAuthority("Montage development CA").issue_files(tmp_path, "stranger", CLIENT)
    expired = issue_client_certificate(layout, "late", now=datetime.now(UTC) - LONG_AGO)
    good = layout.tls("client-dev")
    return {
        "good": Papers(ca=layout.ca_cert, cert=good.cert, key=good.key),
        "wrong authority": Papers(ca=layout.ca_cert, cert=stranger.cert, key=stranger.key),
        "expired": Papers(ca=layout.ca_cert, cert=expired.cert, key=expired.key),
        "no certificate": Papers(ca=layout.ca_cert, cert=None, key=None),
        "trusts another": Papers(ca=stranger.ca, cert=good.cert, key=good.key),
    }


class TestPipelineService:
    async def test_good_certificate_is_let_in(self, house: House, papers: dict[str, Papers]) -> None:
        assert await health(house, papers["good"]) is grpc.StatusCode.OK

    @pytest.mark.parametrize("wrong", ["wrong authority", "expired", "no certificate", "trusts another"])
    async def test_wrong_certificate_gets_no_connection(
        self, house: House, papers: dict[str, Papers], wrong: str
    ) -> None:
        assert await health(house, papers[wrong]) is grpc.StatusCode.UNAVAILABLE

    async def test_plaintext_gets_no_connection(self, house: House) -> None:
        assert await health(house, None) is grpc.StatusCode.UNAVAILABLE


class TestGateway:
    @pytest.mark.parametrize("shown", ["good", "no certificate"])
    async def test_caller_with_a_good_certificate_or_none_is_heard_and_needs_a_capability(
        self, house: House, papers: dict[str, Papers], shown: str
    ) -> None:
        assert (await callback(house, papers[shown])).status_code == 401

    @pytest.mark.parametrize("wrong", ["wrong authority", "expired", "trusts another"])
    async def test_wrong_certificate_gets_no_answer(self, house: House, papers: dict[str, Papers], wrong: str) -> None:
        with pytest.raises(httpx.TransportError):
            await callback(house, papers[wrong])

    async def test_plaintext_gets_no_answer(self, house: House) -> None:
        with pytest.raises(httpx.TransportError):
            await callback(house, None)


class TestInternalGateway:
    async def test_caller_with_token_and_certificate_gets_the_keys_of_a_user(
        self, house: House, papers: dict[str, Papers]
    ) -> None:
        async with house.operator() as operator:
            await operator.put_credential("users/42", "openai", "sk-of-42")
            await operator.put_credential("users/42", "notion", "secret_42")

        keys = await inside(house, papers["good"], "/internal/users/42/llm-keys")
        notion = await inside(house, papers["good"], "/internal/notion/users/42/context")
        nobody = await inside(house, papers["good"], "/internal/notion/users/43/context")

        assert (keys.status_code, keys.json()) == (200, {"google": None, "openai": "sk-of-42", "anthropic": None})
        assert notion.json() == {"connected": True, "token": "secret_42"}
        assert nobody.json() == {"connected": False, "token": None}

    @pytest.mark.parametrize("token", ["", "x" * 43, "the first half"])
    async def test_wrong_token_is_unauthorized_without_a_reason(
        self, house: House, papers: dict[str, Papers], token: str
    ) -> None:
        shown = internal_token(house)[:20] if token == "the first half" else token

        answer = await inside(house, papers["good"], "/internal/users/42/llm-keys", token=shown)

        assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})

    async def test_right_token_without_certificate_or_with_that_of_another_is_unauthorized(
        self, house: House, papers: dict[str, Papers]
    ) -> None:
        executor = house.stack.layout.tls("executor")
        for shown in (papers["no certificate"], Papers(ca=executor.ca, cert=executor.cert, key=executor.key)):
            answer = await inside(house, shown, "/internal/users/42/llm-keys")
            assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})

    async def test_gateway_of_the_internet_serves_nothing_of_it(self, house: House, papers: dict[str, Papers]) -> None:
        port = house.stack.addresses.ports.gateway

        answer = await inside(house, papers["good"], "/internal/users/42/llm-keys", port=port)

        assert answer.status_code == 404

    async def test_function_reads_its_node_with_a_capability_alone(
        self, house: House, papers: dict[str, Papers]
    ) -> None:
        """No certificate and no token; a capability that is none opens nothing."""
        node = "0194f1d0-0000-7000-8000-000000000001"
        guessed = await inside(house, papers["no certificate"], f"/spi/node_render_data/{node}?cap=guessed", token="")
        missing = await inside(house, papers["good"], f"/spi/node_render_data/{node}")

        assert (guessed.status_code, missing.status_code) == (401, 404)


class TestNats:
    async def test_good_certificate_is_let_in(self, house: House, papers: dict[str, Papers]) -> None:
        async with nats_connection(house, papers["good"]) as connection:
            assert connection.is_connected

    @pytest.mark.parametrize("wrong", ["wrong authority", "expired", "no certificate", "trusts another"])
    async def test_wrong_certificate_gets_no_connection_even_with_the_password(
        self, house: House, papers: dict[str, Papers], wrong: str
    ) -> None:
        with pytest.raises((nats.errors.Error, OSError, TimeoutError)):
            async with nats_connection(house, papers[wrong]):
                pass

    async def test_plaintext_is_not_answered(self, house: House) -> None:
        password = house.stack.layout.nats_password("pipeline").read_text()
        reader, writer = await asyncio.open_connection("127.0.0.1", house.stack.addresses.ports.nats)
        await asyncio.wait_for(reader.readline(), PATIENCE_S)

        writer.write(f'CONNECT {{"user":"pipeline","pass":"{password}","verbose":true}}\r\nPING\r\n'.encode())
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)

        writer.close()
        assert b"PONG" not in answer
        assert b"+OK" not in answer


MODULES = (
    analytics_service_pb2,
    audit_service_pb2,
    callback_service_pb2,
    credential_service_pb2,
    execution_service_pb2,
    node_service_pb2,
    object_service_pb2,
    pipeline_service_pb2,
    webhook_service_pb2,
)
SERVICES: dict[str, ServiceDescriptor] = {
    name: service for module in MODULES for name, service in module.DESCRIPTOR.services_by_name.items()
}
EVERY_METHOD = {f"{name}/{method.name}" for name, service in SERVICES.items() for method in service.methods}
REFLECTION = "reflection"
OF_CLIENTS = {
    method for method in EVERY_METHOD if method.startswith(("PipelineService/", "NodeService/", "WebhookService/"))
}
OF_OPERATORS = {
    *(method for method in EVERY_METHOD if method.startswith(("AnalyticsService/", "AuditService/", "ObjectService/"))),
    "CredentialService/PutCredential",
    "CredentialService/DeleteCredential",
    "CredentialService/ListCredentials",
}
MAY_CALL: dict[str, set[str]] = {
    "client-dev": OF_CLIENTS | {REFLECTION},
    "ops-dev": OF_CLIENTS | OF_OPERATORS | {REFLECTION},
    "executor": {
        *(method for method in EVERY_METHOD if method.startswith("ExecutionService/")),
        "CredentialService/AccessCredential",
    },
    "callback-gateway": {method for method in EVERY_METHOD if method.startswith("CallbackService/")},
    "internal-gateway": {
        *(method for method in EVERY_METHOD if method.startswith("AnalyticsService/")),
        "CredentialService/AccessCredential",
        "CredentialService/TouchCredential",
    },
    "pipeline": set(),
    "nats": set(),
}
"""Folder of a certificate to the methods that let its identity in; every one may ask for health."""
AWKWARD: dict[str, dict[str, Any]] = {
    "common name alone": {"name": CLIENT, "dns": []},
    "no name at all": {"name": "client", "dns": [], "ips": []},
    "DNS name that looks like an identity": {"name": "client", "dns": [CLIENT]},
    "DNS name beside an identity of another scheme": {"name": "client", "dns": [CLIENT], "uris": ["https://montage"]},
    "two identities": {"name": "client", "uris": [CLIENT, "spiffe://montage/ops/dev"]},
    "the same identity twice": {"name": "client", "uris": [CLIENT, CLIENT]},
    "slash at the end": {"name": "client", "uris": [f"{CLIENT}/"]},
    "encoded slash": {"name": "client", "uris": ["spiffe://montage/client%2Fdev"]},
    "empty segment": {"name": "client", "uris": ["spiffe://montage/client//dev"]},
    "dots": {"name": "client", "uris": ["spiffe://montage/ops/../client/dev"]},
    "capital trust domain": {"name": "client", "uris": ["spiffe://Montage/client/dev"]},
    "leaf that is an authority": {"name": "client", "uris": [CLIENT], "ca": True},
    "leaf that signs certificates": {"name": "client", "uris": [CLIENT], "signs_certificates": True},
}
"""Certificates of the right authority that pass the handshake, and are nobody's."""


async def test_matrix_knows_every_method_of_the_service() -> None:
    assert {f"/montage.v1.{method}" for method in EVERY_METHOD} == set(access_table())
    assert set(MAY_CALL) == set(IDENTITIES)


@pytest.mark.parametrize("who", MAY_CALL)
async def test_identity_may_call_its_methods_and_no_other(house: House, who: str) -> None:
    files = house.stack.layout.tls(who)
    papers = Papers(ca=files.ca, cert=files.cert, key=files.key)

    async with channel(house, papers) as connection:
        admitted = {method for method in EVERY_METHOD if await is_admitted(connection, f"/montage.v1.{method}")}
        if await may_reflect(connection):
            admitted.add(REFLECTION)

    assert admitted == MAY_CALL[who]
    assert await health(house, papers) is grpc.StatusCode.OK


@pytest.mark.parametrize("wrong", AWKWARD)
async def test_awkward_certificate_is_nobody_s_in_every_method(house: House, tmp_path: Path, wrong: str) -> None:
    layout = house.stack.layout
    authority = CertificateAuthority.of_files(layout.ca_cert, layout.ca_key)
    files = authority.write(tmp_path, "awkward", authority.issue(**AWKWARD[wrong]))

    async with channel(house, Papers(ca=files.ca, cert=files.cert, key=files.key)) as connection:
        answers = {await answer_to(connection, f"/montage.v1.{method}") for method in sorted(EVERY_METHOD)}
        answers.add(await answer_to(connection, "/grpc.health.v1.Health/Check"))
        answers.add(await answer_to(connection, "/grpc.health.v1.Health/Watch"))

    assert answers == {(grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN")}


async def test_unusable_certificate_leaves_the_old_one_in_force_and_raises_an_alarm(house: House) -> None:
    files = house.stack.layout.tls("pipeline")
    pid, before = house.stack.process("pipeline").pid, await house.metric("pipeline", ALARMS, alarm="reload_failed")
    good = files.cert.read_bytes()
    try:
        write_private(files.cert, "half a certificate")
        assert await health(house, client_papers(house)) is grpc.StatusCode.OK
        assert await house.metric("pipeline", ALARMS, alarm="reload_failed") > before
    finally:
        write_private(files.cert, good)
    assert house.stack.process("pipeline").pid == pid


async def test_authority_that_was_removed_is_refused_on_the_next_connection(house: House, tmp_path: Path) -> None:
    """The service trusts a new authority alone; an old connection goes on, a new one is refused at once."""
    layout, old = house.stack.layout, client_papers(house)
    kept = layout.ca_cert.read_bytes()
    new = CertificateAuthority("Next")
    shown = new.issue_files(tmp_path, "client", CLIENT)
    pid = house.stack.process("pipeline").pid
    async with channel(house, old) as connection:
        assert await answer_to(connection, GET_PIPELINE) == LET_IN
        try:
            write_private(layout.ca_cert, new.cert)
            refused = await health(house, replace(old, ca=copy_of(kept, tmp_path)))
            admitted = await health(house, Papers(ca=copy_of(kept, tmp_path), cert=shown.cert, key=shown.key))
            assert await answer_to(connection, GET_PIPELINE) == LET_IN
        finally:
            write_private(layout.ca_cert, kept)

    assert (refused, admitted) == (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK)
    assert await health(house, old) is grpc.StatusCode.OK
    assert house.stack.process("pipeline").pid == pid
