"""Multipart uploads. Runs on our server and on moto's where they agree."""

import hashlib
import io
from typing import TYPE_CHECKING, Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CompleteMultipartUploadOutputTypeDef

MIB = 1024 * 1024
FIRST = b"a" * (5 * MIB)
LAST = b"the end"


def upload_parts(s3: "S3Client", bucket: str, key: str, upload_id: str, *parts: bytes) -> "list[CompletedPartTypeDef]":
    """Upload parts 1, 2, … and name them as CompleteMultipartUpload wants it."""
    named: list[CompletedPartTypeDef] = []
    for number, body in enumerate(parts, start=1):
        answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body)
        named.append({"PartNumber": number, "ETag": answer["ETag"]})
    return named


def complete(
    s3: "S3Client", bucket: str, key: str, upload_id: str, parts: "list[CompletedPartTypeDef]", **more: Any
) -> "CompleteMultipartUploadOutputTypeDef":
    """CompleteMultipartUpload."""
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **more
    )


def begin(s3: "S3Client", bucket: str, key: str = "film.mp4") -> str:
    """CreateMultipartUpload."""
    return s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]


def test_multipart_upload_becomes_one_object(s3: "S3Client", bucket: str) -> None:
    upload_id = s3.create_multipart_upload(
        Bucket=bucket, Key="film.mp4", ContentType="video/mp4", Metadata={"node": "final"}
    )["UploadId"]
    parts = upload_parts(s3, bucket, "film.mp4", upload_id, FIRST, LAST)

    done = complete(s3, bucket, "film.mp4", upload_id, parts)
    got = s3.get_object(Bucket=bucket, Key="film.mp4")

    assert got["Body"].read() == FIRST + LAST
    assert got["ContentType"] == "video/mp4"
    assert got["Metadata"] == {"node": "final"}
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in (FIRST, LAST))).hexdigest()  # noqa: S324 - ETag
    assert got["ETag"] == done["ETag"] == f'"{digest}-2"'


