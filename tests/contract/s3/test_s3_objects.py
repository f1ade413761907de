"""Objects: what goes in comes out. Runs on our server and on moto's."""

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = b"0123456789"
AWKWARD_KEYS = [
    "a b.txt",
    "größe/übung.mp4",
    "a+b=c&d",
    "100%25",
    "question?mark#hash",
    "pipelines/u/nodes/n/executions/e/c/output.mp4",
    "'quotes\"<&>",
    "tilde~(star)*!",
]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def sha256_base64(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_put_object_then_get_returns_the_same_bytes_and_description(s3: "S3Client", bucket: str) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key="film.mp4",
        Body=BODY,
        ContentType="video/mp4",
        ContentDisposition="attachment",
        CacheControl="no-store",
        Metadata={"sha256": "abc", "node": "final"},
    )
    got = s3.get_object(Bucket=bucket, Key="film.mp4")

    assert got["Body"].read() == BODY
    assert got["ContentType"] == "video/mp4"
    assert got["ContentDisposition"] == "attachment"
    assert got["CacheControl"] == "no-store"
    assert got["Metadata"] == {"sha256": "abc", "node": "final"}
    assert got["ContentLength"] == len(BODY)
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'  # noqa: S324 - what an ETag is


def test_put_object_without_content_type_is_binary(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="raw", Body=BODY)

    assert s3.head_object(Bucket=bucket, Key="raw")["ContentType"] == "binary/octet-stream"


def test_put_object_empty_is_an_object_of_no_bytes(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")

    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""


def test_put_object_again_replaces_bytes_and_metadata(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"old", Metadata={"a": "1"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"new", Metadata={"b": "2"})

    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"new"
    assert got["Metadata"] == {"b": "2"}


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_put_object_awkward_key_comes_back_as_written(s3: "S3Client", bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_head_object_tells_size_without_a_body(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentType="text/plain")

    head = s3.head_object(Bucket=bucket, Key="k")

    assert head["ContentLength"] == len(BODY)
    assert head["ContentType"] == "text/plain"


def test_get_object_missing_key_is_no_such_key(s3: "S3Client", bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="missing")

    assert code_of(error) == "NoSuchKey"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_head_object_missing_key_is_404(s3: "S3Client", bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=bucket, Key="missing")

    assert code_of(error) == "404"


def test_put_object_missing_bucket_is_no_such_bucket(s3: "S3Client") -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="there-is-no-such-bucket", Key="k", Body=BODY)

    assert code_of(error) == "NoSuchBucket"


@pytest.mark.parametrize(
    ("asked", "expected", "shown"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ],
)
def test_get_object_range_returns_that_stretch(
    s3: "S3Client", bucket: str, asked: str, expected: bytes, shown: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)

    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)

    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["Body"].read() == expected
    assert got["ContentRange"] == shown


def test_get_object_range_behind_the_end_is_invalid_range(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)

    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")

    assert code_of(error) == "InvalidRange"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


def test_put_object_sha256_is_kept_and_returned(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumAlgorithm="SHA256")

    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")

    assert head["ChecksumSHA256"] == sha256_base64(BODY)


def test_put_object_crc32_is_kept_and_returned(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumAlgorithm="CRC32")

    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")

    assert head["ChecksumCRC32"] == base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()


def test_get_object_if_none_match_with_current_etag_is_not_modified(s3: "S3Client", bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=BODY)["ETag"]

    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)

    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304


def test_get_object_if_match_with_another_etag_is_refused(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)

    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"00000000000000000000000000000000"')

    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


def test_get_object_response_overrides_change_the_headers(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentType="video/mp4")

    got = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentDisposition='attachment; filename="film.mp4"',
        ResponseContentType="application/octet-stream",
    )

    assert got["ContentDisposition"] == 'attachment; filename="film.mp4"'
    assert got["ContentType"] == "application/octet-stream"


def test_put_object_if_none_match_writes_once(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfNoneMatch="*")

    assert code_of(error) == "PreconditionFailed"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_delete_object_removes_it_and_may_be_repeated(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)

    statuses = [s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] for _ in range(2)]

    assert statuses == [204, 204]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_delete_objects_removes_many_and_names_them(s3: "S3Client", bucket: str) -> None:
    for key in ("a", "ü b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=BODY)

    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "ü b"}]})

    assert sorted(item["Key"] for item in answer["Deleted"]) == ["a", "ü b"]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]


def test_copy_object_keeps_bytes_and_metadata(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="von ü+1", Body=BODY, ContentType="video/mp4", Metadata={"a": "1"})

    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "von ü+1"})
    got = s3.get_object(Bucket=bucket, Key="to")

    assert got["Body"].read() == BODY
    assert got["ContentType"] == "video/mp4"
    assert got["Metadata"] == {"a": "1"}
    assert got["ETag"] == copied["CopyObjectResult"]["ETag"]


