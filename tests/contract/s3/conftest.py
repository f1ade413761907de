"""Fixtures of the S3 suite: `endpoint` is every server in turn, `ours` only the strict one."""

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.contract.s3.servers import Endpoint, moto_server, our_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Our server, shared by the tests that leave it alone."""
    with our_server(tmp_path_factory.mktemp("s3")) as server:
        yield server.start()


@pytest.fixture(scope="session")
def moto() -> Iterator[Endpoint]:
    """moto's server, shared."""
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["ours", "moto"])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each server in turn: a case that uses this must hold on both."""
    found: Endpoint = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def s3(endpoint: Endpoint) -> Iterator["S3Client"]:
    """A client of each server in turn."""
    with endpoint.client() as client:
        yield client


@pytest.fixture
def bucket(s3: "S3Client") -> str:
    """An empty bucket on the server of `s3`."""
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def our_s3(ours: Endpoint) -> Iterator["S3Client"]:
    """A client of our server."""
    with ours.client() as client:
        yield client


@pytest.fixture
def our_bucket(our_s3: "S3Client") -> str:
    """An empty bucket on our server."""
    name = f"test-{uuid.uuid4().hex}"
    our_s3.create_bucket(Bucket=name)
    return name