def test_managed_upload_and_download_return_the_same_bytes(s3: "S3Client", bucket: str) -> None:
    content = bytes(range(256)) * (12 * MIB // 256)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=2)
    received = io.BytesIO()

    s3.upload_fileobj(io.BytesIO(content), bucket, "big", Config=config)
    s3.download_fileobj(bucket, "big", received, Config=config)

    assert received.getvalue() == content


def test_list_parts_names_what_was_uploaded(s3: "S3Client", bucket: str) -> None:
    upload_id = begin(s3, bucket)
    parts = upload_parts(s3, bucket, "film.mp4", upload_id, FIRST, LAST)

    listed = s3.list_parts(Bucket=bucket, Key="film.mp4", UploadId=upload_id)["Parts"]

    assert [(part["PartNumber"], part["ETag"], part["Size"]) for part in listed] == [
        (1, parts[0]["ETag"], len(FIRST)),
        (2, parts[1]["ETag"], len(LAST)),
    ]


def test_upload_part_again_replaces_it(s3: "S3Client", bucket: str) -> None:
    upload_id = begin(s3, bucket)
    upload_parts(s3, bucket, "film.mp4", upload_id, b"old")
    parts = upload_parts(s3, bucket, "film.mp4", upload_id, b"new")

    complete(s3, bucket, "film.mp4", upload_id, parts)

    assert s3.get_object(Bucket=bucket, Key="film.mp4")["Body"].read() == b"new"


def test_complete_with_small_middle_part_is_entity_too_small(s3: "S3Client", bucket: str) -> None:
    upload_id = begin(s3, bucket)
    parts = upload_parts(s3, bucket, "film.mp4", upload_id, b"small", LAST)

    with pytest.raises(ClientError) as error:
        complete(s3, bucket, "film.mp4", upload_id, parts)

    assert error.value.response["Error"]["Code"] == "EntityTooSmall"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_complete_with_unknown_etag_is_invalid_part(s3: "S3Client", bucket: str) -> None:
    upload_id = begin(s3, bucket)
    upload_parts(s3, bucket, "film.mp4", upload_id, LAST)

    with pytest.raises(ClientError) as error:
        complete(s3, bucket, "film.mp4", upload_id, [{"PartNumber": 1, "ETag": "0" * 32}])

    assert error.value.response["Error"]["Code"] == "InvalidPart"


def test_abort_forgets_the_upload(s3: "S3Client", bucket: str) -> None:
    upload_id = begin(s3, bucket)
    upload_parts(s3, bucket, "film.mp4", upload_id, LAST)

    s3.abort_multipart_upload(Bucket=bucket, Key="film.mp4", UploadId=upload_id)

    with pytest.raises(ClientError) as error:
        s3.list_parts(Bucket=bucket, Key="film.mp4", UploadId=upload_id)
    assert error.value.response["Error"]["Code"] == "NoSuchUpload"


def test_upload_is_invisible_until_complete(s3: "S3Client", bucket: str) -> None:
    upload_id = begin(s3, bucket)
    upload_parts(s3, bucket, "film.mp4", upload_id, FIRST)

    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


# The rest runs on ours only.


def test_upload_part_of_unknown_upload_is_no_such_upload(our_s3: "S3Client", our_bucket: str) -> None:
    # moto answers with an error of its own making.
    with pytest.raises(ClientError) as error:
        our_s3.upload_part(Bucket=our_bucket, Key="film.mp4", UploadId="0" * 32, PartNumber=1, Body=LAST)

    assert error.value.response["Error"]["Code"] == "NoSuchUpload"


def test_complete_if_none_match_keeps_the_object_that_is_there(our_s3: "S3Client", our_bucket: str) -> None:
    # moto does not look at If-None-Match here.
    upload_id = begin(our_s3, our_bucket)
    parts = upload_parts(our_s3, our_bucket, "film.mp4", upload_id, LAST)
    our_s3.put_object(Bucket=our_bucket, Key="film.mp4", Body=b"first")

    with pytest.raises(ClientError) as error:
        complete(our_s3, our_bucket, "film.mp4", upload_id, parts, IfNoneMatch="*")

    assert error.value.response["Error"]["Code"] == "PreconditionFailed"
    assert our_s3.get_object(Bucket=our_bucket, Key="film.mp4")["Body"].read() == b"first"


@pytest.mark.parametrize("numbers", [[2, 1], [1, 1]])
def test_complete_with_parts_out_of_order_is_invalid_part_order(
    our_s3: "S3Client", our_bucket: str, numbers: list[int]
) -> None:
    # moto sorts some of these itself.
    upload_id = begin(our_s3, our_bucket)
    parts = upload_parts(our_s3, our_bucket, "film.mp4", upload_id, FIRST, LAST)

    with pytest.raises(ClientError) as error:
        complete(our_s3, our_bucket, "film.mp4", upload_id, [parts[number - 1] for number in numbers])

    assert error.value.response["Error"]["Code"] == "InvalidPartOrder"


@pytest.mark.parametrize("number", [0, 10_001])
def test_upload_part_with_impossible_number_is_invalid_argument(
    our_s3: "S3Client", our_bucket: str, number: int
) -> None:
    # moto takes part number 0.
    upload_id = begin(our_s3, our_bucket)

    with pytest.raises(ClientError) as error:
        our_s3.upload_part(Bucket=our_bucket, Key="film.mp4", UploadId=upload_id, PartNumber=number, Body=LAST)

    assert error.value.response["Error"]["Code"] == "InvalidArgument"


@pytest.mark.parametrize("disguise", ["../uploads/{}", "./{}", "{}/", "../../buckets"])
def test_upload_id_that_is_a_path_is_no_such_upload(our_s3: "S3Client", our_bucket: str, disguise: str) -> None:
    # It becomes part of a path on our disk, so only its plain form may be believed.
    upload_id = begin(our_s3, our_bucket)

    with pytest.raises(ClientError) as error:
        our_s3.list_parts(Bucket=our_bucket, Key="film.mp4", UploadId=disguise.format(upload_id))

    assert error.value.response["Error"]["Code"] == "NoSuchUpload"


def test_upload_of_another_key_is_no_such_upload(our_s3: "S3Client", our_bucket: str) -> None:
    # moto does not compare the keys.
    upload_id = begin(our_s3, our_bucket)

    with pytest.raises(ClientError) as error:
        our_s3.upload_part(Bucket=our_bucket, Key="other.mp4", UploadId=upload_id, PartNumber=1, Body=LAST)

    assert error.value.response["Error"]["Code"] == "NoSuchUpload"


def test_list_parts_pages_cover_every_part(our_s3: "S3Client", our_bucket: str) -> None:
    upload_id = begin(our_s3, our_bucket)
    upload_parts(our_s3, our_bucket, "film.mp4", upload_id, b"1", b"2", b"3")

    pages = our_s3.get_paginator("list_parts").paginate(
        Bucket=our_bucket, Key="film.mp4", UploadId=upload_id, PaginationConfig={"PageSize": 2}
    )

    assert [[part["PartNumber"] for part in page["Parts"]] for page in pages] == [[1, 2], [3]]


def test_complete_full_object_checksum_covers_the_joined_bytes(our_s3: "S3Client", our_bucket: str) -> None:
    # moto keeps no full-object checksums of multipart uploads.
    upload_id = our_s3.create_multipart_upload(
        Bucket=our_bucket, Key="film.mp4", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    parts = upload_parts(our_s3, our_bucket, "film.mp4", upload_id, FIRST, LAST)

    with pytest.raises(ClientError) as error:
        complete(our_s3, our_bucket, "film.mp4", upload_id, parts, ChecksumCRC32="AAAAAA==")
    done = complete(our_s3, our_bucket, "film.mp4", upload_id, parts)
    single = our_s3.put_object(Bucket=our_bucket, Key="same", Body=FIRST + LAST, ChecksumAlgorithm="CRC32")

    assert error.value.response["Error"]["Code"] == "BadDigest"
    assert done["ChecksumCRC32"] == single["ChecksumCRC32"]
    assert our_s3.get_object(Bucket=our_bucket, Key="film.mp4")["Body"].read() == FIRST + LAST
