"""The function's settings, read from `MEDIA_*` variables and files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from media_lambda.errors import SettingsError

_DEFAULT_WORK_DIR = "/tmp/montage-media"  # noqa: S108 - the only folder AWS Lambda lets a function write to
_DEFAULT_MAX_INPUT_BYTES = 4 * 1024**3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the store is, whom to trust, and where to work."""

    s3_endpoint: str | None
    """None: AWS's own endpoint of the region."""
    s3_region: str
    s3_access_key: str | None
    """None: the default credential chain (the function's role on AWS)."""
    s3_secret_key: str | None = field(repr=False)
    ca_file: Path | None
    """Trust for the HTTPS callback; None: the system's."""
    work_dir: Path
    max_input_bytes: int
    """Of one input file."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and check all settings. Raises SettingsError that names every fault."""
        faults: list[str] = []
        access_key = _secret(environment, "MEDIA_S3_ACCESS_KEY_FILE", faults)
        secret_key = _secret(environment, "MEDIA_S3_SECRET_KEY_FILE", faults)
        if not faults and (access_key is None) != (secret_key is None):
            faults.append("MEDIA_S3_ACCESS_KEY_FILE and MEDIA_S3_SECRET_KEY_FILE: expected both or neither")
        ca_file = environment.get("MEDIA_CA_FILE")
        if ca_file and not Path(ca_file).is_file():
            faults.append(f"MEDIA_CA_FILE: no file at {ca_file}")
        max_input_bytes = environment.get("MEDIA_MAX_INPUT_BYTES") or str(_DEFAULT_MAX_INPUT_BYTES)
        if not max_input_bytes.isdecimal():
            faults.append(f"MEDIA_MAX_INPUT_BYTES: expected a number of bytes, found {max_input_bytes!r}")
        if faults:
            raise SettingsError("; ".join(faults))
        return cls(
            s3_endpoint=environment.get("MEDIA_S3_ENDPOINT") or None,
            s3_region=environment.get("MEDIA_S3_REGION") or "us-east-1",
            s3_access_key=access_key,
            s3_secret_key=secret_key,
            ca_file=Path(ca_file) if ca_file else None,
            work_dir=Path(environment.get("MEDIA_WORK_DIR") or _DEFAULT_WORK_DIR),
            max_input_bytes=int(max_input_bytes),
        )


def _secret(environment: Mapping[str, str], name: str, faults: list[str]) -> str | None:
    path = environment.get(name)
    if not path:
        return None
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        faults.append(f"{name}: cannot read {path} ({error.strerror})")
        return None
    if not secret:
        faults.append(f"{name}: {path} is empty")
    return secret
