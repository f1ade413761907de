"""Our endpoint as a subprocess, and what tests ask about it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import boto3
from botocore.config import Config

from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROOT = Path(__file__).parents[3]
ACCESS_KEY = "AKTESTEXECUTOR"
SECRET_KEY = "secret-of-the-executor"
OTHER_ACCESS_KEY = "AKTESTOPERATOR"
OTHER_SECRET_KEY = "secret-of-the-operator"
FUNCTIONS = "tests.contract.lambda_endpoint.functions"
NAMES = ("echo", "note", "fail", "leave", "hold")
START_TIMEOUT_S = 45.0


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 45.0) -> None:
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
        config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S, connect_timeout=PATIENCE_S),
    )
    try:
        yield client
    finally:
        client.close()


@dataclass
class OurEndpoint:
    """Our endpoint: start, kill and start again on the same folder."""

    folder: Path
    functions: Mapping[str, str] = field(default_factory=lambda: {name: f"{FUNCTIONS}:{name}" for name in NAMES})
    environment: Mapping[str, str] = field(default_factory=lambda: {"MEDIA_WORK_DIR": "/nowhere"})
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
        environment.write_text(json.dumps(dict(self.environment)), encoding="utf-8")
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        log = (self.folder / "log").open("a", encoding="utf-8")
        self.logs.append(log)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "devstack.lambda_endpoint", "--listen", "127.0.0.1:0"),
                *("--data", str(self.data), "--credentials", str(credentials), "--principal", "executor"),
                *("--environment-file", str(environment), "--ready-file", str(ready), "--workers", "2"),
                *(f"--function={name}={handler}" for name, handler in self.functions.items()),
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
        return self.process.wait(timeout=PATIENCE_S)

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
