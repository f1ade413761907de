"""The function's settings, read from `MEDIA_*` variables and files."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from media_lambda.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Variable:
    """What an operator is told of one variable."""

    kind: str
    meaning: str
    default: str | None = None
    unit: str | None = None


VARIABLES: Mapping[str, Variable] = {
    "MEDIA_S3_ENDPOINT": Variable(kind="URL", meaning="Object store; none is AWS."),
    "MEDIA_S3_REGION": Variable(kind="text", default="us-east-1", meaning="Region."),
    "MEDIA_S3_ACCESS_KEY_FILE": Variable(
        kind="file", meaning="Access key; both key files or none, which is AWS's own chain."
    ),
    "MEDIA_S3_SECRET_KEY_FILE": Variable(kind="file", meaning="Secret key."),
    "MEDIA_CA_FILE": Variable(kind="file", meaning="Whom to trust for the callback, PEM; none is the system's trust."),
    "MEDIA_WORK_DIR": Variable(
        kind="folder",
        default="/tmp/montage-media",  # noqa: S108 - the only folder AWS Lambda lets a function write to
        meaning="Temporary files.",
    ),
    "MEDIA_MAX_INPUT_BYTES": Variable(
        kind="whole number", unit="bytes", default=str(4 * 1024**3), meaning="Of one input file."
    ),
    "MEDIA_MAX_WORK_BYTES": Variable(
        kind="whole number",
        unit="bytes",
        default=str(9 * 1024**3),
        meaning="Of all files of one job together; AWS Lambda has room for 10 GB.",
    ),
    "MEDIA_OTLP_ENDPOINT": Variable(
        kind="URL", meaning="Where spans go: `http(s)://collector:4318`, or `file:///path`. None makes none."
    ),
}
"""All that the function reads; another variable of the prefix is refused."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the store is, whom to trust, and where to work."""

    s3_endpoint: str | None
    s3_region: str
    s3_access_key: str | None
    """None: the default credential chain (the function's role on AWS)."""
    s3_secret_key: str | None = field(repr=False)
    ca_file: Path | None
    work_dir: Path
    max_input_bytes: int
    max_work_bytes: int
    otlp_endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and check all settings. Raises SettingsError that names every fault."""
        given = {name: environment.get(name) or variable.default for name, variable in VARIABLES.items()}
        faults = _unknown(environment)
        access_key = _secret(given, "MEDIA_S3_ACCESS_KEY_FILE", faults)
        secret_key = _secret(given, "MEDIA_S3_SECRET_KEY_FILE", faults)
        if not faults and (access_key is None) != (secret_key is None):
            faults.append("MEDIA_S3_ACCESS_KEY_FILE and MEDIA_S3_SECRET_KEY_FILE: expected both or neither")
        ca_file = given["MEDIA_CA_FILE"]
        if ca_file and not Path(ca_file).is_file():
            faults.append(f"MEDIA_CA_FILE: no file at {ca_file}")
        max_input_bytes = _bytes(given, "MEDIA_MAX_INPUT_BYTES", faults)
        max_work_bytes = _bytes(given, "MEDIA_MAX_WORK_BYTES", faults)
        if faults:
            raise SettingsError("; ".join(faults))
        return cls(
            s3_endpoint=given["MEDIA_S3_ENDPOINT"],
            s3_region=given["MEDIA_S3_REGION"] or "",
            s3_access_key=access_key,
            s3_secret_key=secret_key,
            ca_file=Path(ca_file) if ca_file else None,
            work_dir=Path(given["MEDIA_WORK_DIR"] or ""),
            max_input_bytes=max_input_bytes,
            max_work_bytes=max_work_bytes,
            otlp_endpoint=given["MEDIA_OTLP_ENDPOINT"] or None,
        )


def _unknown(environment: Mapping[str, str]) -> list[str]:
    faults = []
    for name in sorted(environment.keys() - VARIABLES.keys()):
        if name.startswith("MEDIA_"):
            nearest = difflib.get_close_matches(name, VARIABLES, n=1)
            faults.append(f"{name}: no such setting" + (f"; did you mean {nearest[0]}?" if nearest else ""))
    return faults


def _bytes(given: Mapping[str, str | None], name: str, faults: list[str]) -> int:
    value = given[name] or ""
    if value.isdecimal():
        return int(value)
    faults.append(f"{name}: expected a number of bytes, found {value!r}")
    return 0


def _secret(given: Mapping[str, str | None], name: str, faults: list[str]) -> str | None:
    path = given[name]
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
