"""Who gets a connection, what certificate it sees, and how both follow a rotation."""

import asyncio
import json
import socket
import ssl
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from structlog.testing import capture_logs

from servicekit.tls import TlsFiles
from tests.fakes.certificates import CertificateAuthority
from tests.integration.gateway.raw import RawCaller, connected, head
from tests.integration.gateway.rig import GATEWAY, Rig, caller_context, running
from tests.patience import PATIENCE_S
from tests.unit.gateway.capabilities import PATH, KeyPair, success, write_public_keys

CALLER = "spiffe://montage/client/caller"


async def post_with(rig: Rig, context: ssl.SSLContext, *, host: str = "127.0.0.1") -> httpx.Response:
    """One callback on a connection of its own."""
    async with httpx.AsyncClient(verify=context, timeout=PATIENCE_S) as client:
        url = f"https://{host}:{rig.port}{PATH}"
        return await client.post(url, json=success(), params={"cap": rig.keys.issue()})


def presented(rig: Rig, *, ca: bytes, server_name: str | None) -> int:
    """Serial number of the certificate that a new connection sees."""
    context = caller_context(ca)
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", rig.port), timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"").serial_number


async def answer_on(caller: RawCaller, rig: Rig) -> bytes:
    """Of one more callback."""
    body = json.dumps(success()).encode()
    await caller.send(head(cap=rig.keys.issue(), length=len(body)) + body)
    return (await caller.answer()).lower()


