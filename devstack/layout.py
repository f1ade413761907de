"""Where things lie in a data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

NATS_USERS = ("pipeline", "executor")
OWNER_ROLE = "montage_owner"
ENGINE_ROLE = "montage_engine"
EDIT_ROLE = "montage_edit"
SERVICE_ROLES = (ENGINE_ROLE, EDIT_ROLE)
"""What the pipeline service connects as: one owns state, the other structure."""
SUPERUSER_ROLE = "postgres"
DATABASE = "montage"
BUCKET = "montage"
REGION = "us-east-1"
MEDIA_FUNCTION = "montage-media"
EXAMPLE_FUNCTION = "count-words"
"""Of `examples/function`: what a function of a user's own looks like."""
VENDOR_KEYS = {
    "heygen": "EXECUTOR_HEYGEN_API_KEY_FILE",
    "elevenlabs": "EXECUTOR_ELEVENLABS_API_KEY_FILE",
    "runway": "EXECUTOR_RUNWAY_API_KEY_FILE",
    "veo3": "EXECUTOR_GOOGLE_CREDENTIALS_FILE",
    "remotion": "EXECUTOR_REMOTION_CREDENTIALS_FILE",
}
"""How the executor is told of the keys that are there, by provider."""


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True)
class Layout:
    """Paths below one data folder; says where, makes nothing."""

    data: Path

    @property
    def secrets(self) -> Path:
        return self.data / "secrets"

    @property
    def ca_cert(self) -> Path:
        return self.secrets / "tls" / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.secrets / "tls" / "ca-key.pem"

    def tls(self, name: str) -> TlsFiles:
        folder = self.secrets / "tls" / name
        return TlsFiles(ca=self.ca_cert, cert=folder / "cert.pem", key=folder / "key.pem")

    @property
    def capability_keys(self) -> Path:
        return self.secrets / "capability" / "keys.json"

    @property
    def capability_public_keys(self) -> Path:
        return self.secrets / "capability" / "public.json"

    @property
    def internal_tokens(self) -> Path:
        return self.secrets / "internal.tokens"

    @property
    def master_keys(self) -> Path:
        return self.secrets / "master-keys.json"

    def s3_access_key(self, principal: str) -> Path:
        return self.secrets / "s3" / f"{principal}.access"

    def s3_secret_key(self, principal: str) -> Path:
        return self.secrets / "s3" / f"{principal}.secret"

    @property
    def s3_credentials(self) -> Path:
        """Every principal's keys, for the S3 and Lambda endpoints only."""
        return self.secrets / "s3" / "credentials.json"

    def nats_password(self, user: str) -> Path:
        return self.secrets / "nats" / f"{user}.password"

    @property
    def nats_config(self) -> Path:
        return self.secrets / "nats" / "server.conf"

    def postgres_password(self, role: str) -> Path:
        return self.secrets / "postgres" / f"{role}.password"

    @property
    def media_environment(self) -> Path:
        return self.secrets / "media.env.json"

    @property
    def example_environment(self) -> Path:
        return self.secrets / "example.env.json"

    @property
    def functions(self) -> Path:
        """The functions that `invoke-lambda` may name."""
        return self.data / "functions.json"

    def vendor_key(self, vendor: str) -> Path:
        """A user's key; not there unless the user put it there."""
        return self.keys / vendor

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.jsonl"

    @property
    def postgres(self) -> Path:
        return self.data / "pg"

    @property
    def nats(self) -> Path:
        return self.data / "nats"

    @property
    def s3(self) -> Path:
        return self.data / "s3"

    @property
    def lambda_endpoint(self) -> Path:
        return self.data / "lambda"

    @property
    def work(self) -> Path:
        """Scratch space of executors and media functions."""
        return self.data / "work"

    @property
    def ready(self) -> Path:
        return self.data / "ready"

    @property
    def ports(self) -> Path:
        return self.data / "ports.json"

    @property
    def dev_env(self) -> Path:
        return self.data / "dev.env"

    @property
    def lock(self) -> Path:
        return self.data / "lock"


def repository_root() -> Path:
    return Path(__file__).resolve().parent.parent


def make_private_folder(folder: Path) -> None:
    """Make `folder` (and its parents) readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file of mode 0600 in one step: whoever looks sees the old content or the new."""
    make_private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    draft.replace(path)
