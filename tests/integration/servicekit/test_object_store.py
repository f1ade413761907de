"""The object store against a real HTTP endpoint that speaks S3."""

import base64
import hashlib
import http.client
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from moto.server import ThreadedMotoServer

from servicekit.config import ConfigError
from servicekit.object_store import ObjectStore, sha256_of_file
from servicekit.s3 import StoreAddress
from servicekit.store_errors import AlreadyExists, ContentMismatch, ObjectMissing, StoreUnavailable
from tests.patience import PATIENCE_S

CONTENT = b"a little film"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def key_files(tmp_path: Path) -> dict[str, Path]:
    files = {"access_key_file": tmp_path / "access", "secret_key_file": tmp_path / "secret"}
    for path in files.values():
        path.write_text("test-key\n")
        path.chmod(0o600)
    return files


@pytest.fixture
async def store(
    endpoint: str, key_files: dict[str, Path], request: pytest.FixtureRequest
) -> AsyncIterator[ObjectStore]:
    bucket = "b-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    store = ObjectStore(StoreAddress(bucket=bucket, region="us-east-1", endpoint=endpoint, **key_files))
    await store.ensure_bucket()
    yield store
    await store.close()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(CONTENT)
    return path


async def test_file_that_was_put_can_be_headed_read_and_listed(store: ObjectStore, film: Path, tmp_path: Path) -> None:
    put = await store.put_file("films/a.mp4", film, content_type="video/mp4")
    headed = await store.head("films/a.mp4")
    target = tmp_path / "copy.mp4"
    got = await store.get_file("films/a.mp4", target, max_bytes=1000)

    assert headed is not None
    for facts in (put, headed, got):
        assert (facts.key, facts.size_bytes, facts.sha256) == ("films/a.mp4", len(CONTENT), SHA256)
        assert facts.content_type == "video/mp4"
        assert facts.metadata["sha256"] == SHA256
    assert put.etag == headed.etag
    assert target.read_bytes() == CONTENT
    assert await store.get_bytes("films/a.mp4", limit=1000) == CONTENT
    assert [entry async for entry in store.list_prefix("films/")] == [("films/a.mp4", len(CONTENT))]
    assert [entry async for entry in store.list_prefix("songs/")] == []


async def test_head_of_nothing_is_none_and_get_raises(store: ObjectStore, tmp_path: Path) -> None:
    target = tmp_path / "none"

    assert await store.head("none") is None
    with pytest.raises(ObjectMissing):
        await store.get_file("none", target, max_bytes=10)
    with pytest.raises(ObjectMissing):
        await store.get_bytes("none", limit=10)
    assert not target.exists()


async def test_put_again_with_the_same_content_succeeds_and_with_another_does_not_replace(
    store: ObjectStore, film: Path
) -> None:
    first = await store.put_file("a", film, content_type="video/mp4")

    assert (await store.put_file("a", film, content_type="video/mp4")).etag == first.etag
    assert (await store.put_bytes("a", CONTENT, content_type="video/mp4")).sha256 == SHA256
    with pytest.raises(AlreadyExists, match="a holds other bytes"):
        await store.put_bytes("a", b"another", content_type="video/mp4")
    assert await store.get_bytes("a", limit=1000) == CONTENT


async def test_put_that_may_replace_does(store: ObjectStore) -> None:
    await store.put_bytes("a", b"one", content_type="text/plain")
    await store.put_bytes("a", b"two", content_type="text/plain", if_absent=False)

    assert await store.get_bytes("a", limit=10) == b"two"


async def test_get_above_the_limit_is_refused_and_leaves_no_file(store: ObjectStore, tmp_path: Path) -> None:
    await store.put_bytes("a", CONTENT, content_type="text/plain")
    target = tmp_path / "copy"

    with pytest.raises(ContentMismatch, match="more than 5"):
        await store.get_bytes("a", limit=5)
    with pytest.raises(ContentMismatch, match="more than 5"):
        await store.get_file("a", target, max_bytes=5)
    assert not target.exists()


