"""Buckets and their listings. Runs on our server and on moto's."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS = ["a/1", "a/2", "a/x/1", "b", "c/1", "größe"]


@pytest.fixture
def filled(s3: "S3Client", bucket: str) -> str:
    """A bucket that holds KEYS."""
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def test_create_bucket_again_changes_nothing(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")

    s3.create_bucket(Bucket=bucket)

    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_list_buckets_names_a_created_bucket(s3: "S3Client", bucket: str) -> None:
    assert bucket in [item["Name"] for item in s3.list_buckets()["Buckets"]]


def test_head_bucket_tells_whether_it_exists(s3: "S3Client", bucket: str) -> None:
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200

    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="there-is-no-such-bucket")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_list_objects_empty_bucket_has_no_contents(s3: "S3Client", bucket: str) -> None:
    answer = s3.list_objects_v2(Bucket=bucket)

    assert answer["KeyCount"] == 0
    assert answer["IsTruncated"] is False
    assert "Contents" not in answer


def test_list_objects_is_sorted_and_tells_size_and_etag(s3: "S3Client", filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled)

    assert [item["Key"] for item in answer["Contents"]] == KEYS
    first = answer["Contents"][0]
    assert first["Size"] == 3
    assert first["ETag"] == s3.head_object(Bucket=filled, Key="a/1")["ETag"]


def test_list_objects_prefix_shows_only_matching_keys(s3: "S3Client", filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, Prefix="a/")

    assert [item["Key"] for item in answer["Contents"]] == ["a/1", "a/2", "a/x/1"]


def test_list_objects_delimiter_folds_into_common_prefixes(s3: "S3Client", filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, Delimiter="/")

    assert [item["Key"] for item in answer["Contents"]] == ["b", "größe"]
    assert [item["Prefix"] for item in answer["CommonPrefixes"]] == ["a/", "c/"]


def test_list_objects_prefix_and_delimiter_show_one_level(s3: "S3Client", filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, Prefix="a/", Delimiter="/")

    assert [item["Key"] for item in answer["Contents"]] == ["a/1", "a/2"]
    assert [item["Prefix"] for item in answer["CommonPrefixes"]] == ["a/x/"]


def test_list_objects_start_after_leaves_out_what_is_before(s3: "S3Client", filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, StartAfter="b")

    assert [item["Key"] for item in answer["Contents"]] == ["c/1", "größe"]


def test_list_objects_pages_cover_everything_once(s3: "S3Client", filled: str) -> None:
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=filled, PaginationConfig={"PageSize": 2}))

    assert [len(page["Contents"]) for page in pages] == [2, 2, 2]
    assert [item["Key"] for page in pages for item in page["Contents"]] == KEYS
    assert [page["IsTruncated"] for page in pages] == [True, True, False]


def test_list_objects_missing_bucket_is_no_such_bucket(s3: "S3Client") -> None:
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket="there-is-no-such-bucket")

    assert error.value.response["Error"]["Code"] == "NoSuchBucket"


def test_list_objects_pages_with_delimiter_cover_everything_once(our_s3: "S3Client", our_bucket: str) -> None:
    # Ours only: moto cuts pages differently when keys and common prefixes alternate.
    for key in KEYS:
        our_s3.put_object(Bucket=our_bucket, Key=key, Body=b"")

    pages = our_s3.get_paginator("list_objects_v2").paginate(
        Bucket=our_bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    seen = [
        [*(item["Key"] for item in page.get("Contents", [])), *(p["Prefix"] for p in page.get("CommonPrefixes", []))]
        for page in pages
    ]

    assert seen == [["a/"], ["b"], ["c/"], ["größe"]]


@pytest.mark.parametrize(("parameter", "value"), [("ContinuationToken", "%%%"), ("MaxKeys", -1)])
def test_list_objects_bad_parameter_is_invalid_argument(
    our_s3: "S3Client", our_bucket: str, parameter: str, value: object
) -> None:
    # Ours only: moto answers a token it never gave with an empty page.
    with pytest.raises(ClientError) as error:
        our_s3.list_objects_v2(Bucket=our_bucket, **{parameter: value})  # type: ignore[arg-type] # the case is its type

    assert error.value.response["Error"]["Code"] == "InvalidArgument"


@pytest.mark.parametrize("name", ["UPPER", "ab", "a..b", "under_score", "-dash"])
def test_create_bucket_bad_name_is_refused(our_s3: "S3Client", name: str) -> None:
    # Ours only: moto allows, as us-east-1 once did, names that no other region takes.
    with pytest.raises(ClientError) as error:
        our_s3.create_bucket(Bucket=name)

    assert error.value.response["Error"]["Code"] == "InvalidBucketName"
