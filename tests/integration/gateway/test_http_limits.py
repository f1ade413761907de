"""What one connection may send, and how long it may take; over raw TLS sockets."""

import asyncio
import contextlib
import json
import select
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.gateway.raw import connected, head
from tests.integration.gateway.rig import Rig, caller_context, running
from tests.patience import PATIENCE_S
from tests.unit.gateway.capabilities import success

BODY = json.dumps(success()).encode()
DEADLINE_S = 0.8


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway that waits a short time for heads."""
    async with running(tmp_path, GATEWAY_HEADER_DEADLINE_S=str(DEADLINE_S)) as rig:
        yield rig


@pytest.fixture
async def hasty_with_bodies(tmp_path: Path) -> AsyncIterator[Rig]:
    """One that waits a short time for bodies, and long for what comes before: connections take their time, too."""
    async with running(tmp_path, GATEWAY_BODY_DEADLINE_S=str(DEADLINE_S), GATEWAY_HEADER_DEADLINE_S="60") as rig:
        yield rig


def blocking_connection(rig: Rig) -> ssl.SSLSocket:
    """A connection that does nothing by itself, not even answer a goodbye."""
    plain = socket.create_connection(("127.0.0.1", rig.port), timeout=PATIENCE_S)
    return caller_context(rig.authority.cert).wrap_socket(plain, server_hostname="127.0.0.1")


def write_slowly_then_read(rig: Rig) -> bytes:
    """As http.client does it: the whole body goes out before anybody looks for an answer."""
    with blocking_connection(rig) as connection:
        connection.sendall(head(cap="garbage", length=100_000, extra="Connection: close\r\n"))
        for _ in range(10):
            select.select([connection], [], [], 0.03)
            connection.sendall(b"x" * 10_000)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


async def cut(rig: Rig, reason: str) -> bool:
    return f'gateway_connections_cut_total{{reason="{reason}"}} 1.0' in await rig.metrics()


class TestDeadlines:
    async def test_dripped_head_is_cut(self, hasty: Rig) -> None:
        async with connected(hasty) as caller, asyncio.timeout(PATIENCE_S):
            answer = await caller.drip(head(cap=hasty.keys.issue(), length=2), every_s=0.02)

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await cut(hasty, "header_deadline")

    async def test_silence_after_the_handshake_is_cut(self, hasty: Rig) -> None:
        async with connected(hasty) as caller, asyncio.timeout(PATIENCE_S):
            assert (await caller.everything()).startswith(b"HTTP/1.1 408 ")

    async def test_silence_before_the_handshake_is_cut(self, hasty: Rig) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def test_dripped_body_is_cut_and_reaches_nobody(self, hasty_with_bodies: Rig) -> None:
        async with connected(hasty_with_bodies) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=hasty_with_bodies.keys.issue(), length=len(BODY)))
            answer = await caller.drip(BODY, every_s=0.02)

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await cut(hasty_with_bodies, "body_deadline")
        assert hasty_with_bodies.service.requests == []
        assert "gateway_callbacks_in_flight 0.0" in await hasty_with_bodies.metrics()

    async def test_dripped_chunks_are_cut(self, hasty_with_bodies: Rig) -> None:
        async with connected(hasty_with_bodies) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=hasty_with_bodies.keys.issue(), extra="Transfer-Encoding: chunked\r\n"))
            answer = await caller.drip(b"1\r\n{\r\n" * 200, every_s=0.02)

        assert answer.startswith(b"HTTP/1.1 408 ")

    async def test_line_ends_between_requests_do_not_keep_the_connection(self, hasty: Rig) -> None:
        async with connected(hasty) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=hasty.keys.issue(), length=len(BODY)) + BODY)
            assert (await caller.answer()).startswith(b"HTTP/1.1 200 ")
            answer = await caller.drip(b"\r\n" * 200, every_s=0.05)

        assert answer.startswith(b"HTTP/1.1 408 ")

    async def test_second_request_has_its_own_deadline(self, hasty: Rig) -> None:
        async with connected(hasty) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=hasty.keys.issue(), length=len(BODY)) + BODY)
            await caller.answer()
            answer = await caller.drip(head(cap=hasty.keys.issue(), length=2), every_s=0.02)

        assert answer.startswith(b"HTTP/1.1 408 ")

    async def test_body_behind_a_refusal_is_cut_too(self, hasty_with_bodies: Rig) -> None:
        async with connected(hasty_with_bodies) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap="garbage", length=10**6))
            answer = await caller.drip(b"x" * 1000, every_s=0.02)

        assert answer.startswith(b"HTTP/1.1 401 ")
        assert answer.count(b"HTTP/1.1 ") == 1
        assert await cut(hasty_with_bodies, "body_deadline")

    async def test_caller_that_ignores_the_goodbye_holds_no_slot(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_BODY_DEADLINE_S="0.2", GATEWAY_HEADER_DEADLINE_S="10") as rig:
            deaf = await asyncio.to_thread(blocking_connection, rig)
            with deaf:
                await asyncio.to_thread(deaf.sendall, head(cap=rig.keys.issue(), length=10) + b"{")
                async with asyncio.timeout(PATIENCE_S):
                    while 'status="499"' not in await rig.metrics():
                        continue

            assert "gateway_callbacks_in_flight 0.0" in await rig.metrics()

    async def test_slow_service_is_no_slow_caller(self, hasty_with_bodies: Rig) -> None:
        hasty_with_bodies.service.may_answer.clear()
        async with connected(hasty_with_bodies) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=hasty_with_bodies.keys.issue(), length=len(BODY)) + BODY)
            await hasty_with_bodies.service.arrived.wait()
            answer = asyncio.create_task(caller.answer())
            done, _ = await asyncio.wait({answer}, timeout=2 * DEADLINE_S)
            assert not done
            hasty_with_bodies.service.may_answer.set()

            assert (await answer).startswith(b"HTTP/1.1 200 ")


class TestSizes:
    async def test_one_huge_header_is_refused(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=rig.keys.issue(), length=2, extra=f"X-Large: {'x' * 16_384}\r\n"))
            assert (await caller.everything()).startswith(b"HTTP/1.1 431 ")

        assert await cut(rig, "header_size")

    async def test_head_that_never_ends_is_refused(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=rig.keys.issue(), length=2)[:-2])
            for _ in range(20):
                await caller.send(b"X-More: " + b"x" * 1000 + b"\r\n")
            assert (await caller.everything()).startswith(b"HTTP/1.1 431 ")

    async def test_head_of_15_kib_is_accepted(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=rig.keys.issue(), length=len(BODY), extra=f"X: {'x' * 14_000}\r\n") + BODY)
            assert (await caller.answer()).startswith(b"HTTP/1.1 200 ")

    async def test_endless_body_behind_a_refusal_is_cut(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap="garbage", length=10**9))
            answer = asyncio.create_task(caller.everything())
            while not answer.done():
                try:
                    await caller.send(b"x" * 65_536)
                except ConnectionError:
                    break
                await asyncio.wait({answer}, timeout=0.001)
            await answer

        assert await cut(rig, "message_size")

    async def test_more_connections_than_allowed_are_refused(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_CONNECTIONS="2") as rig:
            async with connected(rig), connected(rig), connected(rig) as third, asyncio.timeout(PATIENCE_S):
                refused = await third.everything()

            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 1\r\n" in refused
            assert (await rig.post(success())).status_code == 200

    async def test_more_callbacks_at_once_than_slots_are_503(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_CALLBACK_SLOTS="1") as rig:
            rig.service.may_answer.clear()
            first = asyncio.create_task(rig.post(success()))
            await rig.service.arrived.wait()

            second = await rig.post(success())

            assert (second.status_code, second.headers["retry-after"]) == (503, "1")
            # A slot is nothing that a forger can take, so it learns nothing about them either.
            assert (await rig.post(success(), cap="garbage")).status_code == 401
            rig.service.may_answer.set()
            assert (await first).status_code == 200


class TestHttp:
    @pytest.mark.parametrize(
        "garbage",
        [
            b"\x16\x03\x01\x00\x00garbage\r\n\r\n",
            b"POST\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST http://[ HTTP/1.1\r\n\r\n",
        ],
    )
    async def test_what_is_no_http_is_400_and_closed(self, rig: Rig, garbage: bytes) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(garbage)
            assert (await caller.everything()).startswith(b"HTTP/1.1 400 ")

        assert (await rig.post(success())).status_code == 200

    async def test_refusal_needs_no_body(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap="garbage", length=len(BODY)))
            assert (await caller.answer()).startswith(b"HTTP/1.1 401 ")

    async def test_refusal_is_readable_for_a_caller_that_closes_behind_its_body(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap="garbage", length=200_000, extra="Connection: close\r\n"))
            await caller.send(b"x" * 200_000)
            assert b'{"error":"invalid capability"}' in await caller.everything()

    async def test_refusal_does_not_break_a_caller_that_writes_before_it_reads(self, rig: Rig) -> None:
        answer = await asyncio.to_thread(write_slowly_then_read, rig)

        assert b'{"error":"invalid capability"}' in answer

    async def test_unknown_route_is_readable_for_a_caller_that_closes_behind_its_body(self, rig: Rig) -> None:
        request = b"POST /nowhere HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n"
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(request)
            await caller.send(b"x" * 200_000)
            assert b'{"error":"no such route"}' in await caller.everything()

    async def test_expectation_is_refused_without_asking_for_the_body(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap="garbage", length=len(BODY), extra="Expect: 100-continue\r\n"))
            assert (await caller.answer()).startswith(b"HTTP/1.1 401 ")

    async def test_expectation_is_met_for_a_good_capability(self, rig: Rig) -> None:
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(head(cap=rig.keys.issue(), length=len(BODY), extra="Expect: 100-continue\r\n"))
            await caller.writer.drain()
            leave = await caller._reader.readuntil(b"\r\n\r\n")
            await caller.send(BODY)

            assert leave.startswith(b"HTTP/1.1 100 ")
            assert (await caller.answer()).startswith(b"HTTP/1.1 200 ")

    async def test_two_requests_in_one_piece_are_both_answered(self, rig: Rig) -> None:
        one = head(cap=rig.keys.issue(), length=len(BODY)) + BODY
        async with connected(rig) as caller, asyncio.timeout(PATIENCE_S):
            await caller.send(one + one)
            answers = [await caller.answer(), await caller.answer()]

        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
