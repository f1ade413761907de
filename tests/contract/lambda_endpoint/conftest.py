"""Endpoints to test: ours as a subprocess, moto's in a thread."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROOT = Path(__file__).parents[3]
ACCESS_KEY = "AKTESTEXECUTOR"
SECRET_KEY = "secret-of-the-executor"
OTHER_ACCESS_KEY = "AKTESTOPERATOR"
OTHER_SECRET_KEY = "secret-of-the-operator"
FUNCTIONS = ("echo", "note", "fail", "leave", "hold")
START_TIMEOUT_S = 15.0


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 15.0) -> None:
    """Return as soon as `condition` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {timeout_s} s"
        time.sleep(0.01)  # the condition lives in another process: there is nothing to wait on


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def lambda_client(url: str, *, access_key: str, secret_key: str) -> Iterator["LambdaClient"]:
    """A boto3 client without retries, so that each answer is seen."""
    client = boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=15, connect_timeout=5),
    )
    try:
        yield client
    finally:
        client.close()


@dataclass
class OurEndpoint:
    """Our endpoint: start, kill and start again on the same folder."""

    folder: Path
    url: str = ""
    process: "subprocess.Popen[str] | None" = None
    logs: list[IO[str]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """All it and its functions have printed."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def start(self, *options: str) -> "OurEndpoint":
        """Run it until it listens."""
        credentials, environment = self.folder / "credentials.json", self.folder / "environment.json"
        credentials.touch(mode=0o600)
        keys = [
            {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "principal": "executor"},
            {"access_key": OTHER_ACCESS_KEY, "secret_key": OTHER_SECRET_KEY, "principal": "operator"},
        ]
        credentials.write_text(json.dumps(keys), encoding="utf-8")
        environment.write_text(json.dumps({"MEDIA_WORK_DIR": "/nowhere"}), encoding="utf-8")
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        log = (self.folder / "log").open("a", encoding="utf-8")
        self.logs.append(log)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "devstack.lambda_endpoint", "--listen", "127.0.0.1:0"),
                *("--data", str(self.data), "--credentials", str(credentials), "--principal", "executor"),
                *("--environment-file", str(environment), "--ready-file", str(ready), "--workers", "2"),
                *(f"--function={name}=tests.contract.lambda_endpoint.functions:{name}" for name in FUNCTIONS),
                *options,
            ],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "SECRET_OF_THE_PARENT": "x"},
            stderr=log,
            text=True,
        )
        process = self.process
        wait_until(lambda: ready.exists() or process.poll() is not None, timeout_s=START_TIMEOUT_S)
        assert ready.exists(), self.log
        self.url = f"http://127.0.0.1:{json.loads(ready.read_text(encoding='utf-8'))['port']}"
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as the supervisor would; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)

    def events(self) -> list[Path]:
        """The events on its disk."""
        return sorted((self.data / "events").glob("*.event"))


@contextlib.contextmanager
def our_endpoint(folder: Path) -> Iterator[OurEndpoint]:
    """Our endpoint, not yet started, ended afterwards."""
    endpoint = OurEndpoint(folder=folder)
    yield endpoint
    if endpoint.process is not None and endpoint.process.poll() is None:
        endpoint.stop()
    for log in endpoint.logs:
        log.close()


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