def session_of(rig: Rig, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSession | None:
    """The TLS session of one callback, which may resume another. Raises SSLError, ConnectionError."""
    body = json.dumps(success()).encode()
    with (
        socket.create_connection(("127.0.0.1", rig.port), timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as secured,
    ):
        secured.sendall(head(cap=rig.keys.issue(), length=len(body), extra="Connection: close\r\n") + body)
        if not secured.recv(65536).startswith(b"HTTP/1.1 200 "):
            raise ConnectionError("no answer")
        return secured.session


class TestCallers:
    async def test_certificate_of_ours_is_told_in_the_audit_line(self, rig: Rig) -> None:
        files = rig.authority.issue_files(rig.folder / "tls", "caller", "spiffe://montage/client/caller")

        with capture_logs() as lines:
            response = await post_with(rig, caller_context(rig.authority.cert, certificate=files))

        assert response.status_code == 200
        (line,) = [one for one in lines if one["event"] == "callback_accepted"]
        assert line["identity"] == "spiffe://montage/client/caller"

    async def test_no_certificate_is_no_identity(self, rig: Rig) -> None:
        with capture_logs() as lines:
            response = await post_with(rig, caller_context(rig.authority.cert))

        assert response.status_code == 200
        (line,) = [one for one in lines if one["event"] == "callback_accepted"]
        assert line["identity"] is None

    async def test_certificate_of_another_authority_is_refused(self, rig: Rig, tmp_path: Path) -> None:
        stranger = CertificateAuthority().issue_files(tmp_path / "x", "stranger", "spiffe://montage/client/caller")

        with pytest.raises(httpx.TransportError):
            await post_with(rig, caller_context(rig.authority.cert, certificate=stranger))

        assert rig.service.requests == []

    async def test_expired_certificate_is_refused(self, rig: Rig, tmp_path: Path) -> None:
        issued = rig.authority.issue("late", uris=["spiffe://montage/client/late"], ends=timedelta(minutes=-1))
        late: TlsFiles = rig.authority.write(tmp_path / "late", "late", issued)

        with pytest.raises(httpx.TransportError):
            await post_with(rig, caller_context(rig.authority.cert, certificate=late))

        assert rig.service.requests == []

    async def test_plain_http_is_refused(self, rig: Rig) -> None:
        async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
            with pytest.raises(httpx.TransportError):
                await client.post(f"http://127.0.0.1:{rig.port}{PATH}", json=success())

        assert rig.service.requests == []

    async def test_caller_by_name_is_served(self, rig: Rig) -> None:
        assert (await post_with(rig, caller_context(rig.authority.cert), host="localhost")).status_code == 200


class TestRotation:
    @pytest.mark.parametrize("server_name", [None, "localhost"])
    async def test_new_certificate_is_shown_without_a_restart(self, rig: Rig, server_name: str | None) -> None:
        ca = rig.authority.cert
        before = await asyncio.to_thread(presented, rig, ca=ca, server_name=server_name)

        files = rig.authority.issue_files(rig.folder / "tls", "callback-gateway", GATEWAY)

        after = await asyncio.to_thread(presented, rig, ca=ca, server_name=server_name)
        assert after != before
        assert files.cert.exists()
        assert 'gateway_reloads_total{result="ok",what="certificate"} 1.0' in await rig.metrics()

    async def test_new_authority_admits_its_own_and_refuses_the_old_ones(self, rig: Rig, tmp_path: Path) -> None:
        fresh = CertificateAuthority()
        old = rig.authority.issue_files(tmp_path / "old", "caller", "spiffe://montage/client/caller")
        new = fresh.issue_files(tmp_path / "new", "caller", "spiffe://montage/client/caller")

        fresh.issue_files(rig.folder / "tls", "callback-gateway", GATEWAY)

        with pytest.raises(httpx.TransportError):
            await post_with(rig, caller_context(fresh.cert, certificate=old))
        # 503: the pipeline service of this test still has the old authority. The caller's connection is what counts.
        assert (await post_with(rig, caller_context(fresh.cert, certificate=new))).status_code in (200, 503)

    async def test_old_connection_goes_on_until_its_age(self, tmp_path: Path) -> None:
        age_s = 1.5
        async with running(tmp_path, GATEWAY_CONNECTION_AGE_S=str(age_s), GATEWAY_EXECUTION_PER_S="0") as rig:
            files = rig.authority.issue_files(tmp_path / "caller", "caller", CALLER)
            began = asyncio.get_running_loop().time()
            async with connected(rig, certificate=files) as caller:
                assert b" 200 " in await answer_on(caller, rig)
                CertificateAuthority().issue_files(rig.folder / "tls", "callback-gateway", GATEWAY)
                with pytest.raises(httpx.TransportError):
                    await post_with(rig, caller_context(rig.authority.cert, certificate=files))

                async with asyncio.timeout(PATIENCE_S):
                    while b"connection: close" not in await answer_on(caller, rig):
                        pass

                assert asyncio.get_running_loop().time() - began >= age_s
                assert await caller.everything() == b""

    async def test_session_of_a_removed_authority_is_not_resumed(self, rig: Rig, tmp_path: Path) -> None:
        files = rig.authority.issue_files(tmp_path / "caller", "caller", CALLER)
        context = caller_context(rig.authority.cert, certificate=files)
        session = await asyncio.to_thread(session_of, rig, context)
        fresh = CertificateAuthority()
        fresh.issue_files(rig.folder / "tls", "callback-gateway", GATEWAY)
        context.load_verify_locations(cadata=fresh.cert.decode())

        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(session_of, rig, context, session)

    async def test_resumed_session_of_tls_1_2_has_no_identity(self, rig: Rig, tmp_path: Path) -> None:
        files = rig.authority.issue_files(tmp_path / "caller", "caller", CALLER)
        context = caller_context(rig.authority.cert, certificate=files)
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        with capture_logs() as lines:
            session = await asyncio.to_thread(session_of, rig, context)
            await asyncio.to_thread(session_of, rig, context, session)

        identities = [one["identity"] for one in lines if one["event"].startswith("callback_")]
        assert identities == [CALLER, None]

    async def test_broken_files_leave_the_old_certificate_in_force(self, rig: Rig) -> None:
        before = await asyncio.to_thread(presented, rig, ca=rig.authority.cert, server_name=None)

        rig.settings.tls_key_file.write_bytes(rig.authority.issue("other").key)

        assert await asyncio.to_thread(presented, rig, ca=rig.authority.cert, server_name=None) == before
        assert 'gateway_reloads_total{result="failed",what="certificate"} 1.0' in await rig.metrics()

    async def test_new_capability_keys_count_without_a_restart(self, rig: Rig) -> None:
        fresh = KeyPair.make("k2")
        assert (await rig.post(success(), cap=fresh.issue())).status_code == 401

        write_public_keys(rig.public_keys_file, rig.keys, fresh)
        assert (await rig.post(success(), cap=fresh.issue())).status_code == 200
        assert (await rig.post(success())).status_code == 200

        write_public_keys(rig.public_keys_file, fresh)
        assert (await rig.post(success())).status_code == 401
