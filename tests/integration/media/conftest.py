"""The real handler beside moto's S3 server and a callback receiver."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from media_lambda.handler import handler
from tests.integration.media.clips import make_clip
from tests.integration.media.receiver import Receiver, receiver

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "montage"


class Context:
    """What Lambda gives a function beside the event."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Uploads inputs, runs events, fetches what came out."""

    s3: "S3Client"
    callbacks: Receiver
    folder: Path
    work_dir: Path

    def put(self, path: Path) -> str:
        """Upload a file; its s3:// address."""
        key = f"inputs/{uuid.uuid4()}/{path.name}"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        return f"s3://{BUCKET}/{key}"

    def clip(self, name: str, **options: Any) -> str:
        """Make a clip and upload it; the file stays at `self.folder / name`."""
        return self.put(make_clip(self.folder / name, **options))

    def event(self, executor_type: str, inputs: dict[str, list[str]], **config: object) -> dict[str, Any]:
        """An event as the executor sends it."""
        execution = str(uuid.uuid4())
        event: dict[str, Any] = {
            "executor_type": executor_type,
            "node_uuid": str(uuid.uuid4()),
            "process_uuid": execution,
            "inputs": inputs,
            "output_bucket": BUCKET,
            "output_key": f"pipelines/p/nodes/n/executions/{execution}/claim-1/output.mp4",
            "callback_url": self.callbacks.url,
            "config": {"provider": "ffmpeg", **config},
        }
        return event | ({"input_videos": inputs["segments"]} if executor_type == "merge-videos" else {})

    def run(self, event: dict[str, Any]) -> dict[str, Any]:
        """Run the handler; the last body the receiver got."""
        handler(event, Context())
        return self.callbacks.bodies[-1]

    def film(self, event: dict[str, Any]) -> Path:
        """Run an event that succeeds and fetch its output."""
        body = self.run(event)
        assert "result" in body, body
        path = self.folder / f"{event['process_uuid']}.mp4"
        self.s3.download_file(BUCKET, event["output_key"], str(path))
        return path

    def manifest(self, event: dict[str, Any]) -> dict[str, Any]:
        """The manifest beside an event's output."""
        key = event["output_key"].replace("output.mp4", "result.json")
        found: dict[str, Any] = json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        return found


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bench(s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    for name in ("access", "secret"):
        (secrets / name).write_text(f"media-{name}\n")
    work_dir = tmp_path / "work"
    monkeypatch.setenv("MEDIA_S3_ENDPOINT", s3_endpoint)
    monkeypatch.setenv("MEDIA_S3_REGION", "eu-west-1")
    monkeypatch.setenv("MEDIA_S3_ACCESS_KEY_FILE", str(secrets / "access"))
    monkeypatch.setenv("MEDIA_S3_SECRET_KEY_FILE", str(secrets / "secret"))
    monkeypatch.setenv("MEDIA_WORK_DIR", str(work_dir))
    s3: S3Client = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="eu-west-1",
        aws_access_key_id="tester",
        aws_secret_access_key="tester",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    with receiver() as callbacks:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        folder = tmp_path / "files"
        folder.mkdir()
        yield Bench(s3=s3, callbacks=callbacks, folder=folder, work_dir=work_dir)
        objects = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        for found in objects:
            s3.delete_object(Bucket=BUCKET, Key=found["Key"])
        s3.delete_bucket(Bucket=BUCKET)
    s3.close()
