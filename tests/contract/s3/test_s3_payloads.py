"""Bodies and the promises about them: checksums, aws-chunked framing, signed chunks.

Ours only, apart from the first: moto reads no Content-MD5 of a PUT and checks neither chunk signatures nor trailers.
"""

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.contract.s3.servers import Answer, Endpoint, send
from tests.contract.s3.signing import sign_text, signed_headers, utc_now

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = b"0123456789" * 1000
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
WRONG_SHA256 = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()


@pytest.fixture
def url(ours: Endpoint, our_bucket: str) -> str:
    """The address of an object that does not exist yet."""
    return f"{ours.url}/{our_bucket}/k"


def stored(url: str) -> Answer:
    """What is there now."""
    return send("GET", url, headers=signed_headers("GET", url, at=utc_now(), payload_hash="UNSIGNED-PAYLOAD"))


def put(url: str, body: bytes, *, payload_hash: str = "UNSIGNED-PAYLOAD", **headers: str) -> Answer:
    """A signed PUT with more signed headers; underscores in their names become hyphens."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    signed = signed_headers("PUT", url, at=utc_now(), payload_hash=payload_hash, headers=more)
    return send("PUT", url, headers=signed, body=body)


def chunked(*chunks: bytes, trailer: str = "") -> bytes:
    """An aws-chunked body without chunk signatures."""
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + b"0\r\n" + trailer.encode() + b"\r\n"


def put_chunked(
    url: str, body: bytes, *, decoded_bytes: int = len(BODY), trailer: str = "x-amz-checksum-crc32"
) -> Answer:
    """A PUT as boto3 makes it over TLS: unsigned chunks, the checksum behind them."""
    return put(
        url,
        body,
        payload_hash=UNSIGNED_CHUNKS,
        content_encoding="aws-chunked",
        x_amz_decoded_content_length=str(decoded_bytes),
        x_amz_trailer=trailer,
    )


def test_put_object_wrong_sha256_is_bad_digest_and_stores_nothing(our_s3: "S3Client", our_bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        our_s3.put_object(Bucket=our_bucket, Key="k", Body=BODY, ChecksumSHA256=WRONG_SHA256)

    assert error.value.response["Error"]["Code"] == "BadDigest"
    assert our_s3.list_objects_v2(Bucket=our_bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x_amz_checksum_crc32": "AAAAAA=="}, "BadDigest"),
        ({"x_amz_checksum_crc32": "short"}, "InvalidRequest"),
        ({"x_amz_checksum_sha256": CRC32}, "InvalidRequest"),
        ({"x_amz_checksum_crc64nvme": "AAAAAAAAAAA="}, "NotImplemented"),
        ({"content_md5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"content_md5": "not base64"}, "InvalidDigest"),
    ],
)
def test_put_with_false_promise_stores_nothing(url: str, headers: dict[str, str], code: str) -> None:
    answer = put(url, BODY, **headers)

    assert answer.code == code
    assert stored(url).code == "NoSuchKey"


def test_put_with_true_promises_is_stored(url: str) -> None:
    md5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()  # noqa: S324 - what Content-MD5 is

    answer = put(url, BODY, content_md5=md5, x_amz_checksum_crc32=CRC32)

    assert answer.status == 200
    assert answer.headers["x-amz-checksum-crc32"] == CRC32


@pytest.mark.parametrize("expect", [{}, {"expect": "100-continue"}])
def test_large_body_that_is_refused_at_once_still_gets_its_answer(url: str, expect: dict[str, str]) -> None:
    put(url, b"first")
    big = b"x" * (16 * 1024 * 1024)

    headers = signed_headers("PUT", url, at=utc_now(), payload_hash="UNSIGNED-PAYLOAD", headers={"if-none-match": "*"})
    answer = send("PUT", url, headers={**headers, **expect}, body=big)

    assert (answer.status, answer.code) == (412, "PreconditionFailed")
    assert stored(url).body == b"first"


def test_put_without_length_is_refused(ours: Endpoint, url: str) -> None:
    headers = signed_headers("PUT", url, at=utc_now(), payload_hash="UNSIGNED-PAYLOAD")

    answer = send("PUT", url, headers={**headers, "transfer-encoding": "chunked"}, body=b"0\r\n\r\n")

    assert (answer.status, answer.code) == (411, "MissingContentLength")


def test_chunked_body_with_trailer_is_stored_decoded(url: str) -> None:
    trailer = f"x-amz-checksum-crc32:{CRC32}\r\n"

    answer = put_chunked(url, chunked(BODY[:7], BODY[7:5000], BODY[5000:], trailer=trailer))
    found = stored(url)

    assert answer.status == 200
    assert answer.headers["x-amz-checksum-crc32"] == CRC32
    assert found.body == BODY
    assert "content-encoding" not in found.headers


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (chunked(BODY, trailer="x-amz-checksum-crc32:AAAAAA==\r\n"), "BadDigest"),
        (chunked(BODY), "MalformedTrailerError"),
        (chunked(BODY, trailer="no colon\r\n"), "MalformedTrailerError"),
        (chunked(BODY[1:], trailer=f"x-amz-checksum-crc32:{CRC32}\r\n"), "IncompleteBody"),
        (chunked(BODY, trailer=f"x-amz-checksum-crc32:{CRC32}\r\n")[:-2], "IncompleteBody"),
        (chunked(BODY, trailer=f"x-amz-checksum-crc32:{CRC32}\r\n") + b"more", "IncompleteBody"),
        (b"zz\r\n" + BODY, "IncompleteBody"),
        (b"5\r\n" + BODY + b"\r\n0\r\n\r\n", "IncompleteBody"),
        (b"1" * 9000, "IncompleteBody"),
        (b"", "IncompleteBody"),
    ],
)
def test_chunked_body_that_breaks_its_promise_stores_nothing(url: str, body: bytes, code: str) -> None:
    answer = put_chunked(url, body)

    assert (answer.status, answer.code) == (400, code)
    assert stored(url).code == "NoSuchKey"


@pytest.mark.parametrize("tampered", [False, True])
def test_signed_chunks_are_stored_only_when_every_signature_fits(url: str, *, tampered: bool) -> None:
    at = utc_now()
    headers = signed_headers(
        "PUT",
        url,
        at=at,
        payload_hash=SIGNED_CHUNKS,
        headers={"x-amz-decoded-content-length": str(len(BODY)), "content-encoding": "aws-chunked"},
    )
    previous = headers["authorization"].rpartition("Signature=")[2]
    body = b""
    for chunk in (BODY[:6000], BODY[6000:], b""):
        digest, empty = hashlib.sha256(chunk).hexdigest(), hashlib.sha256(b"").hexdigest()
        previous = sign_text("AWS4-HMAC-SHA256-PAYLOAD", previous, empty, digest, at=at)
        sent = chunk[::-1] if tampered else chunk
        body += b"%x;chunk-signature=%s\r\n%s\r\n" % (len(sent), previous.encode(), sent)

    answer = send("PUT", url, headers=headers, body=body)

    if tampered:
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
        assert stored(url).code == "NoSuchKey"
    else:
        assert answer.status == 200
        assert stored(url).body == BODY


def test_unsigned_chunks_in_a_body_that_promised_signed_ones_are_refused(url: str) -> None:
    answer = put(url, chunked(BODY), payload_hash=SIGNED_CHUNKS, x_amz_decoded_content_length=str(len(BODY)))

    assert answer.status == 400
    assert stored(url).code == "NoSuchKey"