def test_copy_object_replace_takes_new_metadata(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, Metadata={"a": "1"})

    s3.copy_object(
        Bucket=bucket,
        Key="k",
        CopySource={"Bucket": bucket, "Key": "k"},
        Metadata={"b": "2"},
        ContentType="text/plain",
        MetadataDirective="REPLACE",
    )

    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"b": "2"}
    assert head["ContentType"] == "text/plain"


def test_copy_object_missing_source_is_no_such_key(s3: "S3Client", bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "missing"})

    assert code_of(error) == "NoSuchKey"


def test_delete_objects_quiet_names_nothing(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: moto ignores Quiet.
    our_s3.put_object(Bucket=our_bucket, Key="a", Body=BODY)

    answer = our_s3.delete_objects(Bucket=our_bucket, Delete={"Objects": [{"Key": "a"}], "Quiet": True})

    assert answer.get("Deleted", []) == []
    assert our_s3.list_objects_v2(Bucket=our_bucket)["KeyCount"] == 0


def test_put_object_given_sha256_without_algorithm_is_kept_and_returned(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: moto forgets a checksum when the request does not also name its algorithm.
    our_s3.put_object(Bucket=our_bucket, Key="k", Body=BODY, ChecksumSHA256=sha256_base64(BODY))

    head = our_s3.head_object(Bucket=our_bucket, Key="k", ChecksumMode="ENABLED")

    assert head["ChecksumSHA256"] == sha256_base64(BODY)


def test_get_object_response_override_with_line_break_is_refused(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: a header that a URL could split would let its holder forge the rest of the answer.
    our_s3.put_object(Bucket=our_bucket, Key="k", Body=BODY)

    with pytest.raises(ClientError) as error:
        our_s3.get_object(Bucket=our_bucket, Key="k", ResponseContentType="a/b\r\nSet-Cookie: x=y")

    assert code_of(error) == "InvalidArgument"


@pytest.mark.parametrize("key", ["../../../../etc/passwd", "a/../b", "/lead", "a//b", ".", "..", "%2e%2e%2f"])
def test_put_object_key_like_a_path_stays_in_its_bucket(our_s3: "S3Client", our_bucket: str, key: str) -> None:
    # Ours only: moto resolves such paths before it looks for the key.
    our_s3.put_object(Bucket=our_bucket, Key=key, Body=key.encode())

    assert our_s3.get_object(Bucket=our_bucket, Key=key)["Body"].read() == key.encode()
    assert [item["Key"] for item in our_s3.list_objects_v2(Bucket=our_bucket)["Contents"]] == [key]


@pytest.mark.parametrize(
    ("key", "code"), [("k" * 1025, "KeyTooLongError"), ("line\nbreak", "InvalidArgument"), ("nul\0", "InvalidArgument")]
)
def test_put_object_key_that_cannot_be_named_is_refused(
    our_s3: "S3Client", our_bucket: str, key: str, code: str
) -> None:
    # Ours only: S3 allows control characters, ours refuses what its XML could not name.
    with pytest.raises(ClientError) as error:
        our_s3.put_object(Bucket=our_bucket, Key=key, Body=BODY)

    assert code_of(error) == code


def test_put_object_too_much_metadata_is_refused(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: moto knows no such limit for this call.
    with pytest.raises(ClientError) as error:
        our_s3.put_object(Bucket=our_bucket, Key="k", Body=BODY, Metadata={"a": "x" * 2048})

    assert code_of(error) == "MetadataTooLarge"


def test_put_object_if_match_replaces_only_that_etag(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: moto does not look at If-Match when it writes.
    etag = our_s3.put_object(Bucket=our_bucket, Key="k", Body=b"1")["ETag"]
    our_s3.put_object(Bucket=our_bucket, Key="k", Body=b"2", IfMatch=etag)

    with pytest.raises(ClientError) as error:
        our_s3.put_object(Bucket=our_bucket, Key="k", Body=b"3", IfMatch=etag)

    assert code_of(error) == "PreconditionFailed"
    assert our_s3.get_object(Bucket=our_bucket, Key="k")["Body"].read() == b"2"


def test_copy_object_onto_itself_unchanged_is_refused(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: whether moto refuses this depends on its version.
    our_s3.put_object(Bucket=our_bucket, Key="k", Body=BODY)

    with pytest.raises(ClientError) as error:
        our_s3.copy_object(Bucket=our_bucket, Key="k", CopySource={"Bucket": our_bucket, "Key": "k"})

    assert code_of(error) == "InvalidRequest"


def test_put_object_with_encryption_is_not_implemented(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: a header we would ignore is refused, since ignoring it would break what it asks for.
    with pytest.raises(ClientError) as error:
        our_s3.put_object(Bucket=our_bucket, Key="k", Body=BODY, ServerSideEncryption="AES256")

    assert code_of(error) == "NotImplemented"


def test_get_object_acl_is_not_implemented(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: a sub-resource we lack must not be answered with the object itself.
    our_s3.put_object(Bucket=our_bucket, Key="k", Body=BODY)

    with pytest.raises(ClientError) as error:
        our_s3.get_object_acl(Bucket=our_bucket, Key="k")

    assert code_of(error) == "NotImplemented"