async def test_get_of_bytes_that_are_not_what_their_checksum_says_leaves_no_file(
    store: ObjectStore, tmp_path: Path
) -> None:
    wrong = hashlib.sha256(b"other").hexdigest()
    store._client.put_object(Bucket=store.bucket, Key="a", Body=CONTENT, Metadata={"sha256": wrong})
    target = tmp_path / "copy"

    with pytest.raises(ContentMismatch, match="sha256"):
        await store.get_file("a", target, max_bytes=1000)
    assert not target.exists()


async def test_get_never_overwrites_a_file(store: ObjectStore, film: Path) -> None:
    await store.put_bytes("a", b"new", content_type="text/plain")

    with pytest.raises(FileExistsError):
        await store.get_file("a", film, max_bytes=1000)
    assert sha256_of_file(film) == SHA256


async def test_list_goes_on_past_one_page(store: ObjectStore) -> None:
    keys = [f"page/{number:04}" for number in range(5)]
    for key in keys:
        store._client.put_object(Bucket=store.bucket, Key=key, Body=b"")

    assert [key async for key, _ in store.list_prefix("page/", page_size=2)] == keys


async def test_objects_are_listed_behind_a_key_with_their_age_and_may_be_removed(store: ObjectStore) -> None:
    for key in ("a", "b", "c"):
        await store.put_bytes(key, CONTENT, content_type="text/plain")

    first = await store.list_after("", limit=2)
    rest = await store.list_after("b", limit=2)
    for _again in range(2):
        await store.remove("b")

    assert [(one.key, one.size_bytes) for one in (*first, *rest)] == [(key, len(CONTENT)) for key in ("a", "b", "c")]
    assert all(abs(datetime.now(UTC) - one.write_time) < timedelta(minutes=5) for one in first)
    assert [one.key for one in await store.list_after("", limit=5)] == ["a", "c"]


async def test_ensure_bucket_and_check_may_be_repeated(store: ObjectStore) -> None:
    await store.ensure_bucket()

    await store.check()


async def test_store_that_is_away_is_unavailable(key_files: dict[str, Path]) -> None:
    address = StoreAddress(bucket="b", region="us-east-1", endpoint="http://127.0.0.1:1", **key_files)
    store = ObjectStore(address, timeout_s=1)

    with pytest.raises(StoreUnavailable):
        await store.head("a")
    await store.close()


async def test_key_files_come_in_pairs(key_files: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="secret key file"):
        ObjectStore(StoreAddress(bucket="b", region="r", access_key_file=key_files["access_key_file"]))


def send(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    connection.request(method, f"{parts.path}?{parts.query}", body=body, headers=headers or {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


async def test_presigned_put_carries_what_it_is_bound_to_and_works(store: ObjectStore) -> None:
    put = store.presign_put(
        "assets/ä b.mp4", expires=timedelta(minutes=5), sha256=SHA256, size_bytes=len(CONTENT), content_type="video/mp4"
    )

    query = parse_qs(urlsplit(put.url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["300"]
    assert set(query["X-Amz-SignedHeaders"][0].split(";")) == {"host", *(name.lower() for name in put.headers)}
    assert put.headers["Content-Length"] == str(len(CONTENT))
    assert put.headers["x-amz-checksum-sha256"] == base64.b64encode(bytes.fromhex(SHA256)).decode()
    assert put.url not in repr(put)

    assert send("PUT", put.url, CONTENT, dict(put.headers))[0] == 200
    facts = await store.head("assets/ä b.mp4")
    assert facts is not None
    assert (facts.size_bytes, facts.sha256, facts.content_type) == (len(CONTENT), SHA256, "video/mp4")


async def test_presigned_get_reads_under_the_given_file_name(store: ObjectStore) -> None:
    await store.put_bytes("a", CONTENT, content_type="text/plain")

    url = store.presign_get("a", expires=timedelta(minutes=5), content_disposition='attachment; filename="film.mp4"')

    assert parse_qs(urlsplit(url).query)["response-content-disposition"] == ['attachment; filename="film.mp4"']
    assert send("GET", url) == (200, CONTENT)


def test_sha256_of_file_is_hex(film: Path) -> None:
    assert sha256_of_file(film) == SHA256
