"""The executor's settings: every variable begins with EXECUTOR_, secrets are files."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from executor_service.task import TaskQueue
from executor_service.vendor_config import VendorSettings
from servicekit.config import CommaList, HostPort, HostPortField

TEST_QUEUES = (TaskQueue("noop"), TaskQueue("ledger"), TaskQueue("ledger-blind"))


class ExecutorSettings(VendorSettings):
    env_prefix: ClassVar[str] = "EXECUTOR_"

    ops_listen: HostPortField = HostPort(host="127.0.0.1", port=0)
    """Loopback: health, readiness, metrics."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    failpoints: str = ""
    """For crash tests, `executor.after_claim=kill@2`; empty in production."""

    tls_cert_file: Path
    tls_key_file: Path
    tls_ca_file: Path
    pipeline_addr: HostPortField

    nats_url: str = Field(pattern="^(tls|nats)://")
    nats_user: str = "executor"
    nats_password_file: Path

    s3_endpoint: str | None = None
    """None is AWS."""
    s3_bucket: str
    s3_region: str = "us-east-1"
    s3_access_key_file: Path | None = None
    s3_secret_key_file: Path | None = None
    """Also sign invocations of Lambda. Both or none; none is AWS's default chain."""

    lambda_endpoint: str | None = None
    """None is AWS."""
    sts_endpoint: str | None = None
    """Where roles of functions are assumed. None is AWS."""
    media_function: str = "montage-media"
    functions_file: Path | None = None
    """JSON list of the functions that `invoke-lambda` may name."""

    task_queues: CommaList = (
        "local",
        "ffmpeg",
        "fetch",
        "lambda",
        "heygen",
        "elevenlabs",
        "runway",
        "veo3",
        "remotion",
    )
    slots: int = Field(default=4, ge=1, le=64)
    """Executions at once, per task queue, so that a slow queue holds up no other one."""
    test_slots: int = Field(default=64, ge=1, le=1024)
    """The same for each queue of the test types."""
    work_dir: Path
    drain_s: float = Field(default=15.0, ge=0, le=600)
    """After SIGTERM, how long running work may go on before it is given back."""
    test_types: bool = False
    ledger_base_url: str | None = Field(default=None, pattern=r"^http://127\.0\.0\.1:\d+$")
    """Of the fake vendors of the test types."""

    def queues(self) -> dict[TaskQueue, int]:
        """Slots by queue; the test types bring their own queues along."""
        slots = {TaskQueue(queue): self.slots for queue in self.task_queues}
        if self.test_types:
            slots |= dict.fromkeys(TEST_QUEUES, self.test_slots)
        return slots
