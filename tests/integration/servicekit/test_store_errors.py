"""What becomes of an S3 endpoint's bad answers. The endpoint is a small HTTP server that answers from a script."""

import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from servicekit.store_errors import AlreadyExists, ContentMismatch, StoreError, StoreRefused, StoreUnavailable

Answer = tuple[int, dict[str, str], bytes]
SHA256 = hashlib.sha256(b"x").hexdigest()


def fault(status: int, code: str) -> Answer:
    return status, {}, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()


class Endpoint(ThreadingHTTPServer):
    """Answers with `script` in order, the last entry for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Answer] = []
        self.seen: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"  # boto3 sends "Expect: 100-continue", which 1.0 does not answer

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(self.command)
        script = self.server.script
        status, headers, body = script.pop(0) if len(script) > 1 else script[0]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    do_GET = do_PUT = do_HEAD = answer  # noqa: N815 # names that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def store(endpoint: Endpoint, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    key = tmp_path / "key"
    key.write_text("key")
    key.chmod(0o600)
    store = ObjectStore(
        StoreAddress(
            bucket="b",
            region="us-east-1",
            endpoint=f"http://127.0.0.1:{endpoint.server_port}",
            access_key_file=key,
            secret_key_file=key,
        ),
        timeout_s=2,
    )
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (fault(403, "SignatureDoesNotMatch"), StoreRefused),
        (fault(403, "AccessDenied"), StoreRefused),
        (fault(404, "NoSuchBucket"), StoreRefused),
        (fault(400, "InvalidArgument"), StoreRefused),
        (fault(400, "BadDigest"), ContentMismatch),
        (fault(400, "XAmzContentChecksumMismatch"), ContentMismatch),
        (fault(503, "SlowDown"), StoreUnavailable),
        (fault(500, "InternalError"), StoreUnavailable),
        (fault(429, "TooManyRequests"), StoreUnavailable),
        ((502, {}, b"<html>bad gateway"), StoreUnavailable),
    ],
)
async def test_answer_becomes_an_error_by_what_to_do_next(
    answer: Answer, error: type[StoreError], endpoint: Endpoint, store: ObjectStore
) -> None:
    endpoint.script = [answer]

    with pytest.raises(error) as raised:
        await store.put_bytes("a", b"x", content_type="text/plain")

    assert type(raised.value) is error


async def test_write_conflict_is_tried_again_until_it_is_decided(endpoint: Endpoint, store: ObjectStore) -> None:
    conflict = fault(409, "ConditionalRequestConflict")
    endpoint.script = [conflict, conflict, (200, {"ETag": '"e"'}, b"")]

    facts = await store.put_bytes("a", b"x", content_type="text/plain")

    assert facts.etag == "e"
    assert endpoint.seen == ["PUT", "PUT", "PUT"]


async def test_write_conflict_without_end_is_unavailable(endpoint: Endpoint, store: ObjectStore) -> None:
    endpoint.script = [fault(409, "ConditionalRequestConflict")]

    with pytest.raises(StoreUnavailable):
        await store.put_bytes("a", b"x", content_type="text/plain")


async def test_lost_answer_of_a_write_is_recognised_as_our_own(endpoint: Endpoint, store: ObjectStore) -> None:
    there = (200, {"ETag": '"e"', "Content-Length": "1", "x-amz-meta-sha256": SHA256}, b"x")
    endpoint.script = [fault(500, "InternalError"), fault(412, "PreconditionFailed"), there]

    facts = await store.put_bytes("a", b"x", content_type="text/plain")

    assert (facts.sha256, facts.size_bytes) == (SHA256, 1)
    assert endpoint.seen == ["PUT", "PUT", "HEAD"]


async def test_object_without_checksum_is_never_taken_for_ours(endpoint: Endpoint, store: ObjectStore) -> None:
    endpoint.script = [fault(412, "PreconditionFailed"), (200, {"ETag": '"e"'}, b"x")]

    with pytest.raises(AlreadyExists):
        await store.put_bytes("a", b"x", content_type="text/plain")


async def test_download_that_is_cut_off_is_unavailable_and_leaves_no_file(
    endpoint: Endpoint, store: ObjectStore, tmp_path: Path
) -> None:
    endpoint.script = [(200, {"ETag": '"e"', "Content-Length": "1000"}, b"only this")]
    target = tmp_path / "copy"

    with pytest.raises(StoreUnavailable):
        await store.get_file("a", target, max_bytes=5000)

    assert not target.exists()


async def test_missing_object_is_told_from_a_broken_store(endpoint: Endpoint, store: ObjectStore) -> None:
    endpoint.script = [(404, {}, b"")]
    assert await store.head("a") is None

    endpoint.script = [(503, {}, b"")]
    with pytest.raises(StoreUnavailable):
        await store.head("a")
