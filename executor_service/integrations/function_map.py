"""The operator's list of functions that users may have run: names for them, and where AWS has them."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from servicekit.config import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_ARN = re.compile(r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:(?P<name>[A-Za-z0-9_-]{1,64})(:\S+)?")
_ROLE = r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$"


class ForeignFunction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that is not ours."""

    arn: str
    role: str | None = None
    """Role that is assumed to invoke it; None invokes it as the executor itself."""
    region: str = ""
    """Empty is that of its ARN."""


def load_functions(path: Path | None, *, own: str) -> Mapping[str, ForeignFunction]:
    """Read `{"name": {"arn": …, "role": …, "region": …}}`; no file is an empty list.

    Raises ConfigError, also for `own`, our media function: its events hold names of objects, and it reads them all.
    """
    if path is None:
        return {}
    try:
        functions = msgspec.json.decode(path.read_bytes(), type=dict[str, ForeignFunction])
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"cannot read the functions file {path}: {error}") from error
    return {name: _checked(name, function, own=own, path=path) for name, function in functions.items()}


def _checked(name: str, function: ForeignFunction, *, own: str, path: Path) -> ForeignFunction:
    found = _ARN.fullmatch(function.arn)
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{path}: expected a name of letters, digits, - and _, found {name!r}")
    if found is None:
        raise ConfigError(f"{path}: {name}.arn: expected the ARN of a Lambda function, found {function.arn!r}")
    if function.role is not None and not re.match(_ROLE, function.role):
        raise ConfigError(f"{path}: {name}.role: expected the ARN of a role, found {function.role!r}")
    if found["name"] == own.rpartition(":function:")[2].partition(":")[0]:
        raise ConfigError(f"{path}: {name}.arn: {found['name']} is our own media function, which users cannot have run")
    return msgspec.structs.replace(function, region=function.region or found["region"])
