"""Settings of the pipeline service, read once from `PIPELINE_*`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types import build_catalogue, paid_vendors
from pipeline_service.domain.vendor_limit import DEFAULT_CONCURRENCY, UNLISTED
from pipeline_service.vault.key_arns import region_of
from servicekit.config import CommaList, HostPortField, OtlpEndpoint, SecretFile, ServiceSettings, Share


class Settings(ServiceSettings):
    """What `python -m pipeline_service` needs."""

    env_prefix: ClassVar[str] = "PIPELINE_"
    env_also_known: ClassVar[frozenset[str]] = frozenset(
        {
            "PIPELINE_MIGRATE_DATABASE_URL",
            "PIPELINE_MIGRATE_DATABASE_PASSWORD_FILE",
            "PIPELINE_MIGRATE_ENGINE_ROLE",
            "PIPELINE_MIGRATE_EDIT_ROLE",
        }
    )

    listen: HostPortField
    """gRPC over mutual TLS."""
    ops_listen: HostPortField
    """Health and metrics; loopback only."""
    otlp_endpoint: OtlpEndpoint | None = None
    """Where spans go: `http(s)://collector:4318`, which takes OTLP, or `file:///path`. None makes none."""
    trace_share: Share = 1.0
    """Of the traces that begin here, how many are sampled, 0 to 1; a caller's own are as it wants."""
    tls_cert_file: Path
    """Certificate, PEM; read again when it is replaced."""
    tls_key_file: Path
    """Its key, PEM."""
    tls_ca_file: Path
    """Whom to trust, PEM."""
    database_url: str
    """`postgresql://role@host:port/database`, without password; the role that owns state."""
    database_password_file: SecretFile
    """Password of that role."""
    edit_database_url: str
    """The same database for the role that owns structure."""
    edit_database_password_file: SecretFile
    """Password of that role."""
    database_connections: Annotated[int, Field(ge=2)] = 10
    """Most connections to Postgres as each of the two roles, and as many again to read pages for clients."""
    nats_url: str
    """`tls://host:port`."""
    nats_user: str = "pipeline"
    """User; also names its inbox."""
    nats_password_file: SecretFile
    """Password of that user."""
    nats_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Copies of the work queue; 3 in a cluster."""
    s3_endpoint: str | None = None
    """Object store; none is AWS."""
    s3_bucket: str = "montage"
    """Bucket."""
    s3_region: str = "us-east-1"
    """Region."""
    s3_access_key_file: SecretFile | None = None
    """Access key; both key files or none, which is AWS's own chain."""
    s3_secret_key_file: SecretFile | None = None
    """Secret key."""
    capability_keys_file: SecretFile
    """JSON: the keys that seal capabilities, at most two of them live."""
    master_keys_file: SecretFile | None = None
    """Keys that secrets of owners are closed with; none keeps no secrets. Read again when it is replaced."""
    kms_keys: CommaList = ()
    """`arn:aws:kms:REGION:ACCOUNT:key/ID,…`: keys of AWS KMS that do the same, before those of the file.

    The first closes, every one opens; all are of one region."""
    kms_endpoint: str | None = None
    """Where KMS is; none is AWS."""
    kms_access_key_file: SecretFile | None = None
    """Access key for KMS; both key files or none, which is AWS's own chain."""
    kms_secret_key_file: SecretFile | None = None
    """Secret key for KMS."""
    gateway_url: str
    """Base of the callback addresses that are handed out, as functions and vendors reach the gateway."""
    compatibility_callbacks: bool = False
    """Takes reports without a capability that the gateway hands on; see `GATEWAY_COMPATIBILITY_NETWORKS`."""
    webhook_github_secret_file: SecretFile | None = None
    """Secrets that GitHub signs with, one per line, all live; read again when replaced. None takes no webhooks."""
    webhook_discourse_secret_file: SecretFile | None = None
    """The same for Discourse."""
    webhook_payment_processor_secret_file: SecretFile | None = None
    """The same for Stripe, `whsec_` included."""
    internal_url: str | None = None
    """Base of the addresses at which functions read what they render; none hands out none."""
    owners_file: Path | None = None
    """JSON object of identity → owner; who is not in it belongs to `default`."""
    lease_s: Annotated[float, Field(gt=0)] = 60.0
    """How long a claim lasts without a heartbeat."""
    timer_interval_s: Annotated[float, Field(gt=0)] = 0.5
    """How often due work is looked for."""
    seal_interval_s: Annotated[float, Field(ge=0)] = 1.0
    """How often what was recorded is sealed; 0 seals nothing."""
    dispatch_windows: CommaList = ()
    """`queue=number,…`: how much of a task queue is handed out at once; of others two per slot of their executors."""
    vendor_concurrency: CommaList = ()
    """`vendor=number,…`: how much a vendor is asked to do at once with one key; others as docs/vendors.md says.

    `vendor/owner=number` says it of that owner's own key.
    """
    max_start_to_close_s: Annotated[float, Field(gt=0)] | None = None
    """Caps the time that node types allow an execution; none leaves it to them."""
    drain_notice_s: Annotated[float, Field(ge=0)] = 3.0
    """On SIGTERM, how long health says NOT_SERVING before calls are refused."""
    connection_age_s: Annotated[float, Field(gt=0)] = 300.0
    """Older connections are ended, running calls first, so that a certificate whose authority was removed is soon
    refused."""
    watch_heartbeat_s: Annotated[float, Field(gt=0)] = 15.0
    """After so long without another update a watch sends a heartbeat."""
    watch_send_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """How long a watcher may leave an update unread before it is cut off."""
    log_format: str = Field(default="json", pattern="^(json|console)$")
    """Lines for programs, or for people who watch."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error|critical)$")] = "info"
    """The least important that is logged. SIGHUP switches between this and `debug`."""
    failpoints: str = ""
    """Places to crash at, for tests: docs/reference.md#failpoints. Empty arms none."""
    test_types: bool = False
    """Adds the node type `noop`."""

    @field_validator("dispatch_windows")
    @classmethod
    def _are_windows(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        _check_numbers(written, of="queue")
        return written

    @field_validator("kms_keys")
    @classmethod
    def _are_keys(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        if written:
            region_of(written)
        return written

    @field_validator("vendor_concurrency")
    @classmethod
    def _are_vendors(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        _check_numbers(written, of="vendor")
        known = paid_vendors(build_catalogue(with_test_types=True))
        for one in written:
            vendor = one.partition("=")[0].partition("/")[0]
            if vendor not in known:
                raise ValueError(f"expected one of {', '.join(sorted(known))}, found {vendor!r}")
        return written

    def windows(self) -> dict[TaskQueue, int]:
        """What `dispatch_windows` says, by queue."""
        return {TaskQueue(queue): number for queue, number in _numbers(self.dispatch_windows).items()}

    def concurrency(self, vendors: Iterable[str]) -> dict[str, int]:
        """How much each vendor is asked to do at once with one key, at most: by vendor, and by `vendor/owner`."""
        usual = {vendor: DEFAULT_CONCURRENCY.get(vendor, UNLISTED) for vendor in vendors}
        said = _numbers(self.vendor_concurrency)
        return usual | {name: number for name, number in said.items() if name.partition("/")[0] in usual}


def _check_numbers(written: Iterable[str], *, of: str) -> None:
    for one in written:
        name, _, number = one.partition("=")
        if not name or not number.isdecimal() or not int(number):
            raise ValueError(f"expected {of}=number, the number 1 or more, found {one!r}")


def _numbers(written: Iterable[str]) -> dict[str, int]:
    return {name: int(number) for name, _, number in (one.partition("=") for one in written)}


class MigrateSettings(ServiceSettings):
    """What `python -m pipeline_service migrate` needs besides: the owner of the tables."""

    env_prefix: ClassVar[str] = "PIPELINE_"
    env_also_known: ClassVar[frozenset[str]] = frozenset(
        {Settings.variable_of(field) for field in Settings.model_fields}
    )

    migrate_database_url: str
    """`postgresql://owner@host:port/database`, without password."""
    migrate_database_password_file: SecretFile
    """Password of the owner."""
    migrate_engine_role: str = "montage_engine"
    """Role of `PIPELINE_DATABASE_URL`, which is granted what it needs."""
    migrate_edit_role: str = "montage_edit"
    """Role of `PIPELINE_EDIT_DATABASE_URL`, likewise."""
