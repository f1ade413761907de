"""Settings of the gateway, all from variables that begin with GATEWAY_."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from callback_gateway.internal.config import InternalSettings
from servicekit.config import HostPortField, OtlpEndpoint, SecretFile, ServiceSettings


def _https_base(url: str) -> str:
    if not url.startswith("https://") or "?" in url or "#" in url or "@" in url:
        raise ValueError("expected https://host[:port][/path] without query, fragment and user")
    return url.rstrip("/")


def _networks(written: object) -> object:
    return [part.strip() for part in written.split(",") if part.strip()] if isinstance(written, str) else written


class GatewaySettings(ServiceSettings):
    """Read once, at the start."""

    env_prefix: ClassVar[str] = "GATEWAY_"
    env_also_known: ClassVar[frozenset[str]] = frozenset(
        {InternalSettings.variable_of(field) for field in InternalSettings.model_fields}
    )

    listen: HostPortField
    """HTTPS, for the outside."""
    ops_listen: HostPortField
    """Health and metrics, plain HTTP; loopback only."""
    log_format: str = Field(default="json", pattern="^(json|console)$")
    """Lines for programs, or for people who watch."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """The least important that is logged. SIGHUP switches between this and `debug`."""
    otlp_endpoint: OtlpEndpoint | None = None
    """Where spans go: `http(s)://collector:4318`, which takes OTLP, or `file:///path`. None makes none."""
    tls_cert_file: Path
    """Certificate, PEM, shown to callers and to the pipeline service; read again when it is replaced."""
    tls_key_file: Path
    """Its key, PEM."""
    tls_ca_file: Path
    """PEM; signs the pipeline service's certificate, and those of callers that show one."""
    pipeline_addr: HostPortField
    """The pipeline service."""
    capability_public_keys_file: Path
    """JSON: public halves of the capability keys; read again when it is replaced."""
    public_url: Annotated[str, AfterValidator(_https_base)] | None = None
    """Under which callers know us; only told at the start, because the pipeline service hands out the addresses."""

    pipeline_deadline_s: float = Field(default=8.0, gt=0, le=60)
    """For recording one report, repeats included."""
    retry_after_s: float = Field(default=2.0, ge=1, le=3600)
    """What callers are told when the pipeline service is away."""
    header_deadline_s: float = Field(default=5.0, gt=0, le=60)
    """For the head of a request."""
    body_deadline_s: float = Field(default=10.0, gt=0, le=300)
    """For its body."""
    header_limit_bytes: int = Field(default=16 * 1024, ge=1024, le=1024 * 1024)
    """Of the head."""
    body_limit_bytes: int = Field(default=64 * 1024, ge=1024, le=1024 * 1024)
    """Of the body."""
    result_limit_bytes: int = Field(default=1024 * 1024, ge=1024, le=4 * 1024 * 1024)
    """Of bodies that bring results along."""
    peer_per_s: float = Field(default=2000.0, ge=0)
    """Requests of one address; more are answered 429. Behind a proxy all callers have its. 0 bounds nothing."""
    peer_burst: int = Field(default=4000, ge=1)
    """How many of these may come at once."""
    execution_per_s: float = Field(default=5.0, ge=0)
    """Callbacks about one execution; more are answered 429. 0 bounds nothing."""
    execution_burst: int = Field(default=20, ge=1)
    """How many of these may come at once."""
    compatibility_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)] = ()
    """`10.0.0.0/8,…`: networks whose callers may report to `executor_callback` without a capability, by `process_uuid`;
    needs `PIPELINE_COMPATIBILITY_CALLBACKS` too. Behind a proxy every caller has its address: leave it empty there."""
    webhook_heygen_secret_file: SecretFile | None = None
    """Secrets that HeyGen signs with, one per line, all live; read again when replaced. None takes no webhooks."""
    webhook_standard_secret_file: SecretFile | None = None
    """The same for Standard Webhooks; base64, also behind `whsec_`."""
    webhook_standard_vendor: str = Field(default="veo3", min_length=1, max_length=64)
    """Whose jobs those tell of, as nodes name it in `provider`."""
    webhook_remotion_secret_file: SecretFile | None = None
    """The same for Remotion."""
    webhook_slots: int = Field(default=32, ge=1)
    """Webhooks handled at once; more are answered 503. Their bodies are read before anybody is known."""
    callback_slots: int = Field(default=256, ge=1)
    """Callbacks handled at once; more are answered 503."""
    connections: int = Field(default=1024, ge=1)
    """Open connections; more are answered 503 and closed."""
    connection_age_s: float = Field(default=300.0, gt=0)
    """Older connections take no further request, so that a certificate whose authority was removed is soon refused."""
    drain_s: int = Field(default=20, ge=1, le=25)
    """On SIGTERM, how long running callbacks may go on."""
    failpoints: str = ""
    """Places to crash at, for tests: docs/reference.md#failpoints. Empty arms none."""
