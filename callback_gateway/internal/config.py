"""Settings of the internal process, all from variables that begin with GATEWAY_INTERNAL_."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from servicekit.access import allow
from servicekit.config import CommaList, HostPortField, SecretFile, ServiceSettings


class InternalSettings(ServiceSettings):
    """Read once, at the start."""

    env_prefix: ClassVar[str] = "GATEWAY_INTERNAL_"

    listen: HostPortField
    """HTTPS, for callers inside; nothing before it may end TLS, since it looks at certificates."""
    ops_listen: HostPortField
    """Health and metrics, plain HTTP; loopback only."""
    log_format: str = Field(default="json", pattern="^(json|console)$")
    """Lines for programs, or for people who watch."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """The least important that is logged. SIGHUP switches between this and `debug`."""
    tls_cert_file: Path
    """Certificate of `internal-gateway`, never of the one for the internet, PEM; read again when it is replaced."""
    tls_key_file: Path
    """Its key, PEM."""
    tls_ca_file: Path
    """PEM; signs the pipeline service's certificate and those of callers."""
    pipeline_addr: HostPortField
    """The pipeline service."""
    auth_tokens_file: SecretFile | None = None
    """Tokens for `X-Internal-Auth`, one per line, at most two, each of 32 characters at least; read again when it is
    replaced. None answers 503."""
    callers: CommaList = ()
    """Identities that may call, `/*` for one more segment; empty admits nobody. Capabilities need none."""

    pipeline_deadline_s: float = Field(default=8.0, gt=0, le=60)
    """For one call to the pipeline service, repeats included."""
    connections: int = Field(default=256, ge=1)
    """Open connections; more are answered 503 and closed."""
    connection_age_s: float = Field(default=300.0, gt=0)
    """Older connections take no further request, so that a certificate whose authority was removed is soon refused."""
    drain_s: int = Field(default=20, ge=1, le=25)
    """On SIGTERM, how long running requests may go on."""

    @field_validator("callers")
    @classmethod
    def _are_identities(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        allow(*written)
        return written
