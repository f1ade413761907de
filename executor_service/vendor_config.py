"""Settings about the vendors that an executor buys from."""

from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, model_validator

from executor_service.integrations import elevenlabs, google_token, heygen, runway, veo
from servicekit.config import ServiceSettings

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
    """The object store as the internet reaches it. None: inputs go through the vendors' own uploads."""
    allow_loopback_vendors: bool = False
    """Lets the addresses below be plain http on this machine: for a simulator, never for money."""

    heygen_api_key_file: Path | None = None
    heygen_base_url: str = heygen.BASE_URL
    heygen_poll_interval_s: float = Field(default=10.0, ge=1, le=600)

    elevenlabs_api_key_file: Path | None = None
    elevenlabs_base_url: str = elevenlabs.BASE_URL

    runway_api_key_file: Path | None = None
    runway_base_url: str = runway.BASE_URL
    runway_poll_interval_s: float = Field(default=6.0, ge=1, le=600)

    google_credentials_file: Path | None = None
    """JSON of a service account that may use Vertex AI."""
    google_token_url: str = google_token.TOKEN_URL
    veo_location: str = Field(default="us-central1", pattern="^[a-z0-9-]{1,40}$")
    veo_base_url: str | None = None
    """None is Vertex AI in that location."""
    veo_storage_uri: str | None = Field(default=None, pattern=r"^gs://[a-z0-9][a-z0-9._-]{1,221}/[^\s]{1,900}$")
    """Where Veo puts its films, `gs://bucket/folder`. None: they come inside the answer."""
    google_storage_url: str = veo.STORAGE_URL
    veo_poll_interval_s: float = Field(default=10.0, ge=1, le=600)

    remotion_credentials_file: Path | None = None
    """JSON with region, function, serve_url, bucket, composition, access_key, secret_key."""
    remotion_base_url: str | None = None
    """Of Lambda and S3 alike; None is AWS."""
    remotion_poll_interval_s: float = Field(default=5.0, ge=1, le=600)
    remotion_webhook_url: str | None = None
    """Of the gateway, where Remotion says that a render ended. None: it is asked only."""
    remotion_webhook_secret_file: Path | None = None
    """What it signs that with; the gateway has the same."""

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
