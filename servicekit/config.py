"""Settings from the environment: one prefix per program, every fault in one error, secrets only by file."""

import difflib
import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

MAX_SECRET_BYTES = 64 * 1024

SettingsType = TypeVar("SettingsType", bound="ServiceSettings")


class ConfigError(ValueError):
    """The start stops here; the message lists everything that is wrong, one fault a line, and no secret."""


class ServiceSettings(BaseModel):
    """Base of a program's settings: field `ops_listen` of prefix `PIPE_` is read from `PIPE_OPS_LISTEN`.

    Frozen; values come as text and are validated by the field's type. A field without a default must be set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env_prefix: ClassVar[str]
    """Ends with an underscore."""
    env_also_known: ClassVar[frozenset[str]] = frozenset()
    """Variables with our prefix that another command of the same program reads."""

    @classmethod
    def variable_of(cls, field: str) -> str:
        return cls.env_prefix + field.upper()


@dataclass(frozen=True, kw_only=True)
class HostPort:
    """Where to listen or connect; port 0 means any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "HostPort":
        """`host:port`, `[ipv6]:port`. Raises ValueError."""
        host, colon, port = text.strip().rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not colon or not bare or (":" in bare and bare == host) or not (port.isascii() and port.isdigit()):
            raise ValueError(f"expected host:port, found {text!r}")
        if int(port) > 65535:
            raise ValueError(f"expected a port up to 65535, found {port}")
        return cls(host=bare, port=int(port))

    def __str__(self) -> str:
        """As gRPC and URLs want it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _host_port(value: Any) -> Any:
    return HostPort.parse(value) if isinstance(value, str) else value


def _comma_list(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)


HostPortField = Annotated[HostPort, BeforeValidator(_host_port)]
"""A field of ServiceSettings that is written host:port."""
CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
"""A field of ServiceSettings that is written a,b,c."""
OtlpEndpoint = Annotated[str, Field(pattern=r"^(https?://[^/\s]+(/\S*)?|file:///\S+)$")]
"""A field of ServiceSettings: where spans go, a collector that takes OTLP over HTTP or a file for such lines."""
Share = Annotated[float, Field(ge=0, le=1)]
SecretFile = Annotated[Path, "secret"]
"""A field of ServiceSettings whose file is read by `read_secret`."""


def load_settings(
    settings: type[SettingsType],
    environ: Mapping[str, str] | None = None,
    *,
    within: type[ServiceSettings] | None = None,
) -> SettingsType:
    """Read all fields of `settings`. Raises ConfigError naming every missing, wrong and unknown variable at once.

    An empty variable counts as not set, because that is how compose files and shells write "nothing". `within` are the
    settings of a program whose prefix this one's begins with: no variable of that may be unknown to both.
    """
    source = os.environ if environ is None else environ
    variables = {settings.variable_of(field): field for field in settings.model_fields}
    family = settings if within is None else within
    known = {*variables, *map(family.variable_of, family.model_fields), *family.env_also_known}
    faults = unknown_variables(family.env_prefix, known, source)
    values = {field: source[name] for name, field in variables.items() if source.get(name)}
    try:
        loaded = settings.model_validate(values)
    except ValidationError as err:
        faults += [_describe(settings, one) for one in err.errors(include_url=False, include_input=False)]
    else:
        if not faults:
            return loaded
    listed = "\n".join(f"  {fault}" for fault in faults)
    raise ConfigError(f"{len(faults)} wrong or missing setting{'s' if len(faults) > 1 else ''}:\n{listed}")


def unknown_variables(prefix: str, known: Collection[str], source: Mapping[str, str]) -> list[str]:
    """A fault for each variable of the prefix that nobody reads, with the known name that is nearest to it."""
    faults = []
    for name in sorted(source):
        if name.startswith(prefix) and name not in known:
            nearest = difflib.get_close_matches(name, sorted(known), n=1)
            faults.append(f"{name}: no such setting" + (f"; did you mean {nearest[0]}?" if nearest else ""))
    return faults


def read_secret(path: Path) -> str:
    """The secret in a file, without the line end. Raises ConfigError; a file that everyone may read is refused.

    Reading by the group is allowed, since that is how Kubernetes hands secrets to a process that is not root.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"cannot read secret file {path}: {err.strerror}") from err
    if not stat.S_ISREG(mode):
        raise ConfigError(f"secret file {path} is not a regular file")
    if mode & stat.S_IRWXO or mode & stat.S_IWGRP:
        raise ConfigError(
            f"secret file {path} has mode {stat.S_IMODE(mode):04o}; others must have no access: chmod 0600"
        )
    if len(content) > MAX_SECRET_BYTES:
        raise ConfigError(f"secret file {path} is larger than {MAX_SECRET_BYTES} bytes")
    try:
        secret = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"secret file {path} is not UTF-8 text") from None
    if not secret:
        raise ConfigError(f"secret file {path} is empty")
    return secret


def _describe(settings: type[ServiceSettings], error: ErrorDetails) -> str:
    place = error["loc"]
    if not place:
        return error["msg"].removeprefix("Value error, ")
    name = settings.variable_of(str(place[0]))
    if error["type"] == "missing":
        return f"{name}: must be set"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"
