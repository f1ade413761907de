"""The servers the S3 suite runs against: ours as a subprocess, moto's in a thread."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).parents[3]
REGION = "us-east-1"
ACCESS_KEY = "AKTESTPIPELINE"
SECRET_KEY = "secret-of-the-pipeline"
START_TIMEOUT_S = 45.0


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A running server and the key pair that may use it."""

    url: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @contextlib.contextmanager
    def client(
        self,
        *,
        access_key: str | None = None,
        secret_key: str | None = None,
        signature_version: str = "s3v4",
    ) -> Iterator["S3Client"]:
        """A boto3 client as the services make theirs, without retries so that each answer is seen."""
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=access_key or self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            config=Config(
                signature_version=signature_version,
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                connect_timeout=PATIENCE_S,
                read_timeout=PATIENCE_S,
            ),
        )
        try:
            yield client
        finally:
            client.close()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a bare HTTP request was answered with."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error code of an error document."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


def send(method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
    """One request exactly as written: no client library tidies up the path, the query or the headers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=found, body=response.read())
    finally:
        connection.close()


class OurServer:
    """`python -m devstack.s3` over one data folder; may be killed and started again."""

    def __init__(self, folder: Path, credentials: list[dict[str, object]] | None = None) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        self.ready_file = folder / "ready.json"
        self._credentials_file = folder / "credentials.json"
        self._log_handle: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)
        self._credentials_file.touch(mode=0o600)
        self._credentials_file.write_text(
            json.dumps(credentials or [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "principal": "pipeline"}])
        )

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Endpoint:
        """Start it on a free port and wait until it accepts connections."""
        self.ready_file.unlink(missing_ok=True)
        self._log_handle = self.log.open("ab")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "devstack.s3", "--listen", "127.0.0.1:0", "--data", str(self.data)),
                *("--credentials", str(self._credentials_file), "--ready-file", str(self.ready_file)),
            ],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stderr=self._log_handle,
        )
        wait_until(lambda: self.ready_file.exists() or self._has_ended(), what="the ready file")
        assert self.ready_file.exists(), self.log.read_text()
        port = json.loads(self.ready_file.read_text())["port"]
        return Endpoint(url=f"http://127.0.0.1:{port}")

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """Ask it to end; answers its exit code, None when it did not run."""
        return self._end(signal.SIGTERM)

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _end(self, how: signal.Signals) -> int | None:
        code = None
        if self._process is not None:
            self._process.send_signal(how)
            try:
                code = self._process.wait(10)
            finally:
                self._process.kill()
                self._process.wait(5)
                self._process = None
        if self._log_handle is not None:
            self._log_handle.close()
            self._log_handle = None
        return code


@contextlib.contextmanager
def our_server(folder: Path, credentials: list[dict[str, object]] | None = None) -> Iterator[OurServer]:
    """Our server, not started yet; stopped at the end whatever happened."""
    server = OurServer(folder, credentials)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def moto_server() -> Iterator[Endpoint]:
    """moto's server on a free port."""
    # Where it is needed only: it takes as long to import as everything else here together.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Endpoint(url=f"http://{host}:{port}")
    finally:
        server.stop()


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Poll until the condition holds; fail naming what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"expected {what} within {timeout_s} s")
        time.sleep(0.01)
