"""The executor's settings: every variable begins with EXECUTOR_, secrets are files."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from executor_service.task import TaskQueue
from executor_service.vendor_config import VendorSettings
from servicekit.config import CommaList, HostPort, HostPortField, OtlpEndpoint, SecretFile

TEST_QUEUES = (TaskQueue("noop"), TaskQueue("ledger"), TaskQueue("ledger-blind"))


class ExecutorSettings(VendorSettings):
    env_prefix: ClassVar[str] = "EXECUTOR_"

    ops_listen: HostPortField = HostPort(host="127.0.0.1", port=0)
    """Health and metrics; loopback only."""
    otlp_endpoint: OtlpEndpoint | None = None
    """Where spans go: `http(s)://collector:4318`, which takes OTLP, or `file:///path`. None makes none."""
    log_format: str = Field(default="json", pattern="^(json|console)$")
    """Lines for programs, or for people who watch."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """The least important that is logged. SIGHUP switches between this and `debug`."""
    failpoints: str = ""
    """Places to crash at, for tests: docs/reference.md#failpoints. Empty arms none."""

    tls_cert_file: Path
    """Certificate, PEM; read again when it is replaced."""
    tls_key_file: Path
    """Its key, PEM."""
    tls_ca_file: Path
    """Whom to trust, PEM."""
    pipeline_addr: HostPortField
    """The pipeline service."""

    nats_url: str = Field(pattern="^(tls|nats)://")
    """`tls://host:port`."""
    nats_user: str = "executor"
    """User; also names its inbox."""
    nats_password_file: SecretFile
    """Password of that user."""

    s3_endpoint: str | None = None
    """Object store; none is AWS."""
    s3_bucket: str
    """Bucket."""
    s3_region: str = "us-east-1"
    """Region, also of Lambda."""
    s3_access_key_file: SecretFile | None = None
    """Access key, also for Lambda; both key files or none, which is AWS's own chain."""
    s3_secret_key_file: SecretFile | None = None
    """Secret key."""

    lambda_endpoint: str | None = None
    """Where functions are invoked; none is AWS."""
    sts_endpoint: str | None = None
    """Where roles of functions are assumed; none is AWS."""
    media_function: str = "montage-media"
    """Name of the media function."""
    functions_file: Path | None = None
    """JSON list of the functions that `invoke-lambda` may name, see docs/functions.md."""

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
    """Queues that this process works on."""
    slots: int = Field(default=4, ge=1, le=64)
    """Executions at once, per task queue, so that a slow queue holds up no other one."""
    test_slots: int = Field(default=64, ge=1, le=1024)
    """The same for each queue of the test types."""
    work_dir: Path
    """Temporary files; leftovers of dead processes are removed."""
    drain_s: float = Field(default=15.0, ge=0, le=600)
    """On SIGTERM, how long running work may go on before it is given back."""
    test_types: bool = False
    """Adds the node type `noop` and its queues."""
    ledger_base_url: str | None = Field(default=None, pattern=r"^http://127\.0\.0\.1:\d+$")
    """The fake vendors of the test types, on this machine."""

    def queues(self) -> dict[TaskQueue, int]:
        """Slots by queue; the test types bring their own queues along."""
        slots = {TaskQueue(queue): self.slots for queue in self.task_queues}
        if self.test_types:
            slots |= dict.fromkeys(TEST_QUEUES, self.test_slots)
        return slots
