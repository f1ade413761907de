"""The media function as AWS Lambda runs it: a process of its own, a store that speaks S3, a receiver of callbacks.

Run as `python -m benchmarks.media_function`, it is that process: the event on standard input.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from benchmarks.media_cases import Case
from benchmarks.media_ffmpeg import cpu_s_of_children
from benchmarks.memory import look
from benchmarks.progress import MeasurementFailed, last_lines
from devstack.layout import repository_root

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BUCKET = "montage"
_REGION = "us-east-1"
_KEYS = {"access": "BENCHMARK", "secret": "for-this-run-only"}
_START_S = 30.0
_SAMPLE_EVERY_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Made:
    """A film of the function."""

    film: Path
    seconds: float
    """From the first byte read to the last byte written, by its own log."""
    fixed_s: float
    """What its process took besides: start, imports, the manifest, the callback, its end."""
    cpu_s: float
    """Of all of its process and what that started, fixed costs included."""
    peak_bytes: int
    """Of the function and all that it started, at one moment."""


class MediaFunction:
    """Made with `media_function`."""

    def __init__(self, *, folder: Path, s3: S3Client, variables: dict[str, str], callback_url: str) -> None:
        self._folder = folder
        self._s3 = s3
        self._variables = variables
        self._callback_url = callback_url
        self._known: dict[Path, str] = {}

    def make(self, case: Case) -> Made:
        """Raises MeasurementFailed."""
        execution = str(uuid.uuid4())
        key = f"pipelines/p/nodes/n/executions/{execution}/claim/output.mp4"
        event: dict[str, object] = {
            "executor_type": case.executor_type,
            "node_uuid": execution,
            "process_uuid": execution,
            "inputs": {slot: [self._address(path) for path in paths] for slot, paths in case.inputs.items()},
            "output_bucket": _BUCKET,
            "output_key": key,
            "callback_url": self._callback_url,
            "config": dict(case.config),
        }
        cpu_before_s = cpu_s_of_children()
        took_s, log, peak_bytes = self._run(event)
        cpu_s = cpu_s_of_children() - cpu_before_s
        found = [line for line in log if line.get("event") == "output_stored"]
        if not found:
            raise MeasurementFailed(f"{case.name}: the function made no film:{last_lines(json.dumps(log[-2:]))}")
        seconds = float(str(found[-1]["seconds"]))
        film = self._folder / f"{execution}.mp4"
        self._s3.download_file(_BUCKET, key, str(film))
        return Made(film=film, seconds=seconds, fixed_s=took_s - seconds, cpu_s=cpu_s, peak_bytes=peak_bytes)

    def _address(self, path: Path) -> str:
        if path not in self._known:
            key = f"inputs/{len(self._known)}/{path.name}"
            self._s3.upload_file(str(path), _BUCKET, key)
            self._known[path] = f"s3://{_BUCKET}/{key}"
        return self._known[path]

    def _run(self, event: dict[str, object]) -> tuple[float, list[dict[str, object]], int]:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "benchmarks.media_function"],
            env={"PYTHONPATH": str(repository_root()), **self._variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process, _peak_of(process.pid) as peak:
            _, said = process.communicate(json.dumps(event))
        log = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return time.monotonic() - began, log, max(peak)


@contextmanager
def media_function(folder: Path) -> Iterator[MediaFunction]:
    """A store with nothing in it, and the function beside it. Raises MeasurementFailed."""
    with ExitStack() as stack:
        address = stack.enter_context(_store(folder))
        s3 = boto3.client(
            "s3",
            endpoint_url=address,
            region_name=_REGION,
            aws_access_key_id=_KEYS["access"],
            aws_secret_access_key=_KEYS["secret"],
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )
        s3.create_bucket(Bucket=_BUCKET)
        variables = {
            "MEDIA_S3_ENDPOINT": address,
            "MEDIA_S3_REGION": _REGION,
            "MEDIA_WORK_DIR": str(folder / "work"),
            **{f"MEDIA_S3_{name.upper()}_KEY_FILE": str(_secret(folder, name)) for name in _KEYS},
        }
        callback_url = stack.enter_context(_receiver())
        yield MediaFunction(folder=folder, s3=s3, variables=variables, callback_url=callback_url)
        s3.close()


@contextmanager
def _store(folder: Path) -> Iterator[str]:
    credentials, ready = _secret(folder, "credentials"), folder / "ready.json"
    entry = {"principal": "bench", "access_key": _KEYS["access"], "secret_key": _KEYS["secret"]}
    credentials.write_text(json.dumps([entry]))
    command = ["--listen", "127.0.0.1:0", "--data", str(folder / "s3"), "--credentials", str(credentials)]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "devstack.s3", *command, "--ready-file", str(ready)],
        env={"PYTHONPATH": str(repository_root())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _START_S
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise MeasurementFailed("the object store did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{json.loads(ready.read_text())['port']}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _receiver() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name is the base class's
            del format

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/callback"
        server.shutdown()


@contextmanager
def _peak_of(process: int) -> Iterator[list[int]]:
    """Looks 20 times a second at the memory of a process and all below it."""
    seen, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLE_EVERY_S):
            everything = look(Path("/proc"))
            family = {process}
            while below := {one.pid for one in everything if one.parent in family} - family:
                family |= below
            seen.append(sum(one.resident_bytes for one in everything if one.pid in family))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _secret(folder: Path, name: str) -> Path:
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(_KEYS.get(name, ""))
    return path


class _Context:
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def main() -> None:
    """The function's process."""
    from media_lambda.handler import handler

    handler(json.load(sys.stdin), _Context())


if __name__ == "__main__":
    main()
