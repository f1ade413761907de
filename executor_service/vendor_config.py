"""Settings about the vendors that an executor buys from."""

from typing import ClassVar, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, model_validator

from executor_service.integrations import elevenlabs, google_token, heygen, runway, veo
from servicekit.config import SecretFile, ServiceSettings

_ADDRESSES = frozenset(
    {
        "public_s3_endpoint",
        "heygen_base_url",
        "elevenlabs_base_url",
        "runway_base_url",
        "veo_base_url",
        "google_token_url",
        "google_storage_url",
        "remotion_base_url",
        "remotion_webhook_url",
    }
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class VendorSettings(ServiceSettings):
    """Without its key file a vendor's nodes fail with `credential`, at once."""

    env_prefix: ClassVar[str] = "EXECUTOR_"

    public_s3_endpoint: str | None = None
    """The object store as vendors reach it over the internet; none sends inputs through the vendors' own uploads."""
    allow_loopback_vendors: bool = False
    """Lets addresses of vendors be plain http on this machine: for a simulator, never for money."""

    heygen_api_key_file: SecretFile | None = None
    """Key of HeyGen; without it its nodes fail with `credential` at once, and so with the next three."""
    heygen_base_url: str = heygen.BASE_URL
    """Where HeyGen is."""
    heygen_poll_interval_s: float = Field(default=10.0, ge=1, le=600)
    """Between two questions about a video."""

    elevenlabs_api_key_file: SecretFile | None = None
    """Key of ElevenLabs."""
    elevenlabs_base_url: str = elevenlabs.BASE_URL
    """Where ElevenLabs is."""

    runway_api_key_file: SecretFile | None = None
    """Key of Runway."""
    runway_base_url: str = runway.BASE_URL
    """Where Runway is."""
    runway_poll_interval_s: float = Field(default=6.0, ge=1, le=600)
    """Between two questions about a task, a quarter more or less."""

    google_credentials_file: SecretFile | None = None
    """JSON key file of a service account that may use Vertex AI; its project is billed."""
    google_token_url: str = google_token.TOKEN_URL
    """Where Google hands out access tokens."""
    veo_location: str = Field(default="us-central1", pattern="^[a-z0-9-]{1,40}$")
    """Location of Vertex AI."""
    veo_base_url: str | None = None
    """Where Veo is; none is Vertex AI in that location."""
    veo_storage_uri: str | None = Field(default=None, pattern=r"^gs://[a-z0-9][a-z0-9._-]{1,221}/[^\s]{1,900}$")
    """`gs://bucket/folder` where Veo puts its films; none has them inside its answers."""
    google_storage_url: str = veo.STORAGE_URL
    """Address of Google's storage."""
    veo_poll_interval_s: float = Field(default=10.0, ge=1, le=600)
    """Between two questions about an operation."""

    remotion_credentials_file: SecretFile | None = None
    """JSON of the account that renders code, see docs/vendors.md#remotion; none fails its nodes with `credential`."""
    remotion_base_url: str | None = None
    """Address of Lambda and S3 for Remotion; none is AWS."""
    remotion_poll_interval_s: float = Field(default=5.0, ge=1, le=600)
    """Between two questions about a render."""
    remotion_webhook_url: str | None = None
    """`https://<gateway>/spi/webhooks/remotion`, where Remotion says that a render ended; none asks only."""
    remotion_webhook_secret_file: SecretFile | None = None
    """What Remotion signs that with; the gateway has the same."""

    @model_validator(mode="after")
    def _addresses_are_safe(self) -> Self:
        for name in VendorSettings.model_fields:
            address = getattr(self, name)
            if address is not None and (name in _ADDRESSES):
                self._check_address(name, address)
        return self

    def sandbox_of(self, base_url: str) -> str | None:
        """The address itself where it is that of a simulator on this machine."""
        return base_url if is_loopback(urlsplit(base_url)) else None

    def _check_address(self, name: str, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme == "https" and parts.hostname and not parts.username and not parts.query:
            return
        if self.allow_loopback_vendors and is_loopback(parts):
            return
        hint = "" if self.allow_loopback_vendors else f" with {self.variable_of('allow_loopback_vendors')}=1"
        raise ValueError(
            f"{self.variable_of(name)}: expected an https address, or plain http on this machine{hint}, found {address}"
        )


def is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and parts.port is not None
