"""Presigned URLs: what they open, on our server and on moto's; what they must not open, on ours.

The refusals run on ours only: moto verifies no signature, no expiry and no signed header, and answers them with 200.
"""

import base64
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.contract.s3.servers import Endpoint, send
from tests.contract.s3.signing import presign, utc_now

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = b"0123456789"


@pytest.fixture
def film_url(ours: Endpoint, our_s3: "S3Client", our_bucket: str) -> str:
    """The bare address of an object on our server."""
    our_s3.put_object(Bucket=our_bucket, Key="film.mp4", Body=BODY, ContentType="video/mp4")
    return f"{ours.url}/{our_bucket}/film.mp4"


@pytest.mark.parametrize("key", ["film.mp4", "größe +%/a b.mp4"])
def test_presigned_get_answers_the_object(s3: "S3Client", bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=BODY, ContentType="video/mp4")

    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)
    answer = send("GET", url)

    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["content-type"] == "video/mp4"


def test_presigned_get_with_range_answers_that_stretch(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)

    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    answer = send("GET", url, headers={"Range": "bytes=2-3"})

    assert (answer.status, answer.body) == (206, b"23")


def test_presigned_get_with_overrides_answers_those_headers(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    disposition = 'attachment; filename="film.mp4"'

    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "k", "ResponseContentDisposition": disposition}
    )

    assert send("GET", url).headers["content-disposition"] == disposition


def test_presigned_put_stores_the_object(s3: "S3Client", bucket: str) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k", "ContentType": "text/plain"})

    answer = send("PUT", url, headers={"Content-Type": "text/plain"}, body=BODY)

    assert answer.status == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == BODY


def test_presigned_put_bound_to_length_and_checksum_takes_only_those_bytes(our_s3: "S3Client", our_bucket: str) -> None:
    checksum = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    url = our_s3.generate_presigned_url(
        "put_object",
        Params={"Bucket": our_bucket, "Key": "k", "ContentLength": len(BODY), "ChecksumSHA256": checksum},
    )

    longer = send("PUT", url, headers={"x-amz-checksum-sha256": checksum}, body=BODY + b"!")
    other = send("PUT", url, headers={"x-amz-checksum-sha256": checksum}, body=BODY[::-1])
    right = send("PUT", url, headers={"x-amz-checksum-sha256": checksum}, body=BODY)

    assert (longer.status, longer.code) == (403, "SignatureDoesNotMatch")
    assert (other.status, other.code) == (400, "BadDigest")
    assert right.status == 200


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "POST"])
def test_presigned_get_used_with_another_method_is_refused(film_url: str, our_s3: "S3Client", method: str) -> None:
    url = presign("GET", film_url, at=utc_now())

    answer = send(method, url, body=b"forged" if method == "PUT" else None)

    assert answer.status == 403
    assert send("GET", url).body == BODY


def test_presigned_put_with_changed_header_is_refused(film_url: str) -> None:
    url = presign("PUT", film_url, at=utc_now(), headers={"content-type": "video/mp4"})

    answer = send("PUT", url, headers={"content-type": "text/html"}, body=b"forged")

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_presigned_put_without_its_signed_header_is_refused(film_url: str) -> None:
    url = presign("PUT", film_url, at=utc_now(), headers={"if-none-match": "*"})

    answer = send("PUT", url, body=b"forged")

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_presigned_put_with_unsigned_metadata_is_refused(film_url: str) -> None:
    url = presign("PUT", film_url, at=utc_now())

    answer = send("PUT", url, headers={"x-amz-meta-sha256": "forged"}, body=b"forged")

    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"<HeadersNotSigned>x-amz-meta-sha256</HeadersNotSigned>" in answer.body


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        ("film.mp4?", "other.mp4?"),
        ("&X-Amz-SignedHeaders", "&response-content-type=text%2Fhtml&X-Amz-SignedHeaders"),
        ("us-east-1", "eu-west-1"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_presigned_url_tampered_is_refused(film_url: str, old: str, new: str) -> None:
    url = presign("GET", film_url, at=utc_now())
    assert old in url

    answer = send("GET", url.replace(old, new))

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_presigned_url_expired_is_refused(film_url: str) -> None:
    url = presign("GET", film_url, at=utc_now() - timedelta(seconds=61), expires_s=60)

    answer = send("GET", url)

    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"<Message>Request has expired</Message>" in answer.body
    assert b"<X-Amz-Expires>60</X-Amz-Expires>" in answer.body
    assert b"<ServerTime>" in answer.body


def test_presigned_url_of_tomorrow_is_refused(film_url: str) -> None:
    answer = send("GET", presign("GET", film_url, at=utc_now() + timedelta(days=1)))

    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize(("expires_s", "status"), [(604_800, 200), (604_801, 400), (-1, 400)])
def test_presigned_url_lives_at_most_a_week(film_url: str, expires_s: int, status: int) -> None:
    answer = send("GET", presign("GET", film_url, at=utc_now(), expires_s=expires_s))

    assert answer.status == status
    assert answer.code == ("" if status == 200 else "AuthorizationQueryParametersError")


def test_presigned_url_of_another_service_is_refused(film_url: str) -> None:
    answer = send("GET", presign("GET", film_url, at=utc_now(), service="lambda"))

    assert (answer.status, answer.code) == (400, "AuthorizationQueryParametersError")


@pytest.mark.parametrize("missing", ["Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_presigned_url_lacking_a_parameter_is_refused(film_url: str, missing: str) -> None:
    url = presign("GET", film_url, at=utc_now())
    query = "&".join(part for part in urlsplit(url).query.split("&") if not part.startswith(f"X-Amz-{missing}="))

    answer = send("GET", f"{film_url}?{query}")

    assert (answer.status, answer.code) == (400, "AuthorizationQueryParametersError")
