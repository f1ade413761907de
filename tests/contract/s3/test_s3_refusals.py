"""Requests that must not pass, however they are signed. Ours only: moto verifies no signature and admits anybody."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.contract.s3.servers import ACCESS_KEY, SECRET_KEY, Endpoint, our_server, send
from tests.contract.s3.signing import signed_headers, utc_now

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = b"0123456789"
UNSIGNED = "UNSIGNED-PAYLOAD"
LIMITED_KEY = "AKTESTLIMITED"


@pytest.fixture
def film_url(ours: Endpoint, our_s3: "S3Client", our_bucket: str) -> str:
    """The bare address of an object on our server."""
    our_s3.put_object(Bucket=our_bucket, Key="film.mp4", Body=BODY)
    return f"{ours.url}/{our_bucket}/film.mp4"


def test_request_with_wrong_secret_key_is_refused(ours: Endpoint, our_bucket: str) -> None:
    with ours.client(secret_key="guessed") as client, pytest.raises(ClientError) as error:
        client.list_objects_v2(Bucket=our_bucket)

    assert error.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_request_with_unknown_access_key_is_refused(ours: Endpoint, our_bucket: str) -> None:
    with ours.client(access_key="AKNOBODY") as client, pytest.raises(ClientError) as error:
        client.list_objects_v2(Bucket=our_bucket)

    assert error.value.response["Error"]["Code"] == "InvalidAccessKeyId"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
def test_request_without_signature_is_refused(film_url: str, method: str) -> None:
    assert send(method, film_url, body=b"" if method == "PUT" else None).status == 403


def test_request_signed_for_another_method_is_refused(film_url: str) -> None:
    headers = signed_headers("GET", film_url, at=utc_now(), payload_hash=UNSIGNED)

    answer = send("DELETE", film_url, headers=headers)

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_request_signed_for_another_key_is_refused(film_url: str) -> None:
    headers = signed_headers("GET", film_url, at=utc_now(), payload_hash=UNSIGNED)

    assert send("GET", f"{film_url}.secret", headers=headers).status == 403


def test_request_with_changed_signed_header_is_refused(film_url: str) -> None:
    headers = signed_headers("PUT", film_url, at=utc_now(), payload_hash=UNSIGNED, headers={"x-amz-meta-node": "a"})

    answer = send("PUT", film_url, headers={**headers, "x-amz-meta-node": "b"}, body=b"forged")

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_request_with_added_unsigned_amz_header_is_refused(film_url: str) -> None:
    headers = signed_headers("PUT", film_url, at=utc_now(), payload_hash=UNSIGNED)

    answer = send("PUT", film_url, headers={**headers, "x-amz-meta-node": "b"}, body=b"forged")

    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize("away", [timedelta(minutes=-16), timedelta(minutes=16)])
def test_request_signed_at_another_time_is_refused(film_url: str, away: timedelta) -> None:
    headers = signed_headers("GET", film_url, at=utc_now() + away, payload_hash=UNSIGNED)

    answer = send("GET", film_url, headers=headers)

    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")


def test_request_signed_some_minutes_ago_is_accepted(film_url: str) -> None:
    headers = signed_headers("GET", film_url, at=utc_now() - timedelta(minutes=14), payload_hash=UNSIGNED)

    assert send("GET", film_url, headers=headers).body == BODY


def test_body_that_differs_from_its_signed_hash_changes_nothing(film_url: str, our_s3: "S3Client") -> None:
    signed = hashlib.sha256(b"what was signed").hexdigest()
    headers = signed_headers("PUT", film_url, at=utc_now(), payload_hash=signed)

    answer = send("PUT", film_url, headers=headers, body=b"what was sent!!")

    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    again = signed_headers("GET", film_url, at=utc_now(), payload_hash=UNSIGNED)
    assert send("GET", film_url, headers=again).body == BODY


def test_signature_version_2_is_refused_clearly(ours: Endpoint, our_bucket: str) -> None:
    with ours.client(signature_version="s3") as client:
        with pytest.raises(ClientError) as error:
            client.list_objects_v2(Bucket=our_bucket)
        url = client.generate_presigned_url("get_object", Params={"Bucket": our_bucket, "Key": "film.mp4"})
    presigned = send("GET", url)

    assert error.value.response["Error"]["Code"] == "InvalidRequest"
    assert "AWS4-HMAC-SHA256" in error.value.response["Error"]["Message"]
    assert (presigned.status, presigned.code) == (400, "InvalidRequest")


def test_request_with_session_token_is_refused(film_url: str) -> None:
    headers = signed_headers(
        "GET", film_url, at=utc_now(), payload_hash=UNSIGNED, headers={"x-amz-security-token": "temporary"}
    )

    answer = send("GET", film_url, headers=headers)

    assert (answer.status, answer.code) == (403, "InvalidToken")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "AWS4-HMAC-SHA256",
        "Bearer abc",
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=00",
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/x/s3/aws4_request, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request, SignedHeaders=Host, Signature=\xff",
    ],
)
def test_malformed_authorization_is_refused(film_url: str, authorization: str) -> None:
    headers = signed_headers("GET", film_url, at=utc_now(), payload_hash=UNSIGNED)

    answer = send("GET", film_url, headers={**headers, "authorization": authorization})

    assert (answer.status, answer.code) == (400, "AuthorizationHeaderMalformed")


@pytest.mark.parametrize("path", ["//etc/passwd", "/%ff/k", "/bucket/%ff", "/%2e%2e/%2e%2e/etc", "/../../etc/passwd"])
def test_odd_path_is_answered_with_an_error_document(ours: Endpoint, path: str) -> None:
    url = f"{ours.url}{path}"
    headers = signed_headers("PUT", url, at=utc_now(), payload_hash=UNSIGNED)

    answer = send("PUT", url, headers=headers, body=b"forged")

    assert 400 <= answer.status < 500
    assert answer.code


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE d [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>',
        b"<Delete></Delete>",
        b"<Delete><Object><Key>a</Key></Object>",
        b"<Other><Object><Key>a</Key></Object></Other>",
        b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>",
        b"\xff",
    ],
)
def test_malformed_document_is_refused(ours: Endpoint, our_bucket: str, body: bytes) -> None:
    url = f"{ours.url}/{our_bucket}?delete="
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = signed_headers(
        "POST", url, at=utc_now(), payload_hash=UNSIGNED, headers={"x-amz-checksum-sha256": digest}
    )

    answer = send("POST", url, headers=headers, body=body)

    assert (answer.status, answer.code) == (400, "MalformedXML")


def test_delete_objects_without_checksum_is_refused(ours: Endpoint, our_bucket: str) -> None:
    body = b"<Delete><Object><Key>a</Key></Object></Delete>"
    url = f"{ours.url}/{our_bucket}?delete="
    headers = signed_headers("POST", url, at=utc_now(), payload_hash=hashlib.sha256(body).hexdigest())

    answer = send("POST", url, headers=headers, body=body)

    assert (answer.status, answer.code) == (400, "InvalidRequest")


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A server of its own, with a second key pair that may read, write and list below `in/` only."""
    credentials: list[dict[str, object]] = [
        {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "principal": "pipeline"},
        {
            "access_key": LIMITED_KEY,
            "secret_key": "secret-of-media",
            "principal": "media",
            "allow": [{"actions": ["GetObject", "PutObject", "ListBucket"], "prefix": "in/"}],
        },
    ]
    with our_server(tmp_path_factory.mktemp("s3-limited"), credentials) as server:
        yield server.start()


