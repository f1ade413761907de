"""Endpoints to test: ours as a subprocess, moto's in a thread."""

import io
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.contract.lambda_endpoint.endpoints import (
    ACCESS_KEY,
    SECRET_KEY,
    OurEndpoint,
    lambda_client,
    our_endpoint,
)

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[OurEndpoint]:
    """Our endpoint, not yet started, for tests that choose its options."""
    with our_endpoint(tmp_path) as endpoint:
        yield endpoint


@pytest.fixture
def ours(stopped: OurEndpoint) -> OurEndpoint:
    """Our endpoint with default options."""
    return stopped.start()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OurEndpoint]:
    """Our endpoint with default options, for tests that leave it alone."""
    with our_endpoint(tmp_path_factory.mktemp("lambda")) as endpoint:
        yield endpoint.start()


@pytest.fixture
def client(shared: OurEndpoint) -> Iterator["LambdaClient"]:
    """A client of our shared endpoint."""
    with lambda_client(shared.url, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as found:
        yield found


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto's server with a function `echo`, which it runs without Docker by answering a fixed text."""
    # Where it is needed only: it takes as long to import as everything else here together.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    settings = urllib.request.Request(
        f"{url}/moto-api/config",
        data=b'{"lambda": {"use_docker": false}}',
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(settings).close()
    iam = boto3.client(
        "iam",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.close()
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("f.py", "def echo(event, context): return event")
    with lambda_client(url, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as client:
        client.create_function(
            FunctionName="echo", Runtime="python3.13", Role=role, Handler="f.echo", Code={"ZipFile": code.getvalue()}
        )
    try:
        yield url
    finally:
        server.stop()


@pytest.fixture(params=["ours", "moto"])
def any_client(request: pytest.FixtureRequest) -> Iterator["LambdaClient"]:
    """A client of each endpoint in turn: a case that uses this holds on both."""
    url = request.getfixturevalue("shared").url if request.param == "ours" else request.getfixturevalue("moto_url")
    with lambda_client(url, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as found:
        yield found