def test_limited_principal_does_what_its_grants_cover(limited: Endpoint) -> None:
    with limited.client() as owner, limited.client(access_key=LIMITED_KEY, secret_key="secret-of-media") as media:
        owner.create_bucket(Bucket="covered")

        media.put_object(Bucket="covered", Key="in/a", Body=BODY)

        assert media.get_object(Bucket="covered", Key="in/a")["Body"].read() == BODY
        assert media.list_objects_v2(Bucket="covered", Prefix="in/")["KeyCount"] == 1


def test_limited_principal_is_refused_everything_else(limited: Endpoint) -> None:
    with limited.client() as owner, limited.client(access_key=LIMITED_KEY, secret_key="secret-of-media") as media:
        owner.create_bucket(Bucket="refused")
        owner.put_object(Bucket="refused", Key="out/a", Body=BODY)
        media.put_object(Bucket="refused", Key="in/a", Body=BODY)
        attempts: list[Callable[[], object]] = [
            lambda: media.get_object(Bucket="refused", Key="out/a"),
            lambda: media.put_object(Bucket="refused", Key="out/b", Body=BODY),
            lambda: media.delete_object(Bucket="refused", Key="in/a"),
            lambda: media.list_objects_v2(Bucket="refused"),
            lambda: media.create_bucket(Bucket="another"),
            media.list_buckets,
            lambda: media.copy_object(Bucket="refused", Key="in/b", CopySource="refused/out/a"),
            lambda: media.create_multipart_upload(Bucket="refused", Key="out/b"),
        ]

        for attempt in attempts:
            with pytest.raises(ClientError) as error:
                attempt()
            assert error.value.response["Error"]["Code"] == "AccessDenied"
        outcome = media.delete_objects(Bucket="refused", Delete={"Objects": [{"Key": "in/a"}]})

        assert [item["Code"] for item in outcome["Errors"]] == ["AccessDenied"]
        assert owner.list_objects_v2(Bucket="refused")["KeyCount"] == 2
